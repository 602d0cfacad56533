using System.Text.RegularExpressions;

namespace LTHKit.Cli.Grid;

/// <summary>
/// Carries out one task of a grid. A signal ends it after the training step under way; what is finished is in the store, and the task, not its array, is
/// queued again. A signal because the time is up counts, a preemption does not.
/// </summary>
internal sealed class GridWorker(GridFolder grid, int task, Func<GridSettings, GridTask, Plan, CancellationToken, Task> planner)
{
    // Those that Slurm and its users send before the end; .NET knows them by their numbers.
    private const PosixSignal User1 = (PosixSignal)10, User2 = (PosixSignal)12;

    public async Task<int> Run(TextWriter log)
    {
        var path = grid.Lock(task);
        // Of a holder that is not known, it may have ended just now.
        using var held = GridFolder.Hold(path) ?? (grid.Holder(path) is null ? GridFolder.Hold(path) : null);
        if (held is null)
            return LeaveToAnother(log);
        if (File.Exists(grid.Cancelled))        // before it began
            return 143;
        using var stop = new CancellationTokenSource();
        (PosixSignal Signal, long At)? told = null;
        PosixSignalRegistration[] handled = [.. new[] { User1, User2, PosixSignal.SIGTERM, PosixSignal.SIGINT }.Select(s => PosixSignalRegistration.Create(s, context =>
        {
            context.Cancel = true;
            told ??= (s, Stopwatch.GetTimestamp());
            stop.Cancel();
        }))];
        using var handling = new Ending(() => Array.ForEach(handled, one => one.Dispose()));
        var state = grid.State(task);
        if (state.Failed is not null)
            grid.Write(task, state = state with { Failed = null });
        log.WriteLine($"grid: task {task}, {grid.Settings.Tasks[task].Label}, {DateTime.UtcNow:yyyy-MM-dd HH:mm:ss}Z on {Environment.MachineName}");
        try
        {
            using var staged = new Staged(grid.Settings, grid.Settings.Tasks[task], Slurm.ThisTask ?? $"{Environment.ProcessId}", stop.Token);
            var holes = await Train(staged.Settings, log, stop.Token);
            if (holes.Count > 0)
                throw new UserException(string.Join(' ', holes.Select(hole => hole.Reason)));
            log.WriteLine("grid: done.");
            return 0;
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            var (signal, at) = told!.Value;
            log.WriteLine($"grid: stopped by {(signal == User1 ? "SIGUSR1" : signal == User2 ? "SIGUSR2" : $"{signal}")}; what is finished is kept.");
            return Continue(signal, at, state, log) ? 0 : 143;
        }
        catch (Exception e)
        {
            var sentence = (e as UserException ?? e.InnerException as UserException)?.Message ?? $"{e.GetType().Name}: {e.Message.Split('\n')[0]}";
            grid.Write(task, grid.State(task) with { Failed = sentence });
            log.WriteLine($"grid: failed: {sentence}");
            return 1;
        }
    }

    // A process of this machine will tell how the task ends. One elsewhere may have died with its machine while the disk keeps its lock; if it lives, its results count.
    private int LeaveToAnother(TextWriter log)
    {
        var here = grid.Holder(grid.Lock(task));
        var sentence = here is not null ? $"Process {here} works on task {task} already."
            : $"{grid.Lock(task)} is held by no process of this machine: if another machine trains the task, wait; if that one is dead, delete this file and the files "
                + "called lock in the folders of the task's unfinished runs, then retry.";
        if (here is null)
            grid.Write(task, grid.State(task) with { Failed = sentence });
        log.WriteLine($"grid: {sentence}");
        return 1;
    }

    private async Task<IReadOnlyList<Hole>> Train(GridSettings settings, TextWriter log, CancellationToken cancel)
    {
        Environment.SetEnvironmentVariable("LTHKIT_RUNS", settings.Store);
        var mine = settings.Tasks[task];
        Plan asked = new() { Finished = run => log.WriteLine($"grid: finished {run}") };
        await planner(settings, mine, asked, cancel);
        asked.Close();
        var known = asked.Ladders.FirstOrDefault(ladder => ladder.Key == mine.Ladder)?.Select(spec => spec.Id).ToHashSet() ?? [];
        if (!mine.Runs.All(run => known.Contains(run.Id)))
            throw new UserException("The notebooks or the kit have changed since the grid was submitted and ask for other runs now, or cannot run on this machine"
                + $"{(asked.Problem is { } problem ? $" ({problem.TrimEnd('.')})" : "")}: submit the grid again under another name.");
        return asked.Train(mine.Ladder, cancel);
    }

    /// <summary>Whether the task goes on later. Slurm itself queues again what it has preempted, and nothing what was cancelled.</summary>
    private bool Continue(PosixSignal signal, long at, TaskState state, TextWriter log)
    {
        if (!grid.Settings.Requeue || Slurm.ThisTask is not { } job || File.Exists(grid.Cancelled))
            return false;
        var look = Slurm.Look(job);
        if (look is { State: not "RUNNING" } gone)
        {
            log.WriteLine($"grid: Slurm has it as {gone.State}.");
            return false;
        }
        // Where Slurm does not say how much time was left, its own signal for that speaks.
        if (look?.Left is { } left ? left < TimeSpan.FromSeconds(grid.Settings.Margin + 60) : signal == User1)
        {
            grid.Write(task, state = state with { TimeOuts = state.TimeOuts + 1 });
            if (state.TimeOuts > grid.Settings.TimeOuts)
                return Refuse($"It ran out of time {state.TimeOuts} times: give it more with --time, then retry.");
        }
        if (Slurm.Requeue(job, TimeSpan.FromSeconds(grid.Settings.Margin) - Stopwatch.GetElapsedTime(at)) is { } why)
            return Refuse($"Slurm did not queue it again ({why}): retry it.");
        log.WriteLine($"grid: {job} is queued again.");
        return true;

        bool Refuse(string sentence)
        {
            grid.Write(task, state with { Failed = sentence });
            log.WriteLine($"grid: {sentence}");
            return false;
        }
    }
}

/// <summary>The images that a task needs on the node's own disk, for as long as it works.</summary>
internal sealed class Staged : IDisposable
{
    private const string Lock = ".lock";        // beside a folder, held while its process lives

    private readonly string? _folder;
    private readonly FileStream? _held;

    public Staged(GridSettings settings, GridTask task, string name, CancellationToken cancel)
    {
        Settings = settings;
        if (settings.Stage == "" || settings.Parameters.GetValueOrDefault("dataDir") is not { Length: > 0 } images)
            return;
        // All that its notebooks' cells look at, which are planned anew.
        string?[] sets = [.. settings.Tasks.Where(other => other.Notebooks.Intersect(task.Notebooks).Any()).Select(other => other.Data).Append(task.Data),
            settings.Parameters.GetValueOrDefault("dataset")];
        var place = Regex.Replace(settings.Stage, @"\$\{?(\w+)\}?", m => Environment.GetEnvironmentVariable(m.Groups[1].Value)
            ?? throw new UserException($"The job has no variable {m.Groups[1].Value}, which --stage {settings.Stage} names."));
        _folder = Path.Combine(place, $"lthkit-{name}-{Guid.NewGuid():N}@{Environment.MachineName}");
        Directory.CreateDirectory(place);
        // Held before it has its name, so that no other takes it for left.
        _held = AtomicFile.Hold(_folder)!;
        File.Move(_folder, _folder + Lock);
        try
        {
            Sweep(place);
            foreach (var archive in DataArchives.All.Where(archive => sets.Contains(archive.Set)))
                if (DataFolder.Find(archive.Folder, archive.Marker, images) is { } set && Directory.Exists(set))
                    foreach (var file in Directory.EnumerateFiles(set, "*", SearchOption.AllDirectories))
                    {
                        cancel.ThrowIfCancellationRequested();
                        var copy = Path.Combine(_folder, archive.Folder, Path.GetRelativePath(set, file));
                        Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
                        File.Copy(file, copy, overwrite: true);
                    }
        }
        catch
        {
            Dispose();
            throw;
        }
        if (Directory.Exists(_folder))
            Settings = settings with { Parameters = new Dictionary<string, string>(settings.Parameters) { ["dataDir"] = _folder } };
    }

    public GridSettings Settings { get; }

    public void Dispose()
    {
        _held?.Dispose();
        if (_folder is not null)
            Remove(_folder);
    }

    // What processes left that were killed on this machine.
    private void Sweep(string place)
    {
        using var again = AtomicFile.Hold(_folder + Lock);
        if (again is not null)
            return;         // a disk without locks
        foreach (var path in Directory.GetFiles(place, $"lthkit-*@{Environment.MachineName}{Lock}", new EnumerationOptions { IgnoreInaccessible = true }))
            Remove(path[..^Lock.Length]);
    }

    private static void Remove(string folder)
    {
        try
        {
            using var held = AtomicFile.Hold(folder + Lock);
            if (held is null)
                return;         // its process lives
            if (Directory.Exists(folder))
                Directory.Delete(folder, recursive: true);
            File.Delete(folder + Lock);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Another user's; or another task that begins on this node tries again.
        }
    }
}
