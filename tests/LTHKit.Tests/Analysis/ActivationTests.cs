using LTHKit.Analysis;

namespace LTHKit.Tests.Analysis;

/// <summary>Activation sparsity, gradient flow and multiply-adds.</summary>
public sealed class ActivationTests : OnSmallImages
{
    [Fact]
    public void CountsEveryValueOfEveryActivation()
    {
        using var network = Small.Network("resnet18", 2, Data, smooth: false);
        // What leaves the activations, collected one by one.
        var seen = new Dictionary<string, List<double>>();
        foreach (var activation in network.Activations)
        {
            seen.TryAdd(activation.Stage, []);
            activation.Function = x =>
            {
                var y = nn.functional.relu(x);
                seen[activation.Stage].AddRange(y.flatten().data<double>().ToArray());
                return y;
            };
        }
        var counted = ActivationSparsity.Measure(On(network, new Sample { Part = Part.Test, BatchSize = 7 }), 0.05);
        Assert.Equal(["stem", "layer1", "layer2", "layer3", "layer4"], counted.Select(s => s.Stage));
        foreach (var stage in counted)
        {
            Assert.Equal(seen[stage.Stage].Count, stage.Total);
            Assert.Equal(seen[stage.Stage].Count(value => Math.Abs(value) <= 0.05), stage.Silent);
        }
        // As the published code counts: the last activation of the stage, which stage by stage are values of one size.
        Assert.All(counted.Skip(1), stage =>
        {
            var batches = new[] { 7, 7, 6 };
            var (start, each) = (0, (int)stage.Total / 20);
            var silent = batches.Sum(count => seen[stage.Stage].GetRange((start += count * each) - count * each / 4, count * each / 4).Count(v => v <= 0.01));
            Assert.Equal(silent / (stage.Total / 4.0), stage.PublishedShare, 1e-12);
        });
        // Stem: 20 images of 2x8x8; layer1: four activations of that size; layer4: four of 16x1x1.
        Assert.Equal([20 * 128, 20 * 4 * 128, 20 * 4 * 64, 20 * 4 * 32, 20 * 4 * 16], counted.Select(s => s.Total));
    }

    [Theory]
    [InlineData("vgg5")]
    [InlineData("conv4")]
    public void MuchOfReluIsSilentAndHardlyAnyOfSwish(string model)
    {
        using Network relu = Small.Network(model, 4, Data, smooth: false), swish = Small.Network(model, 4, Data);
        Assert.All(ActivationSparsity.Measure(OnTest(relu)), s => Assert.InRange(s.Share, 0.2, 0.9));
        Assert.All(ActivationSparsity.Measure(OnTest(swish)), s => Assert.InRange(s.Share, 0, 0.1));
        Assert.All(ActivationSparsity.Measure(OnTest(swish), 1e6), s => Assert.Equal(1, s.Share));
    }

    [Fact]
    public void TheNetworkIsLeftAsItWas()
    {
        using var network = Networks.Build(new ModelSpec("resnet18", 2), new InputSpec(3, 8), 0);
        using var mask = Small.HalfOf(network);
        mask.Apply(network);
        network.train();
        var before = Small.State(network);
        var live = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        ActivationSparsity.Measure(OnTest(network));
        Flops.Of(network, mask);
        new GradientFlow().Measure(network, mask, Data, 0, default);
        Assert.Equal(before, Small.State(network));
        Assert.Equal(live, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
        // No hook stayed behind: a second measurement counts as many values.
        Assert.Equal(ActivationSparsity.Measure(OnTest(network)), ActivationSparsity.Measure(OnTest(network)));
    }

    [Fact]
    public void GradientFlowIsTheNormOfTheSurvivorsGradients()
    {
        using var network = Small.Network("vgg5", 2, Data);
        using var half = Small.HalfOf(network);
        var dead = network.Prunable[2];
        using var mask = new Mask([.. network.PrunableWeights().Select(w => (w.Name, w.Name == dead ? zeros_like(half[w.Name]) : half[w.Name].clone()))]);
        mask.Apply(network);
        var measured = new GradientFlow { Sample = new Sample { BatchSize = 15 } }.Measure(network, mask, Data, 0, default);
        network.eval();
        using var batch = Whole(Data.Train);
        nn.functional.cross_entropy(network.call(batch.Images), batch.Labels).backward();
        Assert.Equal(network.Prunable, measured.Keys);
        foreach (var (name, weight) in network.PrunableWeights())
            Assert.Equal((weight.grad! * mask[name]).norm().ToDouble(), measured[name], 1e-10);
        Assert.Equal(0, measured[dead]);
        Assert.Equal([network.Prunable[1]], new GradientFlow { Layers = [network.Prunable[1]] }.Measure(network, mask, Data, 0, default).Keys);
    }

    [Fact]
    public void AnyModuleIsMeasured()
    {
        using var module = nn.Sequential(("conv", nn.Conv2d(3, 4, 3, padding: 1)), ("act", nn.ReLU()), ("flat", nn.Flatten()), ("fc", nn.Linear(4 * 64, 3)), ("end", nn.SiLU()));
        var objective = OnTest(module);
        var sparsity = ActivationSparsity.Measure(objective);
        Assert.Equal([("act", 20 * 4 * 64L), ("end", 20 * 3L)], sparsity.Select(s => (s.Stage, s.Total)));
        Assert.InRange(sparsity[0].Share, 0.05, 0.95);
        Assert.Equal([("conv", 64 * 9 * 3 * 4L), ("fc", 4 * 64 * 3L)], Flops.Of(module, [3, 8, 8]).Layers.Select(l => (l.Name, l.Dense)));
        using var mask = new Mask([("conv.weight", rand(4, 3, 3, 3) > 0.5)]);
        Assert.Equal(64 * mask.Kept + 4 * 64 * 3, Flops.Of(module, [3, 8, 8], mask).Effective);
        var (first, second) = (nn.Conv2d(3, 3, 3, padding: 1), nn.Conv2d(3, 3, 3, padding: 1));
        second.weight = first.weight;
        using var tied = nn.Sequential(("first", first), ("second", second));
        using var theirs = new Mask([("first.weight", rand(3, 3, 3, 3) > 0.5)]);
        Assert.Equal(2 * 64 * theirs.Kept, Flops.Of(tied, [3, 8, 8], theirs).Effective);
        var flow = GradientFlow.Of(objective, mask);
        using var batches = new Batches(Data, 500, 0);
        using var batch = batches.Evaluation(Data.Test).Single();
        nn.functional.cross_entropy(module.call(batch.Images), batch.Labels).backward();
        foreach (var (name, parameter) in module.named_parameters())
            Assert.Equal((mask.Covers(name) ? parameter.grad! * mask[name] : parameter.grad!).norm().ToDouble(), flow[name], 1e-5);
    }

    [Fact]
    public void TheMultiplyAddsOfResNet18AreThePublishedOnes()
    {
        using var network = Networks.Build(new ModelSpec(), new InputSpec(10), 0);
        // By hand, in units of 32*32*64*64*9: stem 3/64; stage 1: 4; stages 2 to 4: 1/2 + 3 and the 1x1 shortcut of 1/18; classifier.
        const long unit = 32 * 32 * 64 * 64 * 9L;
        var expected = unit * 3 / 64 + 4 * unit + 3 * (unit / 2 + 3 * unit + unit / 18) + 512 * 10;
        Assert.Equal(expected, Flops.Of(network).Dense);
        Assert.Equal(expected, Flops.Of(network).Effective);
        Assert.Equal(network.Prunable.Append("fc.weight").Order(), Flops.Of(network).Layers.Select(l => l.Name + ".weight").Order());
        Assert.Equal(0.5556e9, expected, 0.001e9);      // as published: 0.56 G multiply-adds
    }

    // 4 -> 4 -> 8 -> 8 channels at 8x8 and 4x4, then 8 * 2 * 2 -> 16 -> 16 -> 3.
    [Fact]
    public void TheHiddenLinearLayersOfConv4Count()
    {
        using var network = Networks.Build(new ModelSpec("conv4", 4), new InputSpec(3, 8), 0);
        using var half = Small.HalfOf(network);
        var flops = Flops.Of(network, half);
        Assert.Equal([64 * 9 * 3 * 4, 64 * 9 * 4 * 4, 16 * 9 * 4 * 8, 16 * 9 * 8 * 8, 32 * 16, 16 * 16, 16 * 3], flops.Layers.Select(l => l.Dense));
        Assert.Equal(half.Layers[4].Kept + half.Layers[5].Kept + 48, flops.Layers.Skip(4).Sum(l => l.Effective));
    }

    [Fact]
    public void AMaskSavesItsWeightsAndAnInjectedConvolutionCosts()
    {
        using var network = Networks.Build(new ModelSpec("vgg5", 4), new InputSpec(3, 8), 0);
        using var half = Small.HalfOf(network);
        var plain = Flops.Of(network, half);
        // 64 places in the first stage, 16 in the second; the classifier is never pruned.
        long[] places = [64, 64, 16, 16];
        Assert.Equal(network.PrunableWeights().Zip(places, (w, p) => p * w.Weight.numel()), plain.Layers.Take(4).Select(l => l.Dense));
        Assert.Equal(half.Layers.Zip(places, (l, p) => p * l.Kept), plain.Layers.Take(4).Select(l => l.Effective));
        Assert.Equal((24, 24), (plain.Layers[4].Dense, plain.Layers[4].Effective));
        foreach (var unit in network.Units)
            unit.Inject(nn.Conv2d(unit.Convolution.in_channels, unit.Convolution.out_channels, 1, bias: false));
        var injected = Flops.Of(network, half);
        Assert.Equal(plain.Dense, injected.Dense);
        Assert.Equal(plain.Effective + 64 * (3 * 4 + 4 * 4) + 16 * (4 * 8 + 8 * 8), injected.Effective);
        Assert.Equal(4, injected.Layers.Count(l => l.Injected));
    }

    [Fact]
    public void RefusesWhatItCannotCount()
    {
        using var network = Small.Network("vgg5", 2, Data);
        using var other = Small.Network("vgg5", 3, Data);
        using var mask = Small.HalfOf(other);
        Refused(
            () => ActivationSparsity.Measure(OnTest(network), -1e-3),
            () => ActivationSparsity.Measure(OnTest(network), double.NaN),
            () => ActivationSparsity.Measure(On(network, new Sample { Images = 21, Part = Part.Test })),
            () => ActivationSparsity.Measure(new Objective(nn.Linear(3, 2), [new Batch(ones(1, 3), zeros(1, dtype: ScalarType.Int64))])),
            () => new GradientFlow { Layers = ["layer9.conv1.weight"] }.Measure(network, null, Data, 0, default),
            () => new GradientFlow().Measure(network, mask, Data, 0, default),
            () => Flops.Of(network, mask));
    }
}
