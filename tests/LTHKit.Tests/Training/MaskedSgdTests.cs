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

    [Fact]
    public void WithoutAMaskItIsTorchOptimSgd()
    {
        using Network a = Build(), b = Build();
        using var ours = new MaskedSgd(a, null, new Recipe { WeightDecay = 5e-3 });
        using var theirs = optim.SGD(b.parameters(), 0.05, momentum: 0.9, weight_decay: 5e-3);
        for (var step = 0; step < 20; step++)
        {
            // The same gradients for both: through a network, rounding would grow from step to step.
            ours.ZeroGradients();
            Backward(a, step);
            ours.Step(0.05);
            foreach (var (p, q) in a.parameters().Zip(b.parameters()))
                q.grad = p.grad!.clone();
            theirs.step();
        }
        foreach (var (p, q) in a.parameters().Zip(b.parameters()))
            Assert.True(p.allclose(q, rtol: 1e-5, atol: 1e-6), $"differs by {(p - q).abs().max().ToDouble()}");
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void PrunedWeightsAreExactlyZeroAfterEveryStep(bool infinite)
    {
        using var network = Build();
        using var mask = HalfOf(network);
        mask.Apply(network);
        using var optimiser = new MaskedSgd(network, mask, new Recipe { WeightDecay = 0.1 });
        for (var step = 0; step < 10; step++)
        {
            optimiser.ZeroGradients();
            Backward(network, step);
            foreach (var (name, weight) in infinite ? network.PrunableWeights() : [])
                weight.grad = where(mask[name], 0.0f, float.PositiveInfinity);
            optimiser.Step(0.1);
            Assert.Empty(Leaks.In(network, mask));
        }
        // The survivors have moved, and most are not zero.
        Assert.All(network.PrunableWeights(), w => Assert.True(w.Weight.count_nonzero().ToInt64() > 0.99 * mask[w.Name].sum().ToInt64()));
    }

    // What serves in the place of the fused update where that is not to be had.
    [Fact]
    public void TheFusedUpdateIsTorchOptimSgdOfAMaskedNetwork()
    {
        using Network a = Build(), b = Build();
        using Mask maskA = HalfOf(a), maskB = HalfOf(b);
        maskA.Apply(a);
        maskB.Apply(b);
        Assert.True(MaskedSgd.Serves(a));
        using MaskedOptimiser fused = new MaskedSgd(a, maskA, new Recipe()), tensors = MaskedOptimiser.Of(b, maskB, new Recipe { Optimiser = p => optim.SGD(p, 0.1, 0.9, weight_decay: 2e-4) });
        Backward(a, 0);
        Backward(b, 0);
        for (var step = 0; step < 5; step++)
        {
            fused.Step(0.1);
            tensors.Step(0.1);
        }
        foreach (var (p, q) in a.parameters().Zip(b.parameters()))
            Assert.True(p.allclose(q, rtol: 1e-5, atol: 1e-7));
    }
}
