using Plotly.NET.LayoutObjects;

namespace Plotly.NET.CSharp;

/// <summary>Styling of charts, one call after the other.</summary>
public static class GenericChartExtensions
{
    public static Layout GetLayout(this GenericChart gChart) => GenericChart.getLayout(gChart);

    public static Trace[] GetTraces(this GenericChart gChart) => GenericChart.getTraces(gChart).ToArray();

    /// <summary>Sets the size in pixels.</summary>
    public static GenericChart WithSize(this GenericChart gChart, Optional<int> Width = default, Optional<int> Height = default) =>
        GenericChart.setLayout(gChart.GetLayout().With(("width", Width.OrNull()), ("height", Height.OrNull())), gChart);

    /// <summary>Styles a horizontal axis; what it already has and is not named stays.</summary>
    public static GenericChart WithXAxisStyle<MinType, MaxType, CategoryArrayType>(
        this GenericChart gChart, Optional<string> TitleText = default, Optional<Font> TitleFont = default,
        Optional<int> TitleStandoff = default, Optional<Title> Title = default, Optional<Color> Color = default,
        Optional<StyleParam.AxisType> AxisType = default, Optional<Tuple<MinType, MaxType>> MinMax = default,
        Optional<StyleParam.Mirror> Mirror = default, Optional<bool> ShowSpikes = default, Optional<Color> SpikeColor = default,
        Optional<int> SpikeThickness = default, Optional<bool> ShowLine = default, Optional<Color> LineColor = default,
        Optional<bool> ShowGrid = default, Optional<Color> GridColor = default, Optional<bool> ZeroLine = default,
        Optional<Color> ZeroLineColor = default, Optional<StyleParam.LinearAxisId> Anchor = default,
        Optional<StyleParam.Side> Side = default, Optional<StyleParam.LinearAxisId> Overlaying = default,
        Optional<Tuple<double, double>> Domain = default, Optional<double> Position = default,
        Optional<StyleParam.CategoryOrder> CategoryOrder = default,
        Optional<IEnumerable<CategoryArrayType>> CategoryArray = default, Optional<RangeSlider> RangeSlider = default,
        Optional<RangeSelector> RangeSelector = default, Optional<Color> BackgroundColor = default,
        Optional<bool> ShowBackground = default, Optional<StyleParam.SubPlotId> Id = default)
        where MinType : IConvertible
        where MaxType : IConvertible
        where CategoryArrayType : IConvertible =>
        gChart.WithAxis("xaxis", Axis(
            ("color", Color.OrNull()),
            ("title", Title.Or(new Title()).With(
                ("text", TitleText.OrNull()), ("font", TitleFont.OrNull()), ("standoff", TitleStandoff.OrNull()))),
            ("type", AxisType.OrNull(type => type.Convert())),
            ("range", MinMax.OrNull(range => new object[] { range.Item1, range.Item2 })),
            ("mirror", Mirror.OrNull(mirror => mirror.Convert())), ("showspikes", ShowSpikes.OrNull()),
            ("spikecolor", SpikeColor.OrNull()), ("spikethickness", SpikeThickness.OrNull()), ("showline", ShowLine.OrNull()),
            ("linecolor", LineColor.OrNull()), ("showgrid", ShowGrid.OrNull()), ("gridcolor", GridColor.OrNull()),
            ("zeroline", ZeroLine.OrNull()), ("zerolinecolor", ZeroLineColor.OrNull()),
            ("anchor", Anchor.OrNull(id => id.Convert())), ("side", Side.OrNull(side => side.Convert())),
            ("overlaying", Overlaying.OrNull(id => id.Convert())),
            ("domain", Domain.OrNull(domain => new object[] { domain.Item1, domain.Item2 })), ("position", Position.OrNull()),
            ("categoryorder", CategoryOrder.OrNull(order => order.Convert())), ("categoryarray", CategoryArray.OrNull()),
            ("rangeslider", RangeSlider.OrNull()), ("rangeselector", RangeSelector.OrNull()),
            ("backgroundcolor", BackgroundColor.OrNull()), ("showbackground", ShowBackground.OrNull())), Id.Or(null!));

    /// <summary>Styles a vertical axis; what it already has and is not named stays.</summary>
    public static GenericChart WithYAxisStyle<MinType, MaxType, CategoryArrayType>(
        this GenericChart gChart, Optional<string> TitleText = default, Optional<Font> TitleFont = default,
        Optional<int> TitleStandoff = default, Optional<Title> Title = default, Optional<Color> Color = default,
        Optional<StyleParam.AxisType> AxisType = default, Optional<Tuple<MinType, MaxType>> MinMax = default,
        Optional<StyleParam.Mirror> Mirror = default, Optional<bool> ShowSpikes = default, Optional<Color> SpikeColor = default,
        Optional<int> SpikeThickness = default, Optional<bool> ShowLine = default, Optional<Color> LineColor = default,
        Optional<bool> ShowGrid = default, Optional<Color> GridColor = default, Optional<bool> ZeroLine = default,
        Optional<Color> ZeroLineColor = default, Optional<StyleParam.LinearAxisId> Anchor = default,
        Optional<StyleParam.Side> Side = default, Optional<StyleParam.LinearAxisId> Overlaying = default,
        Optional<Tuple<double, double>> Domain = default, Optional<double> Position = default,
        Optional<StyleParam.CategoryOrder> CategoryOrder = default,
        Optional<IEnumerable<CategoryArrayType>> CategoryArray = default, Optional<RangeSlider> RangeSlider = default,
        Optional<RangeSelector> RangeSelector = default, Optional<Color> BackgroundColor = default,
        Optional<bool> ShowBackground = default, Optional<StyleParam.SubPlotId> Id = default)
        where MinType : IConvertible
        where MaxType : IConvertible
        where CategoryArrayType : IConvertible =>
        gChart.WithAxis("yaxis", Axis(
            ("color", Color.OrNull()),
            ("title", Title.Or(new Title()).With(
                ("text", TitleText.OrNull()), ("font", TitleFont.OrNull()), ("standoff", TitleStandoff.OrNull()))),
            ("type", AxisType.OrNull(type => type.Convert())),
            ("range", MinMax.OrNull(range => new object[] { range.Item1, range.Item2 })),
            ("mirror", Mirror.OrNull(mirror => mirror.Convert())), ("showspikes", ShowSpikes.OrNull()),
            ("spikecolor", SpikeColor.OrNull()), ("spikethickness", SpikeThickness.OrNull()), ("showline", ShowLine.OrNull()),
            ("linecolor", LineColor.OrNull()), ("showgrid", ShowGrid.OrNull()), ("gridcolor", GridColor.OrNull()),
            ("zeroline", ZeroLine.OrNull()), ("zerolinecolor", ZeroLineColor.OrNull()),
            ("anchor", Anchor.OrNull(id => id.Convert())), ("side", Side.OrNull(side => side.Convert())),
            ("overlaying", Overlaying.OrNull(id => id.Convert())),
            ("domain", Domain.OrNull(domain => new object[] { domain.Item1, domain.Item2 })), ("position", Position.OrNull()),
            ("categoryorder", CategoryOrder.OrNull(order => order.Convert())), ("categoryarray", CategoryArray.OrNull()),
            ("rangeslider", RangeSlider.OrNull()), ("rangeselector", RangeSelector.OrNull()),
            ("backgroundcolor", BackgroundColor.OrNull()), ("showbackground", ShowBackground.OrNull())), Id.Or(null!));

    private static LinearAxis Axis(params (string Name, object? Value)[] style) => new LinearAxis().With(style);
}
