using LTHKit.Tests.Experiments;
using LTHKit.Tests.Models;

namespace LTHKit.Tests.Tweaks;

public sealed class RescaledInitTests : IDisposable
{
    private readonly ImageSet _data = DataSets.Open(Tiny.Profile.Data);

    public void Dispose() => _data.Dispose();

    [Theory]
    [InlineData("resnet18", "relu")]
    [InlineData("resnet18", "swish")]
    [InlineData("vgg16", "mish")]
    [InlineData("mobilenet", "gelu")]
    [InlineData("vgg5", "relu")]
    [InlineData("conv4", "swish")]
    [InlineData("lenet", "swish")]
    public void ScalesTheSurvivorsOfEveryNetworkAndLeavesZerosModeAndBuffers(string name, string activation)
    {
        using var scope = NewDisposeScope();
        using var network = Build(name);
        using var mask = Half(network);
        new SmoothActivation(activation).Rewrite(network, TweakSamples.Context(_data, mask));
        network.eval();
        var before = network.state_dict().ToDictionary(p => p.Key, p => p.Value.detach().clone());
        var tweak = new RescaledInit(Iterations: 4, LearningRate: 0.4);
        tweak.Initialise(network, TweakSamples.Context(_data, mask));

        Assert.False(network.training);
        var scaled = 0;
        foreach (var (key, value) in network.state_dict())
        {
            var start = before[key];
            var nonzero = start.ne(0);
            Assert.True(value.masked_select(nonzero.logical_not()).eq(0).all().ToBoolean(), $"{key}: a zero came alive");
            if (key.Contains("running") || key.Contains("batches") || !nonzero.any().ToBoolean())
            {
                Assert.True(value.eq(start).all().ToBoolean(), key);
                continue;
            }
            var factors = (value / start).masked_select(nonzero);
            var factor = factors.mean().ToDouble();
            Assert.True(factors.sub(factor).abs().amax(0).ToDouble() <= 1e-5 * (1 + Math.Abs(factor)), $"{key} has more than one factor");
            Assert.True(factor >= (key.EndsWith("bias") ? 0 : tweak.Minimum - 1e-6), $"{key}: {factor}");
            scaled += Math.Abs(factor - 1) > 1e-3 ? 1 : 0;
        }
        Assert.True(scaled >= network.Prunable.Count, $"only {scaled} tensors were scaled");
    }

    [Fact]
    public void TheSeedDecidesTheScales()
    {
        Assert.Equal(Scaled(1), Scaled(1));
        Assert.NotEqual(Scaled(1), Scaled(2));

        byte[] Scaled(ulong seed)
        {
            using var network = Build("resnet18");
            new RescaledInit(Iterations: 5).Initialise(network, TweakSamples.Context(_data) with { Seed = seed });
            return NetworkTests.Bits(network);
        }
    }

    [Fact]
    public void OfABadlyScaledNetworkItLowersTheGradient()
    {
        using var network = Build("resnet18");
        using (no_grad())
            network.get_parameter("fc.weight")!.mul_(30);
        var before = GradientNorm(network);
        new RescaledInit(Iterations: 60, LearningRate: 0.03).Initialise(network, TweakSamples.Context(_data));
        var after = GradientNorm(network);
        Assert.True(before > 5 && after < before / 3, $"{before} -> {after}");
    }

    [Fact]
    public void ItLeavesNoLiveTensorBehind()
    {
        using var network = Build("resnet18");
        _data.Train.Crops();     // kept with the data set
        var before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        new RescaledInit(Iterations: 3).Initialise(network, TweakSamples.Context(_data));
        Assert.Equal(before, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
    }

    [Fact]
    public void ANetworkThatDivergesIsRefusedInOneSentence()
    {
        using var network = Build("resnet18");
        using (no_grad())
            network.get_parameter("fc.weight")!.fill_(float.PositiveInfinity);
        var error = Assert.Throws<DivergedException>(() => new RescaledInit().Initialise(network, TweakSamples.Context(_data)));
        Assert.Contains("infinite or not a number in iteration 1 of 180", error.Message);
    }

    [Fact]
    public void ARewoundTicketWithOtherTweaksStartsFromItsScaledWeightsInAnyOrder()
    {
        using var folder = new TemporaryFolder();
        using var lab = Tiny.Lab(folder.Path);
        Tweak[] others = [new SkipInjection(SkipKind.Projection), new SmoothActivation("mish"), new LabelSmoothing(0.1)];
        var plain = Tiny.Spec with { Level = 1, Rewind = 2, Recipe = Tiny.Spec.Recipe with { Epochs = 3 } };
        var spec = plain with { Tweaks = [new RescaledInit(Iterations: 4), .. others] };
        var run = lab.Run("scaled", [spec])[0];
        var kept = lab.Scales(run).Value.ToDictionary(l => l.Parameter, l => l.Scale);
        Assert.Contains("layer1.0.skip1", string.Join(' ', kept.Keys));
        Assert.Contains(lab.Scales(run).Value, l => l.IsNorm && Math.Abs(l.Scale - 1) > 1e-3);

        var runner = new Runner(lab.Store, d => lab.Data(d), CPU);
        using var mask = runner.LoadMask(spec)!;
        using var start = runner.Prepare(plain with { Tweaks = others }, mask, default);
        var scaled = Prepared(spec.Tweaks);
        using (var scope = NewDisposeScope())
            foreach (var (name, was) in start.Network.State)
                Assert.True(scaled[name].eq(was * kept.GetValueOrDefault(name, 1)).all().ToBoolean(), name);

        // Without the kept scales, and with the tweaks in another order, the same bits.
        File.Delete(lab.Store.Folder(spec).Kept(RescaledInit.Kept));
        foreach (var (name, value) in Prepared([.. spec.Tweaks.Reverse()]))
            Assert.True(value.eq(scaled[name]).all().ToBoolean(), name);

        Dictionary<string, Tensor> Prepared(IReadOnlyList<Tweak> tweaks)
        {
            using var prepared = runner.Prepare(spec with { Tweaks = tweaks }, mask, default);
            return prepared.Network.State.ToDictionary(p => p.Name, p => p.Value.detach().clone().DetachFromDisposeScope());
        }
    }

    [Fact]
    public void WhereItDivergesTheRunIsNamed()
    {
        using var folder = new TemporaryFolder();
        using var lab = Tiny.Lab(folder.Path);
        var spec = Tiny.Spec with { Tweaks = [new Poison(), new RescaledInit()] };
        var said = Assert.Throws<DivergedException>(() => lab.Run("poisoned", [spec])).Message;
        Assert.StartsWith($"{spec.Label}: The re-scaled initialisation became infinite", said);
        Assert.False(File.Exists(lab.Store.Folder(spec).Kept(RescaledInit.Kept)));
    }

    [Fact]
    public void OnlyARunWithLearnedScalesHasThem()
    {
        using var folder = new TemporaryFolder();
        using var lab = Tiny.Lab(folder.Path);
        var run = lab.Run("dense", [Tiny.Spec with { Recipe = Tiny.Spec.Recipe with { Epochs = 1 } }])[0];
        Assert.Contains("which learns scales", Assert.Throws<UserException>(() => lab.Scales(run)).Message);
    }

    [Fact]
    public void AnInterruptStopsIt()
    {
        using var network = Build("resnet18");
        var before = NetworkTests.Bits(network);
        using var stop = new CancellationTokenSource();
        var context = TweakSamples.Context(_data) with
        {
            Cancel = stop.Token,
            Report = doing =>
            {
                if (doing.EndsWith("iteration 3 of 180"))
                    stop.Cancel();
            },
        };
        Assert.Throws<OperationCanceledException>(() => new RescaledInit().Initialise(network, context));
        Assert.Equal(before, NetworkTests.Bits(network));
    }

    [Fact]
    public void BadSettingsAreRefusedBeforeTraining()
    {
        RescaledInit[] bad =
        [
            new(Iterations: -1), new(LearningRate: 0), new(Eta: 0), new(Eta: -0.1), new(Eta: double.NaN), new(Gamma: 0), new(Minimum: -0.01),
            new(Minimum: 1.5), new(Clip: 0),
        ];
        foreach (var tweak in bad)
            Assert.Contains("re-scaled initialisation's", Assert.Throws<UserException>(() => (Tiny.Spec with { Tweaks = [tweak] }).Validate()).Message);
        (Tiny.Spec with { Tweaks = [new RescaledInit(Iterations: 0, Gamma: double.PositiveInfinity)] }).Validate();
    }

    private Network Build(string name)
        => Networks.Build(new ModelSpec(name, name == "lenet" ? 30 : 4), new InputSpec(_data.Classes, _data.Height, _data.Channels), 7);

    private static Mask Half(Network network)
    {
        using var generator = new Generator(3);
        var mask = new Mask(network.PrunableWeights().Select(w => (w.Name, rand(w.Weight.shape, generator: generator).gt(0.5))));
        mask.Apply(network);
        return mask;
    }

    /// <summary>A weight that is no number, before the re-scaling, which comes later in the alphabet.</summary>
    private sealed record Poison : Tweak
    {
        public override string Label => "poison";

        public override void Initialise(Network network, TweakContext context)
        {
            using var noGrad = no_grad();
            network.parameters().First().fill_(double.NaN);
        }
    }

    /// <summary>Of the mean loss of the first training images.</summary>
    private double GradientNorm(Network network)
    {
        using var scope = NewDisposeScope();
        using var batches = new Batches(_data, 128, 0, augment: false);
        using var batch = batches.Epoch(0).First();
        network.train();
        network.zero_grad();
        Losses.CrossEntropy(network.call(batch.Images), new Target(batch.Images, batch.Labels)).backward();
        return Math.Sqrt(network.parameters().Sum(p => p.grad!.square().sum().ToDouble()));
    }
}
