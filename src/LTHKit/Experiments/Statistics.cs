using MathNet.Numerics;
using MathNet.Numerics.Distributions;
using MathNet.Numerics.Integration;

namespace LTHKit.Experiments;

/// <summary>The statistics of numbers that come one a seed.</summary>
internal static class Statistics
{
    /// <summary>P(T > t) of Student's T.</summary>
    public static double Tail(double t, int freedom) => StudentT.CDF(0, 1, freedom, -t);

    /// <summary>The t below which Student's T lies with this probability.</summary>
    public static double Quantile(double p, int freedom) => StudentT.InvCDF(0, 1, freedom, p);

    /// <summary>
    /// The two-sided sign-flip test: the share of all ways to choose the signs, or of 100,000 drawn always alike, whose sum is as far from zero as the values'.
    /// </summary>
    public static double SignFlip(IReadOnlyList<double> values)
    {
        var limit = Math.Abs(values.Sum()) * (1 - 1e-12);
        if (values.Count <= 16)
            return Enumerable.Range(0, 1 << values.Count).Average(signs => IsFar(values.Select((v, i) => (signs >> i & 1) == 0 ? v : -v)));
        var random = new Random(0);
        return (1 + Enumerable.Range(0, 100_000).Sum(_ => IsFar(values.Select(v => random.Next(2) == 0 ? v : -v)))) / 100_001;

        double IsFar(IEnumerable<double> flipped) => Math.Abs(flipped.Sum()) >= limit ? 1 : 0;
    }

    /// <summary>The power of the two-sided t test of a mean: P(|T'| > c) of the noncentral t, as the integral over the spread that n values may show.</summary>
    public static double Power(double effect, int n, double alpha)
        => Tails(effect, n, alpha, 1) + Tails(-effect, n, alpha, 1);

    /// <summary>The power of two one-sided t tests, each at alpha, that a mean lies within a margin; Bonferroni's bound for failing either.</summary>
    public static double EquivalencePower(double effect, double margin, int n, double alpha)
        => Math.Max(0, Tails(margin - effect, n, alpha, 2) + Tails(margin + effect, n, alpha, 2) - 1);

    // P(T' > c) with c Student's quantile at 1 - sides * alpha / 2, T' noncentral; the integral over the chi distribution of the standard deviation.
    private static double Tails(double effect, int n, double alpha, int sides)
    {
        var (freedom, shift, c) = (n - 1, effect * Math.Sqrt(n), Quantile(1 - sides * alpha / 2, n - 1));
        var (middle, scale) = (Math.Sqrt(freedom), (1 - freedom / 2.0) * Math.Log(2) - SpecialFunctions.GammaLn(freedom / 2.0));
        return GaussLegendreRule.Integrate(
            x => MathNet.Numerics.Distributions.Normal.CDF(0, 1, shift - c * x / middle) * Math.Exp(scale + (freedom - 1) * Math.Log(x) - x * x / 2),
            Math.Max(0, middle - 8), middle + 8, 128);
    }
}
