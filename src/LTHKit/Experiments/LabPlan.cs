namespace LTHKit.Experiments;

/// <summary>
/// A run that a sweep asks for or builds on, as a plan has it. Its seconds are told by finished runs of the store; where there are none like it, by a few steps
/// trained now (Measured); they are null where none may be trained.
/// </summary>
internal sealed record PlannedRun(string Run, bool Missing, int Epochs, double? Seconds, long Bytes, bool Measured);

public sealed partial class Lab
{
    private readonly Dictionary<string, (double Dense, double PerWeight)> _epochs = [];
    private ILookup<string, (string Tweaks, double Sparsity, double Seconds)>? _timed;

    /// <summary>What runs, and all that they build on whatever is finished, would take; by finished runs alone unless a few steps may be trained here.</summary>
    internal IReadOnlyList<PlannedRun> Planned(IReadOnlyList<RunSpec> specs, bool here = true, CancellationToken cancel = default)
    {
        var scheduler = new Scheduler(_runner, _workers, specs, [], [], []);
        return [.. from spec in specs.SelectMany(spec => spec.Ancestry(_ => false)).DistinctBy(spec => spec.Id)
                   let missing = scheduler.Missing.Contains(spec)
                   let epochs = spec.Recipe.Epochs - spec.Rewind.Epochs
                   let epoch = missing ? SecondsAnEpoch(spec, here, cancel) : (0, false)
                   select new PlannedRun(spec.Id, missing, epochs, epochs * epoch.Seconds, _runner.SizeOf(spec).Stored(spec), epoch.Measured)];
    }

    /// <summary>
    /// Of the store's runs of this network, data, batch and tweaks whose sparsity is nearest the median of those trained here; without any, from a few steps
    /// of the dense network and of a random ticket, between which time goes with the weights left. Elsewhere runs with any tweaks must do.
    /// </summary>
    private (double? Seconds, bool Measured) SecondsAnEpoch(RunSpec spec, bool here, CancellationToken cancel)
    {
        _timed ??= Store.Own().SelectMany(Timed).ToLookup(run => run.Key, run => run.Value);
        var (key, tweaks) = Key(spec.ToJson());
        if (_timed[key].Where(run => run.Tweaks == tweaks || !here).ToList() is { Count: > 0 } alike)
        {
            var nearest = alike.Min(run => Math.Abs(run.Sparsity - spec.Sparsity));
            return (alike.Where(run => Math.Abs(run.Sparsity - spec.Sparsity) <= nearest + 0.01).Select(run => run.Seconds).Median(), false);
        }
        if (!here)
            return (null, false);
        if (!_epochs.TryGetValue(key + tweaks, out var steps))
        {
            var (dense, sparse) = (_runner.SecondsAnEpoch(spec, 0, cancel), _runner.SecondsAnEpoch(spec, 0.9, cancel));
            _epochs[key + tweaks] = steps = (dense, (dense - sparse) / 0.9);
        }
        return (Math.Max(0, steps.Dense - spec.Sparsity * steps.PerWeight), true);
    }

    private static (string Key, string Tweaks) Key(JsonObject spec) => (
        $"{spec["data"]?.ToJsonString()} {spec["model"]?.ToJsonString()} {spec["recipe"]?["batchSize"]} {spec["recipe"]?["precision"]}",
        spec["tweaks"]?.ToJsonString() ?? "");

    private static IEnumerable<(string Key, (string, double, double) Value)> Timed(RunFolder run) => run.IfDone<(string, (string, double, double))[]>(() =>
    {
        var (done, epochs) = (RunStore.ReadDone(run), run.Lines<EpochMetrics>(run.Metrics));
        return done.Imported is null && epochs.Count > 0 && run.ReadJson(run.Spec)["run"] is JsonObject spec
            ? [(Key(spec).Key, (Key(spec).Tweaks, done.Sparsity, epochs.Average(epoch => epoch.Seconds)))] : null;
    }) ?? [];
}
