using LTHKit.Analysis;
using LTHKit.Tests.Tweaks;
using Newtonsoft.Json.Linq;
using Plotly.NET;

namespace LTHKit.Tests;

/// <summary>Results of runs made up for the tests of figures, with round numbers.</summary>
internal static class FigureSamples
{
    /// <summary>Levels 1 and 4 with the given accuracies, and dense runs.</summary>
    public static Sweep Sweep(string name, double[] level1, double[] level4, double[] dense, double hidden = 0, params Tweak[] tweaks) => new(
        name,
        [
            .. level1.Select((accuracy, seed) => Run(1, seed, accuracy, hidden, tweaks)),
            .. level4.Select((accuracy, seed) => Run(4, seed, accuracy, hidden, tweaks)),
        ],
        [.. dense.Select((accuracy, seed) => Run(0, seed, accuracy, hidden, tweaks))]);

    public static Sweep Vanilla => Sweep("vanilla LTH", [0.70, 0.72], [0.60, 0.64], [0.75, 0.75]);

    public static Sweep Swish => Sweep("swish", [0.71, 0.73], [0.66, 0.68], [0.76, 0.76], 0, new SmoothActivation("swish"));

    /// <param name="level">Pruning level.</param>
    /// <param name="seed">Seed.</param>
    /// <param name="accuracy">Reported.</param>
    /// <param name="hidden">How much smaller the effective sparsity is than the nominal one.</param>
    /// <param name="tweaks">Tweaks.</param>
    public static RunResult Run(int level, int seed, double accuracy, double hidden = 0, params Tweak[] tweaks)
    {
        var spec = new RunSpec { Level = level, Seed = seed, Tweaks = tweaks };
        var sparsity = 1 - Math.Pow(0.8, level);
        return new RunResult(spec, "", sparsity, level == 0 ? 0 : sparsity - hidden, [],
        [
            new EpochMetrics(0, 0.1, 2.5, 0.3, 2.2, 0.4, 2.25, 0.41, 4.34),
            new EpochMetrics(1, 0.1, 1.5, 0.6, 1.6, 0.7, 1.75, accuracy, 4),
            new EpochMetrics(2, 0.01, 1.25, 0.7, 1.7, 0.65, 1.7, accuracy - 0.01, 4),
        ]);
    }

    /// <summary>A convolution, its BatchNorm and a bias, the convolution scaled by <paramref name="scale"/>.</summary>
    public static Measured<IReadOnlyList<LearnedScale>> Scales(int level, int seed, double scale) => new(
        Run(level, seed, 0.7, 0, new RescaledInit()),
        [new("conv1.weight", false, scale), new("bn1.weight", true, 0.5), new("fc.weight", false, 1), new("fc.bias", false, 0)]);

    public static double[] Grid { get; } = [-1, 0, 1];

    public static double[][] Bowl { get; } = [[20, 10, 20], [10, 1, 10], [20, 10, 20]];

    private static double[] Forty { get; } = [.. Enumerable.Range(1, 40).Select(i => (double)i)];

    /// <summary>One of each figure.</summary>
    public static IReadOnlyDictionary<string, GenericChart> All => new Dictionary<string, GenericChart>
    {
        ["accuracy"] = Figures.AccuracyVsSparsity(Vanilla, Swish),
        ["accuracy, one seed"] = Figures.AccuracyVsSparsity(Sweep("vanilla LTH", [0.7], [0.6], [])),
        ["accuracy, effective"] = Figures.AccuracyVsEffectiveSparsity(Vanilla, Sweep("skip", [0.7], [0.6], [], hidden: 0.1)),
        ["block"] = Figures.BlockDiagram("layer2.0", ("as built", Resnet()), ("projection", Resnet(new SkipInjection(SkipKind.Projection)))),
        ["gain"] = Figures.GainOverVanilla(Vanilla, Swish),
        ["training"] = Figures.TrainingCurves(Vanilla.Runs[0], Swish.Runs[0]),
        ["training, one run"] = Figures.TrainingCurves(Vanilla.Runs[0]),
        ["contour"] = Figures.Contours("Loss", "loss", new Plane("", Grid, Grid, Bowl)),
        ["contours"] = Figures.Contours("Loss", "test loss", new Plane("a", Grid, Grid, Bowl), new Plane("b", Grid, Grid, Bowl)),
        ["landscape"] = Figures.Landscape(new Plane("a", Grid, Grid, Bowl), "Loss"),
        ["gradient flow"] = Figures.GradientNorms(Flow([1, 0.1, 0], [0.01, 0.001, 0.002])),
        ["top eigenvalue"] = Figures.TopEigenvalue([AnalysisFiguresTests.Watched(0, [9, 2]), AnalysisFiguresTests.Watched(1, [8, 3])]),
        ["top eigenvalue, negative"] = Figures.TopEigenvalue([AnalysisFiguresTests.Watched(0, [9, -2])]),
        ["along the top eigenvector"] = Figures.AlongTopEigenvector([new(Run(4, 0, 0.5), new(3, 0.1, true, new(Grid, [2, 1, 2])))]),
        ["spectral density"] = Figures.SpectralDensities([new(Run(4, 0, 0.5), new([-1, 0, 3], [0.01, 0.98, 0.01], 100))]),
        ["silent activations"] = Figures.SilentActivations([AnalysisFiguresTests.Silent(1, 0, 0.4), AnalysisFiguresTests.Silent(4, 0, 0.5)]),
        ["curves"] = Figures.Curves("Loss", "t", "loss", [new Curve("a", Grid, [2, 1, 2], [0.1, 0.2, 0.1]), new Curve("b", Grid, [3, 1, 3])]),
        ["curves, logarithmic"] = Figures.Curves("Eigenvalue", "Epoch", "value", [new Curve("a", Forty, Forty)], logarithmic: true),
        ["layer density"] = Figures.LayerDensity(("imp", Ticket(0.5)), ("imp", Ticket(0.7)), ("snip", Ticket(1))),
        ["mask overlap"] = Figures.MaskOverlap(("imp", Ticket(0.5)), ("snip", Ticket(0.25))),
        ["bars"] = Figures.Bars("Scales", "scale", ["conv1", "conv2"], new BarGroup("weights", [1, 0.5]), new BarGroup("biases", [0.2, 0.3])),
        ["scales"] = Figures.Scales([Scales(1, 0, 1.2), Scales(1, 1, 1.4), Scales(4, 0, 0.8)]),
        ["bars, one group"] = Figures.Bars("Sparsity", "sparsity (%)", ["conv1", "conv2"], new BarGroup("sparsity", [80, 90])),
    };

    /// <summary>Gradient norms of layers conv1, conv2, ... epoch by epoch.</summary>
    public static WatchSeries Flow(params double[][] norms) => new(
        Run(4, 0, 0.7), [.. (norms.FirstOrDefault() ?? []).Select((_, epoch) => epoch + 1)],
        norms.Select((row, i) => ($"conv{i + 1}.weight", row)).ToDictionary(l => l.Item1, l => (IReadOnlyList<double>)l.row));

    private static Mask Ticket(double cut) => new(
        [("conv1.weight", torch.linspace(0, 1, 8) >= 0.5), ("conv2.weight", torch.linspace(0, 0.9, 8) >= cut)]);

    /// <summary>A small ResNet-18 rewritten by tweaks.</summary>
    public static Network Resnet(params Tweak[] tweaks) => TweakSamples.Rewritten(new ModelSpec("resnet18", 4), new InputSpec(10), tweaks);

    public static JObject Json(GenericChart chart) => JObject.Parse(GenericChart.toJson(chart));

    public static JToken Trace(GenericChart chart, string name) => Json(chart)["data"]!.First(trace => (string?)trace["name"] == name);

    public static double[] Numbers(JToken? token) => token!.Select(number => (double)number).ToArray();
}
