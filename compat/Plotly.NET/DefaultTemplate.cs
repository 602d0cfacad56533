using Dynamic = DynamicObj.DynamicObj;

namespace Plotly.NET;

/// <summary>What a chart starts from when its defaults are not turned off: plotly's own template at 600 x 600 pixels.</summary>
internal static class DefaultTemplate
{
    private const string Ink = "rgba(42, 63, 95, 1.0)", Plot = "rgba(229, 236, 246, 1.0)", White = "rgba(255, 255, 255, 1.0)";

    private static readonly string[] Plasma =
        ["#0d0887", "#46039f", "#7201a8", "#9c179e", "#bd3786", "#d8576b", "#ed7953", "#fb9f3a", "#fdca26", "#f0f921"];

    private static readonly string[] PinkGreen =
        ["#8e0152", "#c51b7d", "#de77ae", "#f1b6da", "#fde0ef", "#f7f7f7", "#e6f5d0", "#b8e186", "#7fbc41", "#4d9221", "#276419"];

    private static readonly (int, int, int)[] Colorway =
        [(99, 110, 250), (239, 85, 59), (0, 204, 150), (171, 99, 250), (255, 161, 90),
         (25, 211, 243), (255, 102, 146), (182, 232, 128), (255, 151, 255), (254, 203, 82)];

    public static Layout Layout() => new Layout().With(
        ("width", 600), ("height", 600), ("template", Of(("layout", LayoutTemplate()), ("data", DataTemplate()))));

    private static Dynamic LayoutTemplate() => Of(
        ("title", Of(("x", 0.05))),
        ("font", Of(("color", Ink))),
        ("paper_bgcolor", White),
        ("plot_bgcolor", Plot),
        ("autotypenumbers", "strict"),
        ("colorscale", Of(("diverging", Scale(PinkGreen)), ("sequential", Scale(Plasma)), ("sequentialminus", Scale(Plasma)))),
        ("hovermode", "closest"),
        ("hoverlabel", Of(("align", "left"))),
        ("coloraxis", Of(("colorbar", ColorBar()))),
        ("geo", Of(
            ("showland", true), ("landcolor", Plot), ("showlakes", true), ("lakecolor", White), ("subunitcolor", White), ("bgcolor", White))),
        ("mapbox", Of(("style", "light"))),
        ("polar", Of(("bgcolor", Plot), ("radialaxis", RoundAxis()), ("angularaxis", RoundAxis()))),
        ("scene", Of(("xaxis", SceneAxis()), ("yaxis", SceneAxis()), ("zaxis", SceneAxis()))),
        ("ternary", Of(("aaxis", TernaryAxis()), ("baxis", TernaryAxis()), ("caxis", TernaryAxis()), ("bgcolor", Plot))),
        ("xaxis", FlatAxis()),
        ("yaxis", FlatAxis()),
        ("annotationdefaults", Of(("arrowcolor", "#2a3f5f"), ("arrowhead", 0), ("arrowwidth", 1))),
        ("shapedefaults", Of(("line", Of(("color", Ink))))),
        ("colorway", Colorway.Select(c => $"rgba({c.Item1}, {c.Item2}, {c.Item3}, 1.0)").ToArray()));

    private static Dynamic DataTemplate()
    {
        var data = Of(
            ("bar", One(("marker", BarMarker()), ("error_x", Of(("color", Ink))), ("error_y", Of(("color", Ink))))),
            ("barpolar", One(("marker", BarMarker()))),
            ("carpet", One(("aaxis", CarpetAxis()), ("baxis", CarpetAxis()))));
        foreach (var type in new[] { "choropleth", "contour" }) data.SetValue(type, Coloured());
        data.SetValue("contourcarpet", One(("colorbar", ColorBar())));
        foreach (var type in new[] { "heatmap", "heatmapgl" }) data.SetValue(type, Coloured());
        data.SetValue("histogram", One(("marker", Of(("pattern", Pattern())))));
        foreach (var type in new[] { "histogram2d", "histogram2dcontour" }) data.SetValue(type, Coloured());
        data.SetValue("mesh3d", One(("colorbar", ColorBar())));
        data.SetValue("parcoords", One(("line", Of(("colorbar", ColorBar())))));
        data.SetValue("pie", One(("automargin", true)));
        data.SetValue("scatter", One(("marker", Of(("colorbar", ColorBar())))));
        data.SetValue("scatter3d", One(("marker", Of(("colorbar", ColorBar()))), ("line", Of(("colorbar", ColorBar())))));
        foreach (var kind in new[] { "carpet", "geo", "gl", "mapbox", "polar", "polargl", "ternary" })
            data.SetValue("scatter" + kind, One(("marker", Of(("colorbar", ColorBar())))));
        data.SetValue("surface", Coloured());
        data.SetValue("table", One(
            ("cells", Of(("fill", Of(("color", "rgba(235, 240, 248, 1.0)"))), ("line", Of(("color", White))))),
            ("header", Of(("fill", Of(("color", "rgba(200, 212, 227, 1.0)"))), ("line", Of(("color", White)))))));
        return data;
    }

    private static Dynamic FlatAxis() => Of(
        ("title", Of(("standoff", 15))), ("ticks", ""), ("automargin", "height+width+left+right+top+bottom"),
        ("linecolor", White), ("gridcolor", White), ("zerolinecolor", White), ("zerolinewidth", 2.0));

    private static Dynamic SceneAxis() => Of(
        ("ticks", ""), ("linecolor", White), ("gridcolor", White), ("gridwidth", 2.0), ("zerolinecolor", White),
        ("backgroundcolor", Plot), ("showbackground", true));

    private static Dynamic RoundAxis() => Of(("linecolor", White), ("gridcolor", White), ("ticks", ""));

    private static Dynamic TernaryAxis() => Of(("ticks", ""), ("linecolor", White), ("gridcolor", White));

    private static Dynamic CarpetAxis() => Of(
        ("linecolor", White), ("gridcolor", White), ("endlinecolor", Ink), ("minorgridcolor", White), ("startlinecolor", Ink));

    private static Dynamic BarMarker() => Of(("line", Of(("color", Plot), ("width", 0.5))), ("pattern", Pattern()));

    private static Dynamic Pattern() => Of(("fillmode", "overlay"), ("size", 10), ("solidity", 0.2));

    private static Dynamic ColorBar() => Of(("outlinewidth", 0.0), ("ticks", ""));

    private static Dynamic[] Coloured() => One(("colorbar", ColorBar()), ("colorscale", Scale(Plasma)));

    private static object[][] Scale(string[] colors) =>
        colors.Select((color, i) => new object[] { i / (colors.Length - 1.0), color }).ToArray();

    private static Dynamic[] One(params (string Name, object? Value)[] properties) => [Of(properties)];

    private static Dynamic Of(params (string Name, object? Value)[] properties) => new Dynamic().With(properties);
}
