namespace LTHKit.Cli.Grid;

/// <summary>Who carries out the tasks of a grid.</summary>
internal interface ICluster
{
    /// <summary>Begins tasks, and says how they are known.</summary>
    string Submit(IReadOnlyList<int> tasks);

    /// <summary>The tasks that run or wait; null where that cannot be said now.</summary>
    IReadOnlyDictionary<int, (Standing Standing, string? Why)>? Active();

    /// <summary>Asks all that runs or waits to end.</summary>
    void Stop();

    public static ICluster Of(GridFolder grid) => grid.Settings.Script is null ? new ThisMachine(grid) : new Slurm(grid);
}

/// <summary>A grid without Slurm: a process that outlives the command begins the tasks, so many at once.</summary>
internal sealed class ThisMachine(GridFolder grid) : ICluster
{
    public string Submit(IReadOnlyList<int> tasks)
    {
        if (GridFolder.IsHeld(grid.Supervisor))
            throw new UserException($"The grid {grid.Name} is at work; wait for it, or ./lthkit grid cancel {grid.Name}.");
        Write(tasks);
        var log = Path.Combine(grid.Path, "logs", "supervisor.log");
        using var supervisor = Process.Start(Logged(log, ["setsid", .. grid.Settings.Command.SkipLast(1), "supervise", grid.Path]))!;
        Until(() => GridFolder.IsHeld(grid.Supervisor) || supervisor.HasExited);
        if (supervisor.HasExited && !GridFolder.IsHeld(grid.Supervisor) && Waiting().Count > 0)
            throw new UserException($"No process took up the tasks of {grid.Name}: see {log}, then ./lthkit grid retry {grid.Name}.");
        return "on this machine";
    }

    public IReadOnlyDictionary<int, (Standing Standing, string? Why)> Active()
    {
        // What begins them and has none left ends in a moment; until then it is still at work.
        List<int> waiting = [];
        Until(() => !GridFolder.IsHeld(grid.Supervisor) || (waiting = Waiting()).Count > 0);
        return Enumerable.Range(0, grid.Settings.Tasks.Count).Select(task => (task, Stands: GridFolder.IsHeld(grid.Lock(task)) ? Standing.Running : Standing.Pending))
            .Where(t => t.Stands == Standing.Running || waiting.Contains(t.task)).ToDictionary(t => t.task, t => (t.Stands, (string?)null));
    }

    public void Stop()
    {
        // What begins them goes on until those that it is just beginning have been told too.
        var held = Enumerable.Range(0, grid.Settings.Tasks.Count).Select(grid.Lock).Select(grid.Holder).OfType<int>();
        using var shell = Process.Start("/bin/sh", ["-c", "kill -TERM \"$@\" 2>/dev/null", "sh", .. held.Select(process => $"{process}")]);
        shell.WaitForExit();
    }

    /// <summary>Begins what waits, so many tasks at once, until all have ended.</summary>
    public async Task Supervise(CancellationToken cancel)
    {
        using var held = GridFolder.Hold(grid.Supervisor) ?? throw new UserException($"Another process begins the tasks of {grid.Name}.");
        var left = Waiting();
        using var end = new Ending(() => Write([]));
        await Parallel.ForEachAsync(left.ToArray(), new ParallelOptions { MaxDegreeOfParallelism = grid.Settings.AtOnce, CancellationToken = cancel }, async (task, _) =>
        {
            if (!File.Exists(grid.Cancelled))
                await Begin(task);
            lock (left)
            {
                left.Remove(task);
                Write(left);
            }
        });
    }

    private async Task Begin(int task)
    {
        var start = Logged(grid.Log(task), [.. grid.Settings.Command, grid.Path, $"{task}"]);
        if (grid.Settings.Device == "cpu")
            start.Environment["DOTNET_PROCESSOR_COUNT"] = $"{grid.Settings.PerTask}";
        using var process = Process.Start(start)!;
        await process.WaitForExitAsync();
        // Killed, or its program not there while the kit is built anew, it could not say so itself.
        if (process.ExitCode is not (0 or 1 or 143))
            grid.Write(task, new(Failed: $"Its process ended with code {process.ExitCode}: see {grid.Log(task)}, then retry."));
    }

    private void Write(IEnumerable<int> waiting) => AtomicFile.WriteText(grid.Queue, string.Concat(waiting.Select(task => $"{task}\n")));

    private List<int> Waiting() => File.Exists(grid.Queue) ? [.. File.ReadAllLines(grid.Queue).Select(int.Parse)] : [];

    private static void Until(Func<bool> condition)
    {
        for (var i = 0; i < 300 && !condition(); i++)
            Thread.Sleep(100);
    }

    // In the grid's own folder: the one that the command was given in may go before the tasks have ended.
    private ProcessStartInfo Logged(string log, string[] command)
        => new("/bin/sh", ["-c", "log=$1; shift; exec \"$@\" </dev/null >>\"$log\" 2>&1", "sh", log, .. command]) { WorkingDirectory = grid.Path };
}
