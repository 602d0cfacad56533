using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;
using LTHKit.Notebook.Document;
using LTHKit.Notebook.Jupyter;
using LTHKit.Notebook.Running;

namespace LTHKit.Notebook.Tests.Jupyter;

/// <summary>The kernel as Jupyter's own client library starts, asks and stops it; what is asked stands in drive.py.</summary>
public sealed class JupyterClientTests : IDisposable
{
    private const string Python = "/usr/bin/python3";

    private readonly string _folder = Directory.CreateTempSubdirectory("lthkit-jupyter-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [JupyterTheory]
    [InlineData("requests")]
    [InlineData("streams_while_running")]
    [InlineData("an_error_aborts_what_was_sent_along")]
    [InlineData("interrupts")]
    [InlineData("restart")]
    [InlineData("orphan")]
    [InlineData("two_front_ends")]
    [InlineData("console_input")]
    public void AFrontEndGetsWhatTheProtocolPromises(string scenario) => Drive(scenario);

    [JupyterTheory]
    [InlineData("death")]
    [InlineData("interrupted_training")]
    [InlineData("thousand")]
    [Trait("Category", "Slow")]
    public void AFrontEndSurvivesWhatCellsDo(string scenario) => Drive(scenario);

    [JupyterTheory]
    [InlineData("00-quickstart")]
    [InlineData("01-architecture-tweaks")]
    [Trait("Category", "Slow")]
    public Task ANotebookGivesTheSameInJupyterAndWithoutAFrontEnd(string name) => Compare(name);

    // Equal but for what differs from run to run: times, and the ids of displays.
    private async Task Compare(string name)
    {
        var input = Path.Combine(Root, "notebooks", name + ".ipynb");
        Drive("notebook", input, "profile = \"smoke\";", Path.Combine(_folder, "jupyter.ipynb"));
        Environment.SetEnvironmentVariable("LTHKIT_RUNS", Path.Combine(_folder, "runs"));
        try
        {
            var outcome = await NotebookRunner.RunAsync(new RunOptions(input)
            {
                OutputFolder = _folder,
                WriteHtml = false,
                Parameters = new Dictionary<string, string> { ["profile"] = "smoke" },
            });
            Assert.True(outcome.Ok, outcome.Error?.Message);
            var (jupyter, own) = (Outputs(Path.Combine(_folder, "jupyter.ipynb")), Outputs(outcome.Notebook));
            Assert.NotEmpty(own);
            Assert.Equal(own, jupyter);
        }
        finally
        {
            Environment.SetEnvironmentVariable("LTHKIT_RUNS", null);
        }
    }

    // The progress of a training is timing, and a run that is found in the store has none.
    private static List<string> Outputs(string notebook) =>
        [.. NotebookDocument.Load(notebook).Cells.Where(cell => cell.IsCode)
            .SelectMany(cell => cell.Outputs.Select(output => $"{cell.Id}: {Text(output!)}"))
            .Where(text => !text.Contains("text/plain", StringComparison.Ordinal) || !text.Contains(" runs", StringComparison.Ordinal))];

    private static string Text(JsonNode output)
    {
        var copy = output.DeepClone().AsObject();
        copy.Remove("execution_count");
        copy.Remove("metadata");
        foreach (var (mimeType, data) in (copy["data"] as JsonObject ?? []).ToList())
        {
            if (data is JsonArray lines && !mimeType.EndsWith("json", StringComparison.Ordinal))
                copy["data"]![mimeType] = string.Concat(lines.Select(line => line!.GetValue<string>()));
        }

        return Sorted(copy)!.ToJsonString();
    }

    // nbformat sorts the keys of what it writes, and writes 1e-05 for 1E-05.
    private static JsonNode? Sorted(JsonNode? node) => node switch
    {
        JsonObject o => new JsonObject(o.OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => KeyValuePair.Create(pair.Key, Sorted(pair.Value)))),
        JsonArray a => new JsonArray([.. a.Select(Sorted)]),
        JsonValue v when v.GetValueKind() == JsonValueKind.Number => v.GetValue<double>(),
        _ => node?.DeepClone(),
    };

    /// <summary>What front ends start.</summary>
    public static string CommandLine => Path.Combine(Root, "artifacts", "bin", "LTHKit.Cli", "release", "lthkit-cli.dll") is var path && File.Exists(path)
        ? path
        : throw new InvalidOperationException("The command line, which front ends start, is not built; run ./lthkit setup.");

    public static string Root => Ancestors(AppContext.BaseDirectory).First(folder => File.Exists(Path.Combine(folder, "LTHKit.sln")));

    private static IEnumerable<string> Ancestors(string folder)
    {
        for (var at = new DirectoryInfo(folder); at is not null; at = at.Parent)
            yield return at.FullName;
    }

    private void Drive(string scenario, params string[] arguments)
    {
        KernelSpecs.Install(Path.Combine(_folder, "data"), ["dotnet", CommandLine, "kernel", "run"], Root);
        var script = Path.Combine(Root, "tests", "Notebook.Tests", "Jupyter", "drive.py");
        var start = new ProcessStartInfo(Python, [script, scenario, .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["JUPYTER_DATA_DIR"] = Path.Combine(_folder, "data");
        start.Environment["JUPYTER_RUNTIME_DIR"] = Path.Combine(_folder, "runtime");
        start.Environment["LTHKIT_RUNS"] = Path.Combine(_folder, "runs");
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEndAsync();
        if (!process.WaitForExit(TimeSpan.FromMinutes(10)))
        {
            process.Kill(entireProcessTree: true);
            Assert.Fail($"{scenario} did not come to an end.\n{output.Result}\n{errors.Result}");
        }

        Assert.True(process.ExitCode == 0, $"{scenario}:\n{output.Result}\n{errors.Result}");
    }
}

/// <summary>A test that needs Debian's jupyter-client and nbclient; skipped where they are not.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class JupyterTheoryAttribute : TheoryAttribute
{
    public JupyterTheoryAttribute()
    {
        if (!new[] { "jupyter_client", "nbclient" }.All(module => Directory.Exists($"/usr/lib/python3/dist-packages/{module}")))
            Skip = "python3-jupyter-client and python3-nbclient are not installed.";
    }
}
