using Newtonsoft.Json.Linq;
using Plotly.NET;

namespace LTHKit.Formatting;

/// <summary>
/// A figure as HTML of a few kilobytes. plotly.js is not in it: it is taken from the page if the page has it, else loaded once, in Jupyter from
/// beside the registered kernel, elsewhere from a file plotly.min.js beside the page. No network, no require.js. Where scripts are taken out, as from a notebook
/// that is not trusted, it says so.
/// </summary>
internal static class ChartHtml
{
    // __ID__ and __FIGURE__ are filled in. A page that shows the same figure twice has the id twice, hence all elements of that id.
    private const string Template =
        """
        <div data-lthkit-figure="__ID__" style="min-height:__HEIGHT__px">This figure is drawn by a script: trust the notebook, or run the cell, to see it.</div>
        <script>
        (() => {
          const figure = __FIGURE__;
          const places = () => document.querySelectorAll('[data-lthkit-figure="__ID__"]');
          const draw = () => places().forEach(place => {
            if (place.dataset.drawn) return;
            place.dataset.drawn = 'yes';
            place.textContent = '';
            window.Plotly.newPlot(place, figure.data, figure.layout, figure.config);
          });
          const load = address => new Promise((done, failed) => {
            const script = document.createElement('script'), define = window.define;
            const end = () => { window.define = define; script.remove(); window.Plotly ? done() : failed(); };
            window.define = undefined;
            script.onload = script.onerror = end;
            script.src = address;
            document.head.append(script);
          });
          const settings = document.getElementById('jupyter-config-data');
          const base = document.body.dataset.baseUrl ?? (settings ? JSON.parse(settings.textContent).baseUrl : undefined);
          const served = location.pathname.replace(
            /\/(?:lab(?:\/workspaces\/[^\/]+)?\/tree|doc\/tree|nbclassic\/notebooks|notebooks)\/(.*\/)?[^\/]*$/, '/files/$1plotly.min.js');
          const addresses = base
            ? [`${base}kernelspecs/lthkit/plotly.min.js`, served]
            : ['plotly.min.js'];
          window.lthkitPlotly ??= window.Plotly
            ? Promise.resolve()
            : addresses.reduce((tried, address) => tried.catch(() => load(address)), Promise.reject());
          window.lthkitPlotly.then(draw, () => places().forEach(place => {
            place.textContent = 'This figure needs plotly.js: put plotly.min.js beside the notebook, or open the page that was written with it.';
          }));
        })();
        </script>
        """;

    public static string Of(string json)
    {
        var id = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(json)))[..16];
        var height = (string?)JObject.Parse(json)["layout"]?["height"] ?? "450";
        // "<" occurs in strings only, and there it must not end the script.
        return Template.Replace("__ID__", id).Replace("__HEIGHT__", height).Replace("__FIGURE__", json.Replace("<", "\\u003c"));
    }

    public static string PlainText(GenericChart chart)
    {
        var figure = JObject.Parse(GenericChart.toJson(chart));
        var title = figure["layout"]?["title"];
        var text = (string?)(title is JObject ? title["text"] : title);
        var count = (figure["data"] as JArray)?.Count ?? 0;
        return $"Figure: {(text is null ? "" : text.Split('<')[0] + ", ")}{count} {(count == 1 ? "trace" : "traces")}";
    }
}
