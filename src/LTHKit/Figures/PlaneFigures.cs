using LTHKit.Analysis;
using LTHKit.Experiments;
using Plotly.NET;
using Plotly.NET.CSharp;
using Plotly.NET.LayoutObjects;
using Plotly.NET.TraceObjects;
using static LTHKit.Typed;
using static Plotly.NET.StyleParam;
using Chart = Plotly.NET.CSharp.Chart;

namespace LTHKit;

public static partial class Figures
{
    /// <summary>
    /// Contours of one plane or of several, three a row, with the same levels and colours (Figure 5). Levels are logarithmic where all values
    /// are positive and span more than a factor of ten; a star marks the origin, which is the trained network.
    /// </summary>
    /// <param name="title">Of the figure.</param>
    /// <param name="quantity">What z is, for the colour bar.</param>
    /// <param name="planes">From left to right, and then in the next row.</param>
    /// <exception cref="UserException">There is nothing to draw, or the sizes do not fit.</exception>
    public static GenericChart Contours(string title, string quantity, params Plane[] planes)
    {
        const int aRow = 3;
        foreach (var plane in planes)
            plane.Validate();
        var scale = ColourScale.Of(planes.SelectMany(plane => plane.Z).SelectMany(row => row));
        var columns = planes.Length == aRow + 1 ? 2 : Math.Min(planes.Length, aRow);
        var rows = (planes.Length + columns - 1) / columns;
        var charts = planes.Select((plane, i)
            => ContourOf(plane, scale, quantity, left: i % columns == 0, below: i + columns >= planes.Length, last: i == planes.Length - 1)).ToList();
        var chart = charts.Count == 1 ? charts[0] : Chart.Grid(
            charts, rows, columns, SubPlotTitles: planes.Select(plane => Captions.Wrapped(plane.Name, " + ", 30)).ToArray(), XGap: 0.14, YGap: 0.28,
            SubPlotTitleFont: Init<Font>(new { Size = columns == aRow ? 13.0 : 15.0 }), SubPlotTitleOffset: rows == 1 ? 0.01 : 0.015);
        return chart.Styled(title).WithSize(Width: 150 + (columns == aRow ? 270 : 370) * columns,
            Height: rows == 1 ? FigureTheme.Height - 20 : 130 + 330 * rows);
    }

    /// <summary>One plane as a surface in three dimensions (Figure 11).</summary>
    /// <param name="plane">What to draw.</param>
    /// <param name="title">Of the figure.</param>
    /// <param name="quantity">What z is, for the vertical axis.</param>
    /// <exception cref="UserException">The sizes do not fit.</exception>
    public static GenericChart Landscape(Plane plane, string title, string quantity = "loss")
    {
        plane.Validate();
        ColourScale.Of(plane.Z.SelectMany(row => row));
        LinearAxis Side(string text) => Init<LinearAxis>(
            new
            {
                Title = Init<Title>(new { Text = text }),
                AxisType = AxisType.Linear,
                GridColor = FigureTheme.Grid,
                ZeroLine = false,
                ShowBackground = false
            });
        var chart = Chart.Surface<double, double, double, string>(
                plane.Z, X: plane.X.ToArray(), Y: plane.Y.ToArray(), ColorScale: Colorscale.Viridis, ShowScale: false, UseDefaults: false)
            .Trace(new { HoverTemplate = $"%{{x:.3~g}}, %{{y:.3~g}}<br>{quantity} %{{z:.4~g}}<extra></extra>" })
            .Styled(title, plane.Name.Length > 0 ? plane.Name : null)
            .WithLayout(new { Margin = Init<Margin>(new { Left = 10, Right = 10, Top = 70, Bottom = 10 }) })
            .WithSize(Width: 700, Height: 600);
        chart.GetLayout().RemoveProperty("plot_bgcolor");       // only flat plots have a background of their own
        var scene = Init<Scene>(
            new { XAxis = Side("direction 1"), YAxis = Side("direction 2"), ZAxis = Side(quantity) },
            new { AspectMode = AspectMode.Manual, AspectRatio = Init<AspectRatio>(new { X = 1.0, Y = 1.0, Z = 0.7 }) });
        return Plotly.NET.Chart.withScene(scene, null).Invoke(chart);
    }

    /// <summary>The norm of each layer's gradient over one run's training, on a logarithmic colour scale; the first layer is at the top.</summary>
    /// <param name="series">What <see cref="Analysis.GradientFlow"/> saw.</param>
    /// <exception cref="UserException">There is nothing to draw: nothing was seen, or every gradient is zero.</exception>
    public static GenericChart GradientFlow(WatchSeries series)
    {
        var norms = series.Values.Values.ToList();
        var scale = ColourScale.Of(norms.SelectMany(row => row), logarithmic: true);
        return Chart.Heatmap<double, double, string, string>(
                norms.Select(row => row.Select(scale.Map).ToArray()).ToArray(), X: series.Epochs.Select(epoch => (double)epoch).ToArray(),
                Y: series.Values.Keys.Select(Captions.Layer).ToArray(), ColorBar: scale.Bar("gradient norm"),
                    ColorScale: Colorscale.Viridis, ReverseYAxis: true, UseDefaults: false)
            .Trace(new { HoverTemplate = "%{y}<br>epoch %{x}: %{customdata:.3~g}<extra></extra>", HoverOnGaps = false })
            .WithCustomData(norms)
            .Styled("Gradient flow", series.Run.Spec.Label)
            .WithAxes(FigureTheme.GridlessAxis("Epoch"), FigureTheme.Categories())
            .WithSize(Width: FigureTheme.Width, Height: Math.Max(FigureTheme.Height, 160 + 18 * norms.Count));
    }

    private static GenericChart ContourOf(Plane plane, ColourScale scale, string quantity, bool left, bool below, bool last)
    {
        var contour = Chart.Contour<double, double, double, string>(
                plane.Z.Select(row => row.Select(scale.Map).ToArray()).ToArray(), Name: plane.Name, X: plane.X.ToArray(),
                Y: plane.Y.ToArray(), ColorBar: last ? scale.Bar(quantity) : default(Optional<ColorBar>), ColorScale: Colorscale.Viridis, ShowScale: last,
                Contours: Init<Contours>(new { Coloring = ContourColoring.Fill, Start = scale.Low, End = scale.High, Size = (scale.High - scale.Low) / 20 }),
                ContourLines: Init<Line>(new { Width = 0.6, Color = Color.fromString("rgba(255,255,255,0.55)") }), UseDefaults: false)
            .Trace(new
            {
                ZMin = scale.Low,
                ZMax = scale.High,
                AutoContour = false,
                HoverTemplate = $"%{{x:.3~g}}, %{{y:.3~g}}<br>{quantity} %{{customdata:.4~g}}<extra></extra>"
            })
            .WithCustomData(plane.Z);
        var star = Init<Marker>(new
        {
            Color = FigureTheme.White,
            Symbol = MarkerSymbol.Star,
            Size = 12,
            Outline = Init<Line>(new { Width = 1.0, Color = FigureTheme.Ink })
        });
        var origin = Chart.Scatter<double, double, string>([0.0], [0.0], Mode.Markers, ShowLegend: false, Marker: star, UseDefaults: false)
            .Trace(new { HoverInfo = HoverInfo.Skip });
        var inside = plane.X[0] <= 0 && plane.X[^1] >= 0 && plane.Y[0] <= 0 && plane.Y[^1] >= 0;
        return (inside ? Chart.Combine([contour, origin]) : contour).WithAxes(
            FigureTheme.GridlessAxis(below ? "direction 1" : "", new { Range = FigureTheme.Between(plane.X[0], plane.X[^1]) }),
            FigureTheme.GridlessAxis(left ? "direction 2" : "", new { Range = FigureTheme.Between(plane.Y[0], plane.Y[^1]) }));
    }

    /// <summary>How values become colours: the range shared by all, on a linear or a logarithmic scale.</summary>
    private sealed record ColourScale(double Low, double High, bool Logarithmic)
    {
        public static ColourScale Of(IEnumerable<double> values, bool? logarithmic = null)
        {
            var shown = values.Where(value => double.IsFinite(value) && (value > 0 || logarithmic != true)).ToList();
            if (shown.Count == 0)
                throw new UserException($"There are no values to draw; give at least one that is a number{(logarithmic == true ? " above zero" : "")}.");
            var (low, high) = (shown.Min(), shown.Max());
            var log = logarithmic ?? (low > 0 && high > 10 * low);
            if (log) (low, high) = (Math.Log10(low), Math.Log10(high));
            return new(low, high > low ? high : low + 1, log);
        }

        public double Map(double value) => !double.IsFinite(value) || (Logarithmic && value <= 0) ? double.NaN : Logarithmic ? Math.Log10(value) : value;

        public ColorBar Bar(string title)
        {
            var ticks = Logarithmic ? Ticks() : null;
            var texts = ticks?.Select(tick => tick.ToString(tick is >= 1e-4 and < 1e6 ? "0.####" : "0e0", CultureInfo.InvariantCulture)).ToArray();
            return Init<ColorBar>(
                new
                {
                    Title = Init<Title>(new { Text = title, Side = Side.Top }),
                    Thickness = 14.0,
                    OutlineWidth = 0.0,
                    TickVals = ticks?.Select(Math.Log10).ToArray(),
                    TickText = texts
                });
        }

        /// <summary>1, 2 and 5 times powers of ten within the range; powers of ten alone, and not each of them, where that is too many.</summary>
        private double[] Ticks()
        {
            var steps = High - Low > 3 ? new[] { 1.0 } : [1, 2, 5];
            var every = 1 + (int)(High - Low) / 12;
            return [.. Enumerable.Range((int)Math.Floor(Low), (int)Math.Ceiling(High) - (int)Math.Floor(Low) + 1).Where(power => power % every == 0)
                .SelectMany(power => steps.Select(step => step * Math.Pow(10, power)))
                .Where(tick => Math.Log10(tick) >= Low && Math.Log10(tick) <= High)];
        }
    }
}
