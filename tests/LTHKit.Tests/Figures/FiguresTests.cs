using LTHKit.Analysis;
using Newtonsoft.Json.Linq;
using Plotly.NET;
using static LTHKit.Tests.FigureSamples;

namespace LTHKit.Tests;

public class FiguresTests
{
    [Fact]
    public void AccuracyIsMeanAndStandardDeviationOverRemainingWeights()
    {
        var line = Trace(Figures.AccuracyVsSparsity(Vanilla, Swish), "vanilla LTH");
        Near([80, 40.96], line["x"]);
        Near([71, 62], line["y"]);
        Near([Math.Sqrt(2), Math.Sqrt(8)], line["error_y"]!["array"]); // of 70, 72 and of 60, 64
        var hover = (string)line["text"]![1]!;
        Assert.Contains("62.00 % ± 2.83", hover);
        Assert.Contains("level 4: 59.0 % sparse, effectively 59.0 %", hover);
        Assert.EndsWith($"n = 2, runs {Run(4, 0, 0.5).Id}, {Run(4, 1, 0.5).Id}", hover);
    }

    [Fact]
    public void TheHoverNamesEveryRun()
    {
        RunResult[] five = [.. Enumerable.Range(0, 5).Select(seed => Run(4, seed, 0.5))];
        Assert.Equal(
            $"n = 5, runs {string.Join(", ", five.Take(3).Select(run => run.Id))},<br>{five[3].Id}, {five[4].Id}", Captions.Runs(five));
        var (flow, seen, silent, scales) = (Flow([1, 2]), AnalysisFiguresTests.Watched(0, [9, 2]), AnalysisFiguresTests.Silent(4, 0, 0.5), Scales(4, 0, 1));
        PlaneOfRun plane = new(new Plane("", Grid, Grid, Bowl), five[1]);
        foreach (var (chart, run) in new[]
        {
            (Figures.GradientNorms(flow), flow.Run), (Figures.TrainingCurves(five[2]), five[2]), (Figures.TopEigenvalue([seen]), seen.Run),
            (Figures.AlongTopEigenvector([new(five[3], new(3, 0.1, true, new(Grid, [2, 1, 3])))]), five[3]), (Figures.SpectralDensities([new(five[4], new([0, 1], [0.5, 0.5], 10))]), five[4]),
            (Figures.SilentActivations([silent]), silent.Run), (Figures.Scales([scales]), scales.Run), (Figures.Contours("Loss", "loss", plane), plane.Run), (Figures.Landscape(plane, "Loss"), plane.Run),
        })
            Assert.Contains(Json(chart)["data"]!, trace => ((string?)trace["hovertemplate"])?.Contains($"run {run.Id}") == true);
    }

    [Fact]
    public void TheHoverTellsEffectiveFromNominalSparsity() => Assert.Contains(
        "level 4: 59.0 % sparse, effectively 49.0 %",
        (string)Trace(Figures.AccuracyVsSparsity(Sweep("skip", [0.7], [0.6], [], hidden: 0.1)), "skip")["text"]![1]!);

    [Fact]
    public void TheDenseNetworkIsADashedLineInItsSweepsColour()
    {
        var chart = Figures.AccuracyVsSparsity(Vanilla, Swish);
        var dense = Trace(chart, "dense, swish");
        Near([76, 76], dense["y"]);
        Assert.Equal("dash", (string?)dense["line"]!["dash"]);
        Assert.Equal(Colour(Trace(chart, "swish")), Colour(dense));
        Assert.NotEqual(Colour(Trace(chart, "dense, vanilla LTH")), Colour(dense));
    }

    [Fact]
    public void TheTitleSaysWhatWasMeasuredOnWhatAndOneSeedHasNoErrorBars()
    {
        var title = TitleOf(Figures.AccuracyVsSparsity(Vanilla));
        Assert.StartsWith("Test accuracy of sparse networks", title);
        Assert.Contains("resnet18 on synthetic, mean and standard deviation of 2 seeds", title);
        var chart = Figures.AccuracyVsSparsity(Sweep("vanilla LTH", [0.7], [0.6], []));
        Assert.Null(Trace(chart, "vanilla LTH")["error_y"]);
        Assert.Single(Json(chart)["data"]!);
        Assert.Contains("resnet18 on synthetic, one seed", TitleOf(chart));
    }

    // A seed that diverged at one sparsity is missing from its mean.
    [Fact]
    public void PointsOfFewerSeedsAreTold()
    {
        var lost = Vanilla with { Runs = [.. Vanilla.Runs.Where(run => (run.Spec.Level, run.Spec.Seed) != (4, 1))] };
        Assert.Contains("2 seeds; of fewer seeds: vanilla LTH at 59.0 % (1)", TitleOf(Figures.AccuracyVsSparsity(lost)));
        Assert.Contains("; of fewer seeds: swish at 59.0 % (1)", TitleOf(Figures.GainOverVanilla(lost, Swish)));
        Assert.DoesNotContain("fewer", TitleOf(Figures.GainOverVanilla(Vanilla, Swish)));
    }

    [Fact]
    public void AnyFigureCanSayFromWhichRunsItIs()
    {
        var bars = Figures.Bars("Gain", "points", ["a"], new BarGroup("kept", [1]));
        foreach (var chart in new[] { bars, Plotly.NET.CSharp.Chart.Line<int, int, string>([1, 2], [3, 4]) })
        {
            var height = (int)Json(chart)["layout"]!["height"]!;
            var layout = Json(chart.DrawnFrom([.. Vanilla.Runs, .. Vanilla.Runs], below: 100))["layout"]!;
            Assert.StartsWith("4 runs of 2 seeds, 20 to 59.0 % sparse", (string?)layout["annotations"]![0]!["text"]);
            Assert.Equal(132, (int)layout["margin"]!["b"]!);
            Assert.Equal(height + 132 - 64, (int)layout["height"]!);
        }
        // Of runs that were made in many ways the last line would end outside the figure.
        var elsewhere = Vanilla.Runs.Select((run, i) => run with { Made = $"kit 5, libtorch 2.1{i}.0, cpu, 1 thread, vectors of 512 bits" });
        var note = Json(bars.DrawnFrom(elsewhere, below: 100))["layout"]!;
        Assert.Equal((3, 148), (((string)note["annotations"]![0]!["text"]!).Split("<br>").Length, (int)note["margin"]!["b"]!));
        Assert.Contains("no runs", Assert.Throws<UserException>(() => bars.DrawnFrom([])).Message);
    }

    [Fact]
    public void TheAxisIsLogarithmicInRemainingWeightsAndNamesSparsity()
    {
        var axis = Json(Figures.AccuracyVsSparsity(Vanilla))["layout"]!["xaxis"]!;
        Assert.Equal("log", (string?)axis["type"]);
        Assert.Equal(["20", "59.0"], axis["ticktext"]!.Select(text => (string?)text));
        Near([80, 40.96], axis["tickvals"]);
        Assert.True((double)axis["range"]![0]! > Math.Log10(80) && (double)axis["range"]![1]! < Math.Log10(40.96));
    }

    [Fact]
    public void ANameHasOneColourInEveryFigure()
    {
        var alone = Colour(Trace(Figures.AccuracyVsSparsity(Swish), "swish"));
        Assert.Matches("^#[0-9A-F]{6}$", alone);
        Assert.Equal(alone, Colour(Trace(Figures.AccuracyVsSparsity(Vanilla, Swish), "swish")));
        Assert.Equal(alone, Colour(Trace(Figures.GainOverVanilla(Vanilla, Swish), "swish")));
    }

    // What the notebooks compare in one figure.
    [Theory]
    [InlineData("vanilla LTH", "skip", "swish", "label smoothing 0.1", "re-scaled init", "label smoothing 0.1 + re-scaled init + skip + swish")]
    [InlineData("vanilla LTH", "AT + TRT", "AT", "TRT", "random")]
    [InlineData("vanilla LTH", "AT + TRT", "AT + TRT, distilled")]
    [InlineData("weight rewinding", "rewinding + AT", "rewinding + TRT", "rewinding + AT + TRT")]
    [InlineData("vanilla", "rewound to epoch 3", "label smoothing 0.1, re-scaled init, skip, swish")]
    [InlineData("imp", "omp", "snip", "grasp", "synflow", "random")]
    [InlineData("omp", "snip", "grasp", "synflow", "omp erk")]
    [InlineData("imp", "imp, tweaked", "omp", "omp, tweaked")]
    [InlineData("relu", "swish", "mish")]
    [InlineData("dense", "48.8 % sparse", "96.5 % sparse")]
    public void WhatIsComparedHasColoursThatDifferAndDoNotDependOnTheOrder(params string[] names)
    {
        var pens = Pen.For(names);
        Assert.Equal(names.Length, pens.Values.Select(pen => pen.Index).Distinct().Count());
        Assert.All(pens.Values, pen => Assert.Equal(0, pen.Round));
        Assert.All(Pen.For(names.Reverse()), pen => Assert.Equal(pens[pen.Key], pen.Value));
    }

    [Fact]
    public void WhatSharesAColourDiffersInItsLineAndPattern()
    {
        var pens = Pen.For(["AT + TRT", "rewinding + AT + TRT", "48.8 % sparse, swish", "96.5 % sparse, swish", "48.8 % sparse, vanilla LTH"]);
        Assert.Equal([pens["AT + TRT"].Index, Pen.For(["swish"])["swish"].Index, Pen.For(["vanilla"])["vanilla"].Index], pens.Values.Select(pen => pen.Index).Distinct());
        Assert.Equal([0, 1, 0, 1, 0], pens.Values.Select(pen => pen.Round));
        Assert.Equal(Pen.For(["vanilla LTH"])["vanilla LTH"], Pen.For(["vanilla LTH, snip", "AT + TRT, snip"])["vanilla LTH, snip"]);
    }

    [Fact]
    public void TwentyFourNamesAreToldApartAndSixByTheirColourAlone()
    {
        static GenericChart Chart(int count) => Figures.AccuracyVsSparsity([.. Enumerable.Range(0, count).Select(i => Sweep($"tweak {i}", [0.7], [0.6], []))]);
        Assert.Equal(6, Json(Chart(6))["data"]!.Select(Colour).Distinct().Count());
        var traces = Json(Chart(24))["data"]!.ToList();
        Assert.Equal(24, traces.Select(trace => $"{Colour(trace)} {trace["line"]!["dash"]}").Distinct().Count());
        Assert.Equal(24, traces.Select(trace => $"{Colour(trace)} {trace["marker"]!["symbol"]} {trace["marker"]!["color"]}").Distinct().Count());
        var bars = Json(Figures.Bars("t", "y", ["a"], [.. Enumerable.Range(0, 24).Select(i => new BarGroup($"way {i}", [1]))]))["data"]!;
        Assert.Equal(24, bars.Select(bar => $"{bar["marker"]!["color"]} {bar["marker"]!["pattern"]!["shape"]}").Distinct().Count());
    }

    [Fact]
    public void SweepsOfOneNameAreToldApart()
    {
        var snip = Vanilla with { Runs = [.. Vanilla.Runs.Select(run => run with { Spec = run.Spec with { Pruning = LTHKit.Pruning.Pruner.Snip } })] };
        var names = Json(Figures.AccuracyVsSparsity(Vanilla, snip, Vanilla))["data"]!.Where(trace => (bool?)trace["showlegend"] == true).ToList();
        Assert.Equal(["vanilla LTH", "vanilla LTH, snip", "vanilla LTH (2)", "dense networks"], names.Select(trace => (string)trace["name"]!));
        Assert.Equal(4, names.Select(Colour).Distinct().Count());
        Assert.Equal(["vanilla LTH (%)", "vanilla LTH, snip (%)", "vanilla LTH (2) (%)"], Tables.Accuracy(Vanilla, snip, Vanilla).ColumnKeys.Where(key => key.StartsWith("vanilla")));
        Assert.Equal(3, Tables.WinningTickets(Vanilla, snip, Vanilla).RowCount);
        Assert.Contains("swish (2): gain (points)", Tables.Gain(Vanilla, Swish, Swish).ColumnKeys);
    }

    [Fact]
    public void ATicketOfWhichNothingIsLeftHasNoPointOnALogarithmicAxis()
    {
        var sweep = Vanilla with { Runs = [.. Vanilla.Runs.Select(run => run.Spec.Level == 4 ? run with { Sparsity = 1 } : run)] };
        Near([80], Trace(Figures.AccuracyVsSparsity(sweep), "vanilla LTH")["x"]);
        Assert.Throws<UserException>(() => Figures.AccuracyVsSparsity(sweep with { Runs = [.. sweep.Runs.Where(run => run.Spec.Level == 4)] }));
    }

    [Fact]
    public void ADivergedRunIsAGapInLineAndBand()
    {
        var level2 = Enumerable.Range(0, 2).Select(seed => Run(2, seed, double.NaN));
        var data = Json(Figures.AccuracyVsSparsity(Vanilla with { Runs = [.. Vanilla.Runs, .. level2], Dense = [] }))["data"]!;
        Assert.Equal(["71", "NaN", "62"], data[1]!["y"]!.Select(y => (string)y!));
        Assert.Equal([false, false, true, false, false], data[0]!["x"]!.Select(x => (string?)x == "NaN"));
    }

    [Fact]
    public void ABandThatReachesBelowZeroEndsAtTheLowestValueOfALogarithmicAxis()
    {
        var data = Json(Figures.Curves("t", "x", "y", [new Curve("a", [1, 2, 3], [10, 2, -1], [20, 1, 1])], logarithmic: true))["data"]!;
        Near([30, 3, 1, 2], data[0]!["y"]);
        Assert.Equal("NaN", (string?)data[1]!["y"]![2]);
        Assert.Contains("above zero", Assert.Throws<UserException>(() => Figures.Curves("t", "x", "y", [new Curve("a", [1], [-1])], logarithmic: true)).Message);
    }

    [Fact]
    public void WhatPlotlyDoesNotKnowIsRefused()
    {
        Assert.Contains("no argument 'Txt'", Assert.Throws<ArgumentException>(() => Typed.Init<Title>(new { Txt = "a" })).Message);
        Assert.ThrowsAny<Exception>(() => Typed.Init<Title>(new { Text = 1 }));
    }

    [Fact]
    public void GainIsTheMeanDifferenceSeedBySeedWithItsStandardError()
    {
        var line = Trace(Figures.GainOverVanilla(Vanilla, Swish), "swish");
        // Dense and at level 1 both seeds gain one point; at level 4 they gain 6 and 4: a deviation of sqrt(2), over the root of 2.
        Near([1, 1, 5], line["y"]);
        Near([0, 0, 1], line["error_y"]!["array"]);
        Near([100, 80, 40.96], line["x"]);
        Assert.Contains("+5.00 points ± 1.00", (string)line["text"]![2]!);
        Assert.Contains("better in 2", (string)line["text"]![2]!);
    }

    [Fact]
    public void GainIsTakenOverTheSeedsThatBothHave()
    {
        var one = Swish with { Runs = [.. Swish.Runs.Where(run => run.Spec.Seed == 1)], Dense = [] };
        Assert.Equal([(1, 0.01, 1), (4, 0.04, 1)], one.GainOver(Vanilla).Select(point => (point.Level, Math.Round(point.Mean, 9), point.Count)));
        Assert.All(one.GainOver(Vanilla), point => Assert.True(double.IsNaN(point.StandardError)));
    }

    [Fact]
    public void EachLineOfAGainMayHaveABaselineOfItsOwn()
    {
        var omp = Sweep("omp", [0.60, 0.62], [0.50, 0.54], []);
        var chart = Figures.Gain("Gain", ("imp", Vanilla, Swish), ("omp", omp, Swish));
        Near([1, 1, 5], Trace(chart, "imp")["y"]);
        Near([11, 15], Trace(chart, "omp")["y"]);
        Assert.NotEqual(Colour(Trace(chart, "imp")), Colour(Trace(chart, "omp")));
    }

    [Fact]
    public void GainIsShownAtSharedLevelsOnly()
    {
        var half = Swish with { Runs = [.. Swish.Runs.Where(run => run.Spec.Level == 4)] };
        Near([1, 5], Trace(Figures.GainOverVanilla(Vanilla, half), "swish")["y"]);
        var other = Vanilla with { Runs = [.. Vanilla.Runs.Where(run => run.Spec.Level == 1)] };
        Assert.Contains("shares a sparsity level", Assert.Throws<UserException>(() => Figures.GainOverVanilla(other, half)).Message);
    }

    [Fact]
    public void TrainingCurvesShowBothLossesAndMarkTheReportedEpoch()
    {
        var data = Json(Figures.TrainingCurves(Vanilla.Runs[0]))["data"]!;
        Near([1, 2, 3], data[0]!["x"]);
        Near([2.5, 1.5, 1.25], data[0]!["y"]);
        Assert.Equal("dot", (string?)data[0]!["line"]!["dash"]);
        Near([2.25, 1.75, 1.7], data[1]!["y"]);
        Near([30, 60, 70], data[2]!["y"]);
        Near([41, 70, 69], data[3]!["y"]);
        Near([2], data[4]!["x"]);
        Near([70], data[4]!["y"]);
        Assert.Equal(["x", "x", "x2", "x2", "x2"], data.Select(trace => (string?)trace["xaxis"]));
    }

    [Fact]
    public void CurvesOfRunsAreNamedByWhatDistinguishesThem()
    {
        var chart = Figures.TrainingCurves(Vanilla.Runs[0], Swish.Runs[0]);
        Assert.Contains("resnet18 on synthetic, 20.0 % sparse, seed 0", TitleOf(chart));
        Assert.Equal(["vanilla", "swish"], Json(chart)["data"]!.Where(trace => (bool?)trace["showlegend"] == true).Select(trace => (string?)trace["name"]));
    }

    [Fact]
    public void ContoursShareLogarithmicLevelsAndTellTheValue()
    {
        double[][] shallow = [.. Bowl.Select(row => row.Select(value => value / 2).ToArray())];
        var traces = Json(Figures.Contours("Loss", "loss", new Plane("a", Grid, Grid, Bowl), new Plane("b", Grid, Grid, shallow)))["data"]!
            .Where(trace => (string?)trace["type"] == "contour").ToList();
        Assert.Equal(2, traces.Count);
        foreach (var trace in traces)
        {
            Assert.Equal(Math.Log10(0.5), (double)trace["zmin"]!, 12);
            Assert.Equal(Math.Log10(20), (double)trace["contours"]!["end"]!, 12);
        }
        Assert.Equal(1, (double)traces[0]["z"]![0]![1]!, 12);
        Assert.Equal(10, (double)traces[0]["customdata"]![0]![1]!);
        Assert.Equal([false, true], traces.Select(trace => (bool)trace["showscale"]!));
        Assert.Equal(["0.5", "1", "2", "5", "10", "20"], traces[1]["colorbar"]!["ticktext"]!.Select(text => (string?)text));
    }

    [Fact]
    public void ContoursOfNegativeValuesAreLinear()
    {
        var trace = Json(Figures.Contours("z", "z", new Plane("", Grid, Grid, [[-1, 0, 1], [0, 0, 0], [1, 2, 3]])))["data"]![0]!;
        Assert.Equal((-1, 3), ((double)trace["zmin"]!, (double)trace["zmax"]!));
        Assert.Null(trace["colorbar"]!["tickvals"]);
    }

    [Fact]
    public void AVanishedGradientIsAGap()
    {
        var trace = Json(Figures.GradientNorms(Flow([1, 0], [0.01, 0.1])))["data"]![0]!;
        Assert.Equal("NaN", (string?)trace["z"]![0]![1]);
        Assert.Equal(-2, (double)trace["z"]![1]![0]!, 12);
        Assert.Equal(0.01, (double)trace["customdata"]![1]![0]!);
    }

    [Fact]
    public void ASpreadIsABandAroundTheCurve()
    {
        var data = Json(Figures.Curves("t", "x", "y", [new Curve("a", [1, 2], [10, 20], [1, 2])]))["data"]!;
        Near([1, 2, 2, 1], data[0]!["x"]);
        Near([11, 22, 18, 9], data[0]!["y"]);
        Assert.Equal("toself", (string?)data[0]!["fill"]);
        Near([10, 20], data[1]!["y"]);
    }

    [Fact]
    public void ASpreadIsAnErrorBarOnEachBar()
    {
        var bars = Json(Figures.Scales([Scales(1, 0, 1.2), Scales(1, 1, 1.4), Scales(4, 0, 0.8)]))["data"]!;
        Near([Math.Sqrt(0.02), 0], bars[0]!["error_y"]!["array"]);
        Assert.Null(bars[1]!["error_y"]);
    }

    public static TheoryData<Action, string> Mistakes => new()
    {
        { () => Tables.Accuracy(), "There are no runs to show" },
        { () => Figures.AccuracyVsSparsity(), "no sparse runs" },
        { () => Figures.AccuracyVsSparsity(new Sweep("a", [], [])), "no sparse runs" },
        { () => Figures.GainOverVanilla(Vanilla), "no sparse runs" },
        { () => Figures.TrainingCurves(), "no epochs" },
        { () => Figures.BlockDiagram(null), "no network to draw" },
        { () => Figures.Contours("t", "loss", new Plane("", [1, 2], [1, 2], [[1, 2]])), "one row of 2 values" },
        { () => Figures.Contours("t", "loss"), "no values" },
        { () => Figures.GradientNorms(Flow([0, 0])), "no values" },
        { () => Figures.GradientNorms(Flow()), "no values" },
        { () => Figures.Curves("t", "x", "y", []), "no curves" },
        { () => Figures.Curves("t", "x", "y", [new Curve("a", [1, 2], [1])]), "2 x and 1 y" },
        { () => Figures.Bars("t", "y", [], new BarGroup("a", [])), "no bars" },
        { () => Figures.Bars("t", "y", ["p"], new BarGroup("a", [1, 2])), "2 values for 1 bars" },
        { () => Figures.Bars("t", "y", ["p"], new BarGroup("a", [1], [1, 2])), "and of its spread" },
        { () => Figures.Scales([]), "no learned scales" },
        { () => Figures.Scales([Scales(1, 0, 1), Scales(4, 0, 1) with { Value = [new("fc.weight", false, 1)] }]), "other layers" },
    };

    [Theory]
    [MemberData(nameof(Mistakes), DisableDiscoveryEnumeration = true)]
    public void NothingToDrawIsOneSentence(Action draw, string part)
    {
        var message = Assert.Throws<UserException>(draw).Message;
        Assert.Contains(part, message);
        Assert.EndsWith(".", message);
    }

    private static string Colour(JToken trace) => (string)trace["line"]!["color"]!;

    private static string TitleOf(GenericChart chart) => (string)Json(chart)["layout"]!["title"]!["text"]!;

    private static void Near(double[] expected, JToken? actual)
    {
        var numbers = Numbers(actual);
        Assert.Equal(expected.Length, numbers.Length);
        foreach (var (e, a) in expected.Zip(numbers))
            Assert.Equal(e, a, 10);
    }
}
