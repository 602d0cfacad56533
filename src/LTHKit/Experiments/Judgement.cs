namespace LTHKit.Experiments;

/// <summary>What runs say to a claim.</summary>
public enum Verdict
{
    /// <summary>All its parts are on the claim's side, beyond chance.</summary>
    Holds,

    /// <summary>One of them is on the other side, beyond chance.</summary>
    Fails,

    /// <summary>Chance could have made the numbers, or there are too few.</summary>
    Open,

    /// <summary>No seed gives any of its parts a number, so that nothing is tested.</summary>
    Untested,
}

/// <summary>
/// A claim as the runs at hand judge it. Intervals and p cover what the seed decides, initialisation and data order, not the split of the images nor the
/// choice of network and data.
/// </summary>
/// <param name="Claim">The claim, or one part of it.</param>
/// <param name="Adjusted">That of the whole claim, after Holm over all primary claims tested together; NaN for a secondary one and where nothing is tested.</param>
/// <param name="Verdict">At 5 % of <paramref name="Adjusted"/>; null for a secondary one.</param>
/// <param name="Decided">Whether every part of the claim rests on five seeds; fewer suggest its verdict.</param>
/// <param name="SeedsNeeded">
/// Seeds for 80 % power at the size and spread seen, at the level that Holm asks for; null where this part is not in doubt, or more than 1,000.
/// </param>
public sealed record Judgement(Claim Claim, double Adjusted, Verdict? Verdict, bool Decided, int? SeedsNeeded)
{
    private const double Alpha = 0.05;

    private double[] Values => [.. Claim.Numbers.Values];

    // Fewer than three decide nothing, three suggest, five decide.
    private int Seeds => Claim.Numbers.Count;

    private bool IsWithin => Claim.Alternative == Alternative.Within;

    // 0 for one seed and for values that are equal, to rounding: they show no spread to measure the mean by.
    private double Deviation => Values.StandardDeviation() is var spread && spread > 1e-9 * Values.Select(Math.Abs).DefaultIfEmpty().Max() ? spread : 0;

    private bool IsTested => Seeds >= 3 && Deviation > 0;

    // In standard errors, how far the mean is on the side that the claim denies.
    private double Against => (IsWithin ? Math.Abs(Estimate) - Claim.Margin : Claim.Alternative == Alternative.Less ? Estimate : -Estimate)
        / (Deviation / Math.Sqrt(Seeds));

    // p of the claim's side. Whether the mean is within a margin is asked of one side only: the other is far.
    private double Holds => IsTested ? Math.Min(1, (IsWithin ? 1 : 2) * Statistics.Tail(-Against, Seeds - 1)) : 1;

    // p of the other side.
    private double Fails => IsTested ? Math.Min(1, 2 * Statistics.Tail(Against, Seeds - 1)) : 1;

    /// <summary>
    /// Of the two-sided paired t test over seeds; of two one-sided ones for <see cref="Alternative.Within"/>. NaN where equal values or fewer than three
    /// seeds decide nothing.
    /// </summary>
    public double P => !IsTested ? double.NaN : IsWithin ? Holds : Math.Min(Holds, Fails);

    /// <summary>The mean over seeds; NaN without any.</summary>
    public double Estimate => Values.DefaultIfEmpty(double.NaN).Average();

    /// <summary>Half the width of its 95 % confidence interval; NaN below three seeds.</summary>
    public double Interval => Seeds < 3 ? double.NaN : Statistics.Quantile(0.975, Seeds - 1) * Values.StandardDeviation() / Math.Sqrt(Seeds);

    /// <summary>p of the sign-flip test, which assumes no distribution; NaN below six seeds and for <see cref="Alternative.Within"/>.</summary>
    public double SignFlip => Seeds < 6 || IsWithin ? double.NaN : Statistics.SignFlip(Values);

    /// <summary>What the claim asks of the mean, for instance "above 0".</summary>
    public string Rule => Claim.Alternative switch
    {
        Alternative.Greater => "above 0",
        Alternative.Less => "below 0",
        _ => FormattableString.Invariant($"within ±{Claim.Scale * Claim.Margin:0.##}, two one-sided tests"),
    } + (Claim.Primary ? "" : "; secondary");

    /// <summary>For instance "+1.23 [+0.40, +2.06] points, 5 seeds".</summary>
    public string Numbers => Seeds == 0 ? "nothing to compare"
        : $"{Text(Estimate)}{(double.IsNaN(Interval) ? "" : $" [{Text(Estimate - Interval)}, {Text(Estimate + Interval)}]")} {Claim.Unit}".TrimEnd()
            + (Seeds == 1 ? ", 1 seed" : $", {Seeds} seeds");

    /// <summary>p and that of the sign-flip test, for instance "0.012 (sign-flip 0.031)"; empty where nothing is decided.</summary>
    internal string Chance => Small(P) + (double.IsNaN(SignFlip) ? "" : $" (sign-flip {Small(SignFlip)})");

    /// <summary>p after Holm in words.</summary>
    internal string Corrected => Small(Adjusted);

    /// <summary>How many runs are behind the claim, and how many are missing: "12, 3 missing".</summary>
    internal string Runs => $"{Claim.Runs.Count}{(Claim.Holes > 0 ? $", {Claim.Holes} missing" : "")}";

    // The part by which its claim is open, where this one is not in doubt.
    private Judgement? Doubted { get; init; }

    private string Doubt => SeedsNeeded is { } needed ? $"{needed} seeds would decide" : P > Alpha ? "more than 1,000 seeds would be needed"
        : Seeds == 0 ? "nothing to compare" : Seeds < 3 ? "too few seeds" : Deviation == 0 ? "equal values" : "as claims of smaller p are";

    /// <summary>
    /// The verdict in words, for instance "holds", "suggested: holds", "open, 12 seeds would decide", "open, by another part: 12 seeds would decide", "not tested";
    /// empty for a secondary claim.
    /// </summary>
    public string Says => Verdict switch
    {
        null => "",
        Experiments.Verdict.Untested => "not tested",
        Experiments.Verdict.Open => $"open, {(Doubted is { } other ? $"by another part: {other.Doubt}" : Doubt)}",
        { } verdict => (Decided ? "" : "suggested: ") + verdict.ToString().ToLowerInvariant(),
    };

    /// <summary>
    /// Judges claims together. The p of a claim of several parts is the largest of theirs where it holds (intersection-union), and the smallest times their
    /// number where it fails (Bonferroni); Holm's correction then runs over the primary claims that are tested: those of which a part has numbers.
    /// </summary>
    public static IReadOnlyList<Judgement> Of(IEnumerable<Claim> claims)
    {
        Judgement[] all = [.. claims.Select(claim => new Judgement(claim, double.NaN, claim.Primary ? Experiments.Verdict.Untested : null, false, null))];
        var family = all.Where(part => part.Claim.Primary).GroupBy(part => part.Claim.Id, (_, parts) => new Whole([.. parts])).Where(whole => whole.HasNumbers)
            .OrderBy(whole => whole.P).ToList();
        var (judged, adjusted) = (new Dictionary<Judgement, Judgement>(ReferenceEqualityComparer.Instance), 0.0);
        foreach (var (rank, whole) in family.Index())
        {
            var left = family.Count - rank;
            adjusted = Math.Max(adjusted, Math.Min(1, left * whole.P));
            foreach (var (part, verdict) in whole.Parts.Zip(adjusted <= Alpha ? whole.Decide(adjusted) : whole.LeaveOpen(adjusted, Alpha / left)))
                judged[part] = verdict;
        }
        return [.. all.Select(part => judged.GetValueOrDefault(part, part))];
    }

    /// <summary>A primary claim: all its parts.</summary>
    private sealed record Whole(IReadOnlyList<Judgement> Parts)
    {
        private double Holds => Parts.Max(part => part.Holds);
        private double Fails => Math.Min(1, Parts.Count * Parts.Min(part => part.Fails));
        public double P => Math.Min(Holds, Fails);
        public bool HasNumbers => Parts.Any(part => part.Seeds > 0);

        public IEnumerable<Judgement> Decide(double adjusted) => Parts.Select(part => part with
        {
            Adjusted = adjusted,
            Verdict = Holds <= Fails ? Experiments.Verdict.Holds : Experiments.Verdict.Fails,
            Decided = Parts.Min(other => other.Seeds) >= 5,
        });

        /// <summary>Seeds are asked for where there is a doubt at this level; what is beyond doubt points there.</summary>
        public IEnumerable<Judgement> LeaveOpen(double adjusted, double level)
        {
            bool IsDoubtful(Judgement part) => part.Holds > level;
            var open = Parts.Select(part => part with { Adjusted = adjusted, Verdict = Experiments.Verdict.Open, SeedsNeeded = IsDoubtful(part) ? part.SeedsAt(level) : null }).ToList();
            var doubted = open.Where(IsDoubtful).MaxBy(part => part.SeedsNeeded ?? int.MaxValue);
            return open.Select(part => IsDoubtful(part) ? part : part with { Doubted = doubted });
        }
    }

    /// <summary>Seeds for 80 % power; null for more than 1,000.</summary>
    private int? SeedsAt(double alpha)
        => Deviation == 0 ? null : Enumerable.Range(3, 998).Cast<int?>().FirstOrDefault(n => Power(n!.Value, alpha) >= 0.8);

    private double Power(int n, double alpha) => IsWithin && Math.Abs(Estimate) < Claim.Margin
        ? Statistics.EquivalencePower(Estimate / Deviation, Claim.Margin / Deviation, n, alpha)
        : Statistics.Power((IsWithin ? Math.Abs(Estimate) - Claim.Margin : Estimate) / Deviation, n, alpha);

    private static string Small(double p) => double.IsNaN(p) ? "" : p < 0.001 ? "< 0.001" : FormattableString.Invariant($"{p:0.000}");

    private string Text(double number) => FormattableString.Invariant($"{Claim.Scale * number:+0.00;-0.00;0.00}");
}
