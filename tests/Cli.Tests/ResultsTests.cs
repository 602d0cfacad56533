using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using LTHKit.Experiments;
using Xunit;

namespace LTHKit.Cli.Tests;

/// <summary>Results, claims and the estimate, over real runs.</summary>
public sealed partial class VerbTests
{
    internal static async Task<string> Said(params string[] arguments)
    {
        var (before, said) = (Console.Out, new StringWriter());
        using var back = new Ending(() => Console.SetOut(before));
        Console.SetOut(said);
        Assert.Equal((0, ""), await Run(arguments));
        return said.ToString();
    }

    private string[] Finished(string store)
        => Directory.Exists(Path.Combine(_folder, store)) ? Directory.GetFiles(Path.Combine(_folder, store), "done.json", SearchOption.AllDirectories) : [];

    private static int Number(string text, string before) => int.Parse(Regex.Match(text, before + @"\s+([\d,]+)").Groups[1].Value.Replace(",", ""));

    [Theory]
    [InlineData("quick")]
    [InlineData("study")]
    public async Task TheCommittedTableOfClaimsIsWhatItsRunsSay(string results)
    {
        var said = await Said("claims", "--verify", results);
        Assert.Contains("is what the runs beside it say", said);
        Assert.DoesNotContain("lthkit-claims-", said);      // the store that they were read from, which is gone
    }

    // What it had written by then is its own; what else lies there is not.
    [Fact]
    public async Task AnExportThatWasCutOffGoesOn()
    {
        var (store, results) = (Path.Combine(_folder, "here"), Path.Combine(_folder, "results"));
        await Said("results", "import", "study", "--store", store);
        await Said("results", "export", results, "--store", store);
        var lines = Path.Combine(results, "runs.jsonl");
        var before = File.ReadAllText(lines);
        File.Move(lines, lines + ".0123.tmp");
        File.WriteAllText(Path.Combine(results, "masks", "0.safetensors.gz.0123.tmp"), "");
        await Said("results", "export", results, "--store", store);
        Assert.Equal(before, File.ReadAllText(lines));
        File.Delete(lines);
        foreach (var other in (string[])["own.txt", "masks/own.png"])
        {
            File.WriteAllText(Path.Combine(results, other), "");
            await Refused("holds something else than runs", "results", "export", results, "--store", store);
            File.Delete(Path.Combine(results, other));
        }
        foreach (var verb in (string[])["export", "import"])
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => ResultsVerb.Create().Parse([verb, verb == "import" ? "study" : results, "--store", verb == "import" ? results + "2" : store])
                .InvokeAsync(new() { EnableDefaultExceptionHandler = false }, new(canceled: true)));
        Assert.False(File.Exists(lines));
    }

    // The size is that of the runs; who has no laboratory is told the command that measures what is missing.
    [Fact]
    public async Task AnExportTellsItsOwnSizeAndClaimsTellWhatGetsTheMissing()
    {
        var (store, results) = (Path.Combine(_folder, "here"), Path.Combine(_folder, "results"));
        await Said("results", "import", "quick", "--store", store);
        Directory.CreateDirectory(results);
        File.WriteAllText(Path.Combine(results, "runs.jsonl"), "");
        File.WriteAllBytes(Path.Combine(results, "other"), new byte[50_000_000]);
        var size = double.Parse(Regex.Match(await Said("results", "export", results, "--store", store), @"([\d.]+) MB").Groups[1].Value);
        Assert.InRange(size, 1, 49);

        File.Delete(Directory.GetFiles(store, "activation-sparsity-*.json", SearchOption.AllDirectories).Order().First());
        var said = await Said("claims", "--store", store, "--device", "cpu", "--seeds", "11");
        Assert.Contains("has not been measured for its activation-sparsity.\n"
            + $"LTHKIT_RUNS='{store}' ./lthkit reproduce 10-claims --profile quick --dataset synthetic --model resnet18 --seeds 11 --device cpu gets what is missing", said);
        Assert.DoesNotContain("laboratory", said);
    }

    // What is estimated is what is trained; what is exported need not be trained elsewhere; what the committed table says is what the committed runs say.
    [Fact]
    [Trait("Category", "Slow")]
    public async Task AnEstimateIsWhatIsTrainedAndResultsTravel()
    {
        string[] headline = ["reproduce", "--profile", "smoke", "--device", "cpu", "--out", Path.Combine(_folder, "out")];
        var estimate = await Said([.. headline, "--estimate"]);
        Assert.Empty(Finished("runs"));
        Assert.Contains("from a few steps of training", estimate);
        await Said(headline);
        var trained = Finished("runs").Length;
        Assert.Equal((trained, trained), (Number(estimate, "runs"), Number(estimate, "to train")));
        Assert.Equal(3 * trained, Number(estimate, "of them,"));

        var (results, here) = (Path.Combine(_folder, "results"), Path.Combine(_folder, "here"));
        Assert.Contains($"{trained} runs in ", await Said("results", "export", results));
        Assert.Contains($"{trained} of them new", await Said("results", "import", results, "--store", here));
        Environment.SetEnvironmentVariable("LTHKIT_RUNS", here);
        var then = await Said([.. headline, "--estimate"]);
        Assert.Equal((0, Number(estimate, "saves")), (Number(then, "to train"), Number(then, "saves")));
        await Said(headline);
        Assert.Equal(trained, Finished("here").Length);
        Assert.Empty(Directory.GetFiles(here, "checkpoint.safetensors", SearchOption.AllDirectories));

        var table = await Said("claims", "--profile", "smoke", "--device", "cpu", "--runs", "--write", results);
        Assert.Contains("\n* C7: ", table);
        Assert.All(File.ReadLines(Path.Combine(results, "claims.md")).Where(line => line.StartsWith("* C")), line => Assert.Contains(line, table));
        Assert.Matches(@"C16 imp .*nothing to compare|C16 imp .*\d points, 2 seeds", table);
        Assert.Contains("missing", table);
        Assert.Contains("is what the runs beside it say", await Said("claims", "--verify", results));
        var written = Path.Combine(results, "claims.md");
        File.WriteAllText(written, File.ReadAllText(written).Replace("| open", "| holds"));
        Assert.Equal(1, (await Run("claims", "--verify", results)).Code);

        // What another kit made says nothing here, and the table is not to blame for it.
        var lines = Path.Combine(results, "runs.jsonl");
        File.WriteAllLines(lines, [.. File.ReadAllLines(lines).Select(text =>
        {
            var line = JsonNode.Parse(text)!.AsObject();
            line.Remove("check");
            line["made"] = RunStore.Kit + "0, cpu";
            line["run"] = RunStore.Name(SpecJson.Hash(line["spec"]!.AsObject()), RunStore.Kit + "0, cpu");
            line["check"] = SpecJson.Hash(line);
            return line.ToJsonString();
        })]);
        var refused = await Run("claims", "--verify", results);
        Assert.Equal(2, refused.Code);
        Assert.Contains($"made by {RunStore.Kit}0, cpu; this is {RunStore.Kit}, ", refused.Error);
    }
}
