using LTHKit.Experiments;
using Xunit;

namespace LTHKit.Tests.Experiments;

/// <summary>Sweeps made up so that each claim is plainly true, plainly false, or drowned in the spread of the seeds.</summary>
public class GainClaimsTests
{
    private static readonly int[] Levels = [1, 4, 10, 16];      // 20, 59, 89 and 97 % sparse

    // Three seeds whose accuracies differ by much more than any gain does; the gains are paired, so that this must not matter.
    private static readonly Sweep Vanilla = Sweep("vanilla", level => 0.7 - 0.01 * level);

    private static readonly Sweep Dense = Gaining("better", level => level == 0 ? 0.02 : 0);

    [Fact]
    public void SkipsAreJudgedAtTheDenseAndTheSparsestNetwork()
    {
        Assert.Equal([Verdict.Holds, Verdict.Holds, Verdict.Holds], Of(Claims.Skip(Vanilla, Gaining("skip", level => -0.02 + 0.005 * level))));
        Assert.Equal([Verdict.Fails, Verdict.Fails, Verdict.Fails], Of(Claims.Skip(Vanilla, Gaining("skip", level => 0.02 - 0.005 * level))));
        var drowned = Claims.Skip(Vanilla, Gaining("skip", level => -0.02 + 0.005 * level, noise: 0.2));
        Assert.Equal([Verdict.Open, Verdict.Open, Verdict.Open], Of(drowned));
        Assert.Contains("± ", drowned[0].Evidence);
        Assert.All(drowned, claim => Assert.Equal("C1", claim.Id));
    }

    [Fact]
    public void MarginalMeansWithinOnePoint()
    {
        Assert.Equal([Verdict.Holds, Verdict.Holds], Of(Claims.Smooth(Vanilla, Gaining("swish", level => level == 0 ? 0.005 : 0.03))));
        Assert.Equal([Verdict.Fails, Verdict.Fails], Of(Claims.Smooth(Vanilla, Gaining("swish", level => level == 0 ? 0.03 : -0.02))));
        // A mean of zero says nothing where the seeds differ by more than a point.
        Assert.Equal([Verdict.Open, Verdict.Open], Of(Claims.Smooth(Vanilla, Gaining("swish", _ => 0, noise: 0.05))));
        Assert.Equal(Verdict.Holds, Claims.Distillation(Vanilla, Gaining("kd", _ => -0.004))[0].Verdict);
        Assert.Equal(Verdict.Fails, Claims.Distillation(Vanilla, Gaining("kd", _ => -0.02))[0].Verdict);
    }

    [Fact]
    public void TheGainOverSparsityIsASlopeOverTheLevels()
    {
        var rising = Claims.Architecture(Vanilla, Gaining("AT", level => 0.01 + 0.002 * level))[0];
        Assert.Equal(Verdict.Holds, rising.Verdict);
        Assert.StartsWith("+0.20 ± 0.00 points a level", rising.Evidence);
        Assert.Equal(Verdict.Fails, Claims.Architecture(Vanilla, Gaining("AT", level => 0.05 - 0.002 * level))[0].Verdict);

        // The dense network of vanilla has 0.70, its least sparse ticket 0.69.
        Assert.Equal([Verdict.Holds, Verdict.Holds], Of(Claims.Recipe(Vanilla, Gaining("TRT", level => 0.05 - 0.002 * level))));
        Assert.Equal([Verdict.Holds, Verdict.Fails], Of(Claims.Recipe(Vanilla, Gaining("TRT", level => 0.005 - 0.002 * level))));
    }

    [Fact]
    public void SparseIsComparedWithDense()
    {
        Assert.Equal([Verdict.Holds, Verdict.Holds], Of(Claims.LabelSmoothing(Vanilla, Gaining("LS", level => level switch { 0 => 0, 4 => 0.04, _ => 0.02 }))));
        Assert.Equal([Verdict.Fails, Verdict.Fails], Of(Claims.LabelSmoothing(Vanilla, Gaining("LS", level => level switch { 0 => 0.05, 4 => 0.01, _ => 0.02 }))));
        Assert.Equal(Verdict.Holds, Claims.RescaledInit(Vanilla, Gaining("init", level => level == 0 ? 0 : 0.02))[0].Verdict);
        Assert.Equal(Verdict.Fails, Claims.RescaledInit(Vanilla, Dense)[0].Verdict);
    }

    [Fact]
    public void BothBundlesMustBeatEachAndCarryWinningTicketsFurther()
    {
        var (at, trt) = (Gaining("AT", _ => 0.01), Gaining("TRT", _ => 0.02));
        Assert.All(Claims.Combined(Vanilla, at, trt, Gaining("AT + TRT", _ => 0.05)), claim => Assert.Equal(Verdict.Holds, claim.Verdict));
        Assert.Equal([Verdict.Holds, Verdict.Holds, Verdict.Fails, Verdict.Open],
            Of(Claims.Combined(Vanilla, Gaining("AT", _ => 0.001), trt, Gaining("AT + TRT", _ => 0.005))));

        // 0.70 is reached with a gain of 0.05 up to level 4: four levels further than vanilla, whose first ticket has 0.69. What only one of them has does not count.
        var few = Vanilla with { Runs = [.. Vanilla.Runs.Where(run => run.Spec.Level is 1 or 16)] };
        Assert.StartsWith("+4.00 ± 0.00 levels", Claims.Combined(Vanilla, at, trt, Gaining("AT + TRT", _ => 0.05))[3].Evidence);
        Assert.StartsWith("+1.00 ± 0.00 levels", Claims.Combined(few, at, trt, Gaining("AT + TRT", _ => 0.05))[3].Evidence);
    }

    [Fact]
    public void RewindingIsComparedWhereThePaperComparesIt()
    {
        var claims = Claims.InsteadOfRewinding(Vanilla, Gaining("both", level => level == 1 ? 0.03 : 0.002));
        Assert.Equal([Verdict.Holds, Verdict.Holds, Verdict.Holds], Of(claims));
        Assert.Equal(["at 20 %", "at 89.3 %", "at 97.2 %"], claims.Select(claim => "at " + claim.Statement.Split(" at ")[1].Split(',')[0]));

        Sweep at = Gaining("AT", _ => 0.001), trt = Gaining("TRT", _ => 0.02);
        Assert.All(Claims.OnTopOfRewinding(Vanilla, at, trt, Gaining("both", level => 0.03 + 0.001 * level)), claim => Assert.Equal(Verdict.Holds, claim.Verdict));
        Assert.Equal([Verdict.Fails, Verdict.Fails, Verdict.Fails, Verdict.Fails, Verdict.Fails],
            Of(Claims.OnTopOfRewinding(Vanilla, trt, Gaining("TRT", _ => -0.01), Gaining("both", level => -0.02 - 0.001 * level))));
    }

    [Fact]
    public void FewerThanThreeSeedsDecideNothing()
    {
        Assert.All(Claims.Smooth(Vanilla, Seeds(1)), claim => Assert.Equal((Verdict.Open, "+10.00 points (1 seed)"), (claim.Verdict, claim.Evidence)));
        Assert.All(Claims.Smooth(Vanilla, Seeds(2)), claim => Assert.Equal((Verdict.Open, "+10.00 points (2 seeds)"), (claim.Verdict, claim.Evidence)));
        Assert.Equal(Verdict.Open, Claims.OtherMask(Vanilla, Seeds(2))[0].Verdict);
        Assert.Equal(Verdict.Holds, Claims.OtherMask(Vanilla, Seeds(3))[0].Verdict);

        static Sweep Seeds(int count)
        {
            var all = Gaining("swish", _ => 0.1);
            return all with { Runs = [.. all.Runs.Where(run => run.Spec.Seed < count)], Dense = [.. all.Dense.Where(run => run.Spec.Seed < count)] };
        }
    }

    [Fact]
    public void WhatCannotBeComparedIsRefused()
    {
        var sparse = Vanilla with { Dense = [] };
        Assert.Contains("share no dense network", Assert.Throws<UserException>(() => Claims.Skip(sparse, Dense)).Message);
        Assert.Contains("no dense network", Assert.Throws<UserException>(() => Claims.Recipe(sparse, Dense)).Message);
        Assert.Contains("no dense network", Assert.Throws<UserException>(() => Claims.Combined(sparse, Dense, Dense, Dense)).Message);
        Assert.Contains("share no level", Assert.Throws<UserException>(() => Claims.OtherMask(Vanilla with { Runs = [] }, Dense)).Message);
        var level = Vanilla with { Runs = [.. Vanilla.Runs.Where(run => run.Spec.Level == 4)] };
        Assert.Contains("one level only", Assert.Throws<UserException>(() => Claims.Architecture(level, Dense)).Message);
        Assert.Equal((Verdict.Open, "nothing to compare"), Claims.Skip(level, Dense)[2] is var claim ? (claim.Verdict, claim.Evidence) : default);
    }

    private static Verdict[] Of(IReadOnlyList<Claim> claims) => [.. claims.Select(claim => claim.Verdict)];

    private static Sweep Gaining(string name, Func<int, double> gain, double noise = 0) => Sweep(name, level => 0.7 - 0.01 * level + gain(level), noise);

    /// <param name="name">In the statements.</param>
    /// <param name="accuracy">Of a level, in the mean over the seeds.</param>
    /// <param name="noise">How much one seed gains more than the next, beside what all accuracies of a seed share.</param>
    private static Sweep Sweep(string name, Func<int, double> accuracy, double noise = 0)
    {
        return new(name, [.. Levels.SelectMany(level => Seeds(level))], Seeds(0));

        RunResult[] Seeds(int level) => [.. Enumerable.Range(0, 3).Select(seed =>
            FigureSamples.Run(level, seed, accuracy(level) + 0.05 * seed + noise * (seed - 1) * (level is 0 or 16 ? 1 : -1)))];
    }
}
