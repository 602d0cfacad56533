namespace LTHKit.Experiments;

/// <summary>Trains runs and all that they build on, each once, several at a time, or finds them in the store.</summary>
internal sealed class Scheduler(
    Runner runner, Workers workers, IReadOnlyList<RunSpec> specs, IReadOnlyList<Watch> watches, IReadOnlyList<Step> keep, IReadOnlyList<Step> always)
{
    private readonly HashSet<string> _asked = [.. specs.Select(s => s.Id)];
    private readonly Dictionary<string, Task<RunResult>> _runs = [];

    /// <summary>The runs and all that they build on, in an order in which they can be trained.</summary>
    public IReadOnlyList<RunSpec> All => field ??= [.. specs.SelectMany(spec => spec.Ancestry(runner.HasTicket)).DistinctBy(s => s.Id)];

    /// <summary>Those of them that have to be trained: they are not finished, or imported without the weights that another one needs.</summary>
    public IReadOnlyList<RunSpec> Missing => field ??= Lacking();

    /// <summary>What finished runs have to be trained again for, now or when it is asked for, which is said before anything trains.</summary>
    public IReadOnlyList<string> Replays
        => [.. Missing.Where(runner.IsFinished).Select(spec => $"has to be trained again: {spec.Label}, whose weights were not exported"),
            .. from spec in All.Except(Missing)
               let now = GoneBackTo(spec, Missing).ToHashSet()
               from at in now.Union(_asked.Contains(spec.Id) ? keep : [])
               where runner.GoesThrough(spec, at) && !runner.IsKept(spec, at)
               select $"{(now.Contains(at) ? "has" : "would have")} to be trained again: {spec.Label}, for its network at {at}, which was not kept",
            .. from spec in All.Except(Missing)
               where _asked.Contains(spec.Id)
               from watch in watches
               where runner.Unseen(spec, watch).Count > 0
               select $"would have to be trained again: {spec.Label}, for what '{watch.Name}' would have seen"];

    public Task<RunResult> Run(RunSpec spec, LabProgress progress, CancellationToken cancel)
    {
        lock (_runs)
            return _runs.TryGetValue(spec.Id, out var known) ? known : _runs[spec.Id] = Begin(spec, progress, cancel);
    }

    private async Task<RunResult> Begin(RunSpec spec, LabProgress progress, CancellationToken cancel)
    {
        await Task.WhenAll(spec.Needs(runner.HasTicket).Select(need => Run(need, progress, cancel))).ConfigureAwait(false);
        return await workers.InPlace(() =>
        {
            var asked = _asked.Contains(spec.Id);
            HashSet<Step> kept = [.. asked ? keep : [], .. spec.Level == 0 ? always : [], .. GoneBackTo(spec, All)];
            var result = runner.Run(spec, asked ? watches : [], kept, progress.Follow(spec), cancel, weights: Missing.Contains(spec));
            progress.Finished(spec);
            return result;
        }, cancel).ConfigureAwait(false);
    }

    /// <summary>The points of a dense training to which runs go back.</summary>
    private static IEnumerable<Step> GoneBackTo(RunSpec dense, IReadOnlyList<RunSpec> runs)
        => runs.Where(s => s.IsRewound && s.Rewinding == Rewinding.Weights && s.Dense.Id == dense.Id).Select(s => s.Rewind);

    private IReadOnlyList<RunSpec> Lacking()
    {
        var (lacking, needed) = (new List<RunSpec>(), new HashSet<string>());
        foreach (var spec in All.Reverse())
            if (!runner.IsFinished(spec) || (needed.Contains(spec.Id) && !runner.HasWeights(spec)))
            {
                lacking.Insert(0, spec);
                needed.UnionWith(spec.Needs(runner.HasTicket).Select(need => need.Id));
            }
        return lacking;
    }
}
