using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Compat.Tests.Torch;

/// <summary>Forward values, gradients and second derivatives of a small network in double precision.</summary>
public class DerivativeTests
{
    [Theory]
    [InlineData("relu")]
    [InlineData("silu")]
    [InlineData("mish")]
    public void NetworkMatchesPyTorch(string activation)
    {
        var recorded = Reference.Section("gradients")[activation]!;
        using var net = Networks.Small(activation).to(float64);
        net.load_state_dict(recorded["state"].Tensors(float64));

        var logits = net.call(recorded["input"].Tensor(float64));
        Reference.AssertClose(recorded["logits"], logits, 1e-12);
        var loss = nn.functional.cross_entropy(logits, recorded["labels"].Vector(int64), label_smoothing: 0.1);
        Assert.Equal(recorded["loss"].Number(), loss.ToDouble(), 1e-12);

        var named = net.named_parameters().ToArray();
        Tensor[] parameters = [.. named.Select(entry => entry.parameter)];
        var first = autograd.grad([loss], parameters, retain_graph: true, create_graph: true);
        var squared = first.Select(gradient => gradient.square().sum()).Aggregate((left, right) => left + right);
        var second = autograd.grad([squared], parameters);
        for (var i = 0; i < named.Length; i++)
        {
            Reference.AssertClose(recorded["gradients"]![named[i].name], first[i], 1e-11);
            Reference.AssertClose(recorded["second"]![named[i].name], second[i], 1e-10);
        }
    }

    [Fact]
    public void BackwardAccumulatesIntoLeaves()
    {
        var x = tensor(new[] { 1.0, 2.0, 3.0 }, requires_grad: true);
        Assert.Null(x.grad);
        x.square().sum().backward();
        x.square().sum().backward();
        Reference.AssertClose([4, 8, 12], x.grad!, 0);
        x.grad = null;
        Assert.Null(x.grad);
    }

    [Fact]
    public void UnusedInputsGetAnInvalidGradient()
    {
        var used = ones(2, requires_grad: true);
        var unused = ones(2, requires_grad: true);
        var gradients = autograd.grad([used.sum()], [used, unused], allow_unused: true);
        Assert.False(gradients[0].IsInvalid);
        Assert.True(gradients[1] is null || gradients[1].IsInvalid);
        Assert.Throws<System.Runtime.InteropServices.ExternalException>(() => autograd.grad([used.sum()], [unused]));
    }

    [Fact]
    public void NoGradIsNestedAndPerThread()
    {
        Assert.True(is_grad_enabled());
        using (no_grad())
        {
            Assert.False(is_grad_enabled());
            using (enable_grad())
                Assert.True(is_grad_enabled());
            Assert.False(is_grad_enabled());
            var other = true;
            var thread = new Thread(() => other = is_grad_enabled());
            thread.Start();
            thread.Join();
            Assert.True(other);
            Assert.False(ones(2, requires_grad: true).mul(2).requires_grad);
        }
        Assert.True(is_grad_enabled());
    }

    [Fact]
    public void RetainGradKeepsTheGradientOfAnIntermediate()
    {
        var x = tensor(3.0, requires_grad: true);
        var y = x * 2;
        Assert.False(y.is_leaf);
        y.retain_grad();
        y.square().backward();
        Assert.Equal(12, y.grad!.ToDouble());
        Assert.Equal(24, x.grad!.ToDouble());
        Assert.False(y.detach().requires_grad);
    }
}
