using CsCheck;
using Deedle;
using LTHKit.Analysis;
using LTHKit.Formatting;
using Newtonsoft.Json.Linq;
using Plotly.NET;
using static LTHKit.Tests.FigureSamples;

namespace LTHKit.Tests;

/// <summary>Whatever runs and numbers there are, a figure or table shows them or says in a sentence why not.</summary>
public class FuzzTests
{
    private const int Iterations = 150;

    private static readonly Gen<double> Number = Gen.Frequency(
        (6, Gen.Double[-2, 2]), (2, Gen.OneOf(0.0, 1.0, 1e-12, 1e9, -1e9)), (1, Gen.OneOf(double.NaN, double.PositiveInfinity, double.NegativeInfinity)));

    private static readonly Gen<double> Share = Gen.Frequency((5, Gen.Double[0, 1]), (1, Gen.OneOf(0.0, 1.0)));

    private static readonly Gen<string> Name = Gen.OneOf("vanilla LTH", "swish", "skip + swish", "a <b> & c", "", "%{x}");

    private static readonly Gen<RunResult> AnyRun = Gen.Select(Gen.Int[0, 5], Gen.Int[0, 3], Number, Share, Share, Gen.Bool, Gen.Int[0, 3])
        .Select((level, seed, accuracy, sparsity, effective, swish, epochs) =>
        {
            var run = Run(level, seed, accuracy, 0, swish ? [new SmoothActivation()] : []);
            return run with
            {
                Sparsity = sparsity,
                EffectiveSparsity = effective,
                Epochs = [.. run.Epochs.Take(epochs).Select(epoch => epoch with { TestLoss = accuracy, TrainLoss = accuracy })],
                Collapsed = sparsity == 1 ? ["conv1.weight"] : [],
            };
        });

    private static readonly Gen<Sweep> AnySweep = Gen.Select(Name, AnyRun.List[0, 8])
        .Select((name, runs) => new Sweep(name, [.. runs.Where(run => run.Spec.Level > 0)], [.. runs.Where(run => run.Spec.Level == 0)]));

    private static readonly Gen<IReadOnlyList<double>> Row = Number.List[0, 4].Select(row => (IReadOnlyList<double>)row);

    private static readonly Gen<Curve> AnyCurve = Gen.Select(Name, Number.Select(Number, Number).List[0, 5], Gen.Bool).Select((name, points, spread) =>
        new Curve(name, [.. points.Select((_, i) => (double)i)], [.. points.Select(p => p.Item1)], spread ? [.. points.Select(p => Math.Abs(p.Item2))] : null));

    private static readonly Gen<WatchSeries> AnySeries = Gen.Select(AnyRun, Row, Gen.OneOf(CurvatureWatch.TopEigenvalue, "conv1.weight"))
        .Select((run, row, name) => new WatchSeries(run, [.. row.Select((_, i) => i)], new Dictionary<string, IReadOnlyList<double>> { [name] = row }));

    private static readonly Gen<Measured<IReadOnlyList<StageSparsity>>> AnyStages = Gen.Select(AnyRun, Gen.Int[0, 3], Gen.Int[0, 2]).Select((run, count, first) =>
        new Measured<IReadOnlyList<StageSparsity>>(run, [.. Enumerable.Range(first, count).Select(i => new StageSparsity($"layer{i}", i, 4, 0.5))]));

    private static readonly Gen<Measured<SpectralDensity>> AnyDensity = Gen.Select(AnyRun, Row).Select((run, row) =>
        new Measured<SpectralDensity>(run, new([.. row.Order()], [.. row.Select(_ => 1.0 / row.Count)], 10)));

    private static readonly Gen<Measured<EigenvectorLine>> AnyLine = Gen.Select(AnyRun, Number, Row).Select((run, value, row) =>
        new Measured<EigenvectorLine>(run, new(value, value, false, new([.. row.Select((_, i) => (double)i)], row))));

    private static readonly Gen<Measured<IReadOnlyList<LearnedScale>>> AnyScales = Gen.Select(AnyRun, Row, Gen.Bool).Select((run, row, norm) =>
        new Measured<IReadOnlyList<LearnedScale>>(run, [.. row.Select((scale, i) => new LearnedScale($"conv{i}.weight", norm, scale))]));

    private static readonly Gen<Plane> AnyPlane = Gen.Select(Name, Gen.Int[0, 3], Gen.Int[0, 3], Number.List[9, 9]).Select((name, columns, rows, z) => new Plane(name,
        [.. Enumerable.Range(-1, columns).Select(i => (double)i)], [.. Enumerable.Range(-1, rows).Select(i => (double)i)],
        [.. Enumerable.Range(0, rows).Select(i => z.Skip(3 * i).Take(columns).ToArray())]));

    private static readonly Gen<(string, Mask)> AnyMask = Gen.Select(Name, Gen.Int[0, 9], Gen.Int[0, 9], Gen.Bool).Select((name, first, second, other) =>
        (name, new Mask([("conv1.weight", torch.arange(9) < first), (other ? "fc.weight" : "conv2.weight", torch.arange(9) < second)])));

    [Fact]
    public void SweepsAreShown() => AnySweep.Array[0, 5].Sample(sweeps =>
    {
        Shows(() => Figures.AccuracyVsSparsity(sweeps));
        Shows(() => Figures.AccuracyVsEffectiveSparsity(sweeps));
        Shows(() => Tables.Accuracy(sweeps));
        Shows(() => Tables.Runs(sweeps));
        if (sweeps.Length == 0)
            return;
        Shows(() => Figures.GainOverVanilla(sweeps[0], sweeps[1..]));
        Shows(() => Tables.Gain(sweeps[0], sweeps[1..]));
        Shows(() => Tables.WinningTickets(sweeps[0], sweeps[1..]));
        Assert.True(KitText.Of(sweeps[0]).Length < 500);
    }, iter: Iterations);

    [Fact]
    public void RunsAreShown() => AnyRun.Array[0, 4].Sample(runs => Shows(() => Figures.TrainingCurves(runs)), iter: Iterations);

    [Fact]
    public void CurvesAndBarsAreShown() => Gen.Select(AnyCurve.Array[0, 4], Gen.Bool, Row.Array[0, 3]).Sample((curves, logarithmic, rows) =>
    {
        Shows(() => Figures.Curves("title", "x", "y", curves, logarithmic));
        Shows(() => Figures.Bars("title", "y", ["a", "b"], [.. rows.Select((row, i) => new BarGroup($"{i / 2}", row))]));
    }, iter: Iterations);

    [Fact]
    public void WhatWasWatchedAndMeasuredIsShown() => Gen.Select(AnySeries.List[0, 4], AnyStages.List[0, 4], AnyDensity.List[0, 3], AnyLine.List[0, 3], AnyScales.List[0, 3])
        .Sample((series, stages, densities, lines, scales) =>
        {
            Shows(() => Figures.TopEigenvalue(series));
            foreach (var seen in series)
                Shows(() => Figures.GradientNorms(seen));
            Shows(() => Figures.SilentActivations(stages));
            Shows(() => Tables.SilentActivations(stages));
            Shows(() => Figures.SpectralDensities(densities));
            Shows(() => Figures.AlongTopEigenvector(lines));
            Shows(() => Tables.TopEigenvectors(lines));
            Shows(() => Figures.Scales(scales));
            Shows(() => Tables.Scales(scales));
        }, iter: Iterations);

    [Fact]
    public void PlanesAreShown() => AnyPlane.Array[0, 5].Sample(planes =>
    {
        Shows(() => Figures.Contours("title", "loss", planes));
        foreach (var plane in planes)
            Shows(() => Figures.Landscape(plane, "title"));
    }, iter: Iterations);

    [Fact]
    public void MasksAreShown() => AnyMask.Array[0, 3].Sample(masks =>
    {
        Shows(() => Figures.LayerDensity(masks));
        Shows(() => Figures.MaskOverlap(masks));
        if (masks.Length > 1)
            Shows(() => Tables.MaskOverlap(masks[0], masks[1]));
    }, iter: Iterations);

    [Fact]
    public void ClaimsAreJudgedOrRefused() => Gen.Select(AnySweep.Array[4, 4], AnySeries.List[0, 4], AnyPlane.List[0, 3], AnyLine.List[0, 3], AnyStages.List[0, 4])
        .Sample((s, series, measured, lines, stages) =>
        {
            IReadOnlyList<Plane> planes = [.. measured.Select((plane, seed) => new PlaneOfRun(plane, FigureSamples.Run(4, seed, 0.5)))];
            foreach (var claims in new Func<IReadOnlyList<Claim>>[]
            {
                () => Claims.Skip(s[0], s[1]), () => Claims.Smooth(s[0], s[1]), () => Claims.Architecture(s[0], s[1]), () => Claims.SoftLabels(s[0], s[1]),
                () => Claims.Rescaled(s[0], s[1]), () => Claims.TrainingRecipe(s[0], s[1]), () => Claims.Combined(s[0], s[1], s[2], s[3]), () => Claims.Everywhere((s[0], s[1])),
                () => Claims.InsteadOfRewinding(s[0], s[1]), () => Claims.OnTopOfRewinding(s[0], s[1], s[2], s[3]), () => Claims.Distilled(s[0], s[1]),
                () => Claims.OtherMask(s[0], s[1]), () => Claims.Curvature(series, [.. series.Skip(1)]), () => Claims.Contours("skip", (planes, planes), (planes, planes), -1),
                () => Claims.Contours("skip", (planes, planes), (planes, planes), 0), () => [Claims.Flatness(lines, [.. lines.Skip(1)])],
                () => Claims.SilentRelu(stages), () => Claims.SilentSmooth(stages),
            })
                Shows(() => Tables.Verdicts([.. claims()]));
            Says(() => Claims.WinningTicket(s[0], s[1]));
        }, iter: Iterations);

    [Fact]
    public void ClaimsOnNothingDecideNothing() => Assert.All(
        Judgement.Of([.. Claims.Curvature([], []), Claims.Flatness([], []), .. Claims.Contours("skip", ([], []), ([], []), 0), .. Claims.SilentRelu([]), .. Claims.SilentSmooth([])]),
        judgement => Assert.True(judgement is { Claim.Numbers.Count: 0, Decided: false, Verdict: Verdict.Untested }, judgement.Claim.Sentence));

    [Fact]
    public void EmptyTablesAreTables()
    {
        Shows(() => Tables.Verdicts());
        Shows(() => Tables.MultiplyAdds([]));
        Shows(() => Figures.StepTimes([]));
        Shows(() => Tables.MultiplyAddsByLayer(new([])));
        Shows(() => Tables.TopEigenvectors([]));
        Shows(() => Tables.Runs());
    }

    private static void Shows<R, C>(Func<Frame<R, C>> table)
        where R : notnull
        where C : notnull
        => Says(() => Assert.StartsWith("<style>", TableHtml.Of(table())));

    private static void Shows(Func<GenericChart> figure) => Says(() =>
    {
        var json = Json(figure());
        Assert.NotEmpty(json["data"]!);
        Assert.DoesNotContain("NaN", json["layout"]!.ToString());
        Assert.DoesNotContain("Infinity", json["layout"]!.ToString());
        foreach (var axis in ((JObject)json["layout"]!).Properties().Where(p => p.Name.StartsWith("xaxis") && (string?)p.Value["type"] == "log"))
            Assert.All(json["data"]!.SelectMany(trace => trace["x"]!), x => Assert.True((string?)x == "NaN" || (double)x > 0));
    });

    private static void Says(Action show)
    {
        try
        {
            show();
        }
        catch (UserException e)
        {
            Assert.Matches(@"^[^\n]{20,}[.]$", e.Message);
        }
    }
}
