using System.Diagnostics;
using System.Net;
using Newtonsoft.Json.Linq;

namespace LTHKit.Tests;

/// <summary>Runs where Chromium is installed.</summary>
public sealed class ChromiumFactAttribute : FactAttribute
{
    public ChromiumFactAttribute()
    {
        if (ValidationTests.Chromium is null)
            Skip = "Chromium is not installed.";
    }
}

/// <summary>What plotly.js's own validator says to figures, in a browser, with the plotly.js that Plotly.NET brings.</summary>
public class ValidationTests
{
    public static string? Chromium { get; } = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
        .SelectMany(folder => new[] { "chromium", "google-chrome" }.Select(name => Path.Combine(folder, name))).FirstOrDefault(File.Exists);

    [ChromiumFact]
    public void PlotlyAcceptsEveryFigure()
    {
        var figures = new JObject(FigureSamples.All.Select(pair => new JProperty(pair.Key, FigureSamples.Json(pair.Value))));
        foreach (var (name, problems) in Validate(figures))
            Assert.True(!problems!.Any(), $"{name}: {problems}");
    }

    [ChromiumFact]
    public void ThatTestCanFail()
    {
        var figure = JObject.Parse("""{ "data": [{ "type": "scatter", "mode": "curvy" }], "layout": { "width": 900, "height": 500 } }""");
        Assert.NotEmpty(Validate(new JObject(new JProperty("wrong", figure)))["wrong"]!);
    }

    private static JObject Validate(JObject figures)
    {
        var folder = Directory.CreateTempSubdirectory("lthkit-validate-").FullName;
        try
        {
            var plotly = typeof(Plotly.NET.GenericChart).Assembly;
            using (var script = File.Create(Path.Combine(folder, "plotly.js")))
                plotly.GetManifestResourceStream(plotly.GetManifestResourceNames().Single(name => name.EndsWith(".min.js")))!.CopyTo(script);
            File.WriteAllText(Path.Combine(folder, "page.html"),
                $$"""
                <!doctype html><meta charset="utf-8"><script src="plotly.js"></script><pre id="problems"></pre><script>
                const figures = {{figures.ToString().Replace("<", "\\u003c")}};
                const problems = Object.entries(figures).map(([name, f]) => [name, (Plotly.validate(f.data, f.layout) ?? []).map(p => p.msg)]);
                document.getElementById('problems').textContent = JSON.stringify(Object.fromEntries(problems));
                </script>
                """);
            using var browser = Process.Start(new ProcessStartInfo(Chromium!,
                ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
                    $"--user-data-dir={folder}/profile", "--dump-dom", $"file://{folder}/page.html"])
            {
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            })!;
            var errors = browser.StandardError.ReadToEndAsync();
            var page = browser.StandardOutput.ReadToEnd();
            browser.WaitForExit();
            var problems = page.Split("<pre id=\"problems\">")[^1].Split("</pre>")[0];
            Assert.True(problems.StartsWith('{'), problems + errors.Result);
            return JObject.Parse(WebUtility.HtmlDecode(problems));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
