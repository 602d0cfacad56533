using LTHKit.Tests.Models;
using static TorchSharp.torch.nn;

namespace LTHKit.Tests.Tweaks;

public sealed class GradInitTests
{
    // reference.py's rescaled_init(): PyTorch 1.13, the factors as leaves of autograd, double precision.
    [Theory]
    [InlineData(1)]         // the gradient's norm is above gamma at first
    [InlineData(12)]        // both branches
    [InlineData(20)]        // a weight at its bound
    [InlineData(60)]        // a bias at zero
    public void LearnsTheScalesOfTheReference(int iterations)
    {
        using var scope = NewDisposeScope();
        using var network = ReferenceNetwork();
        using var mask = new Mask([("3.weight", Values(3, [8, 6, 3, 3]).gt(-0.3))]);
        var start = network.state_dict().ToDictionary(p => p.Key, p => p.Value.clone());
        var settings = new RescaledInit(iterations, LearningRate: 0.03, Gamma: 2, Minimum: 0.6);
        var scales = new GradInit(network, mask, settings).Learn(Halves().GetEnumerator(), TweakSamples.Context(null!));

        var reference = NetworkTests.Reference["rescaledInit"]!;
        var names = reference["names"]!.AsArray().Select(n => n!.GetValue<string>()).ToArray();
        var expected = reference["scales"]![iterations.ToString()]!.AsArray().Select(s => s!.GetValue<double>()).ToArray();
        Assert.Equal(names, scales.Keys);
        foreach (var (name, scale) in names.Zip(expected))
            Assert.True(Math.Abs(scales[name] - scale) <= 1e-8 * (1 + scale), $"{name}: {scales[name]}, not {scale}");
        foreach (var (name, value) in network.state_dict())
            Assert.True(value.eq(start[name]).all().ToBoolean(), name);
    }

    private static Module<Tensor, Tensor> ReferenceNetwork()
    {
        var network = Sequential(
            Conv2d(3, 6, 3, padding: 1, bias: false), BatchNorm2d(6), ReLU(),
            Conv2d(6, 8, 3, stride: 2, padding: 1, bias: false), BatchNorm2d(8), SiLU(),
            Conv2d(8, 8, 1), SiLU(), Flatten(), Linear(128, 5)).to(ScalarType.Float64);
        using var noGrad = no_grad();
        foreach (var (p, (name, parameter)) in network.named_parameters().Index())
            parameter.copy_(Values(p, parameter.shape) * (parameter.dim() > 1 ? 0.5 : name == "1.bias" ? 0 : 1));
        network.get_parameter("3.weight")!.masked_fill_(Values(3, [8, 6, 3, 3]).le(-0.3), 0);
        return network;
    }

    private static Tensor Values(int p, long[] shape)
        => (arange(shape.Aggregate(1L, (a, b) => a * b), dtype: ScalarType.Float64) * 0.37 + p).sin().reshape(shape);

    private static IEnumerable<Batch> Halves()
    {
        for (var k = 0; ; k++)
            yield return new Batch(
                (arange(6 * 3 * 8 * 8, dtype: ScalarType.Float64) * 0.11 + k).sin().reshape(6, 3, 8, 8), (arange(6, dtype: ScalarType.Int64) * 7 + k) % 5);
    }
}
