using Plotly.NET.LayoutObjects;
using Plotly.NET.TraceObjects;

namespace Plotly.NET.CSharp;

public static partial class Chart
{
    /// <summary>A function of two variables as a surface in three dimensions.</summary>
    public static GenericChart Surface<ZType, XType, YType, TextType>(
        IEnumerable<IEnumerable<ZType>> zData, Optional<IEnumerable<XType>> X = default,
        Optional<IEnumerable<YType>> Y = default, Optional<string> Name = default, Optional<bool> ShowLegend = default,
        Optional<double> Opacity = default, Optional<TextType> Text = default,
        Optional<IEnumerable<TextType>> MultiText = default, Optional<Contours> Contours = default,
        Optional<StyleParam.Colorscale> ColorScale = default, Optional<bool> ShowScale = default,
        Optional<bool> UseDefaults = default)
        where ZType : IConvertible
        where XType : IConvertible
        where YType : IConvertible
        where TextType : IConvertible
    {
        var chart = GenericChart.ofTraceObject(UseDefaults.Or(true), new Trace3D("surface").With(
            ("name", Name.OrNull()), ("showlegend", ShowLegend.OrNull()), ("opacity", Opacity.OrNull()),
            ("x", X.OrNull()), ("y", Y.OrNull()), ("z", zData), ("text", MultiText.OrNull() ?? Text.OrNull()),
            ("colorscale", ColorScale.OrNull(scale => scale.Convert())), ("showscale", ShowScale.OrNull()),
            ("contours", Contours.OrNull())));
        var projection = new DynamicObj.DynamicObj().With(("type", "perspective"));
        var camera = new DynamicObj.DynamicObj().With(("projection", projection));
        return GenericChart.addLayout(new Layout().With(("scene", new Scene().With(("camera", camera)))), chart);
    }
}
