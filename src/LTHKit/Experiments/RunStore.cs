using System.Runtime.Intrinsics;

namespace LTHKit.Experiments;

/// <summary>
/// Runs on disk, one folder each, named by the content of the spec and by who made it: the version of the kit's algorithms, libtorch's, the device.
/// What others made stays beside it and is never taken for a run of today. Every file is there whole or not at all, and a run is written by one
/// process at a time, so that any number of processes share a store.
/// </summary>
/// <param name="root">The store's folder, "~" being the home folder; made when first written to.</param>
/// <param name="device">On what the runs are trained: "cpu", "cuda".</param>
public sealed class RunStore(string root, string device = "cpu")
{
    /// <summary>Counts up when the same spec gives other numbers than before; where few specs do, the changelog names them instead.</summary>
    public const int Algorithms = 5;

    public string Root { get; } = AtomicFile.Absolute(root);

    /// <summary>Who makes runs here, for instance "kit 5, libtorch 2.10.0, cpu".</summary>
    public string Maker => $"kit {Algorithms}, libtorch {OfLibtorch}, {device}";

    /// <summary>The same without the device, of runs that are made here.</summary>
    internal static string Kit => $"kit {Algorithms}, libtorch {Libtorch.Version}";

    // Not the one here where runs are only looked at.
    private string OfLibtorch { get; init; } = Libtorch.Version;

    /// <summary>Those of libtorch's operations when it was made; another laboratory of this process may have others.</summary>
    internal int Threads { get; } = get_num_threads();

    /// <summary>The same with what the last bits depend on: the threads that each run has now, the processor's vectors and whose convolutions, or the card.</summary>
    internal string Made => device == "cuda" ? $"{Maker}, {Libtorch.Card}" : $"{Maker}, {Threads} {(Threads == 1 ? "thread" : "threads")}, vectors of "
        + $"{(Vector512.IsHardwareAccelerated ? 512 : Vector256.IsHardwareAccelerated ? 256 : 128)} bits{(Libtorch.HasOneDnn ? "" : ", without oneDNN")}";

    /// <summary>
    /// The store to use where none is named: the folder in LTHKIT_RUNS, else artifacts/runs of the checkout that the current folder lies in,
    /// else ./runs (the command line names its own checkout's). Relative folders begin where the program was started, not where a notebook lies.
    /// </summary>
    public static RunStore Default()
    {
        if (Environment.GetEnvironmentVariable("LTHKIT_RUNS") is { Length: > 0 } named)
            return new(AtomicFile.Absolute(named, Started));
        return new(CheckoutOf(Directory.GetCurrentDirectory()) is { } root ? Path.Combine(root, "artifacts", "runs") : AtomicFile.Absolute("runs", Started));
    }

    /// <summary>The checkout of the kit that a folder lies in; null where it lies in none.</summary>
    internal static string? CheckoutOf(string? folder)
    {
        while (folder is not null && !File.Exists(Path.Combine(folder, "LTHKit.sln")))
            folder = Path.GetDirectoryName(folder);
        return folder;
    }

    internal RunStore On(string other, string? libtorch) => new(Root, other) { OfLibtorch = libtorch ?? Libtorch.Version };

    internal RunFolder Folder(RunSpec spec) => FolderOf(spec.Id);

    /// <summary>The folder of the run of a spec with that name.</summary>
    internal RunFolder FolderOf(string id) => Folder(Name(id, Maker));

    internal RunFolder Folder(string run) => new(Path.Combine(Root, run));

    /// <summary>A run's name, from its spec and from who made it.</summary>
    internal static string Name(string id, string maker) => $"{id} {maker}".Replace(", ", "-").Replace(' ', '-');

    /// <summary>The finished runs of this version of the kit's algorithms, whoever made them.</summary>
    internal IEnumerable<RunFolder> Finished() => Finished($"*-kit-{Algorithms}-*");

    /// <summary>Those of this maker.</summary>
    internal IEnumerable<RunFolder> Own() => Finished().Where(run => run.Run.EndsWith(Name("", Maker), StringComparison.Ordinal));

    /// <summary>Who made runs of this spec that are in the store and are not taken, such as another libtorch.</summary>
    internal IEnumerable<string> OtherMakers(RunSpec spec)
        => Finished($"{spec.Id}-*").Where(run => run != Folder(spec)).Select(run => run.Run[(spec.Id.Length + 1)..]);

    private IEnumerable<RunFolder> Finished(string names) => !Directory.Exists(Root) ? []
        : Directory.GetDirectories(Root, names).Order(StringComparer.Ordinal).Select(path => new RunFolder(path)).Where(run => File.Exists(run.Done));

    /// <summary>The result of a finished run; null if it is not finished.</summary>
    internal RunResult? Find(RunSpec spec)
    {
        var folder = Folder(spec);
        return folder.IfDone(() =>
        {
            // Without its network, or its mask, a run is not finished, whatever is written about it; one that was imported may do without its network.
            if (spec.Level > 0 && !File.Exists(folder.Mask))
                return null;
            var done = ReadDone(folder);
            if (done.Imported is null && !File.Exists(folder.Checkpoint))
                return null;
            var (images, epochs) = (Images(spec), ReadMetrics(spec, until: spec.Recipe.Epochs));
            return new RunResult(spec, folder.Path, done.Sparsity, done.Effective!.Value, done.Collapsed, epochs, images, done.Made, done.Finished, done.Imported is not null);
        });
    }

    /// <summary>Waits until no other process trains this run, then holds it until the result is disposed. A process that dies lets go.</summary>
    internal Held Acquire(RunSpec spec, Action waiting, CancellationToken cancel)
    {
        using var away = DeviceTurns.Leave();       // who holds it may need the device
        for (var said = false; ; said = true)
        {
            if (TryAcquire(Folder(spec)) is { } held)
                return held;
            if (!said)
                waiting();
            if (cancel.WaitHandle.WaitOne(250))
                cancel.ThrowIfCancellationRequested();
        }
    }

    /// <summary>Holds a run without waiting, against this machine's processes by a lock and against other machines by a lease; null where another does.</summary>
    internal static Held? TryAcquire(RunFolder folder)
    {
        AtomicFile.CreateFolder(folder.Path);
        var (held, lease) = ((IDisposable?)null, (Lease?)null);
        try
        {
            held = AtomicFile.Hold(folder.Lock);
            lease = held is null ? null : Lease.Take(folder.Lease);
            return lease is null ? null : new(folder, held!, lease);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            var space = e is IOException ? "free some space or " : "";
            throw new UserException($"{folder.Path} cannot be written ({e.Message}): {space}choose another store with LTHKIT_RUNS.", e);
        }
        finally
        {
            if (lease is null)
                held?.Dispose();
        }
    }

    /// <summary>Writes what is run, and on which images, or checks that the folder is this run's; sweeps up after a process that was killed.</summary>
    internal void Begin(RunSpec spec, ImageSet images)
    {
        var folder = Folder(spec);
        if (File.Exists(folder.Importing) && !File.Exists(folder.Done))
            folder.Clear();
        File.Delete(folder.Importing);
        if (File.Exists(folder.Spec))
            Check(spec, Images(spec), images);
        else
        {
            var described = new JsonObject { ["made"] = Maker, ["images"] = images.Fingerprint, ["run"] = spec.ToJson() };
            AtomicFile.WriteText(folder.Spec, described.ToJsonString(SpecJson.Options) + "\n");
        }
        foreach (var leftover in Directory.GetFiles(folder.Path, "*.tmp"))
            File.Delete(leftover);
        // Of the training of another that this one takes the place of nothing stays but the ticket.
        if (File.Exists(folder.Done) && ReadDone(folder) is var done && (done.Imported is not null || done.Made != Made))
            foreach (var path in folder.Measured.Concat(folder.Weights).Concat(folder.AllKept).Append(folder.Makers))
                File.Delete(path);
        File.Delete(folder.Done);
        var begun = File.Exists(folder.Checkpoint) || folder.AllKept.Any();
        if (!begun || !Makers(folder).Contains(Made))
            AtomicFile.WriteText(folder.Makers, string.Concat((begun ? Makers(folder) : []).Append(Made).Select(maker => maker + "\n")));
    }

    // Versions before this file did not say with which threads.
    private string[] Makers(RunFolder folder) => File.Exists(folder.Makers) ? File.ReadAllLines(folder.Makers) : [Maker];

    /// <summary>Adds an epoch to the metrics; lines of that epoch and later ones, left by a run that was cut off, are dropped first.</summary>
    internal void AddMetrics(RunSpec spec, EpochMetrics metrics)
        => Folder(spec).WriteLines(Folder(spec).Metrics, ReadMetrics(spec).Where(m => m.Epoch < metrics.Epoch).Append(metrics));

    /// <summary>The epochs of a run that have been trained, all from its first one on; at least those before <paramref name="until"/>, at most its recipe's.</summary>
    internal IReadOnlyList<EpochMetrics> ReadMetrics(RunSpec spec, int until = 0)
    {
        var folder = Folder(spec);
        var epochs = folder.Lines<EpochMetrics>(folder.Metrics);
        var first = spec.Rewind.Epochs;
        return epochs.Index().All(m => m.Item.Epoch == first + m.Index) && first + epochs.Count >= until && first + epochs.Count <= spec.Recipe.Epochs ? epochs
            : throw folder.Damaged(folder.Metrics, first + epochs.Count > spec.Recipe.Epochs ? "it has more epochs than the recipe" : "epochs are missing");
    }

    /// <summary>Writes the result; the run is finished then.</summary>
    internal RunResult Finish(RunSpec spec, Mask? mask, Network network)
    {
        var done = new Done(Folder(spec).Run, mask?.Sparsity ?? 0, mask?.EffectiveSparsity(network) ?? 0, mask?.Collapsed ?? [],
            string.Join("; then ", Makers(Folder(spec))), DateTime.UtcNow);
        AtomicFile.WriteText(Folder(spec).Done, JsonSerializer.Serialize(done, SpecJson.LineOptions) + "\n");
        return Find(spec)!;
    }

    /// <summary>Refuses a run of other images than those that are there now.</summary>
    internal void Check(RunSpec spec, string trained, ImageSet images)
    {
        if (trained != images.Fingerprint)
            throw new UserException($"{spec.Label} was trained on other images than those that {spec.Data.Name} holds now: "
                + $"use another run store (LTHKIT_RUNS) for them, or delete {Folder(spec).Path}.");
    }

    /// <summary>What is written of a finished run.</summary>
    internal static Done ReadDone(RunFolder folder)
    {
        var done = folder.Read(folder.Done, () => JsonSerializer.Deserialize<Done>(File.ReadAllText(folder.Done), SpecJson.LineOptions));
        if (done is { Effective: null, Made: not null })
            throw folder.Damaged(folder.Done, "an earlier version of the kit wrote it");
        return done is { Effective: not null, Collapsed: not null, Made: not null } && done.Run == folder.Run ? done : throw folder.Damaged(folder.Done, "it is of another run");
    }

    /// <summary>The fingerprint of the images of a run, whose folder must describe this run.</summary>
    internal string Images(RunSpec spec)
    {
        var folder = Folder(spec);
        if (!File.Exists(folder.Spec))
            throw folder.Damaged(folder.Spec, "it is missing");
        var stored = folder.ReadJson(folder.Spec);
        return JsonNode.DeepEquals(stored["run"], spec.ToJson()) && stored["made"]?.ToString() == Maker && stored["images"]?.ToString() is { } images ? images
            : throw folder.Damaged(folder.Spec, "it describes another run than the folder's name says");
    }

    /// <summary>The folder that the program was started in, as the shell says; a notebook's kernel goes to the notebook's.</summary>
    private static string Started
        => Environment.GetEnvironmentVariable("PWD") is { } folder && Directory.Exists(folder) ? folder : Directory.GetCurrentDirectory();

    /// <summary>A run that this process holds.</summary>
    internal sealed record Held(RunFolder Folder, IDisposable Lock, Lease Lease) : IDisposable
    {
        /// <summary>Before an epoch, a network or the result is written: refuses to go on where another machine took the run over since.</summary>
        public void Check()
        {
            if (!Lease.IsHeld)
                throw new UserException($"{Folder.Path} was taken over by another machine, since this one stood still for minutes, or was removed: what was trained since its last "
                    + "epoch is not kept; ask for the run again.");
        }

        public void Dispose()
        {
            using (Lock)
                Lease.Dispose();
        }
    }

    internal sealed record Done(string Run, double Sparsity, double? Effective, IReadOnlyList<string> Collapsed, string Made, DateTime Finished,
        DateTime? Imported = null);
}
