using Microsoft.FSharp.Core;
using Plotly.NET.LayoutObjects;
using Plotly.NET.TraceObjects;

namespace Plotly.NET;

/// <summary>Styling of charts, one call after the other.</summary>
public static class GenericChartExtensions
{
    public static GenericChart WithTitle(
        this GenericChart @this, string title, [OptionalArgument] FSharpOption<Font>? TitleFont = null) =>
        GenericChart.addLayout(new Layout().With(("title", new Title().With(("text", title), ("font", TitleFont.OrNull())))), @this);

    public static GenericChart WithLayout(this GenericChart @this, Layout layout) => GenericChart.addLayout(layout, @this);

    public static GenericChart WithConfig(this GenericChart @this, Config config) => GenericChart.setConfig(config, @this);

    public static GenericChart WithLegend(this GenericChart @this, bool showlegend) =>
        GenericChart.setLayout(GenericChart.getLayout(@this).With(("showlegend", showlegend)), @this);

    public static GenericChart WithXAxis(
        this GenericChart @this, LinearAxis xAxis, [OptionalArgument] FSharpOption<StyleParam.SubPlotId>? Id = null) =>
        @this.WithAxis("xaxis", xAxis, Id?.Value);

    public static GenericChart WithYAxis(
        this GenericChart @this, LinearAxis yAxis, [OptionalArgument] FSharpOption<StyleParam.SubPlotId>? Id = null) =>
        @this.WithAxis("yaxis", yAxis, Id?.Value);

    /// <summary>Error bars on every trace of the chart.</summary>
    public static GenericChart WithYErrorStyle<k, l>(
        this GenericChart @this, [OptionalArgument] FSharpOption<IEnumerable<k>>? Array = null,
        [OptionalArgument] FSharpOption<IEnumerable<l>>? Arrayminus = null, [OptionalArgument] FSharpOption<bool>? Symmetric = null,
        [OptionalArgument] FSharpOption<Color>? Color = null, [OptionalArgument] FSharpOption<double>? Thickness = null,
        [OptionalArgument] FSharpOption<double>? Width = null)
        where k : IConvertible
        where l : IConvertible
    {
        foreach (var trace in GenericChart.getTraces(@this))
        {
            var error = new Error().With(
                ("symmetric", Symmetric.OrNull()), ("array", Array.OrNull()), ("arrayminus", Arrayminus.OrNull()),
                ("color", Color.OrNull()), ("thickness", Thickness.OrNull()), ("width", Width.OrNull()));
            var before = trace.TryGetTypedValue<Error>("error_y")?.Value ?? new Error();
            trace.SetValue("error_y", Properties.Combine(before, error));
        }
        return @this;
    }

    /// <summary>Combines an axis into the layout's of that id, or into its scene's where the id is a scene's.</summary>
    internal static GenericChart WithAxis(this GenericChart chart, string axisName, LinearAxis axis, StyleParam.SubPlotId? id)
    {
        var layout = GenericChart.getLayout(chart);
        var name = id?.ToString() ?? axisName;
        if (name.StartsWith("scene", StringComparison.Ordinal))
            layout.SetCombined(name, new Scene().With((axisName, axis)));
        else
            layout.SetCombined(name, axis);
        return GenericChart.setLayout(layout, chart);
    }

    internal static void SetCombined<T>(this Layout layout, string name, T value) where T : DynamicObj.DynamicObj =>
        layout.SetValue(name, layout.TryGetTypedValue<T>(name) is { Value: var before } ? Properties.Combine(before, value) : value);
}
