using LTHKit.Analysis;
using Plotly.NET;
using Plotly.NET.CSharp;
using Plotly.NET.LayoutObjects;
using Plotly.NET.TraceObjects;
using Chart = Plotly.NET.CSharp.Chart;

namespace LTHKit;

public static partial class Figures
{
    /// <summary>Contours of one plane (Figure 5).</summary>
    /// <param name="x">First coordinate, ascending.</param>
    /// <param name="y">Second coordinate, ascending.</param>
    /// <param name="z">One row for each of <paramref name="y"/>.</param>
    /// <param name="title">Of the figure.</param>
    /// <param name="quantity">What z is, for the colour bar.</param>
    /// <exception cref="UserException">The sizes do not fit.</exception>
    public static GenericChart Contour(
        IReadOnlyList<double> x, IReadOnlyList<double> y, IReadOnlyList<IReadOnlyList<double>> z, string title, string quantity = "loss") =>
        Contours(title, quantity, new Plane("", x, y, z));

    /// <summary>
    /// Contours of several planes, three a row, with the same levels and colours (Figure 5). Levels are logarithmic where all values
    /// are positive and span more than a factor of ten; a star marks the origin, which is the trained network.
    /// </summary>
    /// <param name="title">Of the figure.</param>
    /// <param name="quantity">What z is, for the colour bar.</param>
    /// <param name="planes">From left to right, and then in the next row.</param>
    /// <exception cref="UserException">There is nothing to draw, or the sizes do not fit.</exception>
    public static GenericChart Contours(string title, string quantity, params Plane[] planes)
    {
        const int aRow = 3;
        var scale = ColourScale.Over(planes);
        var columns = planes.Length == aRow + 1 ? 2 : Math.Min(planes.Length, aRow);
        var rows = (planes.Length + columns - 1) / columns;
        var charts = planes.Select((plane, i) => ContourOf(plane, scale, quantity, left: i % columns == 0, below: i + columns >= planes.Length, last: i == planes.Length - 1)).ToList();
        var chart = charts.Count == 1 ? charts[0] : Chart.Grid(
            charts, rows, columns, SubPlotTitles: planes.Select(plane => Captions.Wrapped(plane.Name, 30)).ToArray(), XGap: 0.14, YGap: 0.28,
            SubPlotTitleFont: new Font().With(("size", columns == aRow ? 13 : 15)), SubPlotTitleOffset: rows == 1 ? 0.01 : 0.015);
        return chart.Styled(title).WithSize(Width: 150 + (columns == aRow ? 270 : 370) * columns, Height: rows == 1 ? FigureTheme.Height - 20 : 130 + 330 * rows);
    }

    /// <summary>One plane as a surface in three dimensions (Figure 11).</summary>
    /// <param name="plane">What to draw.</param>
    /// <param name="title">Of the figure.</param>
    /// <param name="quantity">What z is, for the vertical axis.</param>
    /// <exception cref="UserException">The sizes do not fit.</exception>
    public static GenericChart Landscape(Plane plane, string title, string quantity = "loss")
    {
        plane.Validate();
        LinearAxis Side(string text) => new LinearAxis().With(
            ("title", new Title().With(("text", text))), ("gridcolor", FigureTheme.Grid), ("zeroline", false), ("showbackground", false));
        var scene = FigureTheme.Object(
            ("xaxis", Side("direction 1")), ("yaxis", Side("direction 2")), ("zaxis", Side(quantity)),
            ("aspectmode", "manual"), ("aspectratio", FigureTheme.Object(("x", 1), ("y", 1), ("z", 0.7))));
        var chart = Chart.Surface<double, double, double, string>(
                plane.Z, X: plane.X.ToArray(), Y: plane.Y.ToArray(), ColorScale: StyleParam.Colorscale.Viridis, ShowScale: false,
                UseDefaults: false)
            .WithTrace(("hovertemplate", $"%{{x:.3~g}}, %{{y:.3~g}}<br>{quantity} %{{z:.4~g}}<extra></extra>"))
            .Styled(title, plane.Name.Length > 0 ? plane.Name : null)
            .WithLayout(new Layout().With(("scene", scene), ("margin", FigureTheme.Object(("l", 10), ("r", 10), ("t", 70), ("b", 10)))))
            .WithSize(Width: 700, Height: 600);
        // Only flat plots have a background of their own.
        chart.GetLayout().RemoveProperty("plot_bgcolor");
        return chart;
    }

    /// <summary>The norm of each layer's gradient over training, on a logarithmic colour scale; the first layer is at the top.</summary>
    /// <param name="layers">Names, from the input to the output.</param>
    /// <param name="epochs">When the gradients were taken.</param>
    /// <param name="norms">One row a layer, one value an epoch.</param>
    /// <param name="title">Of the figure.</param>
    /// <exception cref="UserException">The sizes do not fit.</exception>
    public static GenericChart GradientFlow(
        IReadOnlyList<string> layers, IReadOnlyList<double> epochs, IReadOnlyList<IReadOnlyList<double>> norms, string title = "Gradient flow")
    {
        if (layers.Count == 0 || norms.Count != layers.Count || norms.Any(row => row.Count != epochs.Count))
            throw new UserException(
                $"Gradient flow needs one row of {epochs.Count} norms for each of the {layers.Count} layers, at least one.");
        var scale = ColourScale.Of([.. norms.SelectMany(row => row).Where(norm => norm > 0)], logarithmic: true);
        return Chart.Heatmap<double, double, string, string>(
                norms.Select(row => row.Select(scale.Map).ToArray()).ToArray(), X: epochs.ToArray(), Y: layers.ToArray(),
                ColorBar: scale.Bar("gradient norm"), ColorScale: StyleParam.Colorscale.Viridis, ReverseYAxis: true, UseDefaults: false)
            .WithTrace(
                ("customdata", norms), ("hovertemplate", "%{y}<br>epoch %{x}: %{customdata:.3~g}<extra></extra>"), ("hoverongaps", false))
            .Styled(title)
            .WithXAxis(FigureTheme.GridlessAxis("Epoch"))
            .WithYAxis(FigureTheme.GridlessAxis("", ("type", "category")))
            .WithSize(Width: FigureTheme.Width, Height: Math.Max(FigureTheme.Height, 160 + 18 * layers.Count));
    }

    private static GenericChart ContourOf(Plane plane, ColourScale scale, string quantity, bool left, bool below, bool last)
    {
        var levels = new Contours().With(("start", scale.Low), ("end", scale.High), ("size", (scale.High - scale.Low) / 20));
        var contour = Chart.Contour<double, double, double, string>(
                plane.Z.Select(row => row.Select(scale.Map).ToArray()).ToArray(), Name: plane.Name, X: plane.X.ToArray(),
                Y: plane.Y.ToArray(), ColorBar: last ? scale.Bar(quantity) : default(Optional<ColorBar>),
                ColorScale: StyleParam.Colorscale.Viridis, ShowScale: last, ContoursColoring: StyleParam.ContourColoring.Fill,
                Contours: levels, UseDefaults: false)
            .WithTrace(
                ("line", new Line().With(("width", 0.6), ("color", "rgba(255,255,255,0.55)"))),
                ("zmin", scale.Low), ("zmax", scale.High), ("autocontour", false), ("customdata", plane.Z),
                ("hovertemplate", $"%{{x:.3~g}}, %{{y:.3~g}}<br>{quantity} %{{customdata:.4~g}}<extra></extra>"));
        var origin = Chart.Line<double, double, string>(
                [0.0], [0.0], ShowMarkers: true, ShowLegend: false, MarkerColor: Color.fromString("white"),
                MarkerSymbol: StyleParam.MarkerSymbol.Star, UseDefaults: false)
            .WithTrace(("hoverinfo", "skip"));
        origin.GetTraces()[0].TryGetTypedPropertyValue<Marker>("marker")!.Value.With(
            ("size", 12), ("line", new Line().With(("width", 1), ("color", FigureTheme.Ink))));
        var inside = plane.X[0] <= 0 && plane.X[^1] >= 0 && plane.Y[0] <= 0 && plane.Y[^1] >= 0;
        return (inside ? Chart.Combine([contour, origin]) : contour)
            .WithXAxis(FigureTheme.GridlessAxis(below ? "direction 1" : "", ("range", new[] { plane.X[0], plane.X[^1] })))
            .WithYAxis(FigureTheme.GridlessAxis(left ? "direction 2" : "", ("range", new[] { plane.Y[0], plane.Y[^1] })));
    }

    /// <summary>How values become colours: the range shared by all, on a linear or a logarithmic scale.</summary>
    private sealed record ColourScale(double Low, double High, bool Logarithmic)
    {
        public static ColourScale Over(Plane[] planes)
        {
            foreach (var plane in planes)
                plane.Validate();
            return Of([.. planes.SelectMany(plane => plane.Z).SelectMany(row => row).Where(double.IsFinite)], logarithmic: null);
        }

        public static ColourScale Of(IReadOnlyList<double> values, bool? logarithmic)
        {
            if (values.Count == 0) throw new UserException("There are no values to draw; give at least one that is a number.");
            var (low, high) = (values.Min(), values.Max());
            var log = logarithmic ?? (low > 0 && high > 10 * low);
            if (log) (low, high) = (Math.Log10(low), Math.Log10(high));
            return new(low, high > low ? high : low + 1, log);
        }

        public double Map(double value)
        {
            if (!double.IsFinite(value) || (Logarithmic && value <= 0)) return double.NaN;
            return Logarithmic ? Math.Log10(value) : value;
        }

        public ColorBar Bar(string title) => new ColorBar().With(
            ("title", FigureTheme.Object(("text", title), ("side", "top"))), ("thickness", 14), ("outlinewidth", 0),
            ("tickvals", Logarithmic ? Ticks().Select(Math.Log10).ToArray() : null),
            ("ticktext", Logarithmic ? Ticks().Select(tick => FormattableString.Invariant($"{tick:0.######}")).ToArray() : null));

        /// <summary>1, 2 and 5 times powers of ten within the range; powers of ten alone where that is too many.</summary>
        private double[] Ticks()
        {
            var steps = High - Low > 3 ? new[] { 1.0 } : [1, 2, 5];
            return [.. Enumerable.Range((int)Math.Floor(Low), (int)Math.Ceiling(High) - (int)Math.Floor(Low) + 1)
                .SelectMany(power => steps.Select(step => step * Math.Pow(10, power)))
                .Where(tick => Math.Log10(tick) >= Low && Math.Log10(tick) <= High)];
        }
    }
}
