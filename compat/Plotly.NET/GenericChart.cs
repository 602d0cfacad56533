using Microsoft.FSharp.Collections;
using Newtonsoft.Json;
using Plotly.NET.LayoutObjects;

namespace Plotly.NET;

/// <summary>One chart or several combined: its traces, layout and config.</summary>
public abstract class GenericChart
{
    private static readonly JsonSerializerSettings Json = new() { ReferenceLoopHandling = ReferenceLoopHandling.Serialize };

    private readonly FSharpList<Trace> traces;
    private readonly Layout layout;
    private readonly Config config;

    private GenericChart(FSharpList<Trace> traces, Layout layout, Config config) =>
        (this.traces, this.layout, this.config) = (traces, layout, config);

    public static FSharpList<Trace> getTraces(GenericChart gChart) => gChart.traces;

    public static Layout getLayout(GenericChart gChart) => gChart.layout;

    public static GenericChart setLayout(Layout layout, GenericChart gChart) => new Chart(gChart.traces, layout, gChart.config);

    internal static GenericChart setConfig(Config config, GenericChart gChart) => new Chart(gChart.traces, gChart.layout, config);

    /// <summary>The chart with a layout combined into its own; annotations and shapes are appended.</summary>
    public static GenericChart addLayout(Layout layout, GenericChart gChart) =>
        setLayout(Combine(gChart.layout, layout), gChart);

    /// <summary>All traces in one chart. Of two layouts' or configs' values for one property the later chart's holds.</summary>
    /// <exception cref="ArgumentException">There are no charts.</exception>
    public static GenericChart combine(IEnumerable<GenericChart> gCharts)
    {
        var charts = gCharts.ToList();
        if (charts.Count == 0) throw new ArgumentException("The input sequence was empty.", "source");
        return charts.Aggregate((first, second) => new Chart(
            ListModule.Append(first.traces, second.traces),
            Combine(first.layout, second.layout),
            Properties.Combine(first.config, second.config)));
    }

    /// <summary>A chart of one trace, with the default size, template and config if those are asked for.</summary>
    public static GenericChart ofTraceObject(bool useDefaults, Trace trace) => new Chart(
        ListModule.OfArray([trace]),
        useDefaults ? DefaultTemplate.Layout() : new Layout(),
        useDefaults ? new Config().With(("responsive", true)) : new Config());

    /// <summary>{ "data": [...], "layout": {...}, "config": {...} }</summary>
    public static string toJson(GenericChart gChart) =>
        JsonConvert.SerializeObject(new { data = gChart.traces, gChart.layout, gChart.config }, Json);

    /// <summary>{ "data": [...], "layout": {...}, "frames": [] }</summary>
    public static string toFigureJson(GenericChart gChart) =>
        JsonConvert.SerializeObject(new { data = gChart.traces, gChart.layout, frames = Array.Empty<object>() }, Json);

    private static Layout Combine(Layout first, Layout second)
    {
        var annotations = Properties.Join<Annotation>(first, second, "annotations");
        var shapes = Properties.Join<Shape>(first, second, "shapes");
        return Properties.Combine(first, second).With(("annotations", annotations), ("shapes", shapes));
    }

    private sealed class Chart(FSharpList<Trace> traces, Layout layout, Config config) : GenericChart(traces, layout, config);
}
