using MathNet.Numerics.Statistics;
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
    private static readonly double[] DensityTicks = [100, 50, 20, 10, 5, 2, 1, 0.5, 0.2, 0.1, 0.01, 0.001];

    /// <summary>
    /// Where masks leave weights: the share of each layer that is kept, from the input to the output, on a logarithmic axis. Masks of one name, for instance
    /// of several seeds, are one line: their mean, with an error bar of one standard deviation. A layer of which nothing is left has no point; the line under
    /// the title names it, or counts such layers where a line has several masks.
    /// </summary>
    public static GenericChart LayerDensity(params (string Name, Mask Mask)[] masks)
    {
        var layers = LayersOf(masks);
        var lines = masks.GroupBy(mask => mask.Name, mask => mask.Mask).ToList();
        var names = lines.Select(line => line.Key).ToList();
        var pens = Pen.For(names);
        var sparsity = $"{string.Join(" and ", masks.Select(mask => Captions.Percent(mask.Mask.Sparsity)).Distinct())} % sparse in all";
        return Chart.Combine(lines.Select(line => Draw("Scatter",
                new { Name = line.Key, X = layers, Y = Each(line, kept => kept.Average() is > 0 and var mean ? mean : double.NaN) },
                new { YError = line.Count() > 1 ? Errors(Each(line, kept => kept.StandardDeviation()), pens[line.Key].Color) : null },
                new { Mode = Mode.Lines_Markers, Marker = pens[line.Key].Marker(7), Line = pens[line.Key].Line(2), LegendGroup = line.Key, ShowLegend = true },
                new { MultiText = layers.Select((_, layer) => Hover(line, layer)).ToArray() },
                new { HoverTemplate = "%{x}<br>%{text}, %{y:.3~g} %<extra></extra>" })))
            .Styled("Weights kept in each layer", string.Join("; ", [sparsity, .. lines.SelectMany(Collapsed)]))
            .WithAxes(FigureTheme.Categories(new { TickAngle = -60 }),
                FigureTheme.Axis("Weights kept, % of the layer", new { AxisType = AxisType.Log, TickVals = DensityTicks, TickText = DensityTicks }))
            .LegendAbove(names);

        double[] Each(IEnumerable<Mask> line, Func<IEnumerable<double>, double> of)
            => [.. layers.Select((_, layer) => of(line.Select(mask => 100 * (1 - mask.Layers[layer].Sparsity))))];

        static string Hover(IGrouping<string, Mask> line, int layer) => FormattableString.Invariant(
            $"{line.Key}: {line.Average(mask => mask.Layers[layer].Kept):#,0.#} of {line.First().Layers[layer].Total:N0} weights{(line.Count() > 1 ? $" in the mean of {line.Count()} masks" : "")}");

        static IEnumerable<string> Collapsed(IGrouping<string, Mask> line)
        {
            var (masks, collapsed) = (line.Count(), line.Where(mask => mask.Collapsed.Count > 0).ToList());
            var lost = collapsed.SelectMany(mask => mask.Collapsed).Distinct().ToList();
            if (lost.Count > 0)
                yield return masks == 1 ? $"{line.Key} has nothing left of {LayerMask.Of(lost)}"
                    : $"{line.Key} lost {lost.Count} {(lost.Count == 1 ? "layer" : "layers")} in {collapsed.Count} of {masks} masks";
        }
    }

    /// <summary>How alike masks are: the Jaccard overlap of each two in percent, weights kept by both over weights kept by either.</summary>
    /// <exception cref="UserException">There are fewer than two, or they are of different networks.</exception>
    public static GenericChart MaskOverlap(params (string Name, Mask Mask)[] masks)
    {
        LayersOf(masks);
        if (masks.Length < 2)
            throw new UserException("There is only one mask; give at least two to compare.");
        var names = Captions.Unique(masks.Select(mask => mask.Name));
        var compared = masks.Select(row => masks.Select(column => row.Mask.Compare(column.Mask)).ToList()).ToList();
        double[][] OfAll(Func<IReadOnlyList<LayerOverlap>, double> overlap)
            => [.. compared.Select(row => row.Select(layers => 100 * overlap(layers)).ToArray())];
        return Draw("Heatmap", new { X = names, Y = names, Z = OfAll(LayerOverlap.OfAll), ZMin = 0, ZMax = 100, XGap = 2, YGap = 2 },
                new { ColorScale = Colorscale.Viridis, ShowScale = false, TextTemplate = "%{z:.1f}" },
                new { HoverTemplate = "%{y} and %{x}: %{z:.2f} %<br>by chance, with as many weights of each layer: %{customdata:.2f} %<extra></extra>" })
            .WithCustomData(OfAll(LayerOverlap.ByChanceOfAll))
            .Styled("Overlap of the masks, %", "kept by both over kept by either")
            .WithAxes(FigureTheme.Categories(), FigureTheme.Categories(Reversed))
            .WithSize(Width: 240 + 70 * masks.Length, Height: 190 + 55 * masks.Length);
    }

    /// <summary>
    /// Contours of one plane or of several, three a row, with the same levels and colours (Figure 5). Levels are logarithmic where all values
    /// are positive and span more than a factor of ten; a star marks the origin, which is the trained network.
    /// </summary>
    /// <param name="title">Of the figure.</param>
    /// <param name="quantity">What z is, for the colour bar.</param>
    /// <param name="planes">From left to right, and then in the next row.</param>
    public static GenericChart Contours(string title, string quantity, params Plane[] planes)
        => Contours(title, quantity, planes, ColourScale.Of(planes.SelectMany(plane => plane.Validated().Z)));

    /// <summary>The same at several points of the training, which a slider chooses; the last is shown first, and in print.</summary>
    /// <param name="title">Of the figure.</param>
    /// <param name="quantity">What z is, for the colour bar.</param>
    /// <param name="epochs">After how many epochs, and as many planes each.</param>
    public static GenericChart ContoursOverTraining(string title, string quantity, params (int Epochs, Plane[] Planes)[] epochs)
    {
        if (epochs.Length == 0 || epochs.Any(at => at.Planes.Length == 0 || at.Planes.Length != epochs[0].Planes.Length))
            throw new UserException("There are no planes to draw, or not as many at every epoch; give the same networks at each.");
        var scale = ColourScale.Of(epochs.SelectMany(at => at.Planes).SelectMany(plane => plane.Validated().Z));
        var charts = epochs.Select(at => Contours(title, quantity, at.Planes, scale)).ToList();
        var traces = charts.SelectMany((chart, i) => chart.GetTraces().Select(trace => (Trace: trace, Shown: i))).ToList();
        foreach (var (trace, shown) in traces)
            trace.SetProperty("visible", shown == charts.Count - 1);
        var layout = charts[^1].GetLayout();
        var steps = epochs.Select((at, i) => Init<SliderStep>(
            new { Label = $"{at.Epochs}", Method = Method.Restyle, Args = new[] { Tuple.Create("visible", (object)traces.Select(trace => trace.Shown == i).ToArray()) } }));
        var slider = Init<Slider>(
            new { Active = charts.Count - 1, Steps = steps.ToArray(), CurrentValue = Init<SliderCurrentValue>(new { Prefix = "after epoch " }) },
            new { Padding = Init<Plotly.NET.Padding>(new { T = 92 }) });
        layout.SetProperty("sliders", new[] { slider });
        layout.SetProperty("height", layout.TryGetTypedPropertyValue<int>("height").Value + 110);
        layout.TryGetTypedPropertyValue<Margin>("margin").Value.SetProperty("b", 190);
        return GenericChart.NewMultiChart(Microsoft.FSharp.Collections.ListModule.OfSeq(traces.Select(trace => trace.Trace)), layout,
            GenericChart.getConfig(charts[^1]), GenericChart.getDisplayOptions(charts[^1]));
    }

    private static GenericChart Contours(string title, string quantity, Plane[] planes, ColourScale scale)
    {
        const int aRow = 3;
        var columns = planes.Length == aRow + 1 ? 2 : Math.Min(planes.Length, aRow);
        var rows = (planes.Length + columns - 1) / columns;
        var charts = planes.Select((plane, i)
            => ContourOf(plane, scale, quantity, left: i % columns == 0, below: i + columns >= planes.Length, last: i == planes.Length - 1)).ToList();
        var chart = charts.Count == 1 ? charts[0] : Chart.Grid(
            charts, rows, columns, SubPlotTitles: planes.Select(plane => Captions.Wrapped(plane.Name, " + ", 30)).ToArray(), XGap: columns == aRow ? 0.2 : 0.14, YGap: 0.28,
            SubPlotTitleFont: Init<Font>(new { Size = columns == aRow ? 13.0 : 15.0 }), SubPlotTitleOffset: rows == 1 ? 0.01 : 0.015);
        return chart.Styled(title).WithSize(Width: 150 + (columns == aRow ? 270 : 370) * columns,
            Height: rows == 1 ? FigureTheme.Height - 20 : 130 + 330 * rows).DrawnFrom(planes);
    }

    /// <summary>Planes know their runs where a laboratory measured them.</summary>
    private static GenericChart DrawnFrom(this GenericChart chart, IReadOnlyList<Plane> planes, int below = 60)
        => planes.OfType<PlaneOfRun>().Select(plane => plane.Run).ToList() is { Count: > 0 } runs ? chart.DrawnFrom(runs, below) : chart;

    private static string RunsOf(Plane plane) => RunsOf(plane is PlaneOfRun of ? [of.Run] : null);

    private static GenericChart ContourOf(Plane plane, ColourScale scale, string quantity, bool left, bool below, bool last)
    {
        var contour = Draw("Contour", new { plane.Name, plane.X, plane.Y, Z = scale.Map(plane.Z), ZMin = scale.Low, ZMax = scale.High, AutoContour = false },
                new { ColorScale = Colorscale.Viridis, ShowScale = last, ColorBar = last ? scale.Bar(quantity) : null },
                new { Contours = Init<Contours>(new { Coloring = ContourColoring.Fill, Start = scale.Low, End = scale.High, Size = (scale.High - scale.Low) / 20 }) },
                new { Line = Init<Line>(new { Width = 0.0 }), HoverTemplate = $"%{{x:.3~g}}, %{{y:.3~g}}<br>{quantity} %{{customdata:.4~g}}{RunsOf(plane)}<extra></extra>" })
            .WithCustomData(plane.Z);
        var origin = Scatter(null, [0.0], [0.0], null, Init<Marker>(
            new { Color = FigureTheme.White, Symbol = MarkerSymbol.Star, Size = 12, Outline = Init<Line>(new { Width = 1.0, Color = FigureTheme.Ink }) }));
        var inside = plane.X[0] <= 0 && plane.X[^1] >= 0 && plane.Y[0] <= 0 && plane.Y[^1] >= 0;
        return (inside ? Chart.Combine([contour, origin]) : contour).WithAxes(
            FigureTheme.GridlessAxis(below ? "direction 1" : "", new { Range = StyleParam.Range.NewMinMax(plane.X[0], plane.X[^1]) }),
            FigureTheme.GridlessAxis(left ? "direction 2" : "", new { Range = StyleParam.Range.NewMinMax(plane.Y[0], plane.Y[^1]) }));
    }

    /// <summary>One plane as a surface in three dimensions (Figure 11).</summary>
    /// <param name="plane">What to draw.</param>
    /// <param name="title">Of the figure.</param>
    /// <param name="quantity">What z is, for the vertical axis.</param>
    public static GenericChart Landscape(Plane plane, string title, string quantity = "loss")
    {
        ColourScale.Of(plane.Validated().Z);
        LinearAxis Side(string text) => Init<LinearAxis>(new { Title = Init<Title>(new { Text = text }), AxisType = AxisType.Linear },
            new { GridColor = FigureTheme.Grid, ZeroLine = false, ShowBackground = false });
        var chart = Draw("Surface", new { plane.X, plane.Y, plane.Z, ColorScale = Colorscale.Viridis, ShowScale = false },
                new { HoverTemplate = $"%{{x:.3~g}}, %{{y:.3~g}}<br>{quantity} %{{z:.4~g}}{RunsOf(plane)}<extra></extra>" })
            .Styled(title, plane.Name.Length > 0 ? plane.Name : null)
            .WithLayout(new { Margin = Init<Margin>(new { Left = 10, Right = 10, Top = 70, Bottom = 10 }) })
            .WithSize(Width: 700, Height: 600)
            .DrawnFrom([plane], below: 10);
        chart.GetLayout().RemoveProperty("plot_bgcolor");       // only flat plots have a background of their own
        return Plotly.NET.Chart.withScene(Init<Scene>(
            new { XAxis = Side("direction 1"), YAxis = Side("direction 2"), ZAxis = Side(quantity) },
            new { AspectMode = AspectMode.Manual, AspectRatio = Init<AspectRatio>(new { X = 1.0, Y = 1.0, Z = 0.7 }) }), null).Invoke(chart);
    }

    /// <summary>The norm of each layer's gradient over one run's training, on a logarithmic colour scale; the first layer is at the top.</summary>
    /// <param name="series">What <see cref="Analysis.GradientFlow"/> saw.</param>
    /// <exception cref="UserException">There is nothing to draw: nothing was seen, or every gradient is zero.</exception>
    public static GenericChart GradientNorms(WatchSeries series)
    {
        var norms = series.Values.Values.ToList();
        var scale = ColourScale.Of(norms, logarithmic: true);
        return Draw("Heatmap", new { X = series.Epochs, Y = series.Values.Keys.Select(LayerMask.Of).ToArray(), Z = scale.Map(norms), HoverOnGaps = false },
                new { ColorScale = Colorscale.Viridis, ColorBar = scale.Bar("gradient norm"), HoverTemplate = $"%{{y}}<br>epoch %{{x}}: %{{customdata:.3~g}}{RunsOf([series.Run])}<extra></extra>" })
            .WithCustomData(norms)
            .Styled("Gradient flow", series.Run.Spec.Label)
            .WithAxes(FigureTheme.GridlessAxis("Epoch"), FigureTheme.Categories(Reversed))
            .WithSize(Width: FigureTheme.Width, Height: Math.Max(FigureTheme.Height, 160 + 18 * norms.Count))
            .DrawnFrom([series.Run]);
    }

    private static object Reversed => new { AutoRange = AutoRange.Reversed };

    private static IReadOnlyList<string> LayersOf((string Name, Mask Mask)[] masks)
    {
        Captions.Given(masks, "There are no masks to draw; give at least one.");
        IReadOnlyList<string> Layers(Mask mask) => [.. mask.Layers.Select(l => LayerMask.Of(l.Name))];
        if (masks.FirstOrDefault(mask => !Layers(mask.Mask).SequenceEqual(Layers(masks[0].Mask))) is { Mask: not null } odd)
            throw new UserException($"'{odd.Name}' and '{masks[0].Name}' are masks of different networks: their layers differ.");
        return Layers(masks[0].Mask);
    }

    /// <summary>How values become colours: the range shared by all, on a linear or a logarithmic scale.</summary>
    private sealed record ColourScale(double Low, double High, bool Logarithmic)
    {
        public static ColourScale Of(IEnumerable<IReadOnlyList<double>> rows, bool? logarithmic = null)
        {
            var shown = rows.SelectMany(row => row).Where(value => double.IsFinite(value) && (value > 0 || logarithmic != true)).ToList();
            if (shown.Count == 0)
                throw new UserException($"There are no values to draw; give at least one that is a number{(logarithmic == true ? " above zero" : "")}.");
            var (low, high) = (shown.Min(), shown.Max());
            var log = logarithmic ?? (low > 0 && high > 10 * low);
            if (log) (low, high) = (Math.Log10(low), Math.Log10(high));
            return new(low, high > low ? high : low + 1, log);
        }

        public double[][] Map(IReadOnlyList<IReadOnlyList<double>> rows) => [.. rows.Select(row => row.Select(
            value => !double.IsFinite(value) || (Logarithmic && value <= 0) ? double.NaN : Logarithmic ? Math.Log10(value) : value).ToArray())];

        public ColorBar Bar(string title)
        {
            var ticks = Logarithmic ? Ticks() : null;
            return Init<ColorBar>(
                new { Title = Init<Title>(new { Text = title, Side = Side.Top }), Thickness = 14.0, OutlineWidth = 0.0, TickVals = ticks?.Select(Math.Log10).ToArray() },
                new { TickText = ticks?.Select(tick => tick.ToString(tick is >= 1e-4 and < 1e6 ? "0.####" : "0e0", CultureInfo.InvariantCulture)).ToArray() });
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
