using System.Diagnostics;
using System.Text.RegularExpressions;
using LTHKit.Cli.Grid;
using LTHKit.Experiments;
using LTHKit.Storage;
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

    private async Task<(GridFolder Grid, string Said)> Submit(GridSettings settings, bool dryRun = false)
    {
        GridFolder grid = new(At("grid"));
        var said = new StringWriter();
        await GridVerb.Submit(grid, settings, dryRun, GridProgram.PlanRuns, said, default);
        return (grid, said.ToString());
    }

    private static Task<(int Code, string Error)> Verb(params string[] arguments) => VerbTests.Run(["grid", .. arguments]);

    private static Task<string> Said(params string[] arguments) => VerbTests.Said(["grid", .. arguments]);

    private static List<Standing> Stands(GridFolder grid)
        => ICluster.Of(grid).Active() is var active ? [.. grid.Settings.Tasks.Select((_, i) => grid.Stands(i, active).Standing)] : [];

    private void Until(Func<bool> condition, int seconds = 600)
    {
        for (var clock = Stopwatch.StartNew(); !condition(); Thread.Sleep(100))
            Assert.True(clock.Elapsed < TimeSpan.FromSeconds(seconds), "it never was so:\n" + string.Join('\n', Directory.GetFiles(At("grid/logs")).Order().SelectMany(File.ReadLines)));
    }

    private static int[] Numbers(GridFolder grid, string pattern) => [.. grid.Settings.Tasks.Select((_, i) => Regex.Matches(Log(grid, i), pattern).Count)];

    private static string Log(GridFolder grid, int task) => File.Exists(grid.Log(task)) ? File.ReadAllText(grid.Log(task)) : "";

    // A program of Slurm's that does not reach the controller so many times; jobs that are handed in meanwhile have it too.
    private IDisposable Away(string program, int times)
    {
        var (path, count) = (Environment.GetEnvironmentVariable("PATH"), At("count"));
        File.Delete(count);
        File.WriteAllText(At(program), $"""
            #!/bin/sh
            echo >>'{count}'
            [ $(wc -l <'{count}') -gt {times} ] && exec /usr/bin/{program} "$@"
            echo 'slurm_load_jobs error: Unable to contact slurm controller' >&2
            exit 1

            """);
        SlurmCluster.Output("chmod", "+x", At(program));
        Environment.SetEnvironmentVariable("PATH", $"{_folder}:{path}");
        return new Ending(() =>
        {
            Environment.SetEnvironmentVariable("PATH", path);
            File.Delete(At(program));
        });
    }

    private static string Job(GridFolder grid) => File.ReadAllLines(grid.Jobs)[^1];

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
        var (grid, said) = await Submit(GridProgram.Settings(4, At("runs"), atOnce: 2));
        Assert.Contains("4 tasks, 2 at once; 12 runs, of which 12 with 48 epochs are to be trained", said);
        Assert.All(Stands(grid), standing => Assert.Contains(standing, new[] { Standing.Running, Standing.Pending, Standing.Done }));
        Until(() => Stands(grid).Contains(Standing.Running));
        Assert.Equal(grid.Path, File.ResolveLinkTarget($"/proc/{grid.Holder(grid.Supervisor)}/cwd", returnFinalTarget: false)?.FullName);
        Assert.Equal((0, ""), await Verb("cancel", grid.Path));
        Assert.All(Stands(grid), standing => Assert.Contains(standing, new[] { Standing.Stopped, Standing.Done }));
        Assert.Contains(Standing.Stopped, Stands(grid));
        // What began them may still be about to end, with none left.
        File.WriteAllText(grid.Queue, "");
        var ending = GridFolder.Hold(grid.Supervisor)!;
        var ended = Task.Delay(1000).ContinueWith(_ => ending.Dispose());
        Assert.Equal((0, ""), await Verb("retry", grid.Path));
        await ended;
        Until(() => Stands(grid).All(standing => standing == Standing.Done) && !GridFolder.IsHeld(grid.Supervisor));
        Assert.All(Enumerable.Range(0, 4), task => Assert.InRange(Regex.Matches(Log(grid, task), "grid: finished").Count, 0, 3));
        AsAlone(4, At("runs"));
    }

    [Fact]
    public async Task WhatIsCancelledBeforeItBeginsDoesNotBegin()
    {
        var (grid, _) = await Submit(GridProgram.Settings(2, At("runs"), atOnce: 1, epochs: 100_000));
        Assert.Equal((0, ""), await Verb("cancel", grid.Path));
        Assert.Equal([Standing.Stopped, Standing.Stopped], Stands(grid));
        Assert.False(GridFolder.IsHeld(grid.Supervisor));
        Assert.Equal(143, await new GridWorker(grid, 1, GridProgram.PlanRuns).Run(TextWriter.Null));
        Assert.Equal("", Log(grid, 1));
    }

    [Fact]
    public async Task WhatCannotGoOnIsSaidInItsSentenceAndOnlyThatIsSubmittedAgain()
    {
        var (grid, _) = await Submit(GridProgram.Settings(2, At("runs"), atOnce: 2));
        Until(() => Stands(grid).All(standing => standing == Standing.Done) && !GridFolder.IsHeld(grid.Supervisor));
        Assert.Equal("grid is finished: there is nothing to cancel.\n", await Said("cancel", grid.Path));
        Assert.False(File.Exists(grid.Cancelled));
        Assert.StartsWith("grid: nothing failed", await Said("logs", grid.Path));
        // A run of the second task is lost, and its ticket's folder damaged.
        var store = new RunStore(At("runs"));
        var damaged = store.FolderOf(grid.Settings.Tasks[1].Runs[1].Id);
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
        File.Delete(store.FolderOf(grid.Settings.Tasks[0].Runs[0].Id).Done);
        grid.Write(grid.Settings with { Tasks = [.. grid.Settings.Tasks.Select(task => task with { Runs = [.. task.Runs, new("0123456789ab", "a run of before", 1)] })] });
        Assert.Equal((0, ""), await Verb("retry", grid.Path));
        Until(() => Stands(grid).All(standing => standing == Standing.Failed));
        Assert.StartsWith("The notebooks or the kit have changed", grid.State(0).Failed);
        await new GridWorker(grid, 0, (_, _, _, _) => throw new InvalidOperationException("odd\nframe #0")).Run(TextWriter.Null);
        Assert.Equal("InvalidOperationException: odd", grid.State(0).Failed);
    }

    [Fact]
    public async Task WithoutSlurmADeviceHasOneTaskAtOnceAndTheCoresAreShared()
    {
        string[] command = ["submit", "--local", "--profile", "smoke", "--name", Guid.NewGuid().ToString(), "--dry-run"];
        Assert.Contains(" tasks, 1 at once;", await Said([.. command, "--device", "cuda"]));
        Assert.Contains(" tasks, 3 at once;", await Said([.. command, "--device", "cuda", "--at-once", "3"]));
        var said = await Said([.. command, "--per-task", "2"]);
        Assert.Contains($" tasks, {Math.Max(1, Environment.ProcessorCount / 2)} at once;", said);
        Assert.DoesNotContain("sbatch", said);
        Assert.Equal((2, "lthkit: --site is for Slurm, which --local leaves aside; leave out one of them.\n"), await Verb([.. command, "--site", At("site")]));
    }

    [Fact]
    public async Task ATaskTrainsAsManyRunsSideBySideAsItIsTold()
    {
        var (grid, _) = await Submit(GridProgram.Settings(1, At("runs"), atOnce: 1, epochs: 2000) with { PerTask = 2 });
        Until(() => grid.Holder(grid.Lock(0)) is not null);
        Assert.Contains("DOTNET_PROCESSOR_COUNT=2", Variables());
        Until(() => grid.Missing(0).Count(run => File.Exists(GridFolder.Folder(grid.Settings, run).Lease)) == 2);
        Assert.Equal((0, ""), await Verb("cancel", grid.Path));
        // On a device the processors are not what is shared.
        grid.Write(grid.Settings with { Device = "cuda" });
        Assert.Equal((0, ""), await Verb("retry", grid.Path));
        Until(() => grid.Holder(grid.Lock(0)) is not null);
        Assert.DoesNotContain("DOTNET_PROCESSOR_COUNT=2", Variables());
        Assert.Equal((0, ""), await Verb("cancel", grid.Path));

        string[] Variables() => File.ReadAllText($"/proc/{grid.Holder(grid.Lock(0))}/environ").Split('\0');
    }

    [Fact]
    public async Task WhatNothingBeginsOrSomethingKillsIsSaid()
    {
        var settings = GridProgram.Settings(1, At("runs"), atOnce: 1, epochs: 100_000);
        GridFolder grid = new(At("grid"));
        Assert.Equal($"No process took up the tasks of grid: see {At("grid/logs/supervisor.log")}, then ./lthkit grid retry grid.",
            (await Assert.ThrowsAsync<UserException>(() => Submit(settings with { Command = [At("none"), "work"] }))).Message);
        Assert.Contains(At("none"), File.ReadAllText(At("grid/logs/supervisor.log")));
        Assert.Equal([Standing.Stopped], Stands(grid));
        // What begins the tasks is there, their program is not.
        await new ThisMachine(grid).Supervise(default);
        Assert.Equal([Standing.Failed], Stands(grid));
        Assert.Equal($"Its process ended with code 127: see {grid.Log(0)}, then retry.", grid.State(0).Failed);
        grid.Write(grid.Settings with { Command = settings.Command });
        Assert.Equal((0, ""), await Verb("retry", grid.Path));
        Until(() => grid.Holder(grid.Lock(0)) is not null);
        SlurmCluster.Output("kill", "-KILL", $"{grid.Holder(grid.Lock(0))}");
        Until(() => Stands(grid) is [Standing.Failed]);
        Assert.Equal($"Its process ended with code 137: see {grid.Log(0)}, then retry.", grid.State(0).Failed);
    }

    [Fact]
    public void WhoLooksWhetherAFileIsHeldIsInNobodysWay()
    {
        File.WriteAllText(At("lock"), "");
        var look = File.OpenHandle(At("lock"));
        Assert.False(GridFolder.IsHeld(At("lock")));
        Thread looked = new(() =>
        {
            Thread.Sleep(200);
            look.Dispose();
        });
        looked.Start();
        using var held = GridFolder.Hold(At("lock"));
        Assert.NotNull(held);
        Assert.True(GridFolder.IsHeld(At("lock")));
        looked.Join();
    }

    [Fact]
    public async Task ATaskThatIsHeldIsLeftToItsProcessAndFailsWhereThereIsNone()
    {
        var (grid, _) = await Submit(GridProgram.Settings(1, At("runs"), atOnce: 1, epochs: 100_000));
        Until(() => grid.Holder(grid.Lock(0)) is not null);
        Assert.Equal((1, $"grid: Process {grid.Holder(grid.Lock(0))} works on task 0 already.\n"), await Work());
        Assert.Equal(new TaskState(), grid.State(0));
        Assert.Equal((0, ""), await Verb("cancel", grid.Path));
        // A machine has died, and the disk keeps its lock.
        using var kept = AtomicFile.Hold(grid.Lock(0));
        var (code, said) = await Work();
        Assert.Equal((1, $"grid: {grid.State(0).Failed}\n"), (code, said));
        Assert.StartsWith($"{grid.Lock(0)} is held by no process of this machine: if another machine trains the task, wait; if that one is dead, delete this file", grid.State(0).Failed);
        File.Delete(grid.Lock(0));
        Assert.Equal([Standing.Failed], Stands(grid));
        // Others of the grid still train: why this one failed is told afterwards too.
        var failed = grid.State(0);
        File.WriteAllText(grid.Queue, "1\n");
        using (GridFolder.Hold(grid.Supervisor))
            Assert.Equal(2, (await Verb("retry", grid.Path)).Code);
        Assert.Equal(failed, grid.State(0));
        Assert.Equal((0, ""), await Verb("retry", grid.Path));
        Until(() => Stands(grid) is [Standing.Running]);
        Assert.Equal(new TaskState(), grid.State(0));
        Assert.Equal((0, ""), await Verb("cancel", grid.Path));

        async Task<(int Code, string Said)> Work()
        {
            var said = new StringWriter();
            return (await new GridWorker(grid, 0, GridProgram.PlanRuns).Run(said), said.ToString());
        }
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
        foreach (var arguments in new[] { ["status", At("none")], new[] { "retry", At("none") }, ["submit", "nothing"], ["submit", "--site", At("none"), "--dry-run", "--profile", "smoke", "--gres", "x"],
            ["submit", "--name", "../runs"], ["submit", "--name", _folder], ["submit", "--name", ".."], ["submit", "--name", ""] })
            Assert.Matches(@"^lthkit: [^\n]+[.]\n$", (await Verb(arguments)) is (2, var error) ? error : "no error");
        Assert.Empty(Directory.GetFileSystemEntries(_folder));
    }

    [Fact]
    public async Task WhatIsNoGridsIsNeitherDeletedNorThrownAwayNorKilled()
    {
        // A folder of something else.
        Directory.CreateDirectory(At("grid"));
        File.WriteAllText(At("grid/mine"), "");
        Assert.Contains("is there and is no grid", (await Assert.ThrowsAsync<UserException>(() => Submit(GridProgram.Settings(1, At("runs"), atOnce: 1)))).Message);
        Assert.True(File.Exists(At("grid/mine")));
        File.Delete(At("grid/mine"));
        GridFolder grid = new(At("grid"));
        grid.Write(GridProgram.Settings(1, At("runs"), atOnce: 1) with { Tasks = [new("0", "a ladder", "synthetic", [0], [new("0", "held", 1), new("1", "left", 1)])] });
        RunFolder[] runs = [.. grid.Missing(0).Select(run => GridFolder.Folder(grid.Settings, run))];
        foreach (var run in runs)
        {
            Directory.CreateDirectory(run.Path);
            File.WriteAllText(run.Spec, "{}");
        }
        // A run that another machine trains.
        File.WriteAllText(runs[0].Lease, "elsewhere 1 1");
        Assert.Equal((0, ""), await Verb("reset", grid.Path));
        Assert.Equal([true, false], runs.Select(run => File.Exists(run.Spec)));
        // A process that does not work for the grid, though its number stands there, such as this one.
        using (GridFolder.Hold(grid.Lock(0)))
        {
            Assert.Equal($"{Environment.ProcessId}", File.ReadAllText(grid.Lock(0) + ".pid"));
            Assert.Equal((true, null), (GridFolder.IsHeld(grid.Lock(0)), grid.Holder(grid.Lock(0))));
        }
        Assert.False(File.Exists(grid.Lock(0) + ".pid"));
    }

    [Fact]
    public async Task ADryRunsTimeIsOfTheMachinesThatTrain()
    {
        var here = GridProgram.Settings(2, At("runs"), atOnce: 1);
        Assert.Matches("time +about .* on this machine", await Said(here));
        Assert.Matches("time +not known", await Said(here with { Device = "cuda" }));
        Assert.Matches("time +not known", await Said(GridProgram.OnSlurm(here)));
        using (var lab = Lab.Open(GridProgram.Profile(1), device: "cpu", store: new RunStore(At("runs"))))
            GridProgram.Ask(lab);
        Assert.Matches("time +about [^h]*, 1 side by side, as finished runs", await Said(GridProgram.OnSlurm(here)));
        Assert.False(Directory.Exists(At("grid")));

        async Task<string> Said(GridSettings settings) => (await Submit(settings, dryRun: true)).Said;
    }

    [Fact]
    public void ATaskStagesItsOwnImagesAndLeavesNothing()
    {
        foreach (var file in new[] { "cifar-10-batches-bin/test_batch.bin", "cifar-100-binary/test.bin", "other" })
        {
            Directory.CreateDirectory(Path.GetDirectoryName(At($"data/{file}"))!);
            File.WriteAllText(At($"data/{file}"), file);
        }
        Directory.CreateDirectory(At("node"));
        var settings = GridProgram.Settings(1, At("runs"), atOnce: 1) with
        {
            Stage = At("node"),
            Parameters = new Dictionary<string, string> { ["dataDir"] = At("data"), ["dataset"] = "synthetic" },
        };
        GridTask task = new("0", "a ladder", "cifar-10", [0], []);
        using (var staged = new Staged(settings, task, "1", default))
            Assert.Equal(["cifar-10-batches-bin/test_batch.bin"], Images(staged));
        Assert.Empty(Directory.GetFileSystemEntries(At("node")));
        // What processes of this machine left that were killed goes, and nothing else.
        var killed = At($"node/lthkit-7@{Environment.MachineName}");
        string[] others = [At("node/lthkit-7@elsewhere"), At("node/lthkit-mine")];
        foreach (var folder in others.Append(killed))
        {
            Directory.CreateDirectory(folder);
            File.WriteAllText(Path.Combine(folder, "image"), "");
        }
        File.WriteAllText(killed + ".lock", "");
        File.WriteAllText(others[0] + ".lock", "");
        using (var first = new Staged(settings, task, "1", default))
        using (var second = new Staged(settings, task, "1", default))
        {
            Assert.All([first, second], staged => Assert.Single(Images(staged)));
            Assert.Equal(4, Directory.GetDirectories(At("node")).Length);
        }
        Assert.Equal([.. others, others[0] + ".lock"], Directory.GetFileSystemEntries(At("node")).Order(StringComparer.Ordinal).OrderBy(File.Exists));
        Directory.Delete(At("node"), recursive: true);
        Directory.CreateDirectory(At("node"));
        Assert.ThrowsAny<OperationCanceledException>(() => new Staged(settings, task, "1", new(canceled: true)));
        // The second file is one that cannot be read.
        File.CreateSymbolicLink(At("data/cifar-10-batches-bin/z"), At("none"));
        Assert.ThrowsAny<IOException>(() => new Staged(settings, task, "1", default));
        Assert.Empty(Directory.GetFileSystemEntries(At("node")));

        static IEnumerable<string> Images(Staged staged)
            => Directory.GetFiles(staged.Settings.Parameters["dataDir"], "*", SearchOption.AllDirectories).Select(file => Path.GetRelativePath(staged.Settings.Parameters["dataDir"], file));
    }

    // Tasks that are stopped and killed at random, under a controller that ends and is started again; LTHKIT_SIEGE says how many (200 take some minutes).
    [SlurmFact]
    public async Task UnderSiegeOnSlurmEachRunIsTrainedOnceAndToTheSameBits()
    {
        var seeds = int.TryParse(Environment.GetEnvironmentVariable("LTHKIT_SIEGE"), out var number) ? number : 8;
        using SlurmCluster cluster = new(processors: 64);
        var (grid, _) = await Submit(GridProgram.OnSlurm(GridProgram.Settings(seeds, At("runs"), atOnce: 4)) with { TimeOuts = 1000 });
        var random = new Random(1);
        var sent = new Dictionary<string, int>();
        var (told, unsure) = (new HashSet<int>(), 0);
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
            var held = Enumerable.Range(0, seeds).Select(grid.Lock).Select(grid.Holder).OfType<int>().ToList();
            if (held.Count > 0 && sent.Values.Sum() < 2 * seeds)
            {
                var signal = new[] { "USR1", "USR2", "TERM", "KILL" }[random.Next(4)];
                var process = held[random.Next(held.Count)];
                SlurmCluster.Output("kill", $"-{signal}", $"{process}");
                if (!told.Add(process) && signal == "KILL")
                    unsure++;
                sent[signal] = sent.GetValueOrDefault(signal) + 1;
            }
            Thread.Sleep(random.Next(100, 1000));
        }
        counted.WriteLine($"{seeds} tasks, {string.Join(", ", sent.Select(s => $"{s.Value} SIG{s.Key}"))}, {clock.Elapsed.TotalSeconds:0} s");
        AsAlone(seeds, At("runs"));
        // No run was trained to its end twice, by whatever process, and nothing was queued again twice.
        var finished = grid.Settings.Tasks.SelectMany((_, i) => Regex.Matches(Log(grid, i), @"grid: finished (\w+)").Select(match => match.Groups[1].Value)).ToList();
        Assert.Equal(finished.Distinct().Count(), finished.Count);
        // A process that was told to stop and is killed between its request and the line about it leaves no line.
        Assert.InRange(Numbers(grid, "is queued again").Sum(), Restarts() - unsure, Restarts());
    }

    [SlurmFact]
    public async Task ATimeOutCountsAPreemptionDoesNotAndWhatIsCancelledStaysSo()
    {
        using SlurmCluster cluster = new(processors: 2);
        var (grid, _) = await Submit(GridProgram.OnSlurm(GridProgram.Settings(2, At("runs"), atOnce: 2, epochs: 100_000)) with { TimeOuts = 0, Margin = 50 });
        var job = Job(grid);
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
        var (grid, _) = await Submit(GridProgram.OnSlurm(GridProgram.Settings(2, At("runs"), atOnce: 2, epochs: 100_000)));
        Until(() => Stands(grid).Contains(Standing.Running));
        Assert.Equal([Standing.Running, Standing.Pending], Stands(grid).Order());
        using (Away("squeue", 1))
            Assert.Equal([Standing.Running, Standing.Pending], Stands(grid).Order());
        using (Away("squeue", 100))
        {
            Assert.Equal([Standing.Unknown, Standing.Unknown], Stands(grid));
            Assert.Equal((2, "lthkit: Slurm does not answer now; ask again later.\n"), await Verb("retry", grid.Path));
        }
        Assert.Equal((0, ""), await Verb("cancel", grid.Path));
        using (Away("sbatch", 1))
            Assert.Equal((2, "lthkit: Slurm did not take the jobs (slurm_load_jobs error: Unable to contact slurm controller): if squeue --name=lthkit-grid shows them all the same, "
                + "scancel them, then hand them in again.\n"), await Verb("retry", grid.Path));
    }

    [SlurmFact]
    public async Task ATaskAsksToBeQueuedAgainUntilItsMarginIsUsedUp()
    {
        using SlurmCluster cluster = new(processors: 1);
        GridFolder grid;
        using (Away("scontrol", 2))
        {
            (grid, _) = await Submit(GridProgram.OnSlurm(GridProgram.Settings(1, At("runs"), atOnce: 1, epochs: 100_000)) with { Margin = 10 });
            Until(() => Numbers(grid, "multiply-adds") is [1]);
            SlurmCluster.Output("scancel", "--batch", "--signal=USR1", $"{Job(grid)}_0");
            Until(() => Numbers(grid, "stopped by SIGUSR1") is [1] && Numbers(grid, "is queued again|did not queue it again") is [1]);
        }
        Until(() => Numbers(grid, "multiply-adds") is [2]);
        Assert.Equal((1, new TaskState()), (Restarts(), grid.State(0)));
        using (Away("scontrol", 100))
        {
            SlurmCluster.Output("scancel", "--batch", "--signal=USR1", $"{Job(grid)}_0");
            Until(() => Stands(grid) is [Standing.Failed]);
        }
        Assert.Equal("Slurm did not queue it again (slurm_load_jobs error: Unable to contact slurm controller): retry it.", grid.State(0).Failed);
        Assert.Equal(1, Restarts());
    }

    [SlurmFact]
    public async Task ATaskThatIsNotToBeQueuedAgainWaitsForARetry()
    {
        using SlurmCluster cluster = new(processors: 1);
        var (grid, _) = await Submit(GridProgram.OnSlurm(GridProgram.Settings(1, At("runs"), atOnce: 1, epochs: 100_000)) with { Requeue = false });
        Until(() => Numbers(grid, "multiply-adds") is [1]);
        SlurmCluster.Output("scancel", "--batch", "--signal=USR1", $"{Job(grid)}_0");
        Until(() => Stands(grid) is [Standing.Stopped]);
        Assert.Equal((0, 1, new TaskState()), (Restarts(), Numbers(grid, "stopped by SIGUSR1")[0], grid.State(0)));
        // Nor does Slurm do it by itself.
        Assert.Equal((0, ""), await Verb("retry", grid.Path));
        Until(() => Numbers(grid, "multiply-adds") is [2]);
        SlurmCluster.Output("scontrol", "requeue", $"{Job(grid)}_0");
        Assert.Equal([Standing.Running], Stands(grid));
        Assert.Equal(0, Restarts());
        Assert.Equal((0, ""), await Verb("cancel", grid.Path));
    }

    [SlurmFact]
    public async Task TheScriptHasTheSitesLinesAndTheCommandsOptionsComeFirst()
    {
        using SlurmCluster cluster = new(processors: 2);
        File.WriteAllText(At("site"), $"""
            #!/bin/sh
            #SBATCH --comment=ours
            #SBATCH --time=9
            # what the node needs
            export TRACE="$SLURM_ARRAY_TASK_ID"
            echo "set up $TRACE" >>'{At("trace")}'
            """);
        string[] command = ["submit", "--profile", "smoke", "--name", Guid.NewGuid().ToString(), "--dry-run", "--time", "5"];
        var said = await Said([.. command, "--site", At("site"), "--per-task", "2"]);
        Assert.Contains("sbatch --cpus-per-task=2 --time=5\n#!/bin/bash\n#SBATCH --comment=ours\n#SBATCH --time=9\nexport TRACE=", said);
        Assert.Contains("\nexport DOTNET_PROCESSOR_COUNT=2\n", said);
        Assert.Equal((2, "lthkit: --time is for Slurm, which --local leaves aside; leave out one of them.\n"), await Verb([.. command, "--local"]));
        var settings = GridProgram.Settings(2, At("runs"), atOnce: 2);
        var (grid, _) = await Submit(settings with { Options = ["--time=5"], Script = GridVerb.Script(settings, At("site")) });
        Until(() => Stands(grid).All(standing => standing == Standing.Done));
        Assert.Equal(["set up 0", "set up 1"], File.ReadLines(At("trace")).Order());
        var jobs = SlurmCluster.Output("scontrol", "-o", "show", "job");
        Assert.Equal((2, 2), (Regex.Matches(jobs, "Comment=ours ").Count, Regex.Matches(jobs, "TimeLimit=00:05:00 ").Count));
        AsAlone(2, At("runs"));
    }
}
