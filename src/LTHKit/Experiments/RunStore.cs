using System.Text.Json;
using System.Text.Json.Nodes;
using LTHKit.Pruning;
using LTHKit.Storage;
using LTHKit.Training;

namespace LTHKit.Experiments;

/// <summary>
/// Runs on disk, one folder each, named by the content of its spec. Every file is there whole or not at all, and a run is written by one
/// process at a time, so that any number of processes share a store.
/// </summary>
/// <param name="root">The store's folder; made when first written to.</param>
public sealed class RunStore(string root)
{
    /// <summary>The layout that this version writes; a folder with a higher one is refused.</summary>
    private const int Format = 1;

    private const int HeldByAnother = 11;      // EWOULDBLOCK, as .NET passes it on

    /// <summary>The store's folder.</summary>
    public string Root { get; } = Path.GetFullPath(root);

    /// <summary>
    /// The store to use where none is named: the folder in LTHKIT_RUNS, else artifacts/runs of the checkout that the current folder lies in,
    /// else ./runs.
    /// </summary>
    public static RunStore Default()
    {
        if (Environment.GetEnvironmentVariable("LTHKIT_RUNS") is { Length: > 0 } named)
            return new(named);
        for (var folder = new DirectoryInfo(Directory.GetCurrentDirectory()); folder is not null; folder = folder.Parent)
            if (File.Exists(Path.Combine(folder.FullName, "LTHKit.sln")))
                return new(Path.Combine(folder.FullName, "artifacts", "runs"));
        return new("runs");
    }

    /// <summary>The folder of a run, which need not exist.</summary>
    public RunFolder Folder(RunSpec spec) => new(Path.Combine(Root, spec.Id));

    /// <summary>The result of a finished run; null if it is not finished.</summary>
    /// <exception cref="UserException">The folder is damaged, of a newer version, or holds another run.</exception>
    public RunResult? Find(RunSpec spec)
    {
        var folder = Folder(spec);
        // Without its network, or its mask, a run is not finished, whatever is written about it.
        if (!File.Exists(folder.Done) || !File.Exists(folder.Checkpoint) || (spec.Level > 0 && !File.Exists(folder.Mask)))
            return null;
        CheckSpec(spec);
        var done = Read(folder.Done);
        return new RunResult
        {
            Spec = spec,
            Id = spec.Id,
            Folder = folder.Path,
            Sparsity = Number(done, "sparsity"),
            EffectiveSparsity = Number(done, "effectiveSparsity"),
            Collapsed = [.. (done["collapsed"] as JsonArray ?? []).Select(layer => layer!.GetValue<string>())],
            TestAccuracy = Number(done, "testAccuracy"),
            LastTestAccuracy = Number(done, "lastTestAccuracy"),
            BestEpoch = (int)Number(done, "bestEpoch"),
            Seconds = Number(done, "seconds"),
            DataFingerprint = done["data"]?.GetValue<string>() ?? "",
            Epochs = ReadMetrics(spec),
        };

        double Number(JsonObject node, string key) => node[key] is JsonValue value && value.TryGetValue(out double number)
            ? number
            : throw new UserException($"{folder.Done} is damaged ({key} is missing): delete the folder {folder.Path} and the run is trained anew.");
    }

    /// <summary>
    /// Waits until no other process trains this run, then holds it until the result is disposed. A process that dies lets go.
    /// </summary>
    public IDisposable Acquire(RunSpec spec, Action waiting, CancellationToken cancel)
    {
        var folder = Folder(spec);
        AtomicFile.CreateFolder(folder.Path);
        for (var said = false; ; said = true)
        {
            try
            {
                return new FileStream(folder.Lock, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (UnauthorizedAccessException e)
            {
                throw new UserException($"{folder.Path} cannot be written ({e.Message}): choose another store with LTHKIT_RUNS.", e);
            }
            catch (IOException e) when (e.HResult == HeldByAnother)
            {
                if (!said)
                    waiting();
                if (cancel.WaitHandle.WaitOne(250))
                    cancel.ThrowIfCancellationRequested();
            }
            catch (IOException e)
            {
                throw new UserException($"{folder.Path} cannot be written ({e.Message}): free some space or choose another store with LTHKIT_RUNS.", e);
            }
        }
    }

    /// <summary>Writes the spec of a run that begins, or checks that the folder is this run's; sweeps up after a process that was killed.</summary>
    /// <exception cref="UserException">The folder is of a newer version or holds another run.</exception>
    public void Begin(RunSpec spec)
    {
        foreach (var leftover in Directory.GetFiles(Folder(spec).Path, "*.tmp"))
            File.Delete(leftover);
        File.Delete(Folder(spec).Done);
        if (File.Exists(Folder(spec).Spec))
        {
            CheckSpec(spec);
            return;
        }
        AtomicFile.WriteText(Folder(spec).Spec, new JsonObject { ["format"] = Format, ["run"] = spec.ToJson() }.ToJsonString(SpecJson.Options) + "\n");
    }

    /// <summary>Adds an epoch to the metrics; lines of that epoch and later ones, left by a run that was cut off, are dropped first.</summary>
    public void AddMetrics(RunSpec spec, EpochMetrics metrics)
    {
        var lines = ReadMetrics(spec).Where(m => m.Epoch < metrics.Epoch).Append(metrics)
            .Select(m => JsonSerializer.Serialize(m, SpecJson.LineOptions) + "\n");
        AtomicFile.WriteText(Folder(spec).Metrics, string.Concat(lines));
    }

    /// <summary>The epochs recorded so far.</summary>
    public IReadOnlyList<EpochMetrics> ReadMetrics(RunSpec spec)
    {
        var path = Folder(spec).Metrics;
        if (!File.Exists(path))
            return [];
        try
        {
            return [.. File.ReadLines(path).Select(line => JsonSerializer.Deserialize<EpochMetrics>(line, SpecJson.LineOptions)!)];
        }
        catch (JsonException e)
        {
            throw new UserException($"{path} is damaged: delete the folder of the run and it is trained anew.", e);
        }
    }

    /// <summary>Writes the result; the run is finished then.</summary>
    public RunResult Finish(RunSpec spec, Mask? mask, double effectiveSparsity, string dataFingerprint, JsonObject environment)
    {
        var epochs = ReadMetrics(spec);
        var best = epochs.MaxBy(m => m.ValidationAccuracy)!;    // the first of equals
        var done = new JsonObject
        {
            ["sparsity"] = mask?.Sparsity ?? 0,
            ["effectiveSparsity"] = effectiveSparsity,
            ["testAccuracy"] = best.TestAccuracy,
            ["lastTestAccuracy"] = epochs[^1].TestAccuracy,
            ["bestEpoch"] = best.Epoch,
            ["seconds"] = epochs.Sum(m => m.Seconds),
            ["data"] = dataFingerprint,
            ["environment"] = environment,
        };
        if (mask is { Collapsed: { Count: > 0 } layers })
            done["collapsed"] = new JsonArray([.. layers.Select(layer => (JsonNode)layer)]);
        AtomicFile.WriteText(Folder(spec).Done, done.ToJsonString(SpecJson.Options) + "\n");
        return Find(spec)!;
    }

    private void CheckSpec(RunSpec spec)
    {
        var path = Folder(spec).Spec;
        var stored = Read(path);
        if (stored["format"] is not JsonValue value || !value.TryGetValue(out int format))
            throw new UserException($"{path} is damaged (it has no format number): delete that folder and the run is trained anew.");
        if (format > Format)
            throw new UserException($"{path} was written by a newer LTHKit (layout {format}, this one knows {Format}): update LTHKit or use another run store.");
        if (!JsonNode.DeepEquals(stored["run"], spec.ToJson()))
            throw new UserException($"{path} describes another run than its folder's name says: delete that folder and the run is trained anew.");
    }

    private static JsonObject Read(string path)
    {
        try
        {
            return JsonNode.Parse(File.ReadAllText(path))!.AsObject();
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FileNotFoundException)
        {
            throw new UserException($"{path} is missing or damaged: delete that folder and the run is trained anew.", e);
        }
    }
}
