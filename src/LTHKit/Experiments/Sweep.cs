namespace LTHKit.Experiments;

/// <summary>The runs of one way to retrain over sparsity levels and seeds: one line of a figure.</summary>
/// <param name="Name">As in the legend.</param>
/// <param name="Runs">The sparse runs.</param>
/// <param name="Dense">The dense runs trained the same way, one a seed.</param>
public sealed record Sweep(string Name, IReadOnlyList<RunResult> Runs, IReadOnlyList<RunResult> Dense)
{
    /// <summary>Mean and spread over seeds at each level.</summary>
    public IReadOnlyList<SweepPoint> Points => [.. Runs.GroupBy(r => r.Spec.Level).OrderBy(g => g.Key).Select(g => SweepPoint.Of(g.Key, [.. g]))];

    /// <summary>Mean and spread of the dense runs; null without any.</summary>
    public SweepPoint? DensePoint => Dense.Count == 0 ? null : SweepPoint.Of(0, Dense);
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

    /// <summary>The point of runs that differ in their seed only.</summary>
    public static SweepPoint Of(int level, IReadOnlyList<RunResult> runs)
    {
        var mean = runs.Average(r => r.TestAccuracy);
        var std = runs.Count < 2 ? double.NaN : Math.Sqrt(runs.Sum(r => Math.Pow(r.TestAccuracy - mean, 2)) / (runs.Count - 1));
        return new(level, runs[0].Sparsity, runs[0].EffectiveSparsity, mean, std, runs.Count)
        {
            Collapsed = [.. runs.SelectMany(r => r.Collapsed).Distinct()],
        };
    }
}
