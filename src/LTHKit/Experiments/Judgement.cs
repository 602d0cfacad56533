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

    /// <summary>The mean over seeds; NaN without any.</summary>
    public double Estimate => Seeds == 0 ? double.NaN : Values.Average();

    /// <summary>Half the width of its 95 % confidence interval; NaN below three seeds.</summary>
    public double Interval => Seeds < 3 ? double.NaN : Statistics.Confidence(Values);

    // Fewer than three decide nothing, three suggest, five decide.
    private int Seeds => Claim.Numbers.Count;

    /// <summary>p of the sign-flip test, which assumes no distribution; NaN below six seeds and for <see cref="Alternative.Within"/>.</summary>
    public double SignFlip => Seeds < 6 || Claim.Alternative == Alternative.Within ? double.NaN : Statistics.SignFlip(Values);

    /// <summary>For instance "+1.23 [+0.40, +2.06] points, 5 seeds".</summary>
    public string Numbers
    {
        get
        {
            if (Seeds == 0)
                return "nothing to compare";
            var interval = double.IsNaN(Interval) ? "" : $" [{Text(Estimate - Interval)}, {Text(Estimate + Interval)}]";
            return $"{Text(Estimate)}{interval} {Claim.Unit}".TrimEnd() + (Seeds == 1 ? ", 1 seed" : $", {Seeds} seeds");
        }
    }

    /// <summary>The verdict in words, for instance "holds", "suggested: holds", "open, 12 seeds would decide"; empty for a secondary claim.</summary>
    public string Says => Verdict switch
    {
        null => "",
        Experiments.Verdict.Open => SeedsNeeded is { } needed ? $"open, {needed} seeds would decide" : "open",
        { } verdict => (Decided ? "" : "suggested: ") + verdict.ToString().ToLowerInvariant(),
    };

    /// <summary>
    /// Judges claims together. The p of a claim of several parts is the largest of theirs where it holds (intersection-union), and the smallest times their
    /// number where it fails (Bonferroni); Holm's correction then runs over the primary claims.
    /// </summary>
    public static IReadOnlyList<Judgement> Of(IEnumerable<Claim> claims)
    {
        IReadOnlyList<Part> all = [.. claims.Select(claim => new Part(claim))];
        var family = all.Where(part => part.Claim.Primary).GroupBy(part => part.Claim.Id).Select(Whole).OrderBy(whole => whole.P).ToList();
        var (judged, adjusted) = (new Dictionary<Part, Judgement>(), 0.0);
        foreach (var (rank, (parts, p, verdict)) in family.Index())
        {
            adjusted = Math.Max(adjusted, Math.Min(1, (family.Count - rank) * p));
            var level = Alpha / (family.Count - rank);
            foreach (var part in parts)
                judged[part] = adjusted <= Alpha
                    ? new(part.Claim, part.P, adjusted, verdict, parts.Min(other => other.Claim.Numbers.Count) >= 5, null)
                    : new(part.Claim, part.P, adjusted, Experiments.Verdict.Open, false, part.Holds <= level ? null : part.SeedsNeeded(level));
        }
        return [.. all.Select(part => judged.GetValueOrDefault(part) ?? new(part.Claim, part.P, double.NaN, null, false, null))];

        static (IReadOnlyList<Part> Parts, double P, Verdict Verdict) Whole(IEnumerable<Part> parts)
        {
            IReadOnlyList<Part> all = [.. parts];
            var (holds, fails) = (all.Max(part => part.Holds), Math.Min(1, all.Count * all.Min(part => part.Fails)));
            return (all, Math.Min(holds, fails), holds <= fails ? Experiments.Verdict.Holds : Experiments.Verdict.Fails);
        }
    }

    private string Text(double number) => FormattableString.Invariant($"{Claim.Scale * number:+0.00;-0.00;0.00}");

    /// <summary>The tests of one part.</summary>
    private sealed class Part
    {
        private readonly double _mean, _deviation;

        public Part(Claim claim)
        {
            Claim = claim;
            double[] values = [.. claim.Numbers.Values];
            if (values.Length < 2)
                return;
            (_mean, _deviation) = (values.Average(), Statistics.Deviation(values));
            // Equal values, to rounding, show no spread to measure the mean by.
            if (_deviation <= 1e-9 * values.Max(Math.Abs))
                _deviation = 0;
            if (values.Length < 3 || _deviation == 0)
                return;
            var (error, freedom) = (_deviation / Math.Sqrt(values.Length), values.Length - 1);
            var outside = Math.Abs(_mean) - claim.Margin;
            (Holds, Fails) = claim.Alternative switch
            {
                Alternative.Within => (Statistics.Tail(-outside / error, freedom), Math.Min(1, 2 * Statistics.Tail(outside / error, freedom))),
                Alternative.Greater => Sides(_mean / error, freedom),
                _ => Sides(-_mean / error, freedom),
            };
            P = claim.Alternative == Alternative.Within ? Holds : Math.Min(Holds, Fails);
        }

        public Claim Claim { get; }

        /// <summary>p of the claim's side; 1 where nothing is decided.</summary>
        public double Holds { get; } = 1;

        /// <summary>p of the other side; 1 where nothing is decided.</summary>
        public double Fails { get; } = 1;

        public double P { get; } = double.NaN;

        public int? SeedsNeeded(double alpha)
        {
            if (_deviation == 0)
                return null;
            for (var n = 3; n <= 1000; n++)
                if (Power(n) >= 0.8)
                    return n;
            return null;

            double Power(int n) => Claim.Alternative == Alternative.Within && Math.Abs(_mean) < Claim.Margin
                ? Statistics.EquivalencePower(_mean / _deviation, Claim.Margin / _deviation, n, alpha)
                : Statistics.Power((Claim.Alternative == Alternative.Within ? Math.Abs(_mean) - Claim.Margin : _mean) / _deviation, n, alpha);
        }

        private static (double Holds, double Fails) Sides(double t, int freedom)
            => (Math.Min(1, 2 * Statistics.Tail(t, freedom)), Math.Min(1, 2 * Statistics.Tail(-t, freedom)));
    }
}
