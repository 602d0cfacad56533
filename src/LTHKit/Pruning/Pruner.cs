namespace LTHKit.Pruning;

/// <summary>When a pruner looks at the network.</summary>
public enum At
{
    /// <summary>After each round of training; level k is cut from the trained ticket of level k-1 (IMP).</summary>
    EachRound,

    /// <summary>Once, after the dense training (OMP).</summary>
    Trained,

    /// <summary>Once, before any training.</summary>
    Initialised,
}

/// <summary>
/// A pruner: a score for every prunable weight, the lowest are cut. One of one's own is
/// <c>new Pruner("w*g", At.Trained, c => c.Weight.abs() * c.Gradient.abs())</c>; the cut, its distribution over the layers and the rates are shared.
/// </summary>
/// <param name="Name">Its name in figures and tables.</param>
/// <param name="At">When it looks at the network.</param>
/// <param name="Score">The score of a layer's weights, of the weight's shape; higher is kept.</param>
public sealed record Pruner(string Name, At At, Func<ScoredLayer, Tensor> Score)
{
    /// <summary>|w| of the trained ticket, a cut each round (Frankle and Carbin 2019).</summary>
    public static Pruner Imp { get; } = new("imp", At.EachRound, Scores.Magnitude);

    /// <summary>|w| of the trained dense network, cut once (Han et al. 2015).</summary>
    public static Pruner Omp { get; } = new("omp", At.Trained, Scores.Magnitude);

    /// <summary>At random, uniformly.</summary>
    public static Pruner Random { get; } = new("random", At.Initialised, Scores.Random);

    /// <summary>|w g| at initialisation (Lee et al. 2019).</summary>
    public static Pruner Snip { get; } = new("snip", At.Initialised, Scores.Snip);

    /// <summary>w Hg at initialisation (Wang et al. 2020).</summary>
    public static Pruner Grasp { get; } = new("grasp", At.Initialised, Scores.Grasp);

    /// <summary>The flow of ones through the weight, in 100 rounds, without data (Tanaka et al. 2020).</summary>
    public static Pruner SynFlow { get; } = new("synflow", At.Initialised, Scores.SynFlow) { Rounds = 100 };

    /// <summary>The kit's own.</summary>
    public static IReadOnlyList<Pruner> All { get; } = [Imp, Omp, Random, Snip, Grasp, SynFlow];

    /// <summary>In how many exponential steps a cut is made, scoring anew each time.</summary>
    public int Rounds { get; init; } = 1;

    public Distribution Distribution { get; init; } = Distribution.Global;

    /// <summary>Layers that are left whole, by name: "conv1", or "layer1.0" for all below it. The sparsity still counts all layers.</summary>
    public IReadOnlyList<string> Except { get; init; } = [];

    /// <summary>For instance "imp", or "imp erk" where the cut is not ranked over all layers.</summary>
    public override string ToString()
        => $"{Name}{(Distribution.Share is null ? "" : " " + Distribution.Name)}{(Except.Count == 0 ? "" : $" except {string.Join(", ", Except)}")}";

    /// <summary>Refuses what cannot be done.</summary>
    /// <exception cref="UserException">A setting is out of range.</exception>
    public void Validate()
    {
        if (string.IsNullOrWhiteSpace(Name))
            throw new UserException("A pruner needs a name for figures and tables.");
        UserException.Require(Rounds >= 1, $"The number of rounds of the pruner '{Name}'", Rounds, "at least 1");
    }

    /// <summary>The ticket of a number of weights, cut from <paramref name="before"/> by the score of the network with that mask applied.</summary>
    internal Mask Draw(Network network, Mask before, long keep, ImageSet data, ulong seed, CancellationToken cancel = default)
    {
        using var copy = Networks.Copy(network);
        Mask? drawn = null;
        for (var round = 1; round <= Rounds; round++)
        {
            using var last = drawn;         // that of the last round is the caller's
            cancel.ThrowIfCancellationRequested();
            using var scope = NewDisposeScope();
            Networks.CopyState(network, copy);
            (last ?? before).Apply(copy);
            // Exponential schedule: density falls by the same factor each round (Tanaka et al. 2020).
            var kept = round == Rounds ? keep : (long)Math.Round(before.Kept * Math.Pow(keep / (double)before.Kept, round / (double)Rounds));
            // A user's own score may do as it likes with the network it sees, and draw from libtorch's one generator.
            using var seen = Score.Method.DeclaringType == typeof(Scores) ? null : Networks.Copy(copy);
            var context = new PruningContext(seen ?? copy, data, seed) { Source = copy, Mask = last ?? before, Cancel = cancel };
            var scores = seen is null ? Scored(context) : Networks.Seeded(unchecked(seed + (ulong)round), () => Scored(context));
            drawn = Cut.To(scores, last ?? before, kept, Distribution, Except);
        }
        return drawn!;
    }

    internal IReadOnlyDictionary<string, Tensor> Scored(PruningContext context)
        => context.Layers().ToDictionary(layer => layer.Name, layer =>
        {
            var shape = layer.Weight.shape;
            if (Score(layer) is not { IsInvalid: false } score)
                throw new UserException($"The pruner '{Name}' scores {layer.Name} with null or a tensor that is disposed; give one of shape [{string.Join(", ", shape)}].");
            if (!score.shape.SequenceEqual(shape))
                throw new UserException($"The pruner '{Name}' scores {layer.Name} with another shape than [{string.Join(", ", shape)}]; score each weight.");
            score = (score.dtype == ScalarType.Bool ? score.to(ScalarType.Byte) : score).detach();
            var ranked = context.Mask is { } mask ? score.masked_select(mask[layer.Name]) : score;
            return ranked.isfinite().all().ToBoolean() ? score
                : throw new UserException($"The pruner '{Name}' scores weights of {layer.Name} as infinite or not a number, so that they cannot be ranked: its formula divides by "
                    + "zero, for instance, or the network it looks at has diverged.");
        });
}

/// <summary>How the number of weights to keep is spread over the layers; one of one's own is <c>new Distribution("mine", layer => ...)</c>.</summary>
/// <param name="Name">Its name in figures and tables.</param>
/// <param name="Share">How many weights a layer may keep in proportion to the others, as far as it has them; null for one ranking over all layers.</param>
public sealed record Distribution(string Name, Func<LayerMask, double>? Share = null)
{
    /// <summary>One ranking over all layers (the paper's).</summary>
    public static Distribution Global { get; } = new("global");

    /// <summary>The same share in every layer.</summary>
    public static Distribution Uniform { get; } = new("uniform", Size);

    /// <summary>Erdos-Renyi-Kernel: density proportional to (in + out + kernel height + width) / (in * out * height * width) (Evci et al. 2020).</summary>
    public static Distribution Erk { get; } = new("erk", Dimensions);

    private static double Size(LayerMask layer) => layer.Total;

    private static double Dimensions(LayerMask layer) => layer.Shape.Sum();
}

/// <summary>Rates of pruning: the share of the survivors that each round cuts, the last one for all rounds after it.</summary>
internal static class PruningRates
{
    public const int MaxLevel = 200;

    /// <summary>
    /// Number of weights kept at <paramref name="level"/> out of <paramref name="total"/>. Each round cuts exactly
    /// round(rate * survivors), so that one-shot and iterative tickets of a level have the same number of weights.
    /// </summary>
    public static long KeptAt(IReadOnlyList<double> rates, int level, long total)
        => Enumerable.Range(0, level).Aggregate(total, (kept, round) => kept - (long)Math.Round(Of(rates, round) * kept, MidpointRounding.AwayFromZero));

    public static double SparsityAt(IReadOnlyList<double> rates, int level)
        => 1 - Enumerable.Range(0, level).GroupBy(round => Of(rates, round)).Aggregate(1.0, (kept, same) => kept * Math.Pow(1 - same.Key, same.Count()));

    /// <summary>The level, from 1 on, whose sparsity is nearest.</summary>
    public static int LevelNear(IReadOnlyList<double> rates, double sparsity) => sparsity is > 0 and < 1
        ? Enumerable.Range(1, MaxLevel).MinBy(level => Math.Abs(SparsityAt(rates, level) - sparsity))
        : throw new UserException(FormattableString.Invariant($"{sparsity} is no sparsity; give shares in (0, 1) such as 0.9, the dense network is there."));

    /// <summary>The rates of the first rounds, without what repeats.</summary>
    public static IReadOnlyList<double> Needed(IReadOnlyList<double> rates, int level)
    {
        var needed = Enumerable.Range(0, Math.Max(1, level)).Select(round => Of(rates, round)).ToList();
        while (needed.Count > 1 && needed[^1] == needed[^2])
            needed.RemoveAt(needed.Count - 1);
        return needed;
    }

    public static void Validate(IReadOnlyList<double> rates)
    {
        if (rates.Count == 0 || rates.Any(rate => rate is not (>= 0.007 and < 1)))
            throw new UserException(FormattableString.Invariant($"The pruning rates are [{string.Join(", ", rates)}]; each cuts a share in [0.007, 1), for levels closer than that are taken for one sparsity."));
    }

    private static double Of(IReadOnlyList<double> rates, int round) => rates[Math.Min(round, rates.Count - 1)];
}
