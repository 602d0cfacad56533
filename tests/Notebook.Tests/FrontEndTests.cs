using System.Net;
using LTHKit.Formatting;
using LTHKit.Notebook.Html;
using LTHKit.Notebook.Tests.Jupyter;
using PuppeteerSharp;

namespace LTHKit.Notebook.Tests;

/// <summary>The figures of every notebook, put into a page as front ends put HTML outputs into theirs.</summary>
[Collection(ReproducedTests.Name)]
[Trait("Category", "Slow")]
public sealed class FrontEndTests(Reproduced reproduced) : InFolder
{
    // JupyterLab: scripts are replaced by copies of theirs, which run when the element enters the page.
    private const string Lab =
        """
        host.innerHTML = html;
        for (const script of [...host.getElementsByTagName('script')]) {
          const copy = document.createElement('script');
          copy.textContent = script.textContent;
          script.replaceWith(copy);
        }
        document.body.append(host);
        """;

    // VS Code: scripts are run in an element of the page, and taken out at once.
    private const string Code =
        """
        document.body.append(host);
        host.innerHTML = html;
        for (const script of [...host.getElementsByTagName('script')]) {
          const copy = document.createElement('script');
          copy.text = script.innerText;
          host.append(copy);
          copy.remove();
        }
        """;

    private const string Drawn =
        """
        [...document.querySelectorAll('[data-lthkit-figure]')].every(figure =>
          figure.querySelectorAll('.main-svg .trace, .main-svg .hm, .main-svg .contour, .gl-container canvas').length > 0)
        """;

    [ChromiumFact]
    public Task FiguresAreDrawnInVSCodeFromPlotlyInThePage() => CheckInVSCode("<script src=\"plotly.min.js\"></script>");

    [ChromiumFact]
    public Task FiguresAreDrawnInVSCodeFromPlotlyBesideThePage() => CheckInVSCode("");

    [ChromiumFact]
    public async Task FiguresAreDrawnInJupyterLabFromBesideTheKernel()
    {
        using var server = new HttpListener();
        var address = $"http://127.0.0.1:{TestFrontEnd.FreePorts(1)[0]}/";
        server.Prefixes.Add(address + "user/ada/");
        server.Start();
        _ = Serve(server, Page(Lab, "<script id=\"jupyter-config-data\" type=\"application/json\">{\"baseUrl\": \"/user/ada/\"}</script>"));
        await using var page = await Pages.Open(address + "user/ada/lab/tree/notebooks/00-quickstart.ipynb");
        await Check(page);
        Assert.Equal(1, await page.EvaluateExpressionAsync<int>("performance.getEntriesByType('resource').filter(entry => entry.name.endsWith('/plotly.min.js')).length"));
    }

    // One front end draws what is JSON, the next one HTML, and the last one has nothing but text.
    [Theory]
    [MemberData(nameof(Reproduced.Names), MemberType = typeof(Reproduced))]
    public void EveryFigureIsThereInEveryForm(string name)
    {
        var figures = Figures(name).ToList();
        Assert.Equal(name != "10-claims", figures.Count > 0);       // which is one table
        Assert.All(figures, figure => Assert.Equal([NotebookFormatters.Plotly, "text/html", "text/plain"], figure.Select(form => form.Key).Order()));
        Assert.All(figures, figure => Assert.Contains("data-lthkit-figure", MultilineText.Join(figure["text/html"])));
    }

    private async Task CheckInVSCode(string head)
    {
        await File.WriteAllTextAsync(Path.Combine(Folder, "page.html"), Page(Code, head));
        WebAssets.PutPlotlyInto(Folder);
        await using var page = await Pages.Open(new Uri(Path.Combine(Folder, "page.html")).AbsoluteUri);
        await Check(page);
    }

    private static async Task Check(IPage page)
    {
        await page.WaitFor(Drawn);
        // Plotly looks at what is shown, and a slider hides traces; of its steps' arguments it says that they were reset to what they are.
        Assert.Equal("", await page.EvaluateExpressionAsync<string>(
            """
            outputs.flatMap(output => Plotly.validate(output.figure.data.map(trace => ({...trace, visible: true})), output.figure.layout) ?? [])
                .filter(problem => !/^sliders\[\d+\]\.steps\[\d+\]\.args/.test(problem.astr)).map(problem => problem.msg).join('\n')
            """));
        // Each step of a slider shows traces, and none that another step shows.
        Assert.Equal((true, true), (await page.EvaluateExpressionAsync<bool>("(window.sliders = () => [...document.querySelectorAll('.js-plotly-plot')].filter(plot => plot.layout.sliders)) && sliders().length > 0"), await page.EvaluateFunctionAsync<bool>(
            """
            async () => {
                for (const plot of sliders()) {
                    const seen = plot.data.map(() => 0);
                    for (const step of plot.layout.sliders[0].steps) {
                        await Plotly.restyle(plot, ...step.args);
                        plot.data.forEach((trace, i) => seen[i] += trace.visible === true);
                    }
                    if (!seen.every(times => times === 1)) return false;
                }
                return true;
            }
            """)));
    }

    private string Page(string put, string head)
    {
        var outputs = new JsonArray([.. Reproduced.All.SelectMany(Figures).Select(figure => new JsonObject
        {
            ["figure"] = figure[NotebookFormatters.Plotly]!.DeepClone(),
            ["html"] = MultilineText.Join(figure["text/html"]),
        })]);
        Assert.NotEmpty(outputs);
        return $$"""
            <!doctype html><meta charset="utf-8">{{head}}<body></body>
            <script>
            const outputs = {{outputs.ToJsonString().Replace("<", "\\u003c")}};
            for (const { html } of outputs) {
              const host = document.createElement('div');
              {{put}}
            }
            </script>
            """;
    }

    private IEnumerable<JsonObject> Figures(string name) => NotebookDocument.Load(Path.Combine(reproduced.Output, name + ".ipynb")).Cells
        .Where(cell => cell.IsCode).SelectMany(cell => cell.Outputs).Select(output => output!["data"]).OfType<JsonObject>()
        .Where(data => data.ContainsKey(NotebookFormatters.Plotly));

    private static async Task Serve(HttpListener server, string page)
    {
        while (server.IsListening)
        {
            var request = await server.GetContextAsync();
            byte[]? answer = request.Request.Url!.AbsolutePath["/user/ada".Length..] switch
            {
                "/lab/tree/notebooks/00-quickstart.ipynb" => System.Text.Encoding.UTF8.GetBytes(page),
                "/kernelspecs/lthkit/plotly.min.js" => System.Text.Encoding.UTF8.GetBytes(WebAssets.Plotly),
                _ => null,
            };
            request.Response.StatusCode = answer is null ? 404 : 200;
            request.Response.ContentType = answer is { Length: > 0 } && answer[0] == '<' ? "text/html" : "text/javascript";
            request.Response.Close(answer ?? [], willBlock: false);
        }
    }
}
