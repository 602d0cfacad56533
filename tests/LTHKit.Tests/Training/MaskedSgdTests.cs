using TorchSharp.Modules;

namespace LTHKit.Tests.Training;

public sealed class MaskedSgdTests
{
    private static Network Build(ulong seed = 1) => Networks.Build(new ModelSpec("resnet18", 4), new InputSpec(10, 16), seed);

    private static Mask HalfOf(Network network) => new(network.PrunableWeights().Select(w => (w.Name, w.Weight.abs() > w.Weight.abs().median())).ToList());

    private static void Backward(Network network, int step)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator((ulong)step);
        var x = randn(8, 3, 16, 16, generator: generator);
        nn.functional.cross_entropy(network.call(x), arange(8, dtype: ScalarType.Int64)).backward();
    }

    // The fused update, and what serves where that is not to be had.
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void ItIsTorchOptimSgd(bool masked)
    {
        static optim.Optimizer Sgd(IEnumerable<Parameter> parameters) => optim.SGD(parameters, 0.05, momentum: 0.9, weight_decay: 5e-3);
        using Network a = Build(), b = Build(), c = Build();
        using var mask = masked ? HalfOf(a) : null;
        foreach (var network in (Network[])[a, b, c])
            mask?.Apply(network);
        Assert.True(MaskedSgd.Serves(a, new Recipe()));
        using MaskedOptimiser fused = new MaskedSgd(a, mask, new Recipe { WeightDecay = 5e-3 }), tensors = MaskedOptimiser.Of(b, mask, new Recipe { Optimiser = Sgd });
        using var theirs = Sgd(c.parameters());
        fused.LearningRate = tensors.LearningRate = 0.05;
        var all = a.named_parameters().Zip(b.parameters(), c.parameters()).ToList();
        for (var step = 0; step < 20; step++)
        {
            // The same gradients for all: through a network, rounding would grow from step to step.
            fused.ZeroGradients();
            Backward(a, step);
            foreach (var ((name, p), q, r) in all)
                (q.grad, r.grad) = (p.grad!.clone(), mask?.Covers(name) == true ? p.grad * mask[name] : p.grad!.clone());
            fused.Step();
            tensors.Step();
            theirs.step();
        }
        foreach (var ((name, p), q, r) in all)
            Assert.All((Parameter[])[p, q], mine => Assert.True(mine.allclose(r, rtol: 1e-5, atol: 1e-6), $"{name} differs by {(mine - r).abs().max().ToDouble()}"));
    }

    // As cuDNN gives them with the channels last; libtorch's update for CUDA ends the process where strides differ from the weight's.
    [Fact]
    public void GradientsOf1x1ConvolutionsMayHaveOtherStrides()
    {
        using Network a = Build(), b = Build();
        using MaskedSgd one = new(a, null, new Recipe()) { LearningRate = 0.1 }, other = new(b, null, new Recipe()) { LearningRate = 0.1 };
        Backward(a, 0);
        foreach (var (p, q) in a.parameters().Zip(b.parameters()))
            q.grad = p.dim() == 4 ? p.grad!.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2) : p.grad!.clone();
        Assert.Contains(b.parameters(), q => !q.grad!.stride().SequenceEqual(q.stride()));
        one.Step();
        other.Step();
        Assert.All(a.parameters().Zip(b.parameters()), pair => Assert.True(pair.First.equal(pair.Second).all().ToBoolean()));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void PrunedWeightsAreExactlyZeroAfterEveryStep(bool infinite)
    {
        using var network = Build();
        using var mask = HalfOf(network);
        mask.Apply(network);
        using var optimiser = new MaskedSgd(network, mask, new Recipe { WeightDecay = 0.1 }) { LearningRate = 0.1 };
        for (var step = 0; step < 10; step++)
        {
            optimiser.ZeroGradients();
            Backward(network, step);
            foreach (var (name, weight) in infinite ? network.PrunableWeights() : [])
                weight.grad = where(mask[name], 0.0f, float.PositiveInfinity);
            optimiser.Step();
            Assert.Empty(Leaks.In(network, mask));
        }
        // The survivors have moved, and most are not zero.
        Assert.All(network.PrunableWeights(), w => Assert.True(w.Weight.count_nonzero().ToInt64() > 0.99 * mask[w.Name].sum().ToInt64()));
    }
}
