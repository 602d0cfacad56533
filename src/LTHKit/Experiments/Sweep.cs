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
    public RunResult this[int level, int seed = 0] => Dense.Concat(Runs).FirstOrDefault(run => Key(run) == (level, seed))
        ?? throw new UserException(Holes.FirstOrDefault(hole => (hole.Spec.Level, hole.Spec.Seed) == (level, seed))?.Reason
            ?? $"'{Name}' has no run of level {level} and seed {seed}; its runs are {string.Join(", ", Dense.Concat(Runs).Select(Key).Distinct())}.");

    /// <summary>The sparsest run of the first seed that has one.</summary>
    /// <exception cref="UserException">The sweep has no sparse run.</exception>
    public RunResult Sparsest => Runs.OrderByDescending(run => run.Spec.Sparsity).ThenBy(run => run.Spec.Seed).FirstOrDefault()
        ?? throw new UserException($"'{Name}' has no sparse run{string.Concat(Holes.Take(1).Select(hole => $" ({hole.Reason})"))}.");

    /// <summary>Mean and spread over seeds at each sparsity.</summary>
    public IReadOnlyList<SweepPoint> Points => [.. Runs.GroupBy(r => r.Spec.Halvings).OrderBy(g => g.Key).Select(g => SweepPoint.Of([.. g]))];

    /// <summary>Mean and spread of the dense runs; null without any.</summary>
    public SweepPoint? DensePoint => Dense.Count == 0 ? null : SweepPoint.Of(Dense);

    /// <summary>The dense runs, for what tickets are measured by.</summary>
    internal IReadOnlyList<RunResult> DenseRuns => Dense.Count > 0 ? Dense
        : throw new UserException($"'{Name}' has no dense network that tickets could be measured by; sweep it with the dense one.");

    /// <summary>
    /// What this way to retrain gains over another at each sparsity that both have, to 0.7 % of the weights left, whatever the rates; the dense networks
    /// first as level 0. Runs of one seed share first weights, data order and, mostly, their ticket: the gain and its spread are those of the differences.
    /// </summary>
    public IReadOnlyList<GainPoint> GainOver(Sweep other)
        => [.. GainsOver(other).GroupBy(gain => gain.Run.Spec.Halvings).OrderBy(g => g.Key)
            .Select(g => GainPoint.Of(g.First().Run, [.. g.Select(gain => gain.Gain)]))];

    /// <summary>The gain of each run over the other's run of the same sparsity and seed.</summary>
    internal IReadOnlyList<(RunResult Run, double Gain)> GainsOver(Sweep other)
        => [.. Dense.Concat(Runs).Join(other.Dense.Concat(other.Runs), AtSparsity, AtSparsity, (mine, theirs) => (mine, mine.TestAccuracy - theirs.TestAccuracy))];

    /// <inheritdoc/>
    public override string ToString()
        => $"{Name}: {Runs.Count} sparse runs, {Dense.Count} dense{(Holes.Count == 0 ? "" : $", {Holes.Count} without a result")}";

    private static (int Level, int Seed) Key(RunResult run) => (run.Spec.Level, run.Spec.Seed);

    private static (double Halvings, int Seed) AtSparsity(RunResult run) => (run.Spec.Halvings, run.Spec.Seed);
}

/// <summary>A run of a sweep that diverged, or that builds on one that did.</summary>
/// <param name="Spec">What was to be run.</param>
/// <param name="Reason">Why there is no result.</param>
public sealed record Hole(RunSpec Spec, string Reason);

/// <summary>Difference of test accuracies between two ways to retrain, over seeds. All are fractions.</summary>
/// <param name="Level">Pruning level; 0 is the dense network.</param>
/// <param name="Sparsity">Nominal.</param>
/// <param name="EffectiveSparsity">With injected weights counted.</param>
/// <param name="Mean">Mean of the differences.</param>
/// <param name="StandardError">Their sample standard deviation over the root of their number; NaN for one seed.</param>
/// <param name="Better">In how many seeds the difference is positive.</param>
/// <param name="Count">Number of seeds.</param>
public sealed record GainPoint(int Level, double Sparsity, double EffectiveSparsity, double Mean, double StandardError, int Better, int Count)
{
    internal static GainPoint Of(RunResult run, IReadOnlyList<double> gains)
        => new(
            run.Spec.Level, run.Sparsity, run.EffectiveSparsity, gains.Average(), Statistics.StandardError(gains), gains.Count(gain => gain > 0), gains.Count)
        {
            Halvings = run.Spec.Halvings,
        };

    internal double Halvings { get; init; }
}

/// <summary>Mean and spread over seeds at one sparsity. Accuracies and sparsities are fractions.</summary>
/// <param name="Level">Pruning level.</param>
/// <param name="Sparsity">Nominal.</param>
/// <param name="EffectiveSparsity">With injected weights counted.</param>
/// <param name="Mean">Mean test accuracy.</param>
/// <param name="Std">Sample standard deviation of the test accuracy; NaN for one seed.</param>
/// <param name="Count">Number of seeds.</param>
public sealed record SweepPoint(int Level, double Sparsity, double EffectiveSparsity, double Mean, double Std, int Count)
{
    /// <summary>Layers that the ticket of at least one seed has nothing left of.</summary>
    public IReadOnlyList<string> Collapsed { get; init; } = [];

    internal double Halvings { get; init; }

    /// <summary>The point of runs that differ in their seed only.</summary>
    public static SweepPoint Of(IReadOnlyList<RunResult> runs)
    {
        double[] accuracies = [.. runs.Select(r => r.TestAccuracy)];
        return new(runs[0].Spec.Level, runs[0].Sparsity, runs[0].EffectiveSparsity, accuracies.Average(), Statistics.Deviation(accuracies), runs.Count)
        {
            Halvings = runs[0].Spec.Halvings,
            Collapsed = [.. runs.SelectMany(r => r.Collapsed).Distinct()],
        };
    }
}
