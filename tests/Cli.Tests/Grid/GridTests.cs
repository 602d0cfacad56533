using System.Diagnostics;
using System.Text.RegularExpressions;
using LTHKit.Cli.Grid;
using LTHKit.Experiments;
using Xunit;
using Xunit.Abstractions;

namespace LTHKit.Cli.Tests.Grid;

/// <summary>Grids on this machine and on a Slurm that the tests start.</summary>
[Collection("processes and variables")]
public sealed partial class GridTests(ITestOutputHelper counted) : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("lthkit-grid-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private string At(string name) => Path.Combine(_folder, name);

    private async Task<(GridFolder Grid, string Said)> Submit(GridPlan plan)
    {
        GridFolder grid = new(At("grid"));
        var said = new StringWriter();
        Assert.Equal(0, await GridVerb.Submit(grid, plan, dryRun: false, GridProgram.PlanRuns, said, default));
        return (grid, said.ToString());
    }

    private static async Task<(int Code, string Error)> Verb(params string[] arguments)
    {
        var error = new StringWriter();
        return (await CommandLine.Run(CommandLine.Verbs, ["grid", .. arguments], error), error.ToString());
    }

    private static List<Standing> Stands(GridFolder grid)
        => ICluster.Of(grid).Active() is var active ? [.. grid.Plan.Tasks.Select((_, i) => grid.Stands(i, active).Standing)] : [];

    private void Until(Func<bool> condition, int seconds = 120)
    {
        for (var clock = Stopwatch.StartNew(); !condition(); Thread.Sleep(100))
            Assert.True(clock.Elapsed < TimeSpan.FromSeconds(seconds), "it never was so:\n" + string.Join('\n', Directory.GetFiles(At("grid/logs")).Order().SelectMany(File.ReadLines)));
    }

    private static int[] Numbers(GridFolder grid, string pattern) => [.. grid.Plan.Tasks.Select((_, i) => Regex.Matches(Log(grid, i), pattern).Count)];

    private static string Log(GridFolder grid, int task) => File.Exists(grid.Log(task)) ? File.ReadAllText(grid.Log(task)) : "";

    private static int Restarts() => Regex.Matches(SlurmCluster.Output("scontrol", "-o", "show", "job"), @"Restarts=(\d+)").Sum(match => int.Parse(match.Groups[1].Value));

    // What one process alone makes of the same runs.
    private void AsAlone(int seeds, string store)
    {
        using (var lab = Lab.Open(GridProgram.Profile(seeds), device: "cpu", store: new RunStore(At("alone"))))
            GridProgram.Ask(lab);
        var (wanted, had) = (Bits(At("alone")), Bits(store));
        Assert.Equal(9 * seeds - seeds, wanted.Count);      // network and metrics of each of three runs, masks of two
        Assert.Equal(wanted, had);
        Assert.Empty(Directory.GetFiles(store, "*.tmp", SearchOption.AllDirectories));

        static Dictionary<string, string> Bits(string store) => Directory.GetFiles(store, "*", SearchOption.AllDirectories)
            .Where(file => Path.GetFileName(file) is "checkpoint.safetensors" or "mask.safetensors" or "metrics.jsonl")
            .ToDictionary(file => Path.GetRelativePath(store, file), file => file.EndsWith("jsonl") ? Seconds().Replace(File.ReadAllText(file), "") : Convert.ToHexString(File.ReadAllBytes(file)));
    }

    [GeneratedRegex("\"seconds\":[^,}]*")]
    private static partial Regex Seconds();

    [Fact]
    public async Task WithoutSlurmTheTasksRunHereSideBySideAndGoOnAfterACancel()
    {
        var (grid, said) = await Submit(GridProgram.Plan(4, At("runs"), atOnce: 2));
        Assert.Contains("4 tasks, 2 at once; 12 runs, of which 12 with 48 epochs are to be trained", said);
        Assert.All(Stands(grid), standing => Assert.Contains(standing, new[] { Standing.Running, Standing.Pending, Standing.Done }));
        Until(() => Stands(grid).Contains(Standing.Running));
        Assert.Equal((0, ""), await Verb("cancel", grid.Path));
        Assert.All(Stands(grid), standing => Assert.Contains(standing, new[] { Standing.Stopped, Standing.Done }));
        Assert.Contains(Standing.Stopped, Stands(grid));
        Assert.Equal((0, ""), await Verb("retry", grid.Path));
        Until(() => Stands(grid).All(standing => standing == Standing.Done));
        Assert.All(Enumerable.Range(0, 4), task => Assert.InRange(Regex.Matches(Log(grid, task), "grid: finished").Count, 0, 3));
        AsAlone(4, At("runs"));
    }

    [Fact]
    public async Task WhatCannotGoOnIsSaidInItsSentenceAndOnlyThatIsSubmittedAgain()
    {
        var (grid, _) = await Submit(GridProgram.Plan(2, At("runs"), atOnce: 2));
        Until(() => Stands(grid).All(standing => standing == Standing.Done) && !GridFolder.IsHeld(grid.Supervisor));
        // A run of the second task is lost, and its ticket's folder damaged.
        var store = new RunStore(At("runs"));
        var damaged = store.FolderOf(grid.Plan.Tasks[1].Runs[1].Id);
        File.Delete(damaged.Done);
        File.WriteAllText(damaged.Spec, "{");
        Assert.Equal([Standing.Done, Standing.Stopped], Stands(grid));
        Assert.Equal((0, ""), await Verb("retry", grid.Path));
        Until(() => Stands(grid)[1] == Standing.Failed && !GridFolder.IsHeld(grid.Supervisor));
        Assert.Contains($"{damaged.Spec} is damaged", grid.State(1).Failed);
        Assert.Single(Regex.Matches(Log(grid, 0), "grid: task 0"));
        // Thrown away, it is trained anew.
        Assert.Equal((0, ""), await Verb("reset", grid.Path));
        Assert.Equal((0, ""), await Verb("retry", grid.Path));
        Until(() => Stands(grid)[1] == Standing.Done && !GridFolder.IsHeld(grid.Supervisor));
        AsAlone(2, At("runs"));
        // Other runs than were submitted are not trained.
        File.Delete(store.FolderOf(grid.Plan.Tasks[0].Runs[0].Id).Done);
        grid.Write(grid.Plan with { Tasks = [.. grid.Plan.Tasks.Select(task => task with { Runs = [.. task.Runs, new("0123456789ab", "a run of before", 1)] })] });
        Assert.Equal((0, ""), await Verb("retry", grid.Path));
        Until(() => Stands(grid).All(standing => standing == Standing.Failed));
        Assert.StartsWith("The notebooks or the kit have changed", grid.State(0).Failed);
    }

    [Theory]
    [InlineData("1-02:03:04", 93784.0)]
    [InlineData("2:03:04", 7384.0)]
    [InlineData("59", 59.0)]
    [InlineData("0:00", 0.0)]
    [InlineData("INVALID", null)]
    [InlineData("NOT_SET", null)]
    public void TimesAreSlurms(string text, double? seconds) => Assert.Equal(seconds, Slurm.Time(text)?.TotalSeconds);

    [Fact]
    public async Task WhatIsNoGridIsOneSentence()
    {
        foreach (var arguments in new[] { ["status", At("none")], new[] { "retry", At("none") }, ["submit", "nothing"], ["submit", "--site", At("none"), "--dry-run", "--profile", "smoke", "--gres", "x"] })
            Assert.Matches(@"^lthkit: [^\n]+[.]\n$", (await Verb(arguments)) is (2, var error) ? error : "no error");
        Assert.Empty(Directory.GetFileSystemEntries(_folder));
    }

    // Tasks that are stopped and killed at random under a controller that is killed too; LTHKIT_SIEGE says how many (200 take some minutes).
    [SlurmFact]
    public async Task UnderSiegeOnSlurmEachRunIsTrainedOnceAndToTheSameBits()
    {
        var seeds = int.TryParse(Environment.GetEnvironmentVariable("LTHKIT_SIEGE"), out var number) ? number : 8;
        using SlurmCluster cluster = new(processors: 64);
        var (grid, _) = await Submit(GridProgram.OnSlurm(GridProgram.Plan(seeds, At("runs"), atOnce: 4)) with { TimeOuts = 1000 });
        var random = new Random(1);
        var sent = new Dictionary<string, int>();
        var (restarted, clock) = (false, Stopwatch.StartNew());
        while (true)
        {
            var stands = Stands(grid);
            Assert.True(clock.Elapsed < TimeSpan.FromSeconds(180 + 10 * seeds),
                $"the siege never ends: {string.Join(' ', stands)}\n{string.Join('\n', Directory.GetFiles(At("grid/logs")).Order().SelectMany(File.ReadLines))}");
            if (stands.All(standing => standing == Standing.Done))
                break;
            if (stands.All(standing => standing is Standing.Done or Standing.Stopped or Standing.Failed))
            {
                Assert.DoesNotContain(Standing.Failed, stands);
                Assert.Equal((0, ""), await Verb("retry", grid.Path));
            }
            if (!restarted && stands.Contains(Standing.Done))
            {
                cluster.RestartController(TimeSpan.FromSeconds(2));
                restarted = true;
            }
            var held = Enumerable.Range(0, seeds).Select(grid.Lock).Select(GridFolder.Holder).OfType<int>().ToList();
            if (held.Count > 0 && sent.Values.Sum() < 2 * seeds)
            {
                var signal = new[] { "USR1", "USR2", "TERM", "KILL" }[random.Next(4)];
                SlurmCluster.Output("kill", $"-{signal}", $"{held[random.Next(held.Count)]}");
                sent[signal] = sent.GetValueOrDefault(signal) + 1;
            }
            Thread.Sleep(random.Next(100, 1000));
        }
        counted.WriteLine($"{seeds} tasks, {string.Join(", ", sent.Select(s => $"{s.Value} SIG{s.Key}"))}, {clock.Elapsed.TotalSeconds:0} s");
        AsAlone(seeds, At("runs"));
        // No run was trained to its end twice, by whatever process, and nothing was queued again twice.
        var finished = grid.Plan.Tasks.SelectMany((_, i) => Regex.Matches(Log(grid, i), @"grid: finished (\w+)").Select(match => match.Groups[1].Value)).ToList();
        Assert.Equal(finished.Distinct().Count(), finished.Count);
        Assert.Equal(Numbers(grid, "is queued again").Sum(), Restarts());
    }

    [SlurmFact]
    public async Task ATimeOutCountsAPreemptionDoesNotAndWhatIsCancelledStaysSo()
    {
        using SlurmCluster cluster = new(processors: 2);
        var (grid, _) = await Submit(GridProgram.OnSlurm(GridProgram.Plan(2, At("runs"), atOnce: 2, epochs: 100_000)) with { TimeOuts = 0, Margin = 50 });
        var job = File.ReadAllText(grid.Jobs).Trim();
        Until(() => Numbers(grid, "multiply-adds").All(count => count > 0));
        SlurmCluster.Output("sbatch", "-p", "high", "-n", "2", "--output=/dev/null", "--wrap", "sleep 1");
        Until(() => Numbers(grid, "stopped by SIGTERM").All(count => count == 1));
        Until(() => Numbers(grid, "multiply-adds").All(count => count == 2));
        Assert.Equal((2, 0), (Restarts(), Numbers(grid, "is queued again").Sum()));      // by Slurm itself
        SlurmCluster.Output("scancel", "--batch", "--signal=USR1", $"{job}_1");
        Until(() => Numbers(grid, "multiply-adds") is [2, 3]);
        Assert.Equal([0, 1], Numbers(grid, "is queued again"));         // by the task, and that one alone
        Assert.All(Enumerable.Range(0, 2), task => Assert.Equal(new TaskState(), grid.State(task)));
        // The first has a minute from now on, of whose end Slurm tells it.
        SlurmCluster.Output("scontrol", "update", $"jobid={job}_0", "timelimit=1");
        Until(() => Stands(grid)[0] == Standing.Failed);
        Assert.Equal(new TaskState(1, "It ran out of time 1 times: give it more with --time, then retry."), grid.State(0));
        Assert.Equal(Standing.Running, Stands(grid)[1]);
        Assert.Equal((0, ""), await Verb("cancel", grid.Path));
        Assert.Equal("", SlurmCluster.Output("squeue", "-h"));
        Assert.Equal([Standing.Failed, Standing.Stopped], Stands(grid));
        Assert.Equal(3, Restarts());
    }

    [SlurmFact]
    public async Task WhenSlurmFailsOnceOrForGoodNothingIsTakenForFailed()
    {
        using SlurmCluster cluster = new(processors: 1);
        var (grid, _) = await Submit(GridProgram.OnSlurm(GridProgram.Plan(2, At("runs"), atOnce: 2, epochs: 100_000)));
        Until(() => Stands(grid).Contains(Standing.Running));
        Assert.Equal([Standing.Running, Standing.Pending], Stands(grid).Order());
        var path = Environment.GetEnvironmentVariable("PATH");
        var count = At("count");
        File.WriteAllText(At("squeue"), $"#!/bin/sh\necho >>'{count}'\n[ $(wc -l <'{count}') -ge $FAILS ] && exec /usr/bin/squeue \"$@\"\necho 'slurm_load_jobs error: Unable to contact slurm controller' >&2\nexit 1\n");
        SlurmCluster.Output("chmod", "+x", At("squeue"));
        try
        {
            Environment.SetEnvironmentVariable("PATH", $"{_folder}:{path}");
            Environment.SetEnvironmentVariable("FAILS", "2");
            Assert.Equal([Standing.Running, Standing.Pending], Stands(grid).Order());
            Environment.SetEnvironmentVariable("FAILS", "100");
            Assert.Equal([Standing.Unknown, Standing.Unknown], Stands(grid));
            Assert.Equal((2, "lthkit: Slurm does not answer now; ask again later.\n"), await Verb("retry", grid.Path));
        }
        finally
        {
            Environment.SetEnvironmentVariable("PATH", path);
        }
        Assert.Equal((0, ""), await Verb("cancel", grid.Path));
    }
}
