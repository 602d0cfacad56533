using Plotly.NET;
using Plotly.NET.CSharp;
using Plotly.NET.LayoutObjects;
using Plotly.NET.TraceObjects;
using Chart = Plotly.NET.CSharp.Chart;

namespace Compat.Tests.Plotly;

/// <summary>Small charts that use every argument the kit may use, by the name under which recorded.json has the real library's JSON.</summary>
internal static class Charts
{
    private static readonly double[] X = [1, 2, 3], Y = [0.5, double.NaN, 2.25];
    private static readonly double[][] Z = [[1, 2], [3, 4.5]];

    public static IReadOnlyDictionary<string, Func<GenericChart>> All { get; } = new Dictionary<string, Func<GenericChart>>
    {
        ["line"] = () => Line(),
        ["line with defaults"] = () => Line(true),
        ["line, all arguments"] = () => Chart.Line<double, double, string>(
            X, Y, ShowMarkers: true, Name: "n", ShowLegend: false, Opacity: 0.5, MultiOpacity: new[] { 0.1, 0.2 },
            MultiText: new[] { "p", "q", "r" }, TextPosition: StyleParam.TextPosition.TopCenter, MarkerColor: Color.fromHex("#0072B2"),
            MarkerColorScale: StyleParam.Colorscale.Viridis, MarkerOutline: new Line(), MarkerSymbol: StyleParam.MarkerSymbol.Diamond,
            LineColor: Color.fromString("red"), LineColorScale: StyleParam.Colorscale.Cividis, LineWidth: 2.5,
            LineDash: StyleParam.DrawingStyle.LongDashDot, StackGroup: "s", Orientation: StyleParam.Orientation.Vertical,
            Fill: StyleParam.Fill.ToNext_y, FillColor: Color.fromARGB(51, 0, 114, 178), UseWebGL: true, UseDefaults: false),
        ["line, text"] = () => Chart.Line<double, double, string>(
            X, Y, Text: "one", MultiTextPosition: new[] { StyleParam.TextPosition.Inside },
            MultiMarkerSymbol: new[] { StyleParam.MarkerSymbol.Star }, GroupNorm: StyleParam.GroupNorm.Percent, UseDefaults: false),
        ["column"] = () => Chart.Column<double, string, string>(
            X, Keys: new[] { "a", "b", "c" }, Name: "n", ShowLegend: true, Opacity: 0.8, MultiOpacity: new[] { 0.5, 1.0, 1.0 },
            MultiText: new[] { "1", "2", "3" }, MarkerColor: Color.fromString("blue"), MarkerOutline: new Line(),
            MarkerPatternShape: StyleParam.PatternShape.DiagonalDescending, TextPosition: StyleParam.TextPosition.Outside, Width: 0.5,
            Base: 1.0, UseDefaults: false),
        ["heatmap"] = () => Chart.Heatmap<double, double, double, string>(
            Z, Name: "h", X: new[] { 1.0, 2 }, Y: new[] { 3.0, 4 }, XGap: 1, YGap: 2, Text: "t", ColorBar: new ColorBar(),
            ColorScale: StyleParam.Colorscale.RdBu, ShowScale: true, ReverseScale: true, ZSmooth: StyleParam.SmoothAlg.Best,
            Transpose: true, ReverseYAxis: true, UseDefaults: false),
        ["contour"] = () => Chart.Contour<double, double, double, string>(
            Z, Name: "c", X: new[] { 1.0, 2 }, Y: new[] { 3.0, 4 }, ColorBar: new ColorBar(), ColorScale: StyleParam.Colorscale.Greys,
            ShowScale: false, ReverseScale: false, Transpose: false, ContourLineColor: Color.fromRGB(1, 2, 3),
            ContourLineDash: StyleParam.DrawingStyle.Dot, ContourLineSmoothing: 0.5, ContoursColoring: StyleParam.ContourColoring.Lines,
            ContoursOperation: StyleParam.ConstraintOperation.Equal, ContoursType: StyleParam.ContourType.Levels,
            ShowContourLabels: true, ContourLabelFont: new Font(), FillColor: Color.fromString("red"), NContours: 7, UseDefaults: false),
        ["surface"] = () => Chart.Surface<double, double, double, string>(
            Z, X: new[] { 1.0, 2 }, Y: new[] { 3.0, 4 }, Name: "s", Opacity: 0.9, Contours: new Contours(),
            ColorScale: StyleParam.Colorscale.Viridis, ShowScale: false, UseDefaults: false),
        ["styled"] = () => Line().WithTitle("T").WithSize(Width: 900, Height: 520)
            .WithXAxisStyle<double, double, string>(
                TitleText: "x", AxisType: StyleParam.AxisType.Log, MinMax: Tuple.Create(0.0, 2.0), Mirror: StyleParam.Mirror.All,
                ShowLine: true, LineColor: Color.fromString("black"), ShowGrid: false, GridColor: Color.fromString("grey"),
                ZeroLine: false, ZeroLineColor: Color.fromString("grey"), Anchor: StyleParam.LinearAxisId.NewY(2),
                Side: StyleParam.Side.Top, Overlaying: StyleParam.LinearAxisId.NewX(1), Domain: Tuple.Create(0.1, 0.9), Position: 0.5,
                CategoryOrder: StyleParam.CategoryOrder.Array, CategoryArray: new[] { "q" }, ShowSpikes: true,
                SpikeColor: Color.fromString("red"), SpikeThickness: 2, Color: Color.fromString("black"), TitleStandoff: 9,
                TitleFont: new Font())
            .WithYAxisStyle<double, double, string>(TitleText: "y")
            .WithYAxisStyle<double, double, string>(ShowGrid: true, Id: StyleParam.SubPlotId.NewYAxis(2))
            .WithLegend(true),
        ["axes"] = () => Line().WithXAxis(Set(new LinearAxis(), "tickvals", X)).WithYAxis(Set(new LinearAxis(), "tickvals", X)),
        ["axis of a scene"] = () => Chart.Surface<double, double, double, string>(Z, UseDefaults: false)
            .WithXAxisStyle<double, double, string>(TitleText: "q", Id: StyleParam.SubPlotId.NewScene(1)),
        ["errors"] = () => Line().WithYErrorStyle<double, double>(
            Array: new[] { 0.1, 0.2, 0.3 }, Arrayminus: new[] { 0.3, 0.2, 0.1 }, Symmetric: false, Color: Color.fromString("red"),
            Thickness: 1.5, Width: 4.0),
        ["config"] = () => Line().WithConfig(Set(new Config(), "displaylogo", false)),
        ["layouts"] = () => Line()
            .WithLayout(Set(Set(new Layout(), "hovermode", "closest"), "annotations", new[] { Set(new Annotation(), "text", "note") }))
            .WithLayout(Set(new Layout(), "annotations", new[] { Set(new Annotation(), "text", "second") }))
            .WithLayout(Set(new Layout(), "shapes", new[] { Set(new Shape(), "type", "line") })),
        ["combined"] = () => Chart.Combine(
            [Line(), Line().WithTitle("a"), Line().WithTitle("b").WithXAxisStyle<double, double, string>(TitleText: "x")]),
        ["grid"] = () => Chart.Grid(
            [Line().WithXAxisStyle<double, double, string>(TitleText: "1"), Line(), Line()], 2, 2, SubPlotTitles: new[] { "A", "B", "C" },
            SubPlotTitleOffset: 0.02, SubPlotTitleFont: new Font()),
        ["grid, coupled"] = () => Chart.Grid(
            [Line(), Line()], 1, 2, XGap: 0.1, Pattern: StyleParam.LayoutGridPattern.Coupled,
            RowOrder: StyleParam.LayoutGridRowOrder.BottomToTop, YGap: 0.2, XSide: StyleParam.LayoutGridXSide.BottomPlot,
            YSide: StyleParam.LayoutGridYSide.LeftPlot),
        ["grid of surfaces"] = () => Chart.Grid(
            [Chart.Surface<double, double, double, string>(Z, UseDefaults: false), Line(),
             Chart.Surface<double, double, double, string>(Z, UseDefaults: false)], 1, 3),
        ["grid, one too many"] = () => Chart.Grid([Line(), Line(), Line()], 1, 2),
        ["trace object"] = () => GenericChart.ofTraceObject(false, new Trace2D("box")),
    };

    public static GenericChart Line(bool defaults = false) =>
        Chart.Line<double, double, string>(X, Y, ShowMarkers: true, Name: "a", UseDefaults: defaults);

    public static GenericChart Surface() => Chart.Surface<double, double, double, string>(Z, UseDefaults: false);

    private static T Set<T>(T target, string name, object value) where T : DynamicObj.DynamicObj
    {
        target.SetValue(name, value);
        return target;
    }
}
