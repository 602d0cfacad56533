using LTHKit.Tests.Experiments;

namespace LTHKit.Tests.Tweaks;

public sealed class SkipInjectionTests : InFolder
{
    private static readonly SkipInjection Identity = new(SkipKind.Identity), Normalised = new(SkipKind.Normalised), Projection = new();

    private static ConvUnit Unit(Network network, string path) => network.Units.Single(u => u.Path == path);

    private static Tensor Ramp(params long[] shape) => arange(shape.Aggregate((a, b) => a * b), ScalarType.Float32).reshape(shape);

    [Theory]
    [InlineData("resnet18", 16)]
    [InlineData("resnet34", 32)]
    [InlineData("vgg16", 13)]
    [InlineData("mobilenet", 26)]
    [InlineData("vgg5", 4)]
    [InlineData("conv4", 4)]
    public void EveryConvolutionInsideABlockGetsOne(string model, int count)
    {
        foreach (var kind in Enum.GetValues<SkipKind>())
        {
            using var network = TweakSamples.Rewritten(new ModelSpec(model, 4), new InputSpec(10), new SkipInjection(kind));
            Assert.Equal(count, network.Units.Count);
            Assert.All(network.Units, unit => Assert.NotNull(unit.Skip));
            Assert.DoesNotContain(network.Prunable, name => name.Contains("skip"));
        }
    }

    [Fact]
    public void TheIdentityAddsTheInputAsItIsWhereTheShapesMatch()
    {
        using var scope = NewDisposeScope();
        using var network = TweakSamples.Rewritten(new ModelSpec("resnet18", 4), new InputSpec(10), Identity);
        Assert.Equal(Networks.Build(new ModelSpec("resnet18", 4), new InputSpec(10), 0).ParameterCount, network.ParameterCount);
        network.eval();
        var unit = Unit(network, "layer1.0.conv2");
        var x = Ramp(2, 4, 5, 5) / 100;
        Assert.True(unit.Forward(x).eq(nn.functional.relu(unit.Norm!.call(unit.Convolution.call(x)) + x)).all().ToBoolean());
    }

    // Stride 2: each 2x2 window's mean; 4 -> 8 channels: four channels of zeros. An image of odd size has smaller windows at its edge.
    [Fact]
    public void TheIdentityPoolsAndPadsWhereTheyDiffer()
    {
        using var scope = NewDisposeScope();
        using var network = TweakSamples.Rewritten(new ModelSpec("resnet18", 4), new InputSpec(10), Identity);
        var unit = Unit(network, "layer2.0.conv1");
        var y = unit.Skip!.call(Ramp(1, 4, 4, 4));
        Assert.Equal([1, 8, 2, 2], y.shape);
        var means = new[] { 2.5f, 4.5f, 10.5f, 12.5f };        // of [0 1; 4 5], [2 3; 6 7], [8 9; 12 13], [10 11; 14 15]
        Assert.Equal(Enumerable.Range(0, 4).SelectMany(c => means.Select(m => m + 16 * c)).Concat(new float[16]), y.data<float>().ToArray());
        y = unit.Skip!.call(Ramp(1, 4, 3, 3));
        Assert.Equal(unit.Convolution.call(Ramp(1, 4, 3, 3)).shape, y.shape);
        Assert.Equal([2f, 3.5f, 6.5f, 8f], y.data<float>().ToArray()[..4]);   // of [0 1; 3 4], [2; 5], [6 7], [8]
    }

    // VGG of width 2 takes 3 channels to 2: the means of channels 0, 1 and of 1, 2.
    [Fact]
    public void IdentityAveragesNeighbouringChannelsWhereThereAreFewer()
    {
        using var scope = NewDisposeScope();
        using var network = TweakSamples.Rewritten(new ModelSpec("vgg16", 2), new InputSpec(10), Identity);
        var x = tensor(new float[] { 1, 10, 2, 20, 4, 40 }).reshape(1, 3, 1, 2);
        Assert.Equal([1.5f, 15, 3, 30], network.Units[0].Skip!.call(x).data<float>().ToArray());
    }

    // The identity is the plain form with mean 0 and variance 1 in each channel; a channel of zeros stays zero.
    [Fact]
    public void TheNormalisedOneHasNoParametersEither()
    {
        using var scope = NewDisposeScope();
        using var network = TweakSamples.Rewritten(new ModelSpec("resnet18", 4), new InputSpec(10), Normalised);
        using var bare = TweakSamples.Rewritten(new ModelSpec("resnet18", 4), new InputSpec(10), Identity);
        Assert.Equal(bare.ParameterCount, network.ParameterCount);
        network.train();
        var x = Ramp(2, 4, 4, 4).sin() * 30 + 5;
        var plain = Unit(bare, "layer2.0.conv1").Skip!.call(x);
        var y = Unit(network, "layer2.0.conv1").Skip!.call(x);
        var mean = plain.mean([0, 2, 3], keepdim: true);
        var expected = (plain - mean) / ((plain - mean).pow(2).mean([0, 2, 3], keepdim: true) + 1e-5).sqrt();
        Assert.True((y - expected).abs().amax().ToDouble() < 1e-5);
        Assert.Equal(0, y.narrow(1, 4, 4).abs().amax().ToDouble());
    }

    // A ResNet block has a residual connection of its own: inputs added as they are double the signal from block to block.
    [Fact]
    public void IdentitiesDoubleTheSignalOfAResNetBlockByBlockAndNormalisedOnesDoNot()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        double Growth(SkipKind kind)
        {
            using var network = TweakSamples.Rewritten(new ModelSpec("resnet18", 8), new InputSpec(10), new SkipInjection(kind));
            foreach (var unit in network.Units)
                unit.Norm!.weight!.zero_();      // what the convolutions add aside
            var outputs = new List<double>();
            foreach (var block in network.Blocks)
                block.Activations[^1].register_forward_hook((_, _, y) => { outputs.Add(y.pow(2).mean().sqrt().ToDouble()); return null!; });
            network.call(Ramp(16, 3, 32, 32).sin());
            return outputs[1] / outputs[0];
        }
        Assert.Equal(2, Growth(SkipKind.Identity), 6);
        Assert.InRange(Growth(SkipKind.Normalised), 1, 1.7);
    }

    // The published code: bn(conv1x1(x)) with every weight 1e-4. With w for all weights, s the sum over the input's channels and BatchNorm's epsilon
    // of 1e-5, each output channel is (w s - mean) / sqrt(var + 1e-5), strided positions only.
    [Fact]
    public void TheProjectionIsAOneByOneConvolutionWithBatchNorm()
    {
        using var scope = NewDisposeScope();
        using var network = TweakSamples.Rewritten(new ModelSpec("resnet18", 4), new InputSpec(10), Projection);
        network.train();
        var unit = Unit(network, "layer2.0.conv1");
        var x = Ramp(2, 4, 4, 4) * 10;
        var sums = x.sum(1L)[TensorIndex.Colon, TensorIndex.Slice(0, null, 2), TensorIndex.Slice(0, null, 2)].to_type(ScalarType.Float64) * 1e-4;     // [2, 2, 2]
        var expected = (sums - sums.mean()) / (sums.pow(2).mean() - sums.mean().pow(2) + 1e-5).sqrt();
        var actual = unit.Skip!.call(x);
        Assert.Equal([2, 8, 2, 2], actual.shape);
        for (var channel = 0; channel < 8; channel++)
            Assert.True((actual.select(1, channel) - expected).abs().max().ToDouble() < 1e-4);
    }

    // The published numbers: 1,220,608 weights beside 11,159,232, so that a ticket of level 16 (97.2 %) is really 86 to 88 % sparse.
    [Fact]
    public void TheProjectionsOfResNet18CountAndMakeItDenser()
    {
        using var scope = NewDisposeScope();
        using var network = TweakSamples.Rewritten(new ModelSpec(), new InputSpec(100), Projection);
        Assert.Equal(1_220_608, network.Units.SelectMany(u => u.Skip!.parameters()).Where(p => p.dim() == 4).Sum(p => p.numel()));
        Assert.Equal(11_159_232, network.PrunableWeights().Sum(w => w.Weight.numel()));
        using var dense = Mask.Dense(network);
        using var mask = Cut.To(network.PrunableWeights().ToDictionary(w => w.Name, w => rand_like(w.Weight)), dense, PruningRates.KeptAt([0.2], 16, dense.Total));
        Assert.Equal(0.972, mask.Sparsity, 3);
        var effective = mask.EffectiveSparsity(network);
        Assert.InRange(effective, 0.86, 0.88);
        Assert.Equal((11_159_232 - mask.Kept) / (11_159_232 + 1_220_608 + 512 * 100.0), effective, 12);
        using var plain = TweakSamples.Rewritten(new ModelSpec(), new InputSpec(100), Normalised);
        Assert.Equal((11_159_232 - mask.Kept) / (11_159_232 + 512 * 100.0), mask.EffectiveSparsity(plain), 12);
    }

    [Fact]
    public void TheFirstWeightIsAnOption()
    {
        using var scope = NewDisposeScope();
        using var network = TweakSamples.Rewritten(new ModelSpec("resnet18", 4), new InputSpec(10), new SkipInjection(FirstWeight: 0.01));
        Assert.All(network.Units, unit => Assert.True(unit.Skip!.parameters().First().eq(0.01f).all().ToBoolean()));
        Assert.Equal(["skip", "skip (from 0.01)", "skip (identity)"], new[] { Projection, new(FirstWeight: 0.01), Identity }.Select(skip => skip.Label));
    }

    [Theory]
    [InlineData(SkipKind.Normalised)]
    [InlineData(SkipKind.Identity)]
    [InlineData(SkipKind.Projection)]
    public void TheLayoutOfTheImagesChangesRoundingOnly(SkipKind kind)
    {
        using var scope = NewDisposeScope();
        using var network = TweakSamples.Rewritten(new ModelSpec("resnet18", 8), new InputSpec(10, 16), new SkipInjection(kind));
        Assert.True(network.PrefersChannelsLast);
        var x = (arange(8 * 3 * 16 * 16, ScalarType.Float32) * 0.11).sin().reshape(8, 3, 16, 16);
        var last = x.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2);
        Assert.True((network.call(x) - network.call(last)).abs().max().ToDouble() < 1e-3);
        var unit = Unit(network, "layer2.0.conv1");
        var inner = randn(2, 4, 4, 8).permute(0, 3, 1, 2);
        Assert.Equal(1, unit.Skip!.call(inner).stride()[1]);      // the channels are still last
    }

    [Fact]
    public void RewindsResumesAndLoadsWithItsParameters()
    {
        using var lab = Tiny.Lab(Store);
        var spec = Tiny.Spec with { Level = 1, Rewind = 2, Tweaks = [Projection] };
        var run = lab.Run("rewound", [spec])[0];
        Assert.True(run.EffectiveSparsity < run.Sparsity - 0.01);
        using var scope = NewDisposeScope();
        using var trained = lab.NetworkOf(run);
        Assert.All(trained.Units, unit => Assert.True(unit.Skip!.parameters().First().ne(1e-4f).any().ToBoolean()));
        // What the rewound network shares with the dense one comes from there, the rest starts as injected.
        var runner = new Runner(lab.Store, d => lab.Data(d), CPU);
        using var mask = runner.LoadMask(spec)!;
        using var start = runner.Prepare(spec, mask, default);
        using var dense = Networks.Build(spec.Model, new InputSpec(5), 0);
        Checkpoint.Load(lab.Store.Folder(spec.Dense).Snapshot(2), dense);
        foreach (var ((name, w), (_, rewound)) in dense.PrunableWeights().Zip(start.Network.PrunableWeights()))
            Assert.True(rewound.eq(w * mask[name]).all().ToBoolean(), name);
        Assert.All(start.Network.Units, unit => Assert.True(unit.Skip!.parameters().First().eq(1e-4f).all().ToBoolean()));
    }

    [Fact]
    public void RefusesWhatItCannotDo()
    {
        Assert.Contains("positive", Assert.Throws<UserException>(() => new RunSpec { Tweaks = [new SkipInjection(FirstWeight: 0)] }.Validate()).Message);
        Assert.Contains("already", Assert.Throws<UserException>(() => TweakSamples.Rewritten(new ModelSpec("vgg5", 4), new InputSpec(10), new SkipInjection(), Projection)).Message);
    }
}
