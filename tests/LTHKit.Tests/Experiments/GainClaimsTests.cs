namespace LTHKit.Tests.Experiments;

/// <summary>Sweeps made up so that each claim is plainly true, plainly false, or drowned in the spread of the seeds.</summary>
public class GainClaimsTests
{
    private static readonly int[] Levels = [1, 4, 10, 16];      // 20, 59, 89 and 97 % sparse

    // Five seeds whose accuracies differ by much more than any gain does; the gains are paired, so that this must not matter.
    private static readonly Sweep Vanilla = Sweep("vanilla", level => 0.7 - 0.01 * level, 0);

    [Fact]
    public void SkipsHurtTheDenseAndHelpTheSparsestNetwork()
    {
        Judged("C1 skip", Verdict.Holds, Claims.Skip(Vanilla, Gaining("skip", level => -0.02 + 0.005 * level)));
        Judged("C1 skip", Verdict.Fails, Claims.Skip(Vanilla, Gaining("skip", level => 0.02 - 0.005 * level)));
        Judged("C1 skip", Verdict.Open, Claims.Skip(Vanilla, Gaining("skip", level => -0.02 + 0.005 * level, noise: 0.2)));
        // Both are needed.
        Judged("C1 skip", Verdict.Fails, Claims.Skip(Vanilla, Gaining("skip", level => level == 0 ? -0.02 : -0.03)));
        // Projection is judged at equal effective sparsity too, as a claim of its own.
        Assert.Equal([("C1 skip", true), ("C1 skip", true), ("C1 skip", false), ("C1 skip, effective", true)],
            Claims.Skip(Vanilla, Gaining("skip", _ => 0)).Select(claim => (claim.Id, claim.Primary)));
    }

    [Fact]
    public void AtEqualEffectiveSparsityVanillaIsReadBetweenItsRuns()
    {
        // The sparsest ticket of the one is as sparse, in effect, as vanilla's between levels 4 and 10: there 0.66 and 0.60, and halfway in the logarithm 0.63.
        var sparsity = 1 - Math.Pow(0.8, 7);
        var skip = Gaining("skip", _ => 0.05, 0);
        skip = skip with { Runs = [.. skip.Runs.Select(run => run.Spec.Level == 16 ? run with { EffectiveSparsity = sparsity } : run)] };
        var claim = Claims.Skip(Vanilla, skip)[^1];
        Assert.Equal(5, claim.Numbers.Count);
        Assert.All(claim.Numbers, number => Assert.Equal(0.7 - 0.16 + 0.05 - 0.63, number.Value, 1e-9));
        // Sparser than all of vanilla's there is nothing to compare with.
        Assert.Empty(Claims.Skip(Vanilla, skip with { Runs = [.. skip.Runs.Select(run => run with { EffectiveSparsity = 0.999 })] })[^1].Numbers);
    }

    [Fact]
    public void ASeedWithoutANumberIsLeftOut()
        => Assert.Equal([1, 3], new Claim("mine", "mine helps", Alternative.Greater, new Dictionary<int, double> { [1] = 0.1, [2] = double.NaN, [3] = 0.2 }).Numbers.Keys);

    [Fact]
    public void MarginalMeansWithinOnePoint()
    {
        Judged("C2 swish", Verdict.Holds, Claims.Smooth(Vanilla, Gaining("swish", level => level == 0 ? 0.005 : 0.03)));
        Judged("C2 swish", Verdict.Fails, Claims.Smooth(Vanilla, Gaining("swish", level => level == 0 ? 0.03 : -0.02)));
        // A mean of zero says nothing where the seeds differ by more than a point.
        Judged("C2 swish", Verdict.Open, Claims.Smooth(Vanilla, Gaining("swish", _ => 0, noise: 0.05)));
        Judged("C11", Verdict.Holds, Claims.Distilled(Vanilla, Gaining("kd", _ => -0.004)));
        Judged("C11", Verdict.Fails, Claims.Distilled(Vanilla, Gaining("kd", _ => -0.02)));
        Assert.Contains("within 1 point", Claims.Distilled(Vanilla, Vanilla)[0].Sentence);
    }

    [Fact]
    public void TheGainOverSparsityIsASlopeOverTheHalvingsOfTheWeights()
    {
        var rising = Claims.Architecture(Vanilla, Gaining("AT", level => 0.01 + 0.002 * level, 0));
        // 0.2 points a level of 20 % are 0.2 / log2(1 / 0.8) a halving.
        Assert.All(rising[0].Numbers.Values, slope => Assert.Equal(0.002 / Math.Log2(1.25), slope, 1e-12));
        Judged("C3", Verdict.Holds, Claims.Architecture(Vanilla, Gaining("AT", level => 0.01 + 0.002 * level)));
        Judged("C3", Verdict.Fails, Claims.Architecture(Vanilla, Gaining("AT", level => 0.05 - 0.002 * level)));

        // The dense network of vanilla has 0.70, its least sparse ticket 0.69.
        Judged("C6", Verdict.Holds, Claims.TrainingRecipe(Vanilla, Gaining("TRT", level => 0.05 - 0.002 * level)));
        Judged("C6", Verdict.Fails, Claims.TrainingRecipe(Vanilla, Gaining("TRT", level => 0.005 - 0.002 * level)));
    }

    [Fact]
    public void SparseIsComparedWithDense()
    {
        Judged("C4", Verdict.Holds, Claims.SoftLabels(Vanilla, Gaining("LS", level => level switch { 0 => 0, 4 => 0.04, _ => 0.02 })));
        Judged("C4", Verdict.Fails, Claims.SoftLabels(Vanilla, Gaining("LS", level => level switch { 0 => 0.05, 4 => 0.01, _ => 0.02 })));
        Judged("C5", Verdict.Holds, Claims.Rescaled(Vanilla, Gaining("init", level => level == 0 ? 0 : 0.02)));
        Judged("C5", Verdict.Fails, Claims.Rescaled(Vanilla, Gaining("init", level => level == 0 ? 0.02 : 0)));
        Assert.All(Claims.SoftLabels(Vanilla, Gaining("LS", level => level == 4 ? 0.04 : 0.02, 0))[1].Numbers.Values, most => Assert.Equal(0.02, most, 1e-9));
    }

    [Fact]
    public void BothBundlesMustBeatEach()
    {
        var (at, trt) = (Gaining("AT", _ => 0.01), Gaining("TRT", _ => 0.02));
        Judged("C7", Verdict.Holds, Claims.Combined(Vanilla, at, trt, Gaining("AT + TRT", _ => 0.05)));
        Judged("C7", Verdict.Fails, Claims.Combined(Vanilla, at, trt, Gaining("AT + TRT", _ => 0.015)));
    }

    [Fact]
    public void AWinningTicketIsTheSparsestWhoseMeanIsNotBelowTheDenseOne()
    {
        // 0.70 is reached with a gain of 0.05 up to level 4, with one of 0.2 everywhere.
        Assert.Equal(4, Claims.WinningTicket(Gaining("a", _ => 0.05), Vanilla)!.Level);
        Assert.Equal(16, Claims.WinningTicket(Gaining("b", _ => 0.2), Vanilla)!.Level);
        // One level that falls short does not end it.
        Assert.Equal(16, Claims.WinningTicket(Gaining("c", level => level == 4 ? 0 : 0.2), Vanilla)!.Level);
        Assert.Null(Claims.WinningTicket(Vanilla, Vanilla));
    }

    [Fact]
    public void RewindingIsComparedWhereThePaperComparesIt()
    {
        var claims = Claims.InsteadOfRewinding(Vanilla, Gaining("both", level => level == 1 ? 0.03 : 0.002));
        Judged("C9", Verdict.Holds, claims);
        Judged("C9", Verdict.Fails, Claims.InsteadOfRewinding(Vanilla, Gaining("both", level => level switch { 1 => 0.03, 16 => 0.05, _ => 0.002 })));

        // Where there is no ticket of 97 %, the claim is about the others.
        var denser = Vanilla with { Runs = [.. Vanilla.Runs.Where(run => run.Spec.Level < 16)] };
        Assert.Equal(2, Claims.InsteadOfRewinding(denser, Gaining("both", _ => 0)).Count);

        Sweep at = Gaining("AT", _ => 0.001), trt = Gaining("TRT", _ => 0.02);
        Judged("C10", Verdict.Holds, Claims.OnTopOfRewinding(Vanilla, at, trt, Gaining("both", level => 0.03 + 0.001 * level)));
        Judged("C10", Verdict.Fails, Claims.OnTopOfRewinding(Vanilla, trt, Gaining("TRT", _ => -0.01), Gaining("both", level => -0.02 - 0.001 * level)));
    }

    [Fact]
    public void EverywhereMeansEverywhere()
    {
        Judged("C8", Verdict.Holds, Claims.Everywhere((Vanilla, Gaining("a", _ => 0.02)), (Vanilla, Gaining("bc", _ => 0.01))));
        Judged("C8", Verdict.Fails, Claims.Everywhere((Vanilla, Gaining("a", _ => 0.02)), (Vanilla, Gaining("bc", _ => -0.01))));
        Assert.Contains("resnet18 on cifar-100", Claims.Everywhere((OnCifar(Vanilla), OnCifar(Vanilla)))[0].Sentence);

        static Sweep OnCifar(Sweep sweep) => sweep with { Runs = [.. sweep.Runs.Select(run => run with { Spec = run.Spec with { Data = new() { Name = "cifar-100" } } })] };
    }

    [Fact]
    public void SeedsWithoutARunAreLeftOutAndTwoDecideNothing()
    {
        var tweaked = Gaining("swish", _ => 0.1, 0.001);
        Sweep Seeds(int count) => tweaked with { Runs = [.. tweaked.Runs.Where(run => run.Spec.Seed < count)], Dense = [.. tweaked.Dense.Where(run => run.Spec.Seed < count)] };
        Judged("C16 vanilla", Verdict.Open, Claims.OtherMask(Vanilla, Seeds(2)));
        Judged("C16 vanilla", Verdict.Holds, Claims.OtherMask(Vanilla, Seeds(3)));
        // A hole in one level of one seed.
        var hole = tweaked with { Runs = [.. tweaked.Runs.Where(run => run.Spec is not { Seed: 3, Level: 4 })] };
        Assert.Equal([0, 1, 2, 4], Claims.OtherMask(Vanilla, hole)[0].Numbers.Keys);
        Assert.Equal(5, Claims.Skip(Vanilla, hole)[0].Numbers.Count);
    }

    [Fact]
    public void WhatAllSeedsLackIsNotJudgedOnADenserTicket()
    {
        var tweaked = Gaining("both", level => level == 1 ? 0.03 : 0.002);
        var lacking = tweaked with
        {
            Runs = [.. tweaked.Runs.Where(run => run.Spec.Level < 10)],
            Holes = [.. tweaked.Runs.Where(run => run.Spec.Level >= 10).Select(run => new Hole(run.Spec, "diverged"))],
        };
        var claims = Claims.Skip(Vanilla, lacking);
        Assert.Equal([5, 0, 0, 0], claims.Select(claim => claim.Numbers.Count));
        Assert.Equal("25, 10 missing", Tables.Verdicts(claims).GetColumn<string>("runs")["C1 both, effective"]);
        // C9 keeps the parts whose tickets were asked for, and is open without them.
        Assert.Equal(3, Claims.InsteadOfRewinding(Vanilla, lacking).Count);
        Judged("C9", Verdict.Open, Claims.InsteadOfRewinding(Vanilla, lacking));
    }

    [Fact]
    public void AClaimOfOnesOwnIsOneNumberASeed()
    {
        var tweaked = Gaining("mine", level => level == 16 ? 0.03 : 0, 0.001);
        var claim = new Claim("mine", "mine helps near 97 % more than elsewhere", Alternative.Greater,
            s => s[0].Sparsest - s[1].Sparsest - (s[0].Densest - s[1].Densest), tweaked, Vanilla);
        Assert.Equal(5, claim.Numbers.Count);
        Assert.Equal(50, claim.Runs.Count + Levels.Length * 5 + 5);     // the made-up runs of both are the same ones
        Judged("mine", Verdict.Holds, [claim]);
        Judged("mine", Verdict.Holds, [claim, .. Claims.OtherMask(Vanilla, Gaining("no", _ => 0, 0.1))]);
    }

    [Fact]
    public void WhatCannotBeComparedIsRefused()
    {
        var sparse = Vanilla with { Dense = [] };
        var dense = Gaining("better", _ => 0.02);
        Assert.Contains("no dense network", Assert.Throws<UserException>(() => Claims.Skip(sparse, dense)).Message);
        Assert.Contains("no dense network", Assert.Throws<UserException>(() => Claims.TrainingRecipe(sparse, dense)).Message);
        Assert.Contains("no dense network", Assert.Throws<UserException>(() => Claims.Combined(sparse, dense, dense, dense)).Message);
        Assert.Contains("share no level", Assert.Throws<UserException>(() => Claims.OtherMask(Vanilla with { Runs = [] }, dense)).Message);
        var level = Vanilla with { Runs = [.. Vanilla.Runs.Where(run => run.Spec.Level == 4)] };
        Assert.Contains("one level only", Assert.Throws<UserException>(() => Claims.Architecture(level, dense)).Message);
        Assert.Equal("nothing to compare", Judgement.Of(Claims.Skip(level, dense))[2].Numbers);
    }

    private static void Judged(string id, Verdict verdict, IReadOnlyList<Claim> claims)
    {
        var mine = Judgement.Of(claims).Where(row => row.Claim.Id == id && row.Claim.Primary).ToList();
        Assert.NotEmpty(mine);
        Assert.All(mine, row => Assert.Equal(verdict, row.Verdict));
    }

    private static Sweep Gaining(string name, Func<int, double> gain, double noise = 0.0002) => Sweep(name, level => 0.7 - 0.01 * level + gain(level), noise);

    /// <param name="name">In the statements.</param>
    /// <param name="accuracy">Of a level, in the mean over the seeds.</param>
    /// <param name="noise">How much one seed gains more than the next, beside what all accuracies of a seed share; a little different by name.</param>
    private static Sweep Sweep(string name, Func<int, double> accuracy, double noise)
    {
        return new(name, [.. Levels.SelectMany(level => Seeds(level))], Seeds(0));

        RunResult[] Seeds(int level) => [.. Enumerable.Range(0, 5).Select(seed =>
            FigureSamples.Run(level, seed, accuracy(level) + 0.05 * seed + (1 + 0.1 * name.Length) * noise * (seed - 2) * (level is 0 or 16 ? 1 : -1)))];
    }
}
