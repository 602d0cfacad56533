namespace LTHKit.Experiments;

/// <summary>The runs of one way to retrain over sparsity levels and seeds: one line of a figure.</summary>
/// <param name="Name">As in the legend.</param>
/// <param name="Runs">The sparse runs.</param>
/// <param name="Dense">The dense runs trained the same way, one a seed.</param>
public sealed record Sweep(string Name, IReadOnlyList<RunResult> Runs, IReadOnlyList<RunResult> Dense)
{
    /// <summary>What could not be trained, with the reason.</summary>
    public IReadOnlyList<Hole> Holes { get; init; } = [];

    /// <summary>The run of a pruning level (0 is the dense network) and a seed.</summary>
    /// <exception cref="UserException">The sweep has none, or it diverged.</exception>
    public RunResult this[int level, int seed = 0] => All.FirstOrDefault(run => Key(run.Spec) == (level, seed))
        ?? throw new UserException(Holes.FirstOrDefault(hole => Key(hole.Spec) == (level, seed))?.Reason
            ?? $"'{Name}' has no run of level {level} and seed {seed}; its runs are {string.Join(", ", All.Select(run => Key(run.Spec)).Distinct())}.");

    /// <summary>The sparsest run of the first seed that has one.</summary>
    /// <exception cref="UserException">The sweep has no sparse run.</exception>
    public RunResult Sparsest => Runs.OrderByDescending(run => run.Spec.Sparsity).ThenBy(run => run.Spec.Seed).FirstOrDefault()
        ?? throw new UserException($"'{Name}' has no sparse run{string.Concat(Holes.Take(1).Select(hole => $" ({hole.Reason})"))}.");

    /// <summary>Mean and spread over seeds at each sparsity.</summary>
    public IReadOnlyList<SweepPoint> Points => [.. Runs.GroupBy(r => r.Spec.Halvings).OrderBy(g => g.Key).Select(g => SweepPoint.Of([.. g]))];

    /// <summary>Mean and spread of the dense runs; null without any.</summary>
    public SweepPoint? DensePoint => Dense.Count == 0 ? null : SweepPoint.Of(Dense);

    /// <summary>The dense runs, for what tickets are measured by.</summary>
    internal IReadOnlyList<RunResult> DenseRuns => Dense.Count > 0 || Holes.Any(hole => hole.Spec.Level == 0) ? Dense
        : throw new UserException($"'{Name}' has no dense network that tickets could be measured by; sweep it with the dense one.");

    internal IEnumerable<RunResult> All => Dense.Concat(Runs);

    /// <summary>The sparse runs that were asked for, holes too.</summary>
    internal IEnumerable<RunSpec> Asked => [.. Runs.Select(run => run.Spec), .. Holes.Select(hole => hole.Spec).Where(spec => spec.Level > 0)];

    /// <summary>
    /// What this way to retrain gains over another at each sparsity that both have; the dense networks first as level 0. Sparsities are the same to within
    /// 0.7 % of the weights left, so that sweeps of different rates can be compared. Runs of one seed share first weights, data order and, mostly, their
    /// ticket: the gain and its spread are those of the differences.
    /// </summary>
    public IReadOnlyList<SweepPoint> GainOver(Sweep other) => [.. All
        .Join(other.All, AtSparsity, AtSparsity, (mine, theirs) => (Run: mine, Gain: mine.TestAccuracy - theirs.TestAccuracy))
        .GroupBy(gain => gain.Run.Spec.Halvings).OrderBy(g => g.Key).Select(g => new SweepPoint([.. g.Select(gain => gain.Run)], [.. g.Select(gain => gain.Gain)]))];

    public override string ToString()
        => $"{Name}: {Runs.Count} sparse runs, {Dense.Count} dense{(Holes.Count == 0 ? "" : $", {Holes.Count} without a result")}";

    private static (int Level, int Seed) Key(RunSpec spec) => (spec.Level, spec.Seed);

    internal static (double Halvings, int Seed) AtSparsity(RunResult run) => (run.Spec.Halvings, run.Spec.Seed);
}

/// <summary>A run of a sweep that diverged, or that builds on one that did, and why there is no result.</summary>
public sealed record Hole(RunSpec Spec, string Reason);

/// <summary>Mean and spread over seeds, at one sparsity, of test accuracies or of gains in them. All are fractions.</summary>
/// <param name="Level">Pruning level; 0 is the dense network.</param>
/// <param name="Sparsity">Nominal.</param>
/// <param name="EffectiveSparsity">Of all weights, the classifier's and injected ones included.</param>
/// <param name="Mean">Over seeds.</param>
/// <param name="Std">Sample standard deviation; NaN for one seed.</param>
/// <param name="Count">Number of seeds.</param>
public sealed record SweepPoint(int Level, double Sparsity, double EffectiveSparsity, double Mean, double Std, int Count)
{
    /// <summary>Of runs that differ in their seed only, and the number of each.</summary>
    internal SweepPoint(IReadOnlyList<RunResult> runs, IReadOnlyList<double> numbers)
        : this(runs[0].Spec.Level, runs[0].Sparsity, runs[0].EffectiveSparsity, numbers.Average(), numbers.StandardDeviation(), runs.Count)
        => (Runs, Better) = (runs, numbers.Count(number => number > 0));

    /// <summary>Of the mean; NaN for one seed.</summary>
    public double StandardError => Std / Math.Sqrt(Count);

    /// <summary>In how many seeds the number is positive.</summary>
    public int Better { get; private init; }

    /// <summary>Layers that the ticket of at least one seed has nothing left of.</summary>
    public IReadOnlyList<string> Collapsed => [.. Runs.SelectMany(run => run.Collapsed).Distinct()];

    internal IReadOnlyList<RunResult> Runs { get; private init; } = [];

    internal double Halvings => Runs[0].Spec.Halvings;

    internal static SweepPoint Of(IReadOnlyList<RunResult> runs) => new(runs, [.. runs.Select(run => run.TestAccuracy)]);
}
