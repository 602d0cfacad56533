using MathNet.Numerics;
using MathNet.Numerics.Interpolation;

namespace LTHKit.Experiments;

/// <summary>What is claimed of the mean over seeds.</summary>
public enum Alternative
{
    /// <summary>It is above zero.</summary>
    Greater,

    /// <summary>It is below zero.</summary>
    Less,

    /// <summary>It lies within the claim's margin of zero: "marginal", "comparable".</summary>
    Within,
}

/// <summary>
/// A statement about one number that each seed gives, declared before the runs are looked at. Claims with one id are one claim, which holds only where all of
/// its parts do.
/// </summary>
/// <param name="Id">For instance "C12".</param>
/// <param name="Sentence">What is claimed.</param>
/// <param name="Alternative">What is claimed of the mean of the numbers.</param>
/// <param name="Numbers">One a seed, mostly a difference between its runs, which share their ticket, first weights and data order.</param>
/// <param name="Margin">That of <see cref="Alternative.Within"/>, in the numbers' unit.</param>
/// <param name="Primary">Whether it is judged; what is secondary is shown with its interval and gets no verdict.</param>
/// <param name="Unit">What <paramref name="Scale"/> times a number is.</param>
/// <param name="Scale">For display: 100 makes percentage points of fractions.</param>
public sealed record Claim(string Id, string Sentence, Alternative Alternative, IReadOnlyDictionary<int, double> Numbers, double Margin = Claim.Marginal,
    bool Primary = true, string Unit = "points", double Scale = 100)
{
    /// <summary>
    /// What counts as marginal or comparable, as a fraction: one percentage point, a little less than the smallest of the gains that the paper
    /// reports for all tweaks together (1.05 points).
    /// </summary>
    public const double Marginal = 0.01;

    /// <summary>A claim about sweeps.</summary>
    /// <param name="id">For instance "mine".</param>
    /// <param name="sentence">What is claimed.</param>
    /// <param name="alternative">What is claimed of the mean.</param>
    /// <param name="number">Of one seed, from its results in each sweep: <c>s => s[0].Mean() - s[1].Mean()</c>; NaN where there is none.</param>
    /// <param name="sweeps">In the order in which <paramref name="number"/> sees them.</param>
    /// <exception cref="UserException">The sweeps share no level and seed, or lack a dense network that is asked for.</exception>
    public Claim(string id, string sentence, Alternative alternative, Func<IReadOnlyList<SeedResults>, double> number, params IReadOnlyList<Sweep> sweeps)
        : this(id, sentence, alternative, SeedResults.Of(sweeps, number))
    {
        Runs = [.. sweeps.SelectMany(sweep => sweep.All).DistinctBy(run => run.Id)];
        Holes = sweeps.SelectMany(sweep => sweep.Holes).DistinctBy(hole => hole.Spec.Id).Count();
    }

    /// <summary>Of each seed that has one.</summary>
    public IReadOnlyDictionary<int, double> Numbers { get; init; } = Numbers.Where(of => double.IsFinite(of.Value)).ToDictionary();

    public IReadOnlyList<RunResult> Runs { get; init; } = [];

    /// <summary>How many runs of its sweeps are missing.</summary>
    public int Holes { get; init; }
}

/// <summary>The test accuracies of one seed in one sweep, as fractions; NaN where a run is missing.</summary>
public sealed class SeedResults
{
    private readonly Sweep _sweep;
    private readonly IReadOnlyList<(double Sparsity, RunResult? Run)> _tickets;     // that all sweeps of the claim have, least sparse first

    private SeedResults(Sweep sweep, int seed, IEnumerable<(double Halvings, double Sparsity)> shared)
    {
        (_sweep, Seed) = (sweep, seed);
        _tickets = [.. shared.Select(at => (at.Sparsity, sweep.Runs.FirstOrDefault(run => run.Spec.Halvings == at.Halvings && run.Spec.Seed == seed)))];
    }

    public int Seed { get; }

    /// <summary>Of the dense network.</summary>
    /// <exception cref="UserException">The sweep has none of any seed.</exception>
    public double Dense => Of(_sweep.DenseRuns.FirstOrDefault(run => run.Spec.Seed == Seed));

    /// <summary>Of the least sparse ticket.</summary>
    public double Densest => Of(_tickets[0].Run);

    /// <summary>Of the sparsest ticket.</summary>
    public double Sparsest => Of(_tickets[^1].Run);

    /// <summary>The mean over the tickets.</summary>
    /// <param name="at">Which nominal sparsities, in [0, 1); null for all.</param>
    public double Mean(Func<double, bool>? at = null) => Mean(_tickets.Where(ticket => at?.Invoke(ticket.Sparsity) ?? true));

    /// <summary>The mean over all tickets but the sparsest.</summary>
    public double MeanOfOthers => Mean(_tickets.SkipLast(1));

    /// <summary>How much the accuracy grows whenever the weights are halved: the least-squares slope over -log2(1 - sparsity).</summary>
    /// <exception cref="UserException">There is one ticket only.</exception>
    public double Slope => _tickets.Count > 1 ? Fit.Line([.. _tickets.Select(t => Halvings(t.Sparsity))], [.. _tickets.Select(t => Of(t.Run))]).B
        : throw new UserException($"'{_sweep.Name}' has one level only in common with the other; sweep at least two to see how the gain changes.");

    /// <summary>The effective sparsity of the sparsest ticket.</summary>
    public double SparsestEffective => _tickets[^1].Run?.EffectiveSparsity ?? double.NaN;

    /// <summary>The accuracy at an effective sparsity between two of the sweep's own runs, the dense one included: linear in -log2(1 - sparsity).</summary>
    public double AtEffective(double sparsity)
    {
        var points = _sweep.All.Where(run => run.Spec.Seed == Seed).OrderBy(run => run.EffectiveSparsity).ToList();
        if (points.Count < 2 || !(sparsity >= points[0].EffectiveSparsity && sparsity <= points[^1].EffectiveSparsity))
            return double.NaN;
        var line = LinearSpline.InterpolateSorted([.. points.Select(run => Halvings(run.EffectiveSparsity))], [.. points.Select(Of)]);
        return line.Interpolate(Halvings(sparsity));
    }

    /// <summary>The number of each seed that all sweeps have.</summary>
    internal static IReadOnlyDictionary<int, double> Of(IReadOnlyList<Sweep> sweeps, Func<IReadOnlyList<SeedResults>, double> number)
    {
        if (sweeps.Count == 0)
            throw new UserException("A claim needs at least one sweep to take its numbers from.");
        var (halvings, seeds) = (Shared(spec => spec.Halvings), Shared(spec => spec.Seed));
        if (halvings.Count * seeds.Count == 0)
            throw new UserException($"{string.Join(" and ", sweeps.Select(sweep => $"'{sweep.Name}'"))} share no level and seed; "
                + "sweep the same sparsities to compare them.");
        var tickets = halvings.Order().Select(at => (at, sweeps[0].Runs.FirstOrDefault(run => run.Spec.Halvings == at)?.Sparsity
            ?? sweeps[0].Asked.First(spec => spec.Halvings == at).Sparsity)).ToList();
        return seeds.Order().Select(seed => (seed, value: number([.. sweeps.Select(sweep => new SeedResults(sweep, seed, tickets))])))
            .ToDictionary(pair => pair.seed, pair => pair.value);

        HashSet<T> Shared<T>(Func<RunSpec, T> key) => [.. sweeps.Select(sweep => sweep.Asked.Select(key)).Aggregate((a, b) => a.Intersect(b))];
    }

    private static double Mean(IEnumerable<(double, RunResult? Run)> tickets) => tickets.Select(ticket => Of(ticket.Run)).DefaultIfEmpty(double.NaN).Average();

    private static double Of(RunResult? run) => run?.TestAccuracy ?? double.NaN;

    private static double Halvings(double sparsity) => -Math.Log2(1 - sparsity);
}
