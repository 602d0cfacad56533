using System.Text.Json;

namespace LTHKit.Cli.Grid;

/// <summary>What was handed in: which notebooks ask for which runs, and how they are to be trained.</summary>
/// <param name="Command">What carries out a task, given the grid's folder and the task's number.</param>
/// <param name="Margin">Seconds before its end at which a job is told of it.</param>
/// <param name="Stage">The node's own disk, to which images are copied before they are read; variables of the job are put in.</param>
/// <param name="Script">The batch script that Slurm gets; null where the machine trains by itself.</param>
internal sealed record GridSettings(IReadOnlyList<string> Notebooks, IReadOnlyDictionary<string, string> Parameters, string Store, IReadOnlyList<string> Command,
    string Device = "cpu", int AtOnce = 1, int PerTask = 1, int TimeOuts = 20, bool Requeue = true, int Margin = 120, string Stage = "", string? Script = null)
{
    /// <summary>The pieces, each of which one process trains.</summary>
    public IReadOnlyList<GridTask> Tasks { get; init; } = [];

    /// <summary>Options for sbatch.</summary>
    public IReadOnlyList<string> Options { get; init; } = [];
}

/// <summary>A ladder of tickets with all that is retrained from it.</summary>
/// <param name="Ladder">The name of its dense run.</param>
/// <param name="Notebooks">The notebooks that ask for it, by their place among all.</param>
internal sealed record GridTask(string Ladder, string Label, string Data, IReadOnlyList<int> Notebooks, IReadOnlyList<GridRun> Runs);

/// <summary>A run of a task.</summary>
internal sealed record GridRun(string Id, string Label, int Epochs);

/// <summary>What a task has to tell beside its finished runs.</summary>
/// <param name="TimeOuts">How often it was queued again for want of time.</param>
/// <param name="Failed">Why it cannot go on, in a sentence.</param>
internal sealed record TaskState(int TimeOuts = 0, string? Failed = null);

/// <summary>How a task stands.</summary>
internal enum Standing { Done, Running, Pending, Failed, Stopped, Unknown }

/// <summary>A grid on disk: its settings, its logs, what its tasks tell. The only place that names these files.</summary>
internal sealed class GridFolder(string path)
{
    private const string Number = ".pid";       // beside what is held, which others cannot read

    private GridSettings? _settings;

    public string Path { get; } = System.IO.Path.GetFullPath(path);

    public string Name => System.IO.Path.GetFileName(Path);

    public GridSettings Settings => _settings ??= Read<GridSettings>(SettingsFile) ?? throw new UserException($"There is no grid in {Path}; see ./lthkit grid submit.");

    public bool Exists => File.Exists(SettingsFile);

    /// <summary>The number of each job array, one a line.</summary>
    public string Jobs => At("jobs");

    /// <summary>There while the grid is cancelled, so that nothing queues itself again.</summary>
    public string Cancelled => At("cancelled");

    /// <summary>Tasks that this machine has still to finish, one a line.</summary>
    public string Queue => At("queue");

    /// <summary>Held by what begins them.</summary>
    public string Supervisor => At("supervisor");

    public string Script => At("task.sh");

    public string Log(int task) => At($"logs/{task:0000}.log");

    /// <summary>Held by the process that works on the task.</summary>
    public string Lock(int task) => At($"tasks/{task:0000}.lock");

    private string SettingsFile => At("grid.json");

    public void Write(GridSettings settings)
    {
        foreach (var folder in new[] { "logs", "tasks" })
            AtomicFile.CreateFolder(At(folder));
        AtomicFile.WriteText(SettingsFile, JsonSerializer.Serialize(_settings = settings, Json) + "\n");
    }

    public TaskState State(int task) => Read<TaskState>(StateFile(task)) ?? new();

    public void Write(int task, TaskState state) => AtomicFile.WriteText(StateFile(task), JsonSerializer.Serialize(state, Json) + "\n");

    public void Forget(int task) => File.Delete(StateFile(task));

    /// <summary>The runs of a task that the store lacks.</summary>
    public IReadOnlyList<GridRun> Missing(int task) => [.. Settings.Tasks[task].Runs.Where(run => !File.Exists(Folder(Settings, run).Done))];

    /// <summary>A run in the store.</summary>
    public static RunFolder Folder(GridSettings settings, GridRun run) => new RunStore(settings.Store, settings.Device).FolderOf(run.Id);

    /// <summary>Where a task stands: the store says what is done, the queue what is under way, the task why it ended.</summary>
    /// <param name="active">What is under way; null where that is not known.</param>
    public (Standing Standing, string? Why) Stands(int task, IReadOnlyDictionary<int, (Standing Standing, string? Why)>? active)
        => Missing(task).Count == 0 ? (Standing.Done, null)
            : active is null ? (Standing.Unknown, null)
            : active.TryGetValue(task, out var known) ? known
            : State(task).Failed is { } why ? (Standing.Failed, why) : (Standing.Stopped, null);

    /// <summary>Whether a process holds a file.</summary>
    public static bool IsHeld(string path)
    {
        try
        {
            // Its lock is shared by all who look.
            using var look = File.OpenHandle(path);
            return false;
        }
        catch (IOException e) when (e is FileNotFoundException or DirectoryNotFoundException || e.HResult == AtomicFile.HeldByAnother)
        {
            return e.HResult == AtomicFile.HeldByAnother;
        }
    }

    /// <summary>The number of this machine's process for the grid that holds a file; null where none does.</summary>
    public int? Holder(string path)
    {
        try
        {
            // A number that was left here may be another's by now; those that work for the grid have its folder in their command.
            return IsHeld(path) && int.TryParse(File.ReadAllText(path + Number), out var process)
                && File.ReadAllText($"/proc/{process}/cmdline").Split('\0').Any(word => System.IO.Path.GetFileName(word) == Name) ? process : null;
        }
        catch (IOException)
        {
            return null;        // it ended just now
        }
    }

    /// <summary>Holds a file until it is disposed of, with this process's number beside it; null where another process does.</summary>
    public static IDisposable? Hold(string path)
    {
        // Who only looks whether it is held holds it for a moment.
        for (var attempt = 0; attempt < 20; attempt++, Thread.Sleep(50))
            if (AtomicFile.Hold(path) is { } held)
            {
                AtomicFile.WriteText(path + Number, $"{Environment.ProcessId}");
                return new Ending(() =>
                {
                    using (held)
                        File.Delete(path + Number);
                });
            }
        return null;
    }

    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web) { WriteIndented = true };

    private string StateFile(int task) => At($"tasks/{task:0000}.json");

    private string At(string name) => System.IO.Path.Combine(Path, name);

    private static T? Read<T>(string path) where T : class
    {
        try
        {
            return File.Exists(path) ? JsonSerializer.Deserialize<T>(File.ReadAllText(path), Json) : null;
        }
        catch (JsonException e)
        {
            throw new UserException($"{path} is damaged ({e.Message.TrimEnd('.')}): delete it, or the grid's folder, and submit again.", e);
        }
    }
}
