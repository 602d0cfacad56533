using System.Diagnostics;
using LTHKit.Notebook.Html;
using LTHKit.Notebook.Jupyter;
using PuppeteerSharp;

namespace LTHKit.Notebook.Tests.Jupyter;

/// <summary>What a person does: opens the quickstart in Jupyter in a browser, runs every cell, edits one, runs it again and exports the page.</summary>
[Collection(ReproducedTests.Name)]
public sealed class BrowserTests(Reproduced reproduced) : InFolder
{
    private const string Jupyter = "/usr/bin/jupyter-notebook";

    private const string Figures = "[...document.querySelectorAll('.js-plotly-plot')]";
    private const string Drawn = $"{Figures}.length >= 4 && {Figures}.every(f => f.querySelectorAll('svg .trace').length > 0)";

    [BrowserFact]
    [Trait("Category", "Slow")]
    public async Task TheQuickstartRunsInClassicNotebookAndItsFiguresAreDrawnThereAndInWhatNbconvertMakesOfIt()
    {
        CopyQuickstart();
        KernelSpecs.Install(Path.Combine(Folder, "data"), ["dotnet", Kit.CommandLine, "kernel", "run"], Kit.Root);
        var port = TestFrontEnd.FreePorts(1)[0];
        using var server = StartServer(port);
        try
        {
            await Answering($"http://127.0.0.1:{port}/api");
            await using var page = await Pages.Open($"http://127.0.0.1:{port}/notebooks/quickstart.ipynb");
            await page.WaitFor("Jupyter.notebook.kernel.info_reply.implementation == 'lthkit'");
            await page.EvaluateExpressionAsync("Jupyter.notebook.execute_all_cells()");
            await page.WaitFor(
                "Jupyter.notebook.get_cells().filter(c => c.cell_type == 'code').every(c => !c.element.hasClass('running') && c.input_prompt_number > 0)", 600);
            Assert.Equal("", await page.EvaluateExpressionAsync<string>("[...document.querySelectorAll('.output_error')].map(e => e.innerText).join()"));

            await page.WaitFor(Drawn);
            Assert.Equal(1, await page.EvaluateExpressionAsync<int>("performance.getEntriesByType('resource').filter(r => r.name.includes('plotly')).length"));
            Assert.True(await page.EvaluateExpressionAsync<int>("document.querySelectorAll('table.lthkit tbody tr').length") > 3);
            await Picture(page, "window.scrollTo(0, 0)", "quickstart.png");
            await Picture(page, $"{Figures}[0].scrollIntoView()", "figure.png");

            await page.EvaluateExpressionAsync(
                "Jupyter.notebook.select(Jupyter.notebook.get_cells().findLastIndex(c => c.cell_type == 'code')); Jupyter.notebook.get_selected_cell().set_text('Console.WriteLine(6 * 7); lab.Profile.Name'); Jupyter.notebook.execute_cell()");
            await page.WaitFor("Jupyter.notebook.get_selected_cell().element.find('.output_area').text().includes('42') && Jupyter.notebook.get_selected_cell().element.find('.output_result').text().includes('smoke')");
            await Picture(page, "Jupyter.notebook.get_selected_cell().element[0].scrollIntoView()", "edited.png");

            await page.EvaluateExpressionAsync("Jupyter.notebook.save_notebook().then(() => 0)");
            var (code, said) = Kit.Run("/usr/bin/python3", ["-m", "nbconvert", "--to", "html", Path.Combine(Folder, "notebooks", "quickstart.ipynb")]);
            Assert.True(code == 0, said);
            await using var exported = await Pages.Open(new Uri(Path.Combine(Folder, "notebooks", "quickstart.html")).AbsoluteUri);
            await exported.WaitFor(Drawn);
            await Picture(exported, $"{Figures}[0].scrollIntoView()", "exported.png");
        }
        finally
        {
            server.Kill(entireProcessTree: true);
            await server.WaitForExitAsync();
        }
    }

    // The pictures are for a person: LTHKIT_PICTURES names a folder to keep them in.
    private async Task Picture(IPage page, string before, string name)
    {
        await page.EvaluateExpressionAsync(before);
        await page.ScreenshotAsync(Path.Combine(Environment.GetEnvironmentVariable("LTHKIT_PICTURES") ?? Folder, name));
    }

    private void CopyQuickstart()
    {
        // With the parameters of the smallest profile, and as a person finds it: not executed.
        var notebook = NotebookDocument.Load(Path.Combine(reproduced.Output, "00-quickstart.ipynb"));
        foreach (var cell in notebook.Cells.Where(cell => cell.IsCode))
            cell.Clear();
        notebook.Save(Path.Combine(Folder, "notebooks", "quickstart.ipynb"));
    }

    private Process StartServer(int port)
    {
        string[] arguments =
        [
            "--no-browser", "--allow-root", "--ip=127.0.0.1", $"--port={port}", "--NotebookApp.token=", "--NotebookApp.password=",
            $"--notebook-dir={Path.Combine(Folder, "notebooks")}",
        ];
        var server = Kit.Start(Jupyter, arguments, new()
        {
            ["HOME"] = Folder,
            ["JUPYTER_DATA_DIR"] = Path.Combine(Folder, "data"),
            ["JUPYTER_CONFIG_DIR"] = Path.Combine(Folder, "config"),
            ["LTHKIT_RUNS"] = reproduced.Runs,
        });
        server.BeginOutputReadLine();
        server.BeginErrorReadLine();
        return server;
    }

    private static async Task Answering(string address)
    {
        using var http = new HttpClient();
        for (var clock = Stopwatch.StartNew(); ; await Task.Delay(300))
        {
            try
            {
                _ = await http.GetStringAsync(address);
                return;
            }
            catch (HttpRequestException) when (clock.Elapsed.TotalSeconds < 300)
            {
                // Not up yet.
            }
        }
    }

    /// <summary>A test that needs Debian's jupyter-notebook and Chromium; skipped where they are not.</summary>
    [AttributeUsage(AttributeTargets.Method)]
    private sealed class BrowserFactAttribute : FactAttribute
    {
        public BrowserFactAttribute()
        {
            if (!File.Exists(Jupyter) || Chromium.Program is null)
                Skip = "jupyter-notebook and Chromium are not both installed.";
        }
    }
}
