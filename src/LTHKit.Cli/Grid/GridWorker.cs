using System.Runtime.InteropServices;
using LTHKit.Experiments;

namespace LTHKit.Cli.Grid;

/// <summary>
/// Carries out one task of a grid. A signal ends it after the training step under way; what is finished is in the store, and the task, not its array, is
/// queued again. A signal because the time is up counts, a preemption does not.
/// </summary>
internal sealed class GridWorker(GridFolder grid, int task, Func<GridPlan, GridTask, Plan, CancellationToken, Task> plan)
{
    // Those that Slurm and its users send before the end; .NET knows them by their numbers.
    private const PosixSignal User1 = (PosixSignal)10, User2 = (PosixSignal)12;

    public async Task<int> Run(TextWriter log)
    {
        using var held = GridFolder.Hold(grid.Lock(task));
        if (held is null)
        {
            log.WriteLine($"grid: another process works on task {task}.");
            return 0;
        }
        using var stop = new CancellationTokenSource();
        PosixSignal? signal = null;
        using var handled = new Registrations([.. new[] { User1, User2, PosixSignal.SIGTERM, PosixSignal.SIGINT }.Select(s => PosixSignalRegistration.Create(s, context =>
        {
            context.Cancel = true;
            signal ??= s;
            stop.Cancel();
        }))]);
        var state = grid.State(task);
        if (state.Failed is not null)
            grid.Write(task, state = state with { Failed = null });
        log.WriteLine($"grid: task {task}, {grid.Plan.Tasks[task].Label}, {DateTime.UtcNow:yyyy-MM-dd HH:mm:ss}Z on {Environment.MachineName}");
        try
        {
            using var staged = new Staged(grid.Plan, Slurm.Task ?? $"{Environment.ProcessId}");
            var holes = await Train(staged.Plan, log, stop.Token);
            if (holes.Count > 0)
                throw new UserException(string.Join(' ', holes.Select(hole => hole.Reason)));
            log.WriteLine("grid: done.");
            return 0;
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            log.WriteLine($"grid: stopped by {(signal == User1 ? "SIGUSR1" : signal == User2 ? "SIGUSR2" : $"{signal}")}; what is finished is kept.");
            if (!Continue(signal, state, log))
                return 143;
            return 0;
        }
        catch (Exception e)
        {
            var sentence = (e as UserException ?? e.InnerException as UserException)?.Message ?? $"{e.GetType().Name}: {e.Message}";
            grid.Write(task, grid.State(task) with { Failed = sentence });
            log.WriteLine($"grid: failed: {sentence}");
            return 1;
        }
    }

    private async Task<IReadOnlyList<Hole>> Train(GridPlan settings, TextWriter log, CancellationToken cancel)
    {
        Environment.SetEnvironmentVariable("LTHKIT_RUNS", settings.Store);
        var mine = settings.Tasks[task];
        Plan asked = new() { Finished = run => log.WriteLine($"grid: finished {run}") };
        await plan(settings, mine, asked, cancel);
        asked.Close();
        var known = asked.Ladders.FirstOrDefault(ladder => ladder.Key == mine.Ladder)?.Select(spec => spec.Id).ToHashSet() ?? [];
        if (!mine.Runs.All(run => known.Contains(run.Id)))
            throw new UserException("The notebooks or the kit have changed since the grid was submitted and ask for other runs now, or cannot run on this machine"
                + $"{(asked.Problem is { } problem ? $" ({problem.TrimEnd('.')})" : "")}: submit the grid again under another name.");
        return asked.Train(mine.Ladder, cancel);
    }

    /// <summary>Whether the task goes on later. Slurm itself queues again what it has preempted, and nothing what was cancelled.</summary>
    private bool Continue(PosixSignal? signal, TaskState state, TextWriter log)
    {
        if (!grid.Plan.Requeue || Slurm.Task is not { } job || File.Exists(grid.Cancelled))
            return false;
        var look = Slurm.Look(job);
        if (look is { State: not "RUNNING" } gone)
        {
            log.WriteLine($"grid: Slurm has it as {gone.State}.");
            return false;
        }
        // Where Slurm does not say how much time was left, its own signal for that speaks.
        if (look?.Left is { } left ? left < TimeSpan.FromSeconds(grid.Plan.Margin + 60) : signal == User1)
        {
            grid.Write(task, state = state with { TimeOuts = state.TimeOuts + 1 });
            if (state.TimeOuts > grid.Plan.TimeOuts)
                return Refuse($"It ran out of time {state.TimeOuts} times: give it more with --time, then retry.");
        }
        if (Slurm.Requeue(job) is { } why)
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

    private sealed class Registrations(IReadOnlyList<PosixSignalRegistration> all) : IDisposable
    {
        public void Dispose() => all.ToList().ForEach(one => one.Dispose());
    }

    /// <summary>The images on the node's own disk, for as long as the task works.</summary>
    private sealed class Staged : IDisposable
    {
        private readonly string? _folder;

        public Staged(GridPlan plan, string name)
        {
            Plan = plan;
            if (plan.Stage == "" || plan.Parameters.GetValueOrDefault("dataDir") is not { Length: > 0 } images || !Directory.Exists(images))
                return;
            var place = System.Text.RegularExpressions.Regex.Replace(plan.Stage, @"\$\{?(\w+)\}?", m => Environment.GetEnvironmentVariable(m.Groups[1].Value)
                ?? throw new UserException($"The job has no variable {m.Groups[1].Value}, which --stage {plan.Stage} names."));
            _folder = Path.Combine(place, $"lthkit-{name}");
            foreach (var file in Directory.EnumerateFiles(images, "*", SearchOption.AllDirectories))
            {
                var copy = Path.Combine(_folder, Path.GetRelativePath(images, file));
                Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
                File.Copy(file, copy, overwrite: true);
            }
            Plan = plan with { Parameters = new Dictionary<string, string>(plan.Parameters) { ["dataDir"] = _folder } };
        }

        public GridPlan Plan { get; }

        public void Dispose()
        {
            if (_folder is not null && Directory.Exists(_folder))
                Directory.Delete(_folder, recursive: true);
        }
    }
}
