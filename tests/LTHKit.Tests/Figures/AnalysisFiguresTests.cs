using LTHKit.Analysis;
using static LTHKit.Tests.FigureSamples;

namespace LTHKit.Tests;

public class AnalysisFiguresTests
{
    [Fact]
    public void TheTopEigenvalueIsMeanAndSpreadOverSeeds()
    {
        var chart = Figures.TopEigenvalue([Watched(0, [10, 2]), Watched(1, [14, 4]), Watched(0, [5, 1], new SmoothActivation())]);
        var line = Trace(chart, "vanilla LTH");
        Assert.Equal([12, 3], Numbers(line["y"]));
        Assert.Equal([1, 9], Numbers(line["x"]));
        Assert.Equal([12 + Math.Sqrt(8), 3 + Math.Sqrt(2)], Numbers(Json(chart)["data"]![0]!["y"]).Take(2).ToArray());
        Assert.Equal("log", (string?)Json(chart)["layout"]!["yaxis"]!["type"]);
        // Sharpness has no sign.
        Assert.Equal([10, 2], Numbers(Trace(Figures.TopEigenvalue([Watched(0, [10, -2])]), "vanilla LTH")["y"]));
        Assert.Throws<UserException>(() => Figures.TopEigenvalue([]));
    }

    [Fact]
    public void AlongTheTopEigenvectorIsMeanAndSpreadOverSeeds()
    {
        static Measured<EigenvectorLine> Line(int seed, params double[] loss) => new(Run(4, seed, 0.5), new(3, 0.1, true, new(Grid, loss)));
        var chart = Figures.AlongTopEigenvector([Line(0, 2, 1, 3), Line(1, 4, 1, 3)]);
        Assert.Equal([2.5, 1, 3.5], Numbers(Trace(chart, "vanilla LTH")["y"]));      // both turned to rise to the right
        Assert.Equal([2.5 + Math.Sqrt(0.5), 1, 3.5 + Math.Sqrt(0.5)], Numbers(Json(chart)["data"]![0]!["y"]).Take(3).ToArray());
        Assert.Contains("59.0 % sparse, mean and standard deviation of 2 seeds", (string?)Json(chart)["layout"]!["title"]!["text"]);
    }

    [Fact]
    public void TicketsOfTwoSparsitiesAreTwoLines()
    {
        var chart = Figures.TopEigenvalue([Watched(0, [10, 2]), Watched(0, [14, 4]) with { Run = Run(1, 0, 0.5) }]);
        Assert.Equal([4, 2], Json(chart)["data"]!.Select(trace => (string?)trace["name"]).OfType<string>().Select(name => Numbers(Trace(chart, name!)["y"])[1]).Order().Reverse());
    }

    [Fact]
    public void ADensityEndsWhereSmoothingAloneDecides()
    {
        var chart = Figures.SpectralDensities([new(Run(4, 0, 0.5), new([-1, 0, 3], [0.01, 0.98, 0.01], 100))]);
        var trace = Trace(chart, "vanilla LTH");
        Assert.Contains("NaN", trace["y"]!.Select(y => (string?)y));
        Assert.Equal("log", (string?)Json(chart)["layout"]!["yaxis"]!["type"]);
    }

    [Fact]
    public void TableA1HasARowASparsityAndNetworkAndAColumnAStage()
    {
        var swish = new SmoothActivation();
        var table = Tables.SilentActivations([Silent(4, 0, 0.5), Silent(4, 1, 0.7), Silent(1, 0, 0.4), Silent(1, 0, 0.01, swish)]);
        Assert.Equal(["nominal sparsity (%)", "effective sparsity (%)", "network", "layer1 (%)", "layer2 (%)", "seeds"], table.ColumnKeys);
        Assert.Equal(["vanilla LTH", "swish", "vanilla LTH"], table.GetColumn<string>("network").Values);
        Assert.Equal([20, 20, 59.04], table["nominal sparsity (%)"].Values);
        Assert.Equal([40, 1, 60], table["layer1 (%)"].Values);
        Assert.Equal([20, 0.5, 30], table["layer2 (%)"].Values);
        Assert.Equal([20, 0.5, 30], Tables.SilentActivations([Silent(4, 0, 0.5), Silent(4, 1, 0.7), Silent(1, 0, 0.4), Silent(1, 0, 0.01, swish)], published: true)["layer1 (%)"].Values);
        Assert.Equal([1, 1, 2], table.GetColumn<int>("seeds").Values);
        Assert.Throws<UserException>(() => Tables.SilentActivations([]));
    }

    [Fact]
    public void TicketsOfOtherPrunersAndOtherStartsAreNotMerged()
    {
        Measured<IReadOnlyList<StageSparsity>>[] all =
        [
            Silent(4, 0, 0.5), Silent(4, 1, 0.7), Of(Silent(4, 0, 0.2), s => s with { Pruning = Pruner.Snip }),
            Of(Silent(4, 0, 0.1), s => s with { Rewind = 33 }), Of(Silent(4, 0, 0.3), s => s with { Recipe = new() { Epochs = 60 } }),
            Of(Silent(1, 0, 0.4), s => s with { Pruning = Pruner.Snip with { Distribution = Distribution.Erk } }),
        ];
        var table = Tables.SilentActivations(all);
        Assert.Equal(
            ["vanilla LTH, snip erk", $"vanilla LTH, {all[0].Run.Id}", "vanilla LTH, snip", "vanilla LTH, rewound to epoch 33", $"vanilla LTH, {all[4].Run.Id}"],
            table.GetColumn<string>("network").Values);
        Assert.Equal([40, 60, 20, 10, 30], table["layer1 (%)"].Values);
        Assert.Equal([1, 2, 1, 1, 1], table.GetColumn<int>("seeds").Values);
        Assert.Equal(
            ["20 % sparse, vanilla LTH, snip erk", "59.0 % sparse, vanilla LTH, rewound to epoch 33", "59.0 % sparse, vanilla LTH, snip"],
            Json(Figures.SilentActivations(all))["data"]!.Select(trace => (string)trace["name"]!).Where(name => !name.Contains(all[0].Run.Id) && !name.Contains(all[4].Run.Id)).Order());

        static Measured<IReadOnlyList<StageSparsity>> Of(Measured<IReadOnlyList<StageSparsity>> measured, Func<RunSpec, RunSpec> change)
            => measured with { Run = measured.Run with { Spec = change(measured.Run.Spec) } };
    }

    [Fact]
    public void EffectiveSparsityStandsBesideTheNominalOne()
    {
        var skip = new SkipInjection(SkipKind.Projection);
        var run = Run(4, 0, 0.5, 0.05, skip);
        var silent = Tables.SilentActivations([Silent(4, 0, 0.5), Silent(4, 0, 0.5, skip) with { Run = run }]);
        Assert.Equal([59.04, 59.04], silent["nominal sparsity (%)"].Values);
        Assert.Equal([59.04, 54.04], silent["effective sparsity (%)"].Values);
        var lines = Tables.TopEigenvectors([new(run, new(3, 0.1, true, new([-1, 0, 1], [2, 1, 2])))]);
        Assert.Equal(59.04, lines["nominal sparsity (%)", 0]);
        Assert.Equal(54.04, lines["effective sparsity (%)", 0]);
    }

    [Fact]
    public void ASliderShowsThePlanesOfOneEpoch()
    {
        Plane At(double loss) => new("vanilla", [-1, 0, 1], [-1, 0, 1], [[loss, 1, 2], [1, 0.5, 1], [2, 1, 2]]);
        var figure = Json(Figures.ContoursOverTraining("Loss", "loss", (1, [At(3), At(4)]), (15, [At(2), At(1)])));
        var traces = figure["data"]!.Count();
        var slider = figure["layout"]!["sliders"]!.Single();
        Assert.Equal((1, "after epoch ", 92), ((int)slider["active"]!, (string)slider["currentvalue"]!["prefix"]!, (int)slider["pad"]!["t"]!));
        foreach (var (i, step) in slider["steps"]!.Index())
        {
            Assert.Equal((i == 0 ? "1" : "15", "restyle"), ((string)step["label"]!, (string)step["method"]!));
            Assert.Equal(Enumerable.Range(0, traces).Select(trace => trace / (traces / 2) == i), step["args"]!.Single()["visible"]!.Select(shown => (bool)shown));
        }
        Assert.Equal(Enumerable.Range(0, traces).Select(trace => trace >= traces / 2), figure["data"]!.Select(trace => (bool)trace["visible"]!));
    }

    [Fact]
    public void TimesOfAStepAreDrawnOverSparsity()
    {
        var figure = Json(Figures.StepTimes([new(Run(4, 0, 0.5), 0.03, 0.01), new(Run(0, 0, 0.5), 0.02, 0.02)]));
        var lines = figure["data"]!;
        Assert.Equal("tozero", (string?)figure["layout"]!["yaxis"]!["rangemode"]);
        Assert.Equal([[20, 20], [20, 30], [20, 10]], lines.Select(line => line["y"]!.Select(y => (double)y).ToArray()));
        Assert.Equal([0, 59.04], lines[0]!["x"]!.Select(x => Math.Round((double)x, 2)));
    }

    [Fact]
    public void MultiplyAddsAreShownInMillionsAndByLayer()
    {
        var flops = new Flops([new("conv1", 3_000_000, 1_000_000, false), new("skip1", 200_000, 200_000, true), new("fc", 1_000_000, 1_000_000, false)]);
        var table = Tables.MultiplyAdds([new(Run(4, 0, 0.5), flops)]);
        Assert.Equal(4.0, table["dense multiply-adds (million)", 0]);
        Assert.Equal(2.2, table["effective multiply-adds (million)", 0]);
        Assert.Equal(55.0, table["share (%)", 0]);
        var layers = Tables.MultiplyAddsByLayer(flops);
        Assert.Equal(["conv1", "skip1", "fc"], layers.RowKeys);
        Assert.Equal("yes", layers.GetColumn<string>("injected")["skip1"]);
    }

    [Fact]
    public void ClaimsOfOneNumberAreToldApart()
    {
        Claim Of(string id, string sentence, params double[] numbers) => new(id, sentence, Alternative.Greater, numbers.Index().ToDictionary(n => n.Index, n => n.Item));
        var table = Tables.Verdicts([Of("C12", "a", 0.01, 0.011, 0.012, 0.011, 0.01), Of("C14", "c", -1, 1, 2), Of("C12", "b", 0.02, 0.021, 0.022), Of("C15", "d", 1) with { Primary = false }]);
        Assert.Equal(["C12 (1)", "C12 (2)", "C14", "C15"], table.RowKeys);
        Assert.Equal(["a", "b", "c", "d"], table.GetColumn<string>("claim").Values);
        Assert.Equal(["suggested: holds", "suggested: holds", "open, 44 seeds would decide", ""], table.GetColumn<string>("here").Values);
        Assert.Equal("+1.08 [+0.98, +1.18] points, 5 seeds", table.GetColumn<string>("mean [95 %]")["C12 (1)"]);
        Assert.Equal(["< 0.001", "< 0.001", "0.529", ""], table.GetColumn<string>("p").Values);
    }

    internal static WatchSeries Watched(int seed, double[] values, params Tweak[] tweaks) => new(Run(4, seed, 0.5, 0, tweaks), [1, 9],
        new Dictionary<string, IReadOnlyList<double>> { [CurvatureWatch.TopEigenvalue] = values });

    internal static Measured<IReadOnlyList<StageSparsity>> Silent(int level, int seed, double share, params Tweak[] tweaks) => new(Run(level, seed, 0.5, 0, tweaks),
        [new("layer1", (long)(1000 * share), 1000, share / 2), new("layer2", (long)(1000 * share), 2000, share / 4)]);
}
