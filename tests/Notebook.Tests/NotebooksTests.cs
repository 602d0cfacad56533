using System.Text.Json;
using System.Text.RegularExpressions;
using LTHKit.Experiments;
using LTHKit.Notebook.Tests.Jupyter;

namespace LTHKit.Notebook.Tests;

/// <summary>Every notebook of the kit, executed by the headless runner, and again through the kernel by Jupyter's own client.</summary>
[Collection(ReproducedTests.Name)]
[Trait("Category", "Slow")]
public sealed partial class NotebooksTests(Reproduced reproduced) : InFolder
{
    [Theory]
    [MemberData(nameof(Reproduced.Names), MemberType = typeof(Reproduced))]
    public void ReproduceLeavesFiguresAndAPageThatNeedsNoNetwork(string name)
    {
        var executed = File.ReadAllText(Path.Combine(reproduced.Output, name + ".ipynb"));
        Assert.Equal(name != "10-claims", executed.Contains("application/vnd.plotly.v1+json", StringComparison.Ordinal));     // which is one table
        Assert.DoesNotContain("\"output_type\": \"error\"", executed);
        var page = File.ReadAllText(Path.Combine(reproduced.Output, name + ".html"));
        Assert.DoesNotMatch("<script[^>]+src=", page);
        Assert.DoesNotMatch("<link[^>]+href=\"http", page);
    }

    [Fact]
    public void ReproduceLeavesTablesAndTrainsASharedRunOnce()
    {
        Assert.True(File.Exists(Path.Combine(reproduced.Output, "00-quickstart.table-accuracy.csv")));
        // All notebooks share the profile's dense networks and ladder: two seeds, and the levels up to the one that is nearest to 91.4 %.
        var smoke = Profile.Get("smoke");
        var runs = Directory.GetFiles(reproduced.Runs, "spec.json", SearchOption.AllDirectories)
            .Select(path => JsonNode.Parse(File.ReadAllText(path))!["run"]!.AsObject()).Where(IsVanilla).ToList();
        Assert.Equal([0, 0, 1, 1, 2, 2, 3, 3, 4, 4], runs.Select(Level).Order());

        bool IsVanilla(JsonObject run) => JsonNode.DeepEquals(run, new RunSpec
        {
            Data = smoke.Data,
            Model = smoke.Model,
            Recipe = smoke.Recipe,
            Rates = smoke.Rates,
            Level = Level(run),
            Seed = (int?)run["seed"] ?? 0,
        }.ToJson());

        static int Level(JsonObject run) => (int?)run["level"] ?? 0;
    }

    // The same cells, parameters included, over the same run store: nothing is trained twice.
    [JupyterTheory]
    [MemberData(nameof(Reproduced.Names), MemberType = typeof(Reproduced))]
    public void ANotebookGivesTheSameInJupyterAndWithoutAFrontEnd(string name)
    {
        var (own, jupyter) = (Path.Combine(reproduced.Output, name + ".ipynb"), Path.Combine(Folder, name + ".ipynb"));
        JupyterClientTests.Drive(Folder, reproduced.Runs, "notebook", own, Path.Combine(Kit.Root, "notebooks"), jupyter);
        var wanted = Outputs(own);
        Assert.NotEmpty(wanted);
        Assert.Equal(wanted, Outputs(jupyter));
    }

    private static List<string> Outputs(string notebook) =>
        [.. NotebookDocument.Load(notebook).Cells.Where(cell => cell.IsCode && !cell.Tags.Contains("times")).SelectMany(cell => cell.Outputs.Select(output => Text(output!)).OfType<string>()
            .Select(text => $"{cell.Id} [{cell.ExecutionCount}]: {text}"))];

    // Null for what is progress and nothing else.
    private static string? Text(JsonNode output)
    {
        var copy = output.DeepClone().AsObject();
        foreach (var (mimeType, content) in (copy["data"] as JsonObject ?? []).ToList())
        {
            if (content is JsonArray lines && !mimeType.EndsWith("json", StringComparison.Ordinal))
                copy["data"]![mimeType] = MultilineText.Join(lines);
        }

        if ((string?)copy["output_type"] == "display_data" && copy["data"] is JsonObject { Count: 1 } data
            && (string?)data["text/plain"] is { } shown && Progress().Match(shown) is { Success: true } progress)
        {
            if (progress.Length == shown.Length)
                return null;
            data["text/plain"] = shown[progress.Length..];
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

    // "AT + TRT: 6 runs trained, 2 from the store, 9 s" tells times, and the second time there is nothing to train or to compute and no such
    // line, nor the size of the network below it. A warning of collapsed layers stands below it, or else below the name alone, and must be the same.
    [GeneratedRegex(@"^.+?(: \d+ runs? trained(, \d+ from the store)?, [\da-z ]+(\n  [^\n]+ multiply-adds an image)*|: (\d+) of \4)(?=$|\n  layer collapse)|^[^\n]+(?=\n  layer collapse)")]
    private static partial Regex Progress();
}
