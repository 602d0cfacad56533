using LTHKit.Tests.Analysis;
using LTHKit.Tests.Models;
using TorchSharp.Modules;

namespace LTHKit.Tests.Pruning;

/// <summary>SNIP, GraSP and SynFlow against PyTorch's values (reference.py), finite differences and closed forms.</summary>
public sealed class ScoresTests
{
    /// <summary>The images of reference.py: ten of each of three classes, so that a score sees all of them.</summary>
    internal static ImageSet ThreeClasses(int size = 8)
    {
        using var scope = NewDisposeScope();
        var pixels = ((arange(30 * 3 * size * size, dtype: ScalarType.Float64) * 0.11).sin() + 1).mul(127.5).floor().to_type(ScalarType.Byte);
        var labels = arange(30, dtype: ScalarType.Int64) % 3;
        ImageSplit Split() => new(pixels.reshape(30, 3, size, size).clone(), labels.clone());
        return new ImageSet(new DataSpec { Name = "formula" }, ["a", "b", "c"], 3, size, size, [0.5, 0.5, 0.5], [0.25, 0.25, 0.25],
            Split(), Split(), Split(), "formula", []);
    }

    [Theory]
    [InlineData("snip", "vgg5")]
    [InlineData("grasp", "vgg5")]
    [InlineData("synflow", "vgg5")]
    [InlineData("snip", "conv4")]
    [InlineData("grasp", "conv4")]
    [InlineData("synflow", "conv4")]
    public void AgreesWithPyTorch(string name, string model)
    {
        using var scope = NewDisposeScope();
        using var data = ThreeClasses();
        using var network = Networks.Build(new ModelSpec(model, 4), new InputSpec(3, 8), 0);
        NetworkTests.Fill(network);
        using var dense = Mask.Dense(network);
        var scores = Pruner.All.Single(p => p.Name == name).Scored(new PruningContext(network, data, 5));
        var expected = NetworkTests.Reference["pruning"]![model]![name]!;
        foreach (var (layer, i) in dense.Layers.Select((l, i) => (l.Name, i)))
        {
            var sizes = scores[layer].abs().sum().ToDouble();
            Assert.Equal(expected["sums"]![i]!.GetValue<double>(), scores[layer].to_type(ScalarType.Float64).sum().ToDouble(), 1e-4 * sizes);
            var first = scores[layer].flatten().to_type(ScalarType.Float64).data<double>().Take(6).ToArray();
            foreach (var (score, wanted) in first.Zip(expected["first"]![i]!.AsArray()))
                Assert.Equal(wanted!.GetValue<double>(), score, 1e-3 * Math.Abs(score) + 1e-5 * sizes);
        }
        using var cut = Cut.To(scores, dense, 200);
        Assert.Equal(expected["kept"]!.AsArray().Select(n => n!.GetValue<long>()), cut.Layers.Select(l => l.Kept));
    }

    [Theory]
    [InlineData("vgg5")]
    [InlineData("conv4")]
    public void AHundredRoundsOfSynFlowKeepThePyTorchLoopsWeights(string model)
    {
        using var data = ThreeClasses();
        using var network = Networks.Build(new ModelSpec(model, 4), new InputSpec(3, 8), 0);
        NetworkTests.Fill(network);
        using var dense = Mask.Dense(network);
        using var mask = Pruner.SynFlow.Draw(network, dense, 100, data, 0);
        Assert.Equal(100, mask.Kept);
        foreach (var (layer, i) in mask.Layers.Select((l, i) => (l.Name, i)))
            Assert.Equal(NetworkTests.Reference["pruning"]![model]!["synflowAfter100Rounds"]![i]!.AsArray().Select(n => n!.GetValue<int>()),
                mask[layer].flatten().data<bool>().ToArray().Index().Where(k => k.Item).Select(k => k.Index));
    }

    // dL/dc of a factor c on one weight, at c = 1, in double precision.
    // The gradient's batches move BatchNorm's running statistics, by which the flow is scaled.
    [Fact]
    public void TheFlowIsTheSameAfterTheGradient()
    {
        using var scope = NewDisposeScope();
        using var data = DataSets.Open(new DataSpec { TrainCount = 100, TestCount = 40, Classes = 4, Size = 8 });
        using var network = Networks.Build(new ModelSpec("resnet18", 2), new InputSpec(4, 8), 0);
        string[] Flows(bool after) => [.. new PruningContext(network, data, 0).Layers().Select(layer =>
        {
            _ = after ? layer.Gradient : null;
            return Convert.ToHexString(layer.Flow.bytes.ToArray());
        })];
        Assert.Equal(Flows(after: false), Flows(after: true));
    }

    [Fact]
    public void SnipIsTheLossesSlopeInAConnectionsStrength()
    {
        using var scope = NewDisposeScope();
        using var data = ThreeClasses();
        using var network = Smooth("vgg5");
        var scores = Pruner.Snip.Scored(new PruningContext(network, data, 0));
        using var exact = InDoublePrecision(network);
        var images = Images(data);
        AreSlopes(scores, exact, () => Loss(exact, images, 1).ToDouble(), Math.Abs);
    }

    // Scaling one weight by 1+e changes half the squared gradient norm by e * w (Hg): a positive score holds the gradient flow up. Through pruned weights nothing flows.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void GraspIsTheGradientFlowsSlopeInAConnectionsStrength(bool pruned)
    {
        using var scope = NewDisposeScope();
        using var data = ThreeClasses();
        using var network = Smooth("vgg5");
        using var mask = pruned ? Small.HalfOf(network, seed: 5) : Mask.Dense(network);
        mask.Apply(network);
        var scores = Pruner.Grasp.Scored(new PruningContext(network, data, 0) { Mask = mask });
        using var exact = InDoublePrecision(network);
        var images = Images(data);
        (string Name, Tensor Weight)[] weights = [.. exact.named_parameters().Where(p => p.parameter.dim() > 1)];
        double Flow() => autograd.grad([Loss(exact, images, 200)], [.. weights.Select(w => w.Weight)])
            .Zip(weights, (g, w) => (mask.Covers(w.Name) ? g * mask[w.Name] : g).pow(2).sum().ToDouble()).Sum() / 2;
        AreSlopes(scores, exact, Flow, slope => slope);
        Assert.All(scores.Values, s => Assert.True(s.amin(0, 1, 2, 3).ToDouble() < 0 && s.amax(0, 1, 2, 3).ToDouble() > 0));
    }

    [Fact]
    public void GraspInRoundsKnowsWhatTheRoundBeforePruned()
    {
        using var scope = NewDisposeScope();
        using var data = ThreeClasses();
        using var network = Smooth("vgg5");
        using var dense = Mask.Dense(network);
        var keep = dense.Kept / 4;
        using var twice = (Pruner.Grasp with { Rounds = 2 }).Draw(network, dense, keep, data, 0);
        using var once = Pruner.Grasp.Draw(network, dense, (long)Math.Round(dense.Kept * Math.Pow(keep / (double)dense.Kept, 0.5)), data, 0);
        once.Apply(network);
        using var knowing = Cut.To(Pruner.Grasp.Scored(new(network, data, 0) { Mask = once }), once, keep, Distribution.Global, []);
        using var unknowing = Cut.To(Pruner.Grasp.Scored(new(network, data, 0)), once, keep, Distribution.Global, []);
        Assert.Equal(knowing, twice);
        Assert.NotEqual(unknowing, twice);
    }

    // By hand: with positive inputs every unit is on, so that the flow is a product of matrices.
    [Fact]
    public void SynFlowIsTheProductOfTheAbsoluteWeights()
    {
        using var scope = NewDisposeScope();
        using var data = ThreeClasses(2);
        using var network = Networks.Build(new ModelSpec("lenet", 6), new InputSpec(3, 2), 4);
        var w = new[] { "fc1.weight", "fc2.weight", "fc.weight" }
            .Select(name => network.get_parameter(name)!.detach().to_type(ScalarType.Float64).abs().clone()).ToArray();
        var scores = Pruner.SynFlow.Scored(new PruningContext(network, data, 0));
        var into2 = w[0].matmul(ones(12, 1, dtype: ScalarType.Float64));                        // [6, 1]
        var outOf2 = ones(1, 3, dtype: ScalarType.Float64).matmul(w[2]);                        // [1, 2]
        var outOf1 = outOf2.matmul(w[1]);                                                       // [1, 6]
        Assert.True(allclose(scores["fc1.weight"], w[0] * outOf1.transpose(0, 1), 1e-12));
        Assert.True(allclose(scores["fc2.weight"], outOf2.transpose(0, 1) * w[1] * into2.transpose(0, 1), 1e-12));
    }

    // What flows into a layer flows out of it: each layer of a chain, and the stem of a ResNet, carries the whole flow (Tanaka et al. 2020, theorem 2).
    [Theory]
    [InlineData("vgg16", 8)]
    [InlineData("mobilenet", 8)]
    [InlineData("lenet", 30)]
    [InlineData("conv4", 8)]
    public void SynFlowIsConservedFromLayerToLayer(string name, int width)
    {
        using var scope = NewDisposeScope();
        using var data = ThreeClasses();
        using var network = Networks.Build(new ModelSpec(name, width), new InputSpec(3, 8), 2);
        var sums = Pruner.SynFlow.Scored(new PruningContext(network, data, 0)).Values.Select(s => s.sum().ToDouble()).ToList();
        Assert.All(sums, sum => Assert.Equal(1, sum / sums[0], 1e-10));
        Assert.True(sums[0] > 0);
    }

    // In single precision the flow of this network would be infinite.
    [Fact]
    public void SynFlowIsFiniteInDeepWideNetworks()
    {
        using var scope = NewDisposeScope();
        using var data = ThreeClasses();
        using var network = Networks.Build(new ModelSpec("resnet34"), new InputSpec(3, 8), 2);
        using (no_grad())
            foreach (var (_, weight) in network.PrunableWeights())
                weight.mul_(3);
        var scores = Pruner.SynFlow.Scored(new PruningContext(network, data, 0));
        Assert.True(scores["conv1.weight"].sum().ToDouble() > 1e38);
        Assert.All(scores.Values, s => Assert.True(s.isfinite().all().ToBoolean()));
    }

    [Fact]
    public void TheImagesOfAScoreAreAsManyOfEachClassAndFollowTheSeed()
    {
        using var scope = NewDisposeScope();
        using var data = DataSets.Open(new DataSpec { TrainCount = 600, TestCount = 40, Classes = 12 });
        using var network = Networks.Build(new ModelSpec("lenet", 6), new InputSpec(12, 16), 4);
        var (labels, pixels) = Gather(3);
        Assert.Equal(Enumerable.Range(0, 120).Select(i => i % 12L), labels);
        Assert.Equal(pixels, Gather(3).Pixels);
        Assert.NotEqual(pixels, Gather(4).Pixels);

        (long[] Labels, float[] Pixels) Gather(ulong seed)
        {
            var batches = new PruningContext(network, data, seed).Images().ToList();
            Assert.Equal([100, 20], batches.Select(b => b.Count));
            var found = (cat([.. batches.Select(b => b.Labels)]).data<long>().ToArray(),
                cat([.. batches.Select(b => b.Images)]).flatten().data<float>().ToArray());
            batches.ForEach(b => b.Dispose());
            return found;
        }
    }

    /// <summary>A network without ReLU's kink, where finite differences are honest.</summary>
    private static Network Smooth(string name)
    {
        var network = Networks.Build(new ModelSpec(name, 4), new InputSpec(3, 8), 1);
        foreach (var activation in network.Activations)
            activation.Function = x => nn.functional.silu(x);
        return network;
    }

    private static Network InDoublePrecision(Network network)
    {
        var exact = Networks.Copy(network);
        exact.to(ScalarType.Float64);
        exact.train();
        return exact;
    }

    private static (Tensor Pixels, Tensor Labels) Images(ImageSet data)
        => ((data.Train.Images.to_type(ScalarType.Float64) / 255 - 0.5) / 0.25, data.Train.Labels);

    private static Tensor Loss(Network network, (Tensor Pixels, Tensor Labels) images, double temperature)
        => nn.functional.cross_entropy(network.call(images.Pixels) / temperature, images.Labels, reduction: nn.Reduction.Sum);

    private static double Slope(Parameter weight, int index, Func<double> value)
    {
        const double step = 1e-5;
        var flat = weight.detach().flatten();
        var before = flat[index].ToDouble();
        double At(double factor)
        {
            flat[index] = tensor(before * factor);
            return value();
        }
        var slope = (At(1 + step) - At(1 - step)) / (2 * step);
        flat[index] = tensor(before);
        return slope;
    }

    /// <summary>Checks scores of some weights of each layer against the slopes of a value of the network in their connections' strengths.</summary>
    private static void AreSlopes(IReadOnlyDictionary<string, Tensor> scores, Network network, Func<double> value, Func<double, double> score)
    {
        foreach (var (name, weight) in network.PrunableWeights())
            foreach (var index in new[] { 0, 17, 40 })
            {
                var expected = score(Slope(weight, index, value));
                Assert.Equal(expected, scores[name].flatten()[index].ToDouble(), 1e-3 * Math.Abs(expected) + 1e-4 * scores[name].abs().mean().ToDouble());
            }
    }
}
