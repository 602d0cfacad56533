using System.Text.Json;
using LTHKit.Analysis;
using LTHKit.Tests.Analysis;

namespace LTHKit.Tests.Experiments;

/// <summary>Whatever takes long ends at its next forward pass when it is interrupted, and gives the same result when it is asked again.</summary>
public sealed class InterruptTests() : InLab(Profile)
{
    private static readonly Profile Profile = Tiny.Profile with
    {
        Data = Tiny.Profile.Data with { TrainCount = 100 },
        Model = new ModelSpec("vgg5", 4),
        Analysis = new() { PlanePoints = 3, CurvatureImages = 40, CurvatureBatch = 15, LandscapeImages = 40, LanczosSteps = 4, WatchEvery = 2 },
    };

    private static readonly RunSpec Spec = Tiny.SpecOf(Profile);

    private static readonly Sample Batched = new() { BatchSize = 15 };

    private static readonly HessianOptions Options = new() { MaxIterations = 4 };

    private static readonly Dictionary<string, Func<Network, ImageSet, CancellationToken, object>> Analyses = new()
    {
        ["product"] = (network, data, cancel) => WithHessian(network, data, h => h.Product(ones(h.Dimension), cancel).sum().ToDouble()),
        ["eigenvalues"] = (network, data, cancel) => WithHessian(network, data, h => h.Top(2, cancel).Select(pair => pair.Value).ToArray()),
        ["density"] = (network, data, cancel) => WithHessian(network, data, h => h.Density(2, 3, cancel)),
        ["top eigenvector"] = (network, data, cancel)
            => LossLandscape.AlongTopEigenvector(new(network, data, Batched), new(network, data, Batched with { Part = Part.Test }), null, Options, new(3, 0.5), cancel),
        ["activation sparsity"] = (network, data, cancel)
            => ActivationSparsity.Measure(new(network, data, Batched with { Part = Part.Test, BatchSize = 5 }), cancel: cancel),
        ["curvature watch"] = (network, data, cancel) => new CurvatureWatch { Sample = Batched, Hessian = Options }.Measure(network, null, data, 1, cancel),
        ["gradient flow"] = (network, data, cancel) => new GradientFlow { Sample = Batched }.Measure(network, null, data, 1, cancel),
        ["snip"] = (network, data, cancel) => Ticket("snip", network, data, cancel),
        ["grasp"] = (network, data, cancel) => Ticket("grasp", network, data, cancel),
        ["synflow"] = (network, data, cancel) => Ticket("synflow", network, data, cancel),
    };

    private static readonly Dictionary<string, Func<Lab, RunResult, object>> OfALab = new()
    {
        ["weight planes"] = (lab, run) => lab.WeightPlanes([run]),
        ["input planes"] = (lab, run) => lab.InputPlanes([run]),
        ["top eigenvectors"] = (lab, run) => lab.AlongTopEigenvector([run])[0].Value,
        ["spectral densities"] = (lab, run) => lab.SpectralDensities([run])[0].Value,
        ["activation sparsity"] = (lab, run) => lab.SilentActivations([run], sample: new() { Part = Part.Test, BatchSize = 20 })[0].Value,
        ["watch"] = (lab, run) => lab.Watched([run], Profile.Analysis.Curvature(Profile.Recipe))[0].Values,
        ["measure"] = (lab, run) => lab.Measure(run, "density", new { }, (network, mask, cancel) =>
        {
            using var hessian = new Hessian(new(network, lab.Data(), Profile.Analysis.CurvatureSample), mask);
            return hessian.Density(2, 3, cancel);
        }),
    };

    public static TheoryData<string> AnalysisNames => [.. Analyses.Keys];

    public static TheoryData<string> LabNames => [.. OfALab.Keys];

    private static object WithHessian(Network network, ImageSet data, Func<Hessian, object> measure)
    {
        using var hessian = new Hessian(new(network, data, Batched), null, Options);
        return measure(hessian);
    }

    private static object Ticket(string pruner, Network network, ImageSet data, CancellationToken cancel)
    {
        using var dense = Mask.Dense(network);
        using var ticket = Pruner.All.Single(p => p.Name == pruner).Draw(network, dense, dense.Total / 3, data, 3, cancel);
        return ticket.Layers.Select(layer => ticket[layer.Name].flatten().data<bool>().ToArray()).ToList();
    }

    private static string Text(object value) => JsonSerializer.Serialize(value, SpecJson.LineOptions);

    [Theory]
    [MemberData(nameof(AnalysisNames))]
    public void AComputationEndsAtItsNextForwardPass(string name)
    {
        // Twelve classes are more than one batch of a score.
        using var data = DataSets.Open(new DataSpec { TrainCount = 200, TestCount = 20, Classes = 12, Size = 8 });
        using var network = Networks.Build(new ModelSpec("vgg5", 2), new InputSpec(data.Classes, data.Height), 3);
        var alarm = new Alarm();
        alarm.Put(network);
        var whole = Compute(default);
        var (passes, before, live) = (alarm.Passes, Small.State(network), DisposeScopeManager.Statistics.ThreadTotalLiveCount);
        Assert.InRange(passes, 2, 1000);
        foreach (var at in new[] { 1, passes / 2 })
        {
            using var stop = new CancellationTokenSource();
            alarm.Set(at, stop.Cancel);
            Assert.ThrowsAny<OperationCanceledException>(() => Compute(stop.Token));
            Assert.Equal(at, alarm.Passes);
            Assert.Equal(before, Small.State(network));
            Assert.Equal(live, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
        }
        alarm.Set();
        Assert.Equal(whole, Compute(default));

        string Compute(CancellationToken cancel)
        {
            using var scope = NewDisposeScope();
            return Text(Analyses[name](network, data, cancel));
        }
    }

    [Theory]
    [MemberData(nameof(LabNames))]
    public void AnAnalysisOfALabEndsAndGoesOn(string name)
    {
        var alarm = new Alarm();
        var run = _lab.Run("dense", [Spec with { Tweaks = [new Alarm.Tweak(alarm)] }])[0];
        alarm.Set();
        var expected = Text(OfALab[name](_lab, run));
        var passes = alarm.Passes;
        foreach (var result in Results())
            File.Delete(result);
        alarm.Set(passes - 2, _lab.Interrupt);
        Assert.Throws<OperationCanceledException>(() => OfALab[name](_lab, run));
        Assert.Equal(passes - 2, alarm.Passes);
        if (name == "watch")
            Assert.Equal(1 + 2, File.ReadAllLines(Assert.Single(Results())).Length);        // the run's name, and what it had seen before
        else
            Assert.Empty(Results());
        alarm.Set();
        Assert.Equal(expected, Text(OfALab[name](_lab, run)));
        if (name == "watch")
            Assert.True(alarm.Passes < passes);     // it goes on

        IEnumerable<string> Results() => Directory.GetFiles(run.Folder, "*", SearchOption.AllDirectories)
            .Where(file => file.Contains("watch-") || file.Contains("analysis")).ToList();
    }

    [Fact]
    public void AWatchInterruptedInATrainingLosesNoEpoch()
    {
        using var other = Tiny.Lab(Folder.At("whole"), profile: Profile);
        var metrics = _lab.Store.Folder(Spec).Metrics;
        Assert.Throws<OperationCanceledException>(() => _lab.Run("watched", [Spec], [Sum.At(2, _lab.Interrupt)]));
        var kept = File.ReadAllLines(metrics);
        Assert.Equal(1 + 2, kept.Length);
        var run = _lab.Run("watched", [Spec], [new Sum()])[0];
        Assert.Equal(kept, File.ReadAllLines(metrics).Take(3));
        var series = _lab.Watched([run], new Sum())[0];
        Assert.Equal([0, 1, 2, 3, 4], series.Epochs);
        Assert.Equal(other.Watched([other.Run("whole", [Spec])[0]], new Sum())[0].Values["sum"], series.Values["sum"]);
    }

    [Theory]
    [InlineData("snip")]
    [InlineData("grasp")]
    [InlineData("synflow")]
    [InlineData("random")]
    public void AnInterruptedDrawWritesNoTicket(string pruner)
    {
        var runner = new Runner(_lab.Store, d => _lab.Data(d), CPU);
        var spec = Spec with { Level = 2, Pruning = Pruner.All.Single(p => p.Name == pruner) };
        Directory.CreateDirectory(_lab.Store.Folder(spec).Path);
        Assert.ThrowsAny<OperationCanceledException>(() => runner.Draw(spec, new CancellationToken(canceled: true)));
        Assert.Empty(Directory.GetFiles(_lab.Store.Folder(spec).Path));
        using var ticket = runner.Draw(spec, default);
        Assert.Equal(PruningRates.KeptAt(spec.Rates, 2, ticket.Total), ticket.Kept);
    }
}
