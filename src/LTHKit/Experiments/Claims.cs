using LTHKit.Analysis;

namespace LTHKit.Experiments;

/// <summary>What runs say to a claim.</summary>
public enum Verdict
{
    /// <summary>The numbers are on the claim's side: where it compares runs, by more than the 95 % confidence interval of the mean difference.</summary>
    Holds,

    /// <summary>They are on the other side, by more than that.</summary>
    Fails,

    /// <summary>The difference is within its confidence interval, which takes three seeds, or parts of the claim hold and others do not.</summary>
    Open,
}

/// <summary>A claim of the paper, and what the runs at hand say to it.</summary>
/// <param name="Id">For instance "C12".</param>
/// <param name="Statement">What is claimed.</param>
/// <param name="Verdict">Computed from the runs.</param>
/// <param name="Evidence">The numbers that it rests on.</param>
public sealed record Claim(string Id, string Statement, Verdict Verdict, string Evidence);

/// <summary>Judges the claims of the paper; here those that rest on curvature, landscapes and activations (C12 to C15).</summary>
public static partial class Claims
{
    /// <summary>
    /// C12: a tweak's top eigenvalue is higher than vanilla's early in the training (the first watched epoch) and lower late (the last). Sharpness is
    /// what is meant, so absolute values are compared: early in a training the largest eigenvalue is often negative.
    /// </summary>
    /// <param name="vanilla">Watched runs without tweaks.</param>
    /// <param name="tweaked">Watched runs with one set of tweaks, of the same seeds in the same order.</param>
    /// <returns>The claim about the early and the one about the late training.</returns>
    public static IReadOnlyList<Claim> Curvature(IReadOnlyList<WatchSeries> vanilla, IReadOnlyList<WatchSeries> tweaked)
    {
        var name = RunSpec.NameOf(tweaked[0].Run.Spec.Tweaks);
        return
        [
            Of($"{name}: higher top eigenvalue than vanilla after epoch {tweaked[0].Epochs[0]}", Values(tweaked, 0), Values(vanilla, 0)),
            Of($"{name}: lower top eigenvalue than vanilla after epoch {tweaked[0].Epochs[^1]}", Values(vanilla, ^1), Values(tweaked, ^1), swapped: true),
        ];

        static Sampled[] Values(IReadOnlyList<WatchSeries> series, Index at)
            => [.. series.Select(s => new Sampled(s.Run.Spec.Seed, s.Values[CurvatureWatch.TopEigenvalue].ToArray()[at]))];

        static Claim Of(string statement, Sampled[] larger, Sampled[] smaller, bool swapped = false)
        {
            var (tweaked, vanilla) = swapped ? (smaller, larger) : (larger, smaller);
            return new("C12", statement, IsLarger(larger, smaller), $"absolute value {Text(tweaked)}, vanilla {Text(vanilla)}");
        }
    }

    /// <summary>
    /// C13: how much a tweak changes the landscape early and late, as the root mean square difference of the logarithmic loss over the plane, with two
    /// seeds of vanilla as the yardstick for what chance does.
    /// </summary>
    /// <param name="statement">For instance "skip changes the contours throughout".</param>
    /// <param name="early">Vanilla's plane, the tweaked network's and vanilla's of another seed, early in the training.</param>
    /// <param name="late">The same at its end.</param>
    /// <param name="expected">The larger change is expected early (negative), late (positive), or both are expected to exceed the yardstick (0).</param>
    /// <returns>Open where vanilla has one seed only: a run is no yardstick for itself.</returns>
    public static Claim Contours(string statement, (Plane Vanilla, Plane Tweaked, Plane OtherSeed) early, (Plane Vanilla, Plane Tweaked, Plane OtherSeed) late, int expected)
    {
        var (before, after) = (Distance(early.Vanilla, early.Tweaked), Distance(late.Vanilla, late.Tweaked));
        var (chanceBefore, chanceAfter) = (Distance(early.Vanilla, early.OtherSeed), Distance(late.Vanilla, late.OtherSeed));
        if (chanceBefore == 0 || chanceAfter == 0)
            return new("C13", statement, Verdict.Open, FormattableString.Invariant(
                $"change early {before:0.000}, late {after:0.000}; two seeds of vanilla are needed to tell what chance does"));
        // The larger of the two changes is the one to judge, if it is more than chance makes.
        var (larger, chance, asExpected) = after > before ? (after, chanceAfter, expected > 0) : (before, chanceBefore, expected < 0);
        var verdict = double.IsNaN(before + after + chanceBefore + chanceAfter) ? Verdict.Open
            : expected == 0 ? Combined(before > chanceBefore, after > chanceAfter)
            : larger <= chance ? Verdict.Open
            : asExpected ? Verdict.Holds : Verdict.Fails;
        return new("C13", statement, verdict, FormattableString.Invariant(
            $"change early {before:0.000} (another seed {chanceBefore:0.000}), late {after:0.000} (another seed {chanceAfter:0.000})"));
    }

    /// <summary>C14: the test loss of the tweaked networks rises less along the top eigenvector.</summary>
    /// <param name="vanilla">Networks without tweaks.</param>
    /// <param name="tweaked">Networks with one set of tweaks, of the same seeds in the same order.</param>
    public static Claim Flatness(IReadOnlyList<Measured<EigenvectorLine>> vanilla, IReadOnlyList<Measured<EigenvectorLine>> tweaked)
    {
        Sampled[] plain = [.. vanilla.Select(Of)], other = [.. tweaked.Select(Of)];
        return new("C14", $"{RunSpec.NameOf(tweaked[0].Run.Spec.Tweaks)}: flatter than vanilla along the top eigenvector", IsLarger(plain, other),
            $"mean rise {Text(other)}, vanilla {Text(plain)}");

        static Sampled Of(Measured<EigenvectorLine> line) => new(line.Run.Spec.Seed, Rise(line.Value.Line));
    }

    /// <summary>C15, ReLU: 28 to 66 % of the activations are zero, more in deeper stages.</summary>
    /// <param name="relu">Networks with ReLU.</param>
    public static Claim SilentRelu(IEnumerable<Measured<IReadOnlyList<StageSparsity>>> relu)
    {
        var shares = MeanShares(relu);
        var deeper = shares.Zip(shares.Skip(1)).All(pair => pair.Second > pair.First);
        var inside = shares.All(share => share is >= 0.28 and <= 0.66);
        return new("C15", "ReLU: 28 to 66 % of the activations are zero, growing with depth", Combined(inside, deeper), Percentages(shares));
    }

    /// <summary>C15, smooth activations: fewer than 0.4 % of the activations are zero.</summary>
    /// <param name="smooth">Networks with a smooth activation.</param>
    public static Claim SilentSmooth(IEnumerable<Measured<IReadOnlyList<StageSparsity>>> smooth)
    {
        var shares = MeanShares(smooth);
        return new("C15", "Swish: fewer than 0.4 % of the activations are zero", shares.All(share => share < 0.004) ? Verdict.Holds : Verdict.Fails, Percentages(shares));
    }

    /// <summary>The mean of the loss along a line above that in its middle.</summary>
    internal static double Rise(LossLine line) => line.Y.Average() - line.Y[line.Y.Count / 2];

    /// <summary>The root mean square difference of the logarithmic loss; points where either is no number are left out.</summary>
    internal static double Distance(Plane a, Plane b)
    {
        var squares = a.Z.SelectMany(row => row).Zip(b.Z.SelectMany(row => row), (x, y) => Math.Pow(Math.Log(x) - Math.Log(y), 2)).Where(double.IsFinite).ToList();
        return squares.Count == 0 ? double.NaN : Math.Sqrt(squares.Average());
    }

    /// <summary>Judged seed by seed: the runs of one seed share their ticket, first weights and data order.</summary>
    private static Verdict IsLarger(Sampled[] larger, Sampled[] smaller)
        => new Contrast([.. larger.Join(smaller, a => a.Seed, b => b.Seed, (a, b) => a.Value - b.Value)]).IsPositive;

    /// <summary>A number of one seed.</summary>
    private sealed record Sampled(int Seed, double Value);

    private static Verdict Combined(bool first, bool second)
        => first && second ? Verdict.Holds : first || second ? Verdict.Open : Verdict.Fails;

    /// <summary>The mean share of each of the paper's stages, layer1 to layer4, over all networks; the stem is not in its table.</summary>
    private static double[] MeanShares(IEnumerable<Measured<IReadOnlyList<StageSparsity>>> measured)
        => [.. measured.SelectMany(m => m.Value).Where(stage => stage.Stage.StartsWith("layer")).GroupBy(stage => stage.Stage)
            .OrderBy(group => group.Key, StringComparer.Ordinal).Select(group => group.Average(stage => stage.Share))];

    private static string Percentages(double[] shares) => string.Join(", ", shares.Select((share, i) => FormattableString.Invariant($"layer{i + 1} {100 * share:0.00} %")));

    private static string Text(Sampled[] sampled)
    {
        double[] values = [.. sampled.Select(s => s.Value)];
        return FormattableString.Invariant($"{values.Average():0.###}")
            + (values.Length > 1 ? FormattableString.Invariant($" ± {Statistics.Deviation(values):0.###}") : "");
    }
}
