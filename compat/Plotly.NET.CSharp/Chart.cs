using Plotly.NET.LayoutObjects;

namespace Plotly.NET.CSharp;

/// <summary>Creates charts.</summary>
public static partial class Chart
{
    /// <inheritdoc cref="GenericChart.combine"/>
    public static GenericChart Combine(IEnumerable<GenericChart> gCharts) => GenericChart.combine(gCharts);

    /// <summary>The charts side by side in rows and columns, each with its own axes unless the pattern is coupled.</summary>
    /// <exception cref="Exception">One of the charts mixes traces in two and three dimensions.</exception>
    public static GenericChart Grid(
        IEnumerable<GenericChart> gCharts, int nRows, int nCols, Optional<IEnumerable<string>> SubPlotTitles = default,
        Optional<Font> SubPlotTitleFont = default, Optional<double> SubPlotTitleOffset = default,
        Optional<Tuple<StyleParam.LinearAxisId, StyleParam.LinearAxisId>[][]> SubPlots = default,
        Optional<StyleParam.LinearAxisId[]> XAxes = default, Optional<StyleParam.LinearAxisId[]> YAxes = default,
        Optional<StyleParam.LayoutGridRowOrder> RowOrder = default, Optional<StyleParam.LayoutGridPattern> Pattern = default,
        Optional<double> XGap = default, Optional<double> YGap = default, Optional<Domain> Domain = default,
        Optional<StyleParam.LayoutGridXSide> XSide = default, Optional<StyleParam.LayoutGridYSide> YSide = default)
    {
        var pattern = Pattern.Or(StyleParam.LayoutGridPattern.Independent);
        var rowOrder = RowOrder.Or(StyleParam.LayoutGridRowOrder.TopToBottom);
        var coupled = pattern == StyleParam.LayoutGridPattern.Coupled;

        var chart = GenericChart.combine(gCharts.Take(nRows * nCols).Select((cell, i) => InCell(cell, i, i / nCols, i % nCols, coupled)));

        var titles = Titles(
            SubPlotTitles.Or([]), nRows, nCols, XGap.Or(coupled ? 0.1 : 0.2), YGap.Or(coupled ? 0.1 : 0.3),
            rowOrder == StyleParam.LayoutGridRowOrder.BottomToTop, SubPlotTitleOffset.Or(0), SubPlotTitleFont.OrNull());
        var layout = GenericChart.getLayout(chart);
        var before = layout.TryGetTypedValue<IEnumerable<Annotation>>("annotations")?.Value ?? [];
        layout.SetValue("annotations", titles.Concat(before));
        layout.SetCombined("grid", new LayoutGrid().With(
            ("subplots", SubPlots.OrNull(rows => rows.Select(row => row.Select(id => $"{id.Item1}{id.Item2}").ToArray()).ToArray())),
            ("xaxes", XAxes.OrNull(ids => ids.Select(id => id.ToString()).ToArray())),
            ("yaxes", YAxes.OrNull(ids => ids.Select(id => id.ToString()).ToArray())),
            ("rows", nRows), ("columns", nCols), ("roworder", rowOrder.Convert()), ("pattern", pattern.Convert()),
            ("xgap", XGap.OrNull()), ("ygap", YGap.OrNull()), ("domain", Domain.OrNull()),
            ("xside", XSide.OrNull(side => side.Convert())), ("yside", YSide.OrNull(side => side.Convert()))));
        return GenericChart.setLayout(layout, chart);
    }

    /// <summary>Gives a chart's traces and its first axes, or its first scene, the ids of their cell.</summary>
    private static GenericChart InCell(GenericChart chart, int index, int row, int column, bool coupled)
    {
        var traces = chart.GetTraces();
        var layout = chart.GetLayout();
        if (traces.All(trace => trace is Trace2D))
        {
            var x = layout.TryGetTypedValue<LinearAxis>("xaxis")?.Value ?? new LinearAxis();
            var y = layout.TryGetTypedValue<LinearAxis>("yaxis")?.Value ?? new LinearAxis();
            RemoveAll<LinearAxis>(layout, "xaxis", "yaxis");
            foreach (var trace in traces)
                trace.With(
                    ("xaxis", StyleParam.LinearAxisId.NewX(coupled ? column + 1 : index + 1).Convert()),
                    ("yaxis", StyleParam.LinearAxisId.NewY(coupled ? row + 1 : index + 1).Convert()));
            return chart
                .WithAxis("xaxis", x, StyleParam.SubPlotId.NewXAxis(index + 1))
                .WithAxis("yaxis", y, StyleParam.SubPlotId.NewYAxis(index + 1));
        }
        if (!traces.All(trace => trace is Trace3D))
            throw new Exception($"the trace for ({row + 1},{column + 1}) contains multiple different subplot types. this is not supported.");

        var scene = (layout.TryGetTypedValue<Scene>("scene")?.Value ?? new Scene())
            .With(("domain", new Domain().With(("row", row), ("column", column))));
        RemoveAll<Scene>(layout, "scene");
        var id = StyleParam.SubPlotId.NewScene(index + 1).ToString();
        foreach (var trace in traces) trace.SetValue("scene", id);
        layout.SetCombined(id, scene);
        return chart;
    }

    private static void RemoveAll<T>(Layout layout, params string[] prefixes)
    {
        foreach (var (name, value) in layout.GetProperties(false).ToList())
            if (value is T && prefixes.Any(prefix => name.StartsWith(prefix, StringComparison.Ordinal)))
                layout.Remove(name);
    }

    /// <summary>A title in the middle above each cell, where plotly.js's grid will put the cell (fractions of the plot).</summary>
    private static List<Annotation> Titles(
        IEnumerable<string> titles, int rows, int columns, double xGap, double yGap, bool bottomUp, double offset, object? font)
    {
        var width = 1 / (columns - xGap);
        var height = 1 / (rows - yGap);
        return titles.Take(rows * columns).Select((title, i) =>
        {
            var (row, column) = (i / columns, i % columns);
            var left = width * column;
            var bottom = height * (bottomUp ? row : rows - 1 - row);
            return new Annotation().With(
                ("x", (left + (left + width * (1 - xGap))) / 2), ("y", bottom + height * (1 - yGap) + offset),
                ("font", font), ("showarrow", false), ("text", title),
                ("xanchor", "center"), ("xref", "paper"), ("yanchor", "bottom"), ("yref", "paper"));
        }).ToList();
    }
}
