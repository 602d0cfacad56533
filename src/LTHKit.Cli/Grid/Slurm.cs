using LTHKit.Cli.Doctor;

namespace LTHKit.Cli.Grid;

/// <summary>A grid as job arrays of Slurm. Only squeue is asked how they stand, so that no accounting is needed.</summary>
internal sealed class Slurm(GridFolder grid) : ICluster
{
    private const int Patience = 60;       // seconds

    private string JobName => $"lthkit-{grid.Name}";

    private IReadOnlyList<string> Jobs => File.Exists(grid.Jobs) ? File.ReadAllLines(grid.Jobs) : [];

    /// <summary>Whether this machine can hand in jobs.</summary>
    public static bool IsHere => Tool.Run("sbatch", ["--version"], Patience).Code == 0;

    public string Submit(IReadOnlyList<int> tasks)
    {
        File.WriteAllText(grid.Script, grid.Settings.Script);
        var (code, output, error) = Tool.Run("sbatch", ["--parsable", $"--array={string.Join(',', tasks)}%{grid.Settings.AtOnce}", $"--job-name={JobName}",
            $"--output={grid.Path.Replace("%", "%%")}/logs/%4a.log", "--open-mode=append", $"--signal=B:USR1@{grid.Settings.Margin}",
            grid.Settings.Requeue ? "--requeue" : "--no-requeue", .. grid.Settings.Options, grid.Script, grid.Path], Patience);
        if (code != 0)
            throw new UserException($"Slurm did not take the jobs ({Sentence(error)}): "
                // Its answer may have been lost.
                + (((string[])["contact", "timed out", "did not answer"]).Any(error.Contains) ? $"if squeue --name={JobName} shows them all the same, scancel them, then hand them in again." : "mend that and hand them in again."));
        var job = output.Trim().Split(';')[0];
        File.AppendAllText(grid.Jobs, job + "\n");
        return $"job array {job}";
    }

    public IReadOnlyDictionary<int, (Standing Standing, string? Why)>? Active()
    {
        var jobs = Jobs.ToHashSet();
        if (jobs.Count == 0)
            return new Dictionary<int, (Standing, string?)>();
        // One question for all tasks.
        var (code, output, _) = Ask("squeue", ["-h", "-r", $"--name={JobName}", "-o", "%F|%K|%T|%r"], tries: 4);
        return code != 0 ? null
            : output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split('|')).Where(f => f.Length == 4 && jobs.Contains(f[0]))
                .GroupBy(f => int.Parse(f[1])).ToDictionary(g => g.Key, g => Stands(g.Last()[2], g.Last()[3]));
    }

    public void Stop()
    {
        if (Jobs is { Count: > 0 } jobs)
            Tool.Run("scancel", [.. jobs], Patience);
    }

    /// <summary>This task as Slurm knows it, "1234_7"; null outside a job.</summary>
    public static string? ThisTask => Environment.GetEnvironmentVariable("SLURM_ARRAY_JOB_ID") is { Length: > 0 } job
        ? $"{job}_{Environment.GetEnvironmentVariable("SLURM_ARRAY_TASK_ID")}" : null;

    /// <summary>The state of a task, such as RUNNING, and the time that is left to it; null where Slurm does not say.</summary>
    public static (string State, TimeSpan? Left)? Look(string task)
    {
        var (code, output, _) = Tool.Run("squeue", ["-h", "-j", task, "-o", "%T|%L"], Patience);
        return code == 0 && output.Trim().Split('|') is [var state, var left] ? (state, Time(left)) : null;
    }

    /// <summary>Queues a task again, within the time that is left to it; the reason where that failed.</summary>
    public static string? Requeue(string task, TimeSpan left)
        => Ask("scontrol", ["requeue", task], int.MaxValue, left) is { Code: not 0 } failed ? Sentence(failed.Error) : null;

    /// <summary>Slurm's "[days-]hours:minutes:seconds", or UNLIMITED; null for what is no time.</summary>
    internal static TimeSpan? Time(string text) => text == "UNLIMITED" ? TimeSpan.MaxValue
        : TimeSpan.TryParseExact(text, [@"d\-h\:m\:s", @"h\:m\:s", @"m\:s", "%s"], CultureInfo.InvariantCulture, out var time) ? time : null;

    // A controller that is busy or restarts is asked again, later each time.
    private static (int Code, string Output, string Error) Ask(string program, string[] arguments, int tries, TimeSpan? within = null)
    {
        var clock = Stopwatch.StartNew();
        for (var pause = TimeSpan.FromSeconds(1); ; pause *= 2)
        {
            var patience = within is { } most ? Math.Clamp((int)(most - clock.Elapsed).TotalSeconds, 1, Patience) : Patience;
            var answer = Tool.Run(program, arguments, patience);
            if (answer.Code == 0 || --tries == 0 || clock.Elapsed + pause > within)
                return answer;
            Thread.Sleep(pause);
        }
    }

    // COMPLETING and whatever else is not waiting is on its way through a node.
    private static (Standing, string?) Stands(string state, string reason)
        => state is "PENDING" or "REQUEUED" or "REQUEUE_HOLD" or "REQUEUE_FED" or "SPECIAL_EXIT" or "RESV_DEL_HOLD"
            ? (Standing.Pending, reason is "None" or "Resources" or "Priority" or "JobArrayTaskLimit" ? null : reason) : (Standing.Running, null);

    private static string Sentence(string error)
        => string.Join(' ', error.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)).TrimEnd('.') is { Length: > 0 } text ? text : "it gave no reason";
}
