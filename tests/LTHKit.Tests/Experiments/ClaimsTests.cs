using LTHKit.Analysis;

namespace LTHKit.Tests.Experiments;

public class ClaimsTests
{
    private static readonly Tweak Swish = new SmoothActivation();

    [Theory]
    [InlineData(new[] { 5.0, 6, 7.5 }, new[] { 1.0, 2, 3.5 }, Verdict.Holds)]        // vanilla: 2, 3, 4 early and 4, 5, 6 late
    [InlineData(new[] { 0.5, 1.4, 2.6 }, new[] { 9.0, 10, 12 }, Verdict.Fails)]
    // A gain of 1, 1 and 2 is 4 standard errors from 0, and with three seeds that may be chance (4.3).
    [InlineData(new[] { 3.0, 4, 6 }, new[] { 3.0, 4, 4 }, Verdict.Open)]
    [InlineData(new[] { 9.0 }, new[] { 1.0 }, Verdict.Open)]
    public void CurvatureIsHigherEarlyAndLowerLate(double[] early, double[] late, Verdict verdict)
    {
        var claims = Claims.Curvature(Series([2, -3, 4], [4, 5, 6]), Series(early, late, Swish));
        Assert.All(Judgement.Of(claims), part => Assert.Equal(("C12 swish", verdict), (part.Claim.Id, part.Verdict)));
        Assert.Equal(["higher top eigenvalue than vanilla after epoch 1", "lower top eigenvalue than vanilla after epoch 9"], claims.Select(c => c.Sentence));
        Assert.Equal(early[0] - 2, claims[0].Numbers[0]);
        Assert.Equal(claims.Select(c => c.Sentence), Claims.Curvature([], [], [1, 5, 9]).Select(c => c.Sentence));
    }

    [Fact]
    public void FlatnessIsTheMeanRise()
    {
        double[] flat = [1.1, 1, 1.2], steep = [3, 1, 5], steeper = [3.2, 1, 5];
        Assert.Equal(2, new LossLine([-1, 0, 1], steep).Rise, 12);
        Assert.Equal(Verdict.Holds, Judged(Claims.Flatness(Lines(steep, steeper, steep), Lines(flat, flat, flat))));
        Assert.Equal(Verdict.Fails, Judged(Claims.Flatness(Lines(flat, flat, flat), Lines(steep, steeper, steep))));
        Assert.Equal(Verdict.Open, Judged(Claims.Flatness(Lines(flat, steep, flat), Lines(steep, flat, steep))));
        Assert.Equal(Verdict.Open, Judged(Claims.Flatness(Lines(steep, steeper), Lines(flat, flat))));
    }

    [Fact]
    public void ContoursAreComparedWithWhatAnotherSeedDoes()
    {
        Assert.Equal(Math.Log(2), Claims.Distance(Flat(1), Flat(2)), 12);
        // Vanilla's seeds lie a factor of 1.1 apart (the last one to the first: 1.21), the tweaked network a factor of 2, 3 or 4 from it.
        Plane[] vanilla = Planes(1, 1.1, 1.21), far = Planes(2, 3.3, 4.84), near = Planes(1.01, 1.12, 1.25);
        var both = Claims.Contours("skip", (vanilla, far), (vanilla, far), 0);
        Assert.Equal([Math.Log(2 / 1.1), Math.Log(3 / 1.1), Math.Log(4 / 1.21)], both[0].Numbers.Values.Select(v => v), (a, b) => Math.Abs(a - b) < 1e-12);
        Assert.All(Judgement.Of(both), part => Assert.Equal(Verdict.Holds, part.Verdict));
        Assert.All(Judgement.Of(Claims.Contours("skip", (vanilla, far), (vanilla, near), 0)), part => Assert.NotEqual(Verdict.Holds, part.Verdict));
        Assert.Equal(Verdict.Holds, Judged(Claims.Contours("init", (vanilla, far), (vanilla, near), -1)[0]));
        Assert.Equal(Verdict.Fails, Judged(Claims.Contours("init", (vanilla, far), (vanilla, near), 1)[0]));
        // With one seed the yardstick would be the run itself; and what is no number is left out.
        Assert.Empty(Claims.Contours("skip", (Planes(1), Planes(4)), (Planes(1), Planes(4)), 1)[0].Numbers);
        Assert.Equal([0, 2], Claims.Contours("skip", (vanilla, Planes(2, double.NaN, 4.84)), (vanilla, far), 0)[0].Numbers.Keys);
        // A seed is compared with itself, whatever the tweak lacks and in whatever order.
        var lacking = Claims.Contours("skip", (vanilla, [far[2], far[1]]), (vanilla, [far[1], far[0]]), 0);
        Assert.All(lacking[0].Numbers, number => Assert.Equal(both[0].Numbers[number.Key], number.Value));
        Assert.Equal([1, 2], lacking[0].Numbers.Keys.Order());
        Assert.Equal([1], Claims.Contours("skip", (vanilla, [far[2], far[1]]), (vanilla, [far[1], far[0]]), 1)[0].Numbers.Keys);
        Assert.Equal(3, lacking[0].Runs.Count);
        Assert.Contains("is of no run", Assert.Throws<UserException>(() => Claims.Contours("skip", ([Flat(1)], far), (vanilla, far), 0)).Message);
    }

    [Fact]
    public void SilenceIsJudgedByTheRangeAndByDepth()
    {
        Verdict? Relu(params double[] shares) => Judged([.. Claims.SilentRelu(Stages(shares))]);
        Assert.Equal(Verdict.Holds, Relu(0.3, 0.4, 0.6));
        Assert.Equal(Verdict.Fails, Relu(0.3, 0.6, 0.4));
        Assert.Equal(Verdict.Fails, Relu(0.3, 0.4, 0.9));
        Assert.Equal(Verdict.Fails, Relu(0.2, 0.4, 0.6));
        Assert.Equal(Verdict.Open, Relu(0.281, 0.4, 0.6));
        Assert.Equal(Verdict.Holds, Judged([.. Claims.SilentSmooth(Stages(0.001, 0.002))]));
        Assert.Equal(Verdict.Fails, Judged([.. Claims.SilentSmooth(Stages(0.001, 0.012))]));
        // Together they are one claim.
        Assert.All(Judgement.Of([.. Claims.SilentRelu(Stages(0.3, 0.4, 0.6)), .. Claims.SilentSmooth(Stages(0.001, 0.012))]), part => Assert.Equal(Verdict.Fails, part.Verdict));
    }

    private static Verdict? Judged(params Claim[] claims) => Judgement.Of(claims)[0].Verdict;

    private static IReadOnlyList<WatchSeries> Series(double[] early, double[] late, params Tweak[] tweaks) => [.. early.Zip(late).Select((pair, seed) =>
        new WatchSeries(FigureSamples.Run(4, seed, 0.5, 0, tweaks), [1, 9], new Dictionary<string, IReadOnlyList<double>> { [CurvatureWatch.TopEigenvalue] = [pair.First, pair.Second] }))];

    private static Measured<EigenvectorLine>[] Lines(params double[][] losses)
        => [.. losses.Select((loss, seed) => new Measured<EigenvectorLine>(FigureSamples.Run(4, seed, 0.5), new(1, 0, true, new([-1, 0, 1], loss))))];

    // Of seeds 0, 1, ...
    private static Plane[] Planes(params double[] values) => [.. values.Select((value, seed) => new PlaneOfRun(Flat(value), FigureSamples.Run(4, seed, 0.5)))];

    private static Plane Flat(double value) => new("", [0, 1], [0, 1], [[value, value], [value, value]]);

    // Three seeds, a little apart.
    private static IReadOnlyList<Measured<IReadOnlyList<StageSparsity>>> Stages(params double[] shares) => [.. Enumerable.Range(0, 3).Select(seed =>
        new Measured<IReadOnlyList<StageSparsity>>(FigureSamples.Run(4, seed, 0.5),
            [new("stem", 99, 100, 0), .. shares.Select((share, i) => new StageSparsity($"layer{i + 1}", (long)(100_000 * share * (1 + 0.01 * (seed - 1))), 100_000, 0))]))];
}
