using System.Diagnostics;
using System.Runtime.CompilerServices;
using Newtonsoft.Json.Linq;
using Xunit;

namespace LTHKit.Tests;

/// <summary>Runs where node and the locked plotly.js are installed.</summary>
public sealed class PlotlyFactAttribute : FactAttribute
{
    public PlotlyFactAttribute()
    {
        if (ValidationTests.Plotly is null)
            Skip = "plotly.js is not installed: run ./lthkit setup.";
        else if (ValidationTests.Node is null)
            Skip = "Node.js is not installed.";
    }
}

public class ValidationTests
{
    private static readonly string Here = Path.GetDirectoryName(Source())!;

    public static string? Plotly { get; } =
        Existing(Path.GetFullPath(Path.Combine(Here, "../../../node_modules/plotly.js-dist-min/plotly.min.js")));

    public static string? Node { get; } = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
        .Select(folder => Existing(Path.Combine(folder, "node"))).FirstOrDefault(path => path is not null);

    [PlotlyFact]
    public void PlotlyAcceptsEveryFigure()
    {
        var figures = new JObject(FigureSamples.All.Select(pair => new JProperty(pair.Key, FigureSamples.Json(pair.Value))));
        foreach (var (name, problems) in Validate(figures))
            Assert.True(!problems!.Any(), $"{name}: {problems}");
    }

    [PlotlyFact]
    public void ThatTestCanFail()
    {
        var figure = JObject.Parse(
            """{ "data": [{ "type": "scatter", "mode": "curvy" }], "layout": { "width": 900, "height": 500 } }""");
        Assert.NotEmpty(Validate(new JObject(new JProperty("wrong", figure)))["wrong"]!);
    }

    private static JObject Validate(JObject figures)
    {
        var file = Path.GetTempFileName();
        try
        {
            File.WriteAllText(file, figures.ToString());
            var start = new ProcessStartInfo(Node!, [Path.Combine(Here, "validate.js"), Plotly!, file])
            {
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            };
            using var process = Process.Start(start)!;
            var errors = process.StandardError.ReadToEndAsync();
            var output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            Assert.True(process.ExitCode == 0, errors.Result[Math.Max(0, errors.Result.Length - 2000)..]);
            return JObject.Parse(output);
        }
        finally
        {
            File.Delete(file);
        }
    }

    private static string? Existing(string path) => File.Exists(path) ? path : null;

    private static string Source([CallerFilePath] string path = "") => path;
}
