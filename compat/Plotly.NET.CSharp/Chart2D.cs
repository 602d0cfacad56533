using Plotly.NET.LayoutObjects;
using Plotly.NET.TraceObjects;

namespace Plotly.NET.CSharp;

public static partial class Chart
{
    /// <summary>Points joined by a line.</summary>
    public static GenericChart Line<XType, YType, TextType>(
        IEnumerable<XType> x, IEnumerable<YType> y, Optional<bool> ShowMarkers = default, Optional<string> Name = default,
        Optional<bool> ShowLegend = default, Optional<double> Opacity = default,
        Optional<IEnumerable<double>> MultiOpacity = default, Optional<TextType> Text = default,
        Optional<IEnumerable<TextType>> MultiText = default, Optional<StyleParam.TextPosition> TextPosition = default,
        Optional<IEnumerable<StyleParam.TextPosition>> MultiTextPosition = default, Optional<Color> MarkerColor = default,
        Optional<StyleParam.Colorscale> MarkerColorScale = default, Optional<Line> MarkerOutline = default,
        Optional<StyleParam.MarkerSymbol> MarkerSymbol = default,
        Optional<IEnumerable<StyleParam.MarkerSymbol>> MultiMarkerSymbol = default, Optional<Marker> Marker = default,
        Optional<Color> LineColor = default, Optional<StyleParam.Colorscale> LineColorScale = default,
        Optional<double> LineWidth = default, Optional<StyleParam.DrawingStyle> LineDash = default,
        Optional<Line> Line = default, Optional<string> StackGroup = default,
        Optional<StyleParam.Orientation> Orientation = default, Optional<StyleParam.GroupNorm> GroupNorm = default,
        Optional<StyleParam.Fill> Fill = default, Optional<Color> FillColor = default, Optional<bool> UseWebGL = default,
        Optional<bool> UseDefaults = default)
        where XType : IConvertible
        where YType : IConvertible
        where TextType : IConvertible
    {
        var mode = "lines" + (ShowMarkers.Or(false) ? "+markers" : "")
            + (TextPosition.IsSome || MultiTextPosition.IsSome ? "+text" : "");
        var marker = Marker.Or(new Marker()).With(
            ("color", MarkerColor.OrNull()), ("colorscale", MarkerColorScale.OrNull(scale => scale.Convert())),
            ("line", MarkerOutline.OrNull()), ("opacity", MultiOpacity.OrNull()),
            ("symbol", MultiMarkerSymbol.OrNull(all => all.Select(symbol => symbol.Convert()))
                ?? MarkerSymbol.OrNull(symbol => symbol.Convert())));
        var line = Line.Or(new Line()).With(
            ("color", LineColor.OrNull()), ("width", LineWidth.OrNull()), ("dash", LineDash.OrNull(dash => dash.Convert())),
            ("colorscale", LineColorScale.OrNull(scale => scale.Convert())));
        return GenericChart.ofTraceObject(UseDefaults.Or(true), new Trace2D(UseWebGL.Or(false) ? "scattergl" : "scatter").With(
            ("name", Name.OrNull()), ("showlegend", ShowLegend.OrNull()), ("opacity", Opacity.OrNull()), ("mode", mode),
            ("x", x), ("y", y), ("text", MultiText.OrNull() ?? Text.OrNull()),
            ("textposition", Positions(TextPosition, MultiTextPosition)),
            ("orientation", Orientation.OrNull(orientation => orientation.Convert())),
            ("groupnorm", GroupNorm.OrNull(norm => norm.Convert())), ("stackgroup", StackGroup.OrNull()),
            ("marker", marker), ("line", line), ("fill", Fill.OrNull(fill => fill.Convert())), ("fillcolor", FillColor.OrNull())));
    }

    /// <summary>Vertical bars.</summary>
    public static GenericChart Column<ValuesType, KeysType, TextType>(
        IEnumerable<ValuesType> values, Optional<IEnumerable<KeysType>> Keys = default, Optional<string> Name = default,
        Optional<bool> ShowLegend = default, Optional<double> Opacity = default,
        Optional<IEnumerable<double>> MultiOpacity = default, Optional<TextType> Text = default,
        Optional<IEnumerable<TextType>> MultiText = default, Optional<Color> MarkerColor = default,
        Optional<StyleParam.Colorscale> MarkerColorScale = default, Optional<Line> MarkerOutline = default,
        Optional<StyleParam.PatternShape> MarkerPatternShape = default,
        Optional<IEnumerable<StyleParam.PatternShape>> MultiMarkerPatternShape = default,
        Optional<Pattern> MarkerPattern = default, Optional<Marker> Marker = default,
        Optional<StyleParam.TextPosition> TextPosition = default,
        Optional<IEnumerable<StyleParam.TextPosition>> MultiTextPosition = default,
        Optional<IEnumerable<ValuesType>> MultiWidth = default, Optional<bool> UseDefaults = default,
        Optional<ValuesType> Base = default, Optional<ValuesType> Width = default)
        where ValuesType : IConvertible
        where KeysType : IConvertible
        where TextType : IConvertible
    {
        var pattern = MarkerPattern.Or(new Pattern()).With(
            ("shape", MultiMarkerPatternShape.OrNull(all => all.Select(shape => shape.Convert()))
                ?? MarkerPatternShape.OrNull(shape => shape.Convert())));
        var marker = Marker.Or(new Marker()).With(
            ("color", MarkerColor.OrNull()), ("colorscale", MarkerColorScale.OrNull(scale => scale.Convert())),
            ("line", MarkerOutline.OrNull()), ("opacity", MultiOpacity.OrNull()), ("pattern", pattern));
        return GenericChart.ofTraceObject(UseDefaults.Or(true), new Trace2D("bar").With(
            ("name", Name.OrNull()), ("showlegend", ShowLegend.OrNull()), ("opacity", Opacity.OrNull()),
            ("x", Keys.OrNull()), ("y", values), ("base", Base.OrNull()), ("width", MultiWidth.OrNull() ?? Width.OrNull()),
            ("text", MultiText.OrNull() ?? Text.OrNull()), ("textposition", Positions(TextPosition, MultiTextPosition)),
            ("orientation", "v"), ("marker", marker)));
    }

    /// <summary>A matrix as coloured cells.</summary>
    public static GenericChart Heatmap<ZType, XType, YType, TextType>(
        IEnumerable<IEnumerable<ZType>> zData, Optional<string> Name = default, Optional<bool> ShowLegend = default,
        Optional<double> Opacity = default, Optional<IEnumerable<XType>> X = default, Optional<int> XGap = default,
        Optional<IEnumerable<YType>> Y = default, Optional<int> YGap = default, Optional<TextType> Text = default,
        Optional<IEnumerable<TextType>> MultiText = default, Optional<ColorBar> ColorBar = default,
        Optional<StyleParam.Colorscale> ColorScale = default, Optional<bool> ShowScale = default,
        Optional<bool> ReverseScale = default, Optional<StyleParam.SmoothAlg> ZSmooth = default,
        Optional<bool> Transpose = default, Optional<bool> UseWebGL = default, Optional<bool> ReverseYAxis = default,
        Optional<bool> UseDefaults = default)
        where ZType : IConvertible
        where XType : IConvertible
        where YType : IConvertible
        where TextType : IConvertible
    {
        var chart = GenericChart.ofTraceObject(UseDefaults.Or(true), new Trace2D(UseWebGL.Or(false) ? "heatmapgl" : "heatmap").With(
            ("name", Name.OrNull()), ("showlegend", ShowLegend.OrNull()), ("opacity", Opacity.OrNull()),
            ("x", X.OrNull()), ("xgap", XGap.OrNull()), ("y", Y.OrNull()), ("ygap", YGap.OrNull()), ("z", zData),
            ("text", MultiText.OrNull() ?? Text.OrNull()), ("colorbar", ColorBar.OrNull()),
            ("colorscale", ColorScale.OrNull(scale => scale.Convert())), ("showscale", ShowScale.OrNull()),
            ("reversescale", ReverseScale.OrNull()), ("zsmooth", ZSmooth.OrNull(smooth => smooth.Convert())),
            ("transpose", Transpose.OrNull())));
        return ReverseYAxis.Or(false) ? chart.WithAxis("yaxis", new LinearAxis().With(("autorange", "reversed")), null) : chart;
    }

    /// <summary>A function of two variables as lines, or areas, of equal value.</summary>
    public static GenericChart Contour<ZType, XType, YType, TextType>(
        IEnumerable<IEnumerable<ZType>> zData, Optional<string> Name = default, Optional<bool> ShowLegend = default,
        Optional<double> Opacity = default, Optional<IEnumerable<XType>> X = default, Optional<IEnumerable<YType>> Y = default,
        Optional<TextType> Text = default, Optional<IEnumerable<TextType>> MultiText = default,
        Optional<ColorBar> ColorBar = default, Optional<StyleParam.Colorscale> ColorScale = default,
        Optional<bool> ShowScale = default, Optional<bool> ReverseScale = default, Optional<bool> Transpose = default,
        Optional<Color> ContourLineColor = default, Optional<StyleParam.DrawingStyle> ContourLineDash = default,
        Optional<double> ContourLineSmoothing = default, Optional<Line> ContourLine = default,
        Optional<StyleParam.ContourColoring> ContoursColoring = default,
        Optional<StyleParam.ConstraintOperation> ContoursOperation = default,
        Optional<StyleParam.ContourType> ContoursType = default, Optional<bool> ShowContourLabels = default,
        Optional<Font> ContourLabelFont = default, Optional<Contours> Contours = default, Optional<Color> FillColor = default,
        Optional<int> NContours = default, Optional<bool> UseDefaults = default)
        where ZType : IConvertible
        where XType : IConvertible
        where YType : IConvertible
        where TextType : IConvertible
    {
        var contours = Contours.Or(new Contours()).With(
            ("coloring", ContoursColoring.OrNull(coloring => coloring.Convert())), ("labelfont", ContourLabelFont.OrNull()),
            ("operation", ContoursOperation.OrNull(operation => operation.Convert())),
            ("showlabels", ShowContourLabels.OrNull()), ("type", ContoursType.OrNull(type => type.Convert())));
        var line = ContourLine.Or(new Line()).With(
            ("color", ContourLineColor.OrNull()), ("width", 0.0), ("smoothing", ContourLineSmoothing.OrNull()),
            ("dash", ContourLineDash.OrNull(dash => dash.Convert())));
        return GenericChart.ofTraceObject(UseDefaults.Or(true), new Trace2D("contour").With(
            ("name", Name.OrNull()), ("showlegend", ShowLegend.OrNull()), ("opacity", Opacity.OrNull()),
            ("x", X.OrNull()), ("y", Y.OrNull()), ("z", zData), ("text", MultiText.OrNull() ?? Text.OrNull()),
            ("line", line), ("colorbar", ColorBar.OrNull()), ("colorscale", ColorScale.OrNull(scale => scale.Convert())),
            ("showscale", ShowScale.OrNull()), ("reversescale", ReverseScale.OrNull()), ("contours", contours),
            ("fillcolor", FillColor.OrNull()), ("ncontours", NContours.OrNull()), ("transpose", Transpose.OrNull())));
    }

    private static object? Positions(
        Optional<StyleParam.TextPosition> one, Optional<IEnumerable<StyleParam.TextPosition>> many) =>
        many.OrNull(all => all.Select(position => position.Convert())) ?? one.OrNull(position => position.Convert());
}
