using LTHKit.Tests.Analysis;

namespace LTHKit.Tests.Kernels;

/// <summary>What a user's own loss may do with the network while a step lasts: it gets TorchSharp's numbers.</summary>
public class UsersLossTests
{
    [Theory]
    [InlineData("resnet18", "swish", null)]
    [InlineData("resnet18", "relu", SkipKind.Projection)]
    [InlineData("resnet18", "gelu", SkipKind.Normalised)]
    [InlineData("resnet18", "relu", SkipKind.Normalised)]
    [InlineData("resnet18", "swish", SkipKind.Identity)]
    [InlineData("mobilenet", "mish", null)]
    public void APenaltyOnTheGradientIsDifferentiated(string model, string activation, SkipKind? skip) => Same(model, activation, skip, (network, x, y) =>
    {
        var loss = nn.functional.cross_entropy(network.call(x), y);
        var gradients = autograd.grad([loss], [x, .. network.PrunableWeights().Select(w => w.Weight)], retain_graph: true, create_graph: true);
        return loss + gradients.Select(g => g.square().sum()).Aggregate((a, b) => a + b);
    });

    [Theory]
    [InlineData(SkipKind.Projection)]
    [InlineData(SkipKind.Normalised)]
    [InlineData(null)]
    public void ItMayShowTheNetworkAnotherNumberOfImages(SkipKind? skip) => Same("resnet18", "swish", skip, (network, x, y) =>
        nn.functional.cross_entropy(network.call(x), y) + network.call(cat([x, x.flip(3)])).square().mean() + network.call(x[..3]).square().mean());

    [Fact]
    public void AndDifferentiateAnEvaluation() => Same("resnet18", "relu", SkipKind.Projection, (network, x, y) =>
    {
        network.eval();
        var still = network.call(x).square().mean();
        network.train();
        return nn.functional.cross_entropy(network.call(x), y) + still;
    });

    private static void Same(string model, string activation, SkipKind? skip, Func<Network, Tensor, Tensor, Tensor> loss)
    {
        using var scope = NewDisposeScope();
        using Network ours = SparseTrainingTests.Build(model, activation, skip), exact = SparseTrainingTests.Build(model, activation, skip);
        using var mask = Small.HalfOf(ours, seed: 5);
        exact.to(ScalarType.Float64);
        using var sparse = SparseTrainingTests.Sparse(ours, mask);
        using var generator = new Generator(9);
        var (x, y) = (randn(21, 3, 16, 16, generator: generator), randint(0, 10, [21], generator: generator));
        double Descend(Network network)
        {
            mask.Apply(network);
            network.train();
            var images = x.to(network.parameters().First().dtype).requires_grad_();
            var value = loss(network, images, y);
            value.backward();
            return value.to(ScalarType.Float64).item<double>();
        }
        double wanted = Descend(exact), mine;
        using (sparse.Step())
            mine = Descend(ours);
        Assert.InRange(mine, wanted * (1 - 1e-3), wanted * (1 + 1e-3));
        foreach (var ((name, value), (_, theirs)) in ours.named_parameters().Zip(exact.named_parameters()))
            if (theirs.grad is { } right)
            {
                Tensor Kept(Tensor gradient) => mask.Covers(name) ? gradient * mask[name] : gradient;
                var off = (Kept(value.grad!).to(ScalarType.Float64) - Kept(right)).norm().item<double>();
                Assert.True(off <= 1e-3 * Kept(right).norm().item<double>() + 1e-6, $"{name}: off by {off:g3} of {Kept(right).norm().item<double>():g3}");
            }
    }
}
