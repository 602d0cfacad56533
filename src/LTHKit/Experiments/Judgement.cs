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
}

/// <summary>
/// A claim as the runs at hand judge it. Intervals and p cover what the seed decides, initialisation and data order, not the split of the images nor the
/// choice of network and data.
/// </summary>
/// <param name="Claim">The claim, or one part of it.</param>
/// <param name="P">
/// Of the two-sided paired t test over seeds; of two one-sided ones for <see cref="Alternative.Within"/>. NaN where equal values or fewer than three seeds
/// decide nothing.
/// </param>
/// <param name="Adjusted">That of the whole claim, after Holm over all primary claims judged together; NaN for a secondary one.</param>
/// <param name="Verdict">At 5 % of <paramref name="Adjusted"/>; null for a secondary one.</param>
/// <param name="Decided">Whether every part of the claim rests on five seeds; fewer suggest its verdict.</param>
/// <param name="SeedsNeeded">
/// Seeds for 80 % power at the size and spread seen, at the level that Holm asks for; null where this part is not in doubt, or more than 1,000.
/// </param>
public sealed record Judgement(Claim Claim, double P, double Adjusted, Verdict? Verdict, bool Decided, int? SeedsNeeded)
{
    private const double Alpha = 0.05;

    private double[] Values => [.. Claim.Numbers.Values];

    // Fewer than three decide nothing, three suggest, five decide.
    private int Seeds => Claim.Numbers.Count;

    /// <summary>The mean over seeds; NaN without any.</summary>
    public double Estimate => Values.DefaultIfEmpty(double.NaN).Average();

    /// <summary>Half the width of its 95 % confidence interval; NaN below three seeds.</summary>
    public double Interval => Seeds < 3 ? double.NaN : Statistics.Confidence(Values);

    /// <summary>p of the sign-flip test, which assumes no distribution; NaN below six seeds and for <see cref="Alternative.Within"/>.</summary>
    public double SignFlip => Seeds < 6 || Claim.Alternative == Alternative.Within ? double.NaN : Statistics.SignFlip(Values);

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

    /// <summary>The verdict in words, for instance "holds", "suggested: holds", "open, 12 seeds would decide"; empty for a secondary claim.</summary>
    public string Says => Verdict switch
    {
        null => "",
        Experiments.Verdict.Open => SeedsNeeded is { } needed ? $"open, {needed} seeds would decide" : P > Alpha ? "open, more than 1,000 seeds would be needed" : "open",
        { } verdict => (Decided ? "" : "suggested: ") + verdict.ToString().ToLowerInvariant(),
    };

    /// <summary>
    /// Judges claims together. The p of a claim of several parts is the largest of theirs where it holds (intersection-union), and the smallest times their
    /// number where it fails (Bonferroni); Holm's correction then runs over the primary claims.
    /// </summary>
    public static IReadOnlyList<Judgement> Of(IEnumerable<Claim> claims)
    {
        IReadOnlyList<Test> tests = [.. claims.Select(Test.Of)];
        var family = tests.Where(test => test.Claim.Primary).GroupBy(test => test.Claim.Id).Select(parts => Whole([.. parts])).OrderBy(whole => whole.P).ToList();
        var (judged, adjusted) = (new Dictionary<Test, Judgement>(), 0.0);
        foreach (var (rank, (parts, p, verdict)) in family.Index())
        {
            adjusted = Math.Max(adjusted, Math.Min(1, (family.Count - rank) * p));
            var level = Alpha / (family.Count - rank);
            foreach (var part in parts)
                judged[part] = adjusted <= Alpha
                    ? new(part.Claim, part.P, adjusted, verdict, parts.Min(other => other.Claim.Numbers.Count) >= 5, null)
                    : new(part.Claim, part.P, adjusted, Experiments.Verdict.Open, false, part.Holds <= level ? null : part.SeedsNeeded(level));
        }
        return [.. tests.Select(test => judged.GetValueOrDefault(test) ?? new(test.Claim, test.P, double.NaN, null, false, null))];

        static (Test[] Parts, double P, Verdict Verdict) Whole(Test[] parts)
        {
            var (holds, fails) = (parts.Max(part => part.Holds), Math.Min(1, parts.Length * parts.Min(part => part.Fails)));
            return (parts, Math.Min(holds, fails), holds <= fails ? Experiments.Verdict.Holds : Experiments.Verdict.Fails);
        }
    }

    private static string Small(double p) => double.IsNaN(p) ? "" : p < 0.001 ? "< 0.001" : FormattableString.Invariant($"{p:0.000}");

    private string Text(double number) => FormattableString.Invariant($"{Claim.Scale * number:+0.00;-0.00;0.00}");

    /// <summary>What the t test says to one part: p of the claim's side and of the other, 1 where nothing is decided.</summary>
    private sealed record Test(Claim Claim, double Mean, double Deviation, double Holds = 1, double Fails = 1, double P = double.NaN)
    {
        public static Test Of(Claim claim)
        {
            double[] values = [.. claim.Numbers.Values];
            var (mean, freedom) = (values.DefaultIfEmpty().Average(), values.Length - 1);
            var deviation = freedom < 1 ? 0 : values.StandardDeviation();
            // Equal values, to rounding, show no spread to measure the mean by.
            if (deviation <= 1e-9 * values.Select(Math.Abs).DefaultIfEmpty().Max())
                deviation = 0;
            if (freedom < 2 || deviation == 0)
                return new(claim, mean, deviation);
            var error = deviation / Math.Sqrt(values.Length);
            var above = (claim.Alternative switch { Alternative.Within => Math.Abs(mean) - claim.Margin, Alternative.Less => mean, _ => -mean }) / error;
            // Whether it is within a margin is asked of one side only: the other is far.
            var (holds, fails) = ((claim.Alternative == Alternative.Within ? 1 : 2) * Statistics.Tail(-above, freedom), 2 * Statistics.Tail(above, freedom));
            (holds, fails) = (Math.Min(1, holds), Math.Min(1, fails));
            return new(claim, mean, deviation, holds, fails, claim.Alternative == Alternative.Within ? holds : Math.Min(holds, fails));
        }

        /// <summary>Seeds for 80 % power; null for more than 1,000.</summary>
        public int? SeedsNeeded(double alpha)
            => Deviation == 0 ? null : Enumerable.Range(3, 998).Cast<int?>().FirstOrDefault(n => Power(n!.Value, alpha) >= 0.8);

        private double Power(int n, double alpha) => Claim.Alternative == Alternative.Within && Math.Abs(Mean) < Claim.Margin
            ? Statistics.EquivalencePower(Mean / Deviation, Claim.Margin / Deviation, n, alpha)
            : Statistics.Power((Claim.Alternative == Alternative.Within ? Math.Abs(Mean) - Claim.Margin : Mean) / Deviation, n, alpha);
    }
}
