namespace Plotly.NET.Interactive;

/// <summary>Charts as HTML.</summary>
public static class Formatters
{
    private const string PlotlyJs = "https://cdn.plot.ly/plotly-2.27.1.min";
    private const string RequireJs = "https://cdnjs.cloudflare.com/ajax/libs/require.js/2.3.6/require.min.js";

    /// <summary>A div with the chart, and a script that loads plotly.js from the net through require.js and draws it.</summary>
    public static string toInteractiveHTML(GenericChart gChart)
    {
        var id = Guid.NewGuid().ToString();
        var draw = "renderPlotly_" + id.Replace("-", "");
        return $$"""
            <div><div id="{{id}}"><!-- Plotly chart will be drawn inside this DIV --></div><script type="text/javascript">
            var {{draw}} = function() {
                var load = requirejs.config({ context: 'fsharp-plotly', paths: { plotly: '{{PlotlyJs}}' } }) || require;
                load(['plotly'], function(Plotly) {
                    var chart = {{GenericChart.toJson(gChart)}};
                    Plotly.newPlot('{{id}}', chart.data, chart.layout, chart.config);
                });
            };
            if (typeof requirejs === 'function' && typeof requirejs.config === 'function') {
                {{draw}}();
            } else {
                var script = document.createElement('script');
                script.src = '{{RequireJs}}';
                script.onload = {{draw}};
                document.head.appendChild(script);
            }
            </script></div>
            """;
    }
}
