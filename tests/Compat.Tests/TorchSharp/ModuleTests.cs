using TorchSharp;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Compat.Tests.Torch;

public class ModuleTests
{
    private sealed class Residual : nn.Module<Tensor, Tensor>
    {
        private readonly Conv2d conv = nn.Conv2d(2, 2, 3, padding: 1);
        private readonly ModuleList<nn.Module<Tensor, Tensor>> rest = nn.ModuleList<nn.Module<Tensor, Tensor>>(nn.BatchNorm2d(2), nn.ReLU());
        private readonly Parameter scale = new(ones(1));
        private readonly Tensor steps = zeros(1, dtype: int64);

        internal Residual() : base("Residual")
        {
            RegisterComponents();
        }

        internal Tensor Steps => steps;

        internal Parameter Scale => scale;

        public override Tensor forward(Tensor input)
        {
            using var hidden = conv.call(input);
            using var normal = rest[0].call(hidden);
            return rest[1].call(normal) * scale + input;
        }
    }

    [Fact]
    public void FieldsAreRegisteredInOrder()
    {
        using var module = new Residual();
        Assert.Equal(["scale", "conv.weight", "conv.bias", "rest.0.weight", "rest.0.bias"], module.named_parameters().Select(entry => entry.name));
        Assert.Equal(["steps", "rest.0.running_mean", "rest.0.running_var", "rest.0.num_batches_tracked"],
            module.named_buffers().Select(entry => entry.name));
        Assert.Equal(["conv", "rest", "rest.0", "rest.1"], module.named_modules().Select(entry => entry.name));
        Assert.Equal(9, module.state_dict().Count);
        Assert.Equal("Residual", module.GetName());
        Assert.Same(module.Scale, module.get_parameter("scale"));
        Assert.Null(module.get_parameter("nothing"));
    }

    [Fact]
    public void SequentialNamesItsModulesByPosition()
    {
        using var net = nn.Sequential(nn.Linear(2, 3), nn.Sequential(("inner", nn.Linear(3, 1, hasBias: false))));
        Assert.Equal(["0.weight", "0.bias", "1.inner.weight"], net.named_parameters().Select(entry => entry.name));
        Assert.Equal([4L, 1], net.call(ones(4, 2)).shape);
        using var empty = nn.Sequential();
        using var x = ones(2);
        using var y = empty.call(x);
        Assert.NotSame(x, y);
        Assert.True(x.Equals(y));
    }

    [Fact]
    public void StateIsLoadedStrictlyOrNot()
    {
        using var source = new Residual();
        using var target = new Residual();
        source.Scale.requires_grad_(false).fill_(3);
        target.load_state_dict(source.state_dict());
        Assert.Equal(3, target.Scale.item<float>());
        Assert.True(target.Scale.requires_grad);

        var partial = new Dictionary<string, Tensor> { ["scale"] = full(1, 4), ["other"] = ones(1) };
        Assert.Throws<InvalidOperationException>(() => target.load_state_dict(partial));
        var (missing, unexpected) = target.load_state_dict(partial, strict: false);
        Assert.Equal(8, missing.Count);
        Assert.Equal(["other"], unexpected);
        Assert.Equal(4, target.Scale.item<float>());
    }

    [Fact]
    public void ModeReachesEveryModule()
    {
        using var net = nn.Sequential(nn.BatchNorm2d(2), nn.Sequential(nn.Dropout(0.5)));
        Assert.All(net.modules(), module => Assert.True(module.training));
        net.eval();
        Assert.False(net.training);
        Assert.All(net.modules(), module => Assert.False(module.training));
        var x = randn(3, 2, 4, 4);
        Assert.True(net.call(x).allclose(x, rtol: 1e-4, atol: 1e-5));
    }

    [Fact]
    public void ConversionReplacesParametersEverywhere()
    {
        using var module = new Residual();
        var before = module.Scale;
        module.to(float64);
        Assert.All(module.parameters(), parameter => Assert.Equal(float64, parameter.dtype));
        Assert.All(module.parameters(), parameter => Assert.True(parameter.requires_grad && parameter.is_leaf));
        Assert.Equal(int64, module.Steps.dtype);
        Assert.NotSame(before, module.Scale);
        Assert.True(before.IsInvalid);
        Assert.Equal(float64, module.call(ones(1, 2, 4, 4, dtype: float64)).dtype);
        Assert.Throws<ArgumentException>(() => module.to(int64));
    }

    [Fact]
    public void HooksSeeAndReplaceValues()
    {
        using var relu = nn.ReLU();
        var seen = new List<double>();
        var watch = relu.register_forward_hook((_, _, output) =>
        {
            seen.Add(output.sum().ToDouble());
            return output;
        });
        var shift = relu.register_forward_pre_hook((_, input) => input + 1);
        Assert.Equal(3, relu.call(ones(1) * 2).ToDouble());
        shift.remove();
        Assert.Equal(2, relu.call(ones(1) * 2).ToDouble());
        watch.remove();
        relu.call(ones(1));
        Assert.Equal([3, 2], seen);
    }

    [Fact]
    public void SharedParametersAreListedOnce()
    {
        var shared = nn.Linear(2, 2);
        using var net = nn.Sequential(shared, shared);
        Assert.Equal(2, net.parameters().Count());
    }

    [Fact]
    public void RegistrationRefusesWhatItMust()
    {
        using var module = new Residual();
        Assert.Throws<InvalidOperationException>(() => module.register_parameter("scale", new Parameter(ones(1))));
        Assert.Throws<ArgumentException>(() => module.register_module("a.b", nn.ReLU()));
        Assert.Throws<InvalidOperationException>(() => nn.ReLU().register_buffer("b", ones(1)));
    }

    [Fact]
    public void UtilitiesFlattenAndClip()
    {
        using var net = nn.Linear(2, 1);
        using var vector = nn.utils.parameters_to_vector(net.parameters());
        Assert.Equal([3L], vector.shape);
        nn.utils.vector_to_parameters(tensor(new[] { 1f, 2f, 3f }), net.parameters());
        Assert.Equal(3, net.bias!.item<float>());
        net.call(tensor(new[] { 3f, 4f })).sum().backward();
        Assert.Equal(Math.Sqrt(26), nn.utils.clip_grad_norm_(net.parameters(), 1), 1e-5);
        Assert.Equal(1, net.parameters().Sum(parameter => parameter.grad!.square().sum().ToDouble()), 1e-4);
    }

    [Fact]
    public void BatchNormKeepsRunningStatistics()
    {
        using var norm = nn.BatchNorm2d(1, momentum: 0.5);
        var x = tensor(new[] { 0f, 2f, 4f, 6f }, [4, 1, 1, 1]);
        using var y = norm.call(x);
        Reference.AssertClose([-1.3416394, -0.4472131, 0.4472131, 1.3416394], y, 1e-6);
        Assert.Equal(1.5, norm.running_mean!.ToDouble(), 1e-6);
        Assert.Equal(0.5 + 0.5 * 20.0 / 3, norm.running_var!.ToDouble(), 1e-5);
        Assert.Equal(1, norm.num_batches_tracked!.ToInt64());
        norm.reset_running_stats();
        Assert.Equal(0, norm.num_batches_tracked!.ToInt64());
    }
}
