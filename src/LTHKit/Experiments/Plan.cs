namespace LTHKit.Experiments;

/// <summary>
/// What cells ask to be trained, noted in place of training: a laboratory that is opened within a plan notes its sweeps there and answers with results
/// of no meaning, so that the next cell can ask for the next sweep. What needs a network is refused until the plan is closed.
/// </summary>
/// <param name="elsewhere">Whether the runs are for another machine, so that a device that is not here may be asked for.</param>
internal sealed class Plan(bool elsewhere = false)
{
    private static readonly AsyncLocal<Plan?> Ambient = new();

    private readonly List<Asked> _asked = [];

    /// <summary>The plan that this flow of control notes in; null where training is meant.</summary>
    public static Plan? Current => Ambient.Value;

    /// <summary>Whether the runs are for another machine.</summary>
    public bool Elsewhere { get; } = elsewhere;

    /// <summary>Where what is noted comes from, for who plans several notebooks.</summary>
    public int Origin { get; set; }

    /// <summary>Why the first cell ended that could not be planned; null where all could.</summary>
    public string? Problem { get; set; }

    /// <summary>Is told of each run when it is finished.</summary>
    public Action<string>? Finished { get; init; }

    /// <summary>Whether sweeps are still noted; then they are trained.</summary>
    public bool IsOpen { get; private set; } = true;

    /// <summary>In the order of the cells.</summary>
    public IReadOnlyList<Asked> Asked => _asked;

    /// <summary>The runs and all that they build on, each once, by the dense network that their tickets are drawn from; the same whatever the store holds.</summary>
    public IReadOnlyList<IGrouping<string, RunSpec>> Ladders
        => [.. _asked.SelectMany(asked => asked.Specs).SelectMany(spec => spec.Ancestry(_ => false)).DistinctBy(spec => spec.Id).GroupBy(spec => spec.Dense.Id)];

    /// <summary>Has laboratories that are opened from here on note in this plan.</summary>
    public void Enter() => Ambient.Value = this;

    public void Close() => IsOpen = false;

    /// <summary>Trains what a ladder lacks, with the laboratories that asked for it; what is asked for alike is trained side by side.</summary>
    /// <returns>Why runs have no result, where they diverged.</returns>
    public IReadOnlyList<Hole> Train(string ladder, CancellationToken cancel)
        => [.. from asked in _asked
               group asked.Specs.Where(spec => spec.Dense.Id == ladder) by (asked.Lab, Watches: asked.Watches.Count == 0 ? null : asked, Keep: asked.Keep.Count == 0 ? null : asked)
               into alike
               let specs = alike.SelectMany(specs => specs).DistinctBy(spec => spec.Id).ToList()
               where specs.Count > 0
               from hole in alike.Key.Lab.Train(specs[0].Label, specs, alike.Key.Watches?.Watches ?? [], alike.Key.Keep?.Keep ?? [], cancel)
               select hole];

    internal IEnumerable<RunResult> Add(Asked asked)
    {
        lock (_asked)
            _asked.Add(asked);
        return asked.Specs.Select(spec => Unknown(spec, asked.Lab.Store.Maker));
    }

    private static RunResult Unknown(RunSpec spec, string maker) => new(spec, "", spec.Sparsity, spec.Sparsity, [],
        [.. Enumerable.Range(spec.Rewind.Epochs, spec.Recipe.Epochs - spec.Rewind.Epochs).Select(epoch => new EpochMetrics(epoch, 0, 0, 0, 0, 0, 0, 0, 0))], Made: maker);
}

/// <summary>Runs that one sweep asked for.</summary>
internal sealed record Asked(Lab Lab, IReadOnlyList<RunSpec> Specs, IReadOnlyList<Watch> Watches, IReadOnlyList<Step> Keep, int Origin);
