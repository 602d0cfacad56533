using LTHKit.Analysis;
using LTHKit.Experiments;
using LTHKit.Tweaks;
using Xunit;

namespace LTHKit.Tests.Experiments;

public class ClaimsTests
{
    private static readonly Tweak Swish = new SmoothActivation();

    [Theory]
    [InlineData(new[] { 5.0, 6, 7 }, new[] { 1.0, 2, 3 }, Verdict.Holds, Verdict.Holds)]      // vanilla: 2, 3, 4 early and 4, 5, 6 late
    [InlineData(new[] { 0.5, 1, 2 }, new[] { 9.0, 10, 12 }, Verdict.Fails, Verdict.Fails)]
    // A gain of 1, 1 and 2 is 4 standard errors from 0, and with three seeds that may be chance (4.3).
    [InlineData(new[] { 3.0, 4, 6 }, new[] { 3.0, 4, 4 }, Verdict.Open, Verdict.Open)]
    [InlineData(new[] { 9.0 }, new[] { 1.0 }, Verdict.Open, Verdict.Open)]
    public void CurvatureIsJudgedAgainstItsConfidenceInterval(double[] early, double[] late, Verdict first, Verdict second)
    {
        var claims = Claims.Curvature(Series([2, 3, 4], [4, 5, 6]), Series(early, late, Swish));
        Assert.Equal([first, second], claims.Select(c => c.Verdict));
        Assert.All(claims, c => Assert.Contains("swish", c.Statement));
    }

    [Fact]
    public void FlatnessIsTheMeanRise()
    {
        double[] flat = [1.1, 1, 1.2], steep = [3, 1, 5];
        Assert.Equal(2, Claims.Rise(new([-1, 0, 1], steep)), 12);
        Assert.Equal(Verdict.Holds, Claims.Flatness(Lines(steep, steep, steep), Lines(flat, flat, flat)).Verdict);
        Assert.Equal(Verdict.Fails, Claims.Flatness(Lines(flat, flat, flat), Lines(steep, steep, steep)).Verdict);
        Assert.Equal(Verdict.Open, Claims.Flatness(Lines(flat, steep, flat), Lines(steep, flat, steep)).Verdict);
        Assert.Equal(Verdict.Open, Claims.Flatness(Lines(steep, steep), Lines(flat, flat)).Verdict);
    }

    [Fact]
    public void ContoursAreComparedWithWhatChanceDoes()
    {
        Plane one = Flat(1), two = Flat(2), four = Flat(4);
        Assert.Equal(Math.Log(2), Claims.Distance(one, two), 12);
        Assert.Equal(Verdict.Holds, Claims.Contours("", (one, four, two), (one, four, two), 0).Verdict);
        Assert.Equal(Verdict.Open, Claims.Contours("", (one, four, two), (one, two, four), 0).Verdict);
        Assert.Equal(Verdict.Fails, Claims.Contours("", (one, two, four), (one, two, four), 0).Verdict);
        Assert.Equal(Verdict.Holds, Claims.Contours("", (one, four, two), (one, one, two), -1).Verdict);
        Assert.Equal(Verdict.Fails, Claims.Contours("", (one, four, two), (one, one, two), 1).Verdict);
        // The wrong order alone is not enough: the larger change must be more than chance makes.
        Assert.Equal(Verdict.Open, Claims.Contours("", (one, two, four), (one, one, four), 1).Verdict);
        Assert.Equal(Verdict.Open, Claims.Contours("", (one, Flat(double.NaN), two), (one, one, two), 1).Verdict);
        Assert.Equal(Verdict.Open, Claims.Contours("", (one, one, two), (one, two, four), 1).Verdict);
        // With one seed the yardstick would be the run itself, and every change larger than its distance of 0.
        foreach (var expected in new[] { -1, 0, 1 })
        {
            var alone = Claims.Contours("", (one, four, one), (one, two, one), expected);
            Assert.Equal(Verdict.Open, alone.Verdict);
            Assert.Contains("two seeds", alone.Evidence);
        }
    }

    [Fact]
    public void SilenceIsJudgedByTheRangeAndByDepth()
    {
        Assert.Equal(Verdict.Holds, Claims.SilentRelu(Stages(0.3, 0.4, 0.6)).Verdict);
        Assert.Equal(Verdict.Open, Claims.SilentRelu(Stages(0.3, 0.6, 0.4)).Verdict);
        Assert.Equal(Verdict.Fails, Claims.SilentRelu(Stages(0.3, 0.9, 0.4)).Verdict);
        Assert.Equal(Verdict.Holds, Claims.SilentSmooth(Stages(0.001, 0.003)).Verdict);
        Assert.Equal(Verdict.Fails, Claims.SilentSmooth(Stages(0.001, 0.005)).Verdict);
        Assert.Contains("layer2 0.30 %", Claims.SilentSmooth(Stages(0.001, 0.003)).Evidence);
    }

    private static IReadOnlyList<WatchSeries> Series(double[] early, double[] late, params Tweak[] tweaks) => [.. early.Zip(late).Select((pair, seed) =>
        new WatchSeries(FigureSamples.Run(4, seed, 0.5, 0, tweaks), [1, 9], new Dictionary<string, IReadOnlyList<double>> { [CurvatureWatch.TopEigenvalue] = [pair.First, pair.Second] }))];

    private static Measured<EigenvectorLine>[] Lines(params double[][] losses)
        => [.. losses.Select((loss, seed) => new Measured<EigenvectorLine>(FigureSamples.Run(4, seed, 0.5), new(1, 0, true, new([-1, 0, 1], loss))))];

    private static Plane Flat(double value) => new("", [0, 1], [0, 1], [[value, value], [value, value]]);

    private static IReadOnlyList<Measured<IReadOnlyList<StageSparsity>>> Stages(params double[] shares) =>
        [new(FigureSamples.Run(4, 0, 0.5), [new("stem", 99, 100), .. shares.Select((share, i) => new StageSparsity($"layer{i + 1}", (long)(1000 * share), 1000))])];
}
