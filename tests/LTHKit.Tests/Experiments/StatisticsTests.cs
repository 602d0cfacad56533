using System.Text.Json.Nodes;

namespace LTHKit.Tests.Experiments;

/// <summary>Statistics against closed forms and textbooks.</summary>
public class StatisticsTests
{
    // Student (1908), the additional hours of sleep of ten patients, as paired differences; R's t.test gives p = 0.002833 and [0.7001, 2.4599].
    private static readonly double[] Sleep = [1.2, 2.4, 1.3, 1.3, 0.0, 1.0, 1.8, 0.8, 4.6, 1.4];

    // Darwin's maize, crossed minus self-fertilised in eighths of an inch: Fisher (1935, section 21) counts 863 of the 32,768 sign patterns at 314 or more.
    private static readonly double[] Maize = [49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48];

    [Fact]
    public void TheIntervalAndThePAreStudents()
    {
        var judged = Assert.Single(Judgement.Of([Claim("sleep", Alternative.Greater, Sleep)]));
        Assert.Equal(1.58 - 0.7001142, judged.Interval, 1e-6);
        Assert.Equal((1.58, 0.002833, Verdict.Holds), (Math.Round(judged.Estimate, 12), Math.Round(judged.P, 6), judged.Verdict));
        Assert.Equal(Verdict.Fails, Judgement.Of([Claim("sleep", Alternative.Less, Sleep)])[0].Verdict);
        Assert.Equal(0.0497, Judgement.Of([Claim("maize", Alternative.Greater, Maize)])[0].P, 1e-4);
    }

    [Fact]
    public void TheSignFlipTestIsFishers()
    {
        Assert.Equal(2 * 863 / 32768.0, Statistics.SignFlip(Maize), 12);
        Assert.Equal(2 / 8.0, Statistics.SignFlip([1, 2, 3]), 12);
        // Beyond 16 values it is drawn, and always alike.
        double[] many = [.. Maize, .. Maize.Select(v => v / 10)];
        Assert.Equal(Statistics.SignFlip(many), Statistics.SignFlip(many));
        Assert.InRange(Statistics.SignFlip(many), 0.03, 0.09);
        Assert.True(double.IsNaN(Judgement.Of([Claim("five", Alternative.Greater, [1, 2, 3, 4, 5])])[0].SignFlip));
        Assert.Equal(2 / 64.0, Judgement.Of([Claim("six", Alternative.Greater, [1, 2, 3, 4, 5, 6])])[0].SignFlip, 12);
    }

    // Cohen (1988) and G*Power: pairs for 80 % power at 5 %, two-sided, by the mean in standard deviations of the differences.
    [Theory]
    [InlineData(0.2, 199)]
    [InlineData(0.5, 34)]
    [InlineData(0.8, 15)]
    [InlineData(1.0, 10)]
    public void ThePowerIsThatOfTheNoncentralT(double effect, int pairs)
    {
        Assert.InRange(Statistics.Power(effect, pairs, 0.05), 0.8, 1);
        Assert.InRange(Statistics.Power(effect, pairs - 1, 0.05), 0, 0.8);
        Assert.Equal(0.05, Statistics.Power(0, pairs, 0.05), 1e-9);
    }

    [Fact]
    public void AnOpenClaimSaysHowManySeedsItTakes()
    {
        // Of standard deviation 1 and mean 1/2, and alone: 34 pairs as above.
        var alone = Judgement.Of([Claim("a", Alternative.Greater, [-0.5, 0.5, 1.5])])[0];
        Assert.Equal((Verdict.Open, 34, "open, 34 seeds would decide"), (alone.Verdict, alone.SeedsNeeded, alone.Says));
        // Among others it has to pass a stricter level, and takes more.
        var among = Judgement.Of([Claim("a", Alternative.Greater, [-0.5, 0.5, 1.5]), Claim("b", Alternative.Greater, [-3, 1, 3])]);
        Assert.InRange(among[0].SeedsNeeded!.Value, 35, 60);
        Assert.Null(Judgement.Of([Claim("sleep", Alternative.Greater, Sleep)])[0].SeedsNeeded);
        Assert.Null(Judgement.Of([Claim("none", Alternative.Greater, [-1, 0, 1])])[0].SeedsNeeded);
    }

    // Simulated with torch 1.13 (reference.py, equivalence_power()): 200,000 samples, so to about 0.002.
    [Fact]
    public void ThePowerOfEquivalenceIsThatOfASimulation()
    {
        foreach (var row in JsonNode.Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "reference.json")))!["equivalencePower"]!.AsArray())
            Assert.Equal(row![2]!.GetValue<double>(), Statistics.EquivalencePower(row[0]!.GetValue<double>(), 1, row[1]!.GetValue<int>(), 0.05), 0.004);
    }

    // R: p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm") is 0.03 0.06 0.06 0.02.
    [Fact]
    public void HolmRunsOverThePrimaryClaims()
    {
        var judged = Judgement.Of([.. new[] { 0.01, 0.04, 0.03, 0.005 }.Select((p, i) => Claim($"{i}", Alternative.Greater, WithP(p))), Claim("x", Alternative.Greater, WithP(0.0001)) with { Primary = false }]);
        Assert.Equal([0.01, 0.04, 0.03, 0.005, 0.0001], judged.Select(j => Math.Round(j.P, 9)));
        Assert.Equal([0.03, 0.06, 0.06, 0.02], judged.SkipLast(1).Select(j => Math.Round(j.Adjusted, 9)));
        Assert.Equal([Verdict.Holds, Verdict.Open, Verdict.Open, Verdict.Holds, null], judged.Select(j => j.Verdict));
        Assert.Equal("", judged[^1].Says);
        Assert.Equal("open, as claims of smaller p are", judged[1].Says);
        Assert.Equal("suggested: holds", judged[0].Says);       // three seeds suggest
    }

    // Nothing is tested of what no seed has a number for: nothing is corrected for it, and it is not open but says so. A part with numbers can fail its claim.
    [Fact]
    public void WhatHasNothingToCompareIsNotCorrectedFor()
    {
        Claim some = Claim("a", Alternative.Greater, WithP(0.03)), none = Claim("b", Alternative.Greater, []);
        var judged = Judgement.Of([some, none, none with { Sentence = "its other part" }, none with { Id = "c" }]);
        Assert.Equal((0.03, Verdict.Holds), (Math.Round(judged[0].Adjusted, 9), judged[0].Verdict));
        Assert.All(judged.Skip(1), row => Assert.Equal((double.NaN, Verdict.Untested, null, "not tested", "nothing to compare"), (row.Adjusted, row.Verdict, row.SeedsNeeded, row.Says, row.Numbers)));
        judged = Judgement.Of([some, none, Claim("b", Alternative.Greater, WithP(-0.002))]);
        Assert.Equal([0.03, 0.008, 0.008], judged.Select(row => Math.Round(row.Adjusted, 9)));
        Assert.Equal([Verdict.Holds, Verdict.Fails, Verdict.Fails], judged.Select(row => row.Verdict));
    }

    [Fact]
    public void AClaimOfTwoPartsNeedsBoth()
    {
        Verdict?[] Of(double first, double second) => [.. Judgement.Of([Claim("a", Alternative.Greater, WithP(first)), Claim("a", Alternative.Greater, WithP(second))]).Select(j => j.Verdict)];
        Assert.Equal([Verdict.Holds, Verdict.Holds], Of(0.001, 0.049));
        Assert.Equal([Verdict.Open, Verdict.Open], Of(0.001, 0.051));
        // Seeds are asked for where there is a doubt.
        var open = Judgement.Of([Claim("a", Alternative.Greater, WithP(0.001)), Claim("a", Alternative.Greater, WithP(0.2))]);
        Assert.Equal((null, $"open, by another part: {open[1].SeedsNeeded} seeds would decide"), (open[0].SeedsNeeded, open[0].Says));
        Assert.Equal($"open, {open[1].SeedsNeeded} seeds would decide", open[1].Says);
        Assert.Equal(["open, by another part: nothing to compare", "open, nothing to compare"],
            Judgement.Of([Claim("a", Alternative.Greater, WithP(0.001)), Claim("a", Alternative.Greater, [])]).Select(j => j.Says));
        // One part against it is enough, at half the level.
        Assert.Equal([Verdict.Fails, Verdict.Fails], Of(0.9, -0.02));
        Assert.Equal([Verdict.Open, Verdict.Open], Of(0.9, -0.03));
        Assert.Equal(0.049, Judgement.Of([Claim("a", Alternative.Greater, WithP(0.001)), Claim("a", Alternative.Greater, WithP(0.049))])[0].Adjusted, 1e-9);
    }

    [Fact]
    public void ComparableIsTwoOneSidedTests()
    {
        // With two degrees of freedom P(T > t) = 1/2 - t / (2 sqrt(2 + t^2)).
        double[] numbers = [0.001, 0.002, 0.003];
        var t = (0.01 - 0.002) / (0.001 / Math.Sqrt(3));
        var judged = Judgement.Of([Claim("a", Alternative.Within, numbers)])[0];
        Assert.Equal(0.5 - t / (2 * Math.Sqrt(2 + t * t)), judged.P, 1e-9);
        Assert.Equal(Verdict.Holds, judged.Verdict);
        Assert.Equal(Verdict.Open, Judgement.Of([Claim("a", Alternative.Within, [-0.02, 0, 0.02])])[0].Verdict);
        Assert.Equal(Verdict.Fails, Judgement.Of([Claim("a", Alternative.Within, [0.049, 0.05, 0.051])])[0].Verdict);
        Assert.Equal(Verdict.Holds, Judgement.Of([Claim("a", Alternative.Within, [0.049, 0.05, 0.051]) with { Margin = 0.1 }])[0].Verdict);
    }

    [Fact]
    public void EqualValuesAndTwoSeedsDecideNothing()
    {
        foreach (double[] numbers in new double[][] { [0.1, 0.1, 0.1, 0.1, 0.1], [0, 0, 0, 0, 0], [0.1, 0.1 + 1e-17, 0.3 - 0.2], [0.1, 0.2], [0.1] })
            foreach (var alternative in Enum.GetValues<Alternative>())
            {
                var judged = Judgement.Of([Claim("a", alternative, numbers)])[0];
                Assert.Equal((Verdict.Open, double.NaN, 1), (judged.Verdict, judged.P, judged.Adjusted));
            }
        Assert.Equal("open, equal values", Judgement.Of([Claim("a", Alternative.Greater, [0.1, 0.1, 0.1])])[0].Says);
        Assert.Equal("open, too few seeds", Judgement.Of([Claim("a", Alternative.Greater, [0.1])])[0].Says);
        Assert.Equal("+10.00 points, 1 seed", Judgement.Of([Claim("a", Alternative.Greater, [0.1])])[0].Numbers);
        Assert.Equal("nothing to compare", Judgement.Of([Claim("a", Alternative.Greater, [])])[0].Numbers);
        Assert.Equal("+2.00 [-0.48, +4.48] s, 3 seeds", Judgement.Of([Claim("a", Alternative.Greater, [1, 2, 3]) with { Unit = "s", Scale = 1 }])[0].Numbers);
        Assert.Equal("holds", Judgement.Of([Claim("a", Alternative.Greater, [1, 1.1, 1.2, 1.1, 1])])[0].Says);
    }

    private static Claim Claim(string id, Alternative alternative, double[] numbers) => new(id, id, alternative, numbers.Index().ToDictionary(n => n.Index, n => n.Item));

    /// <summary>Three numbers of standard deviation 1 whose mean has this two-sided p, by the closed form for two degrees of freedom; of a negative p it is negative.</summary>
    private static double[] WithP(double p)
    {
        var q = 1 - Math.Abs(p);
        var mean = Math.Sign(p) * q * Math.Sqrt(2 / (1 - q * q)) / Math.Sqrt(3);
        return [mean - 1, mean, mean + 1];
    }
}
