using System.Text.Json.Nodes;
using TorchSharp.Modules;

namespace LTHKit.Tests.Models;

public sealed class NetworkTests
{
    internal static readonly JsonNode Reference = JsonNode.Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "reference.json")))!;

    // ResNet: torchvision's with a 3x3 stem (reference.py). VGG-16 and MobileNet: kuangliu/pytorch-cifar, whose VGG('VGG16') and MobileNet()
    // have 14,728,266 and 3,217,226 parameters at 10 classes; torchvision 0.14.1's vgg16_bn().features, of 14,723,136, and the classifier's 512 * 10 + 10
    // agree. At 64x64 with Tiny-ImageNet's 200 classes only the classifier has other parameters. LeNet-300-100, Conv-4
    // and VGG-5 by hand; Conv-4's 2,425,930 are the 2.4 million of Frankle and Carbin 2019, Figure 2.
    [Theory]
    [InlineData("resnet18", 100, 32, 11_220_132)]
    [InlineData("resnet34", 100, 32, 21_328_292)]
    [InlineData("vgg16", 10, 32, 14_728_266)]
    [InlineData("mobilenet", 10, 32, 3_217_226)]
    [InlineData("resnet18", 200, 64, 11_271_432)]
    [InlineData("resnet34", 200, 64, 21_379_592)]
    [InlineData("vgg16", 200, 64, 14_723_136 + 512 * 200 + 200)]
    [InlineData("mobilenet", 200, 64, 3_217_226 + 190 * (1024 + 1))]
    [InlineData("lenet", 10, 28, 784 * 300 + 300 + 300 * 100 + 100 + 100 * 10 + 10)]
    [InlineData("conv4", 10, 32, (3 * 64 + 64 * 64 + 64 * 128 + 128 * 128) * 9 + 2 * (64 + 128) + 128 * 8 * 8 * 256 + 256 + 256 * 256 + 256 + 256 * 10 + 10)]
    [InlineData("conv4", 200, 64, (3 * 64 + 64 * 64 + 64 * 128 + 128 * 128) * 9 + 2 * (64 + 128) + 128 * 16 * 16 * 256 + 256 + 256 * 256 + 256 + 256 * 200 + 200)]
    [InlineData("vgg5", 10, 32, (3 * 64 + 64 * 64 + 64 * 128 + 128 * 128) * 9 + 3 * (64 + 64 + 128 + 128) + 128 * 10 + 10)]
    public void HasTheParametersOfTheReference(string name, int classes, int size, long expected)
    {
        using var network = Networks.Build(new ModelSpec(name), new InputSpec(classes, size, name == "lenet" ? 1 : 3), 0);
        Assert.Equal(expected, network.ParameterCount);
    }

    [Fact]
    public void PrunesEveryConvolutionAndNothingElse()
    {
        using var network = Networks.Build(new ModelSpec(), new InputSpec(100), 0);
        Assert.Equal(11_159_232, network.PrunableWeights().Sum(w => w.Weight.numel()));
        Assert.All(network.PrunableWeights(), w => Assert.Equal(4, w.Weight.dim()));
        Assert.Equal(20, network.Prunable.Count);
    }

    // As LeNet-300-100's; the classifier stays dense.
    [Fact]
    public void TheHiddenLinearLayersOfConv4ArePruned()
    {
        using var network = Networks.Build(new ModelSpec("conv4"), new InputSpec(10), 0);
        Assert.Equal(
            ["layer1.conv1.weight", "layer1.conv2.weight", "layer2.conv1.weight", "layer2.conv2.weight", "fc1.weight", "fc2.weight"], network.Prunable);
        Assert.Equal(["layer1", "layer1", "layer2", "layer2", "act1", "act2"], network.Activations.Select(a => a.Stage));
        Assert.DoesNotContain(network.modules(), module => module is BatchNorm2d);
        Assert.All(network.Units, unit => Assert.NotNull(unit.Convolution.bias));
    }

    [Theory]
    [InlineData("resnet18")]
    [InlineData("resnet34")]
    [InlineData("vgg16")]
    [InlineData("mobilenet")]
    [InlineData("vgg5")]
    [InlineData("conv4")]
    [InlineData("lenet")]
    public void MapsImagesToLogitsAndEveryParameterGetsAGradient(string name)
    {
        foreach (var size in new[] { 8, 32, 64 })
        {
            using var scope = NewDisposeScope();
            using var network = Networks.Build(new ModelSpec(name, 8), new InputSpec(7, size), 0);
            var logits = network.call(randn(4, 3, size, size));
            Assert.Equal([4, 7], logits.shape);
            logits.sum().backward();
            Assert.All(network.named_parameters(), p => Assert.NotNull(p.parameter.grad));
        }
    }

    /// <summary>Its first gradients hang on the last bits, by a hundredth in float32, and are compared in float64.</summary>
    [Theory]
    [InlineData(ScalarType.Float64, 1e-9, 1e-8)]
    [InlineData(ScalarType.Float32, 1e-4, 2e-3)]
    public void ComputesWhatTorchvisionComputes(ScalarType type, double onLoss, double onLogits)
    {
        using var scope = NewDisposeScope();
        using var network = Networks.Build(new ModelSpec(), new InputSpec(10, 16), 0);
        Fill(network);
        network.to(type);
        var x = (arange(4 * 3 * 16 * 16, dtype: ScalarType.Float64) * 0.11).sin().reshape(4, 3, 16, 16).to_type(ScalarType.Float32).to_type(type);
        var loss = nn.functional.cross_entropy(network.call(x), tensor(new long[] { 1, 3, 5, 7 }), label_smoothing: 0.1);
        loss.backward();
        var expected = Reference["resnet18"]!;
        Assert.Equal(expected["loss"]!.GetValue<double>(), loss.ToDouble(), onLoss);
        var norms = expected["gradientNorms"]!.AsArray().Select(n => n!.GetValue<double>()).ToArray();
        if (type == ScalarType.Float64)
            foreach (var ((name, parameter), norm) in network.named_parameters().Zip(norms))
                Assert.True(Math.Abs(parameter.grad!.norm().ToDouble() - norm) <= 1e-6 * norm, $"{name}: {parameter.grad!.norm().ToDouble()}, not {norm}");
        network.eval();
        var logits = network.call(x).flatten().to_type(ScalarType.Float64).data<double>().ToArray();
        foreach (var (actual, wanted) in logits.Zip(expected["evalLogits"]!.AsArray()))
            Assert.Equal(wanted!.GetValue<double>(), actual, onLogits);
    }

    // As TorchSharp's module does by itself.
    [Fact]
    public void ABatchNormCountsTheBatchesOfTrainingAndIsSeenByHooks()
    {
        using var scope = NewDisposeScope();
        using var network = Networks.Build(new ModelSpec("vgg5", 4), new InputSpec(10, 8), 0);
        var seen = 0;
        network.Units[0].Norm!.register_forward_hook((_, _, y) => { seen++; return y; });
        foreach (var training in new[] { true, false, true })
        {
            network.train(training);
            network.call(randn(4, 3, 8, 8));
        }
        Assert.Equal(3, seen);
        Assert.All(network.Units, unit => Assert.Equal(2, unit.Norm!.num_batches_tracked!.item<long>()));
    }

    [Theory]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(8)]
    [InlineData(12)]
    [InlineData(16)]
    public void TheLayoutOfTheImagesChangesRoundingOnly(int width)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(1);
        var x = randn(32, 3, 16, 16, generator: generator);
        var exact = Gradients(x.to_type(ScalarType.Float64), width);
        var first = Gradients(x, width);
        var last = Gradients(x.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2), width);
        foreach (var ((name, e), (f, l)) in exact.Zip(first.Zip(last, (f, l) => (f.Gradient, l.Gradient))))
        {
            var (errorFirst, errorLast) = ((f - e).norm().ToDouble(), (l - e).norm().ToDouble());
            Assert.True(errorLast <= 3 * errorFirst + 1e-4 * e.norm().ToDouble(), $"{name}: off by {errorLast / e.norm().ToDouble()}, {errorFirst / e.norm().ToDouble()} in the usual layout");
        }

        static List<(string Name, Tensor Gradient)> Gradients(Tensor images, int width)
        {
            var network = Networks.Build(new ModelSpec("resnet18", width), new InputSpec(10, 16), 3);
            network.to(images.dtype);
            foreach (var activation in network.Activations)
                activation.Function = x => nn.functional.silu(x);       // ReLU's kink would turn rounding into jumps
            network.call(images).pow(2).mean().backward();
            return [.. network.named_parameters().Select(p => (p.name, p.parameter.grad!.to_type(ScalarType.Float64)))];
        }
    }

    [Theory]
    [InlineData(3)]
    [InlineData(8)]
    public void TheLayoutOfTheImagesChangesSecondDerivativesByRoundingOnly(int width)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(1);
        var x = randn(8, 3, 16, 16, generator: generator, dtype: ScalarType.Float64);
        var (first, last) = (Product(x), Product(x.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2)));
        Assert.True((first - last).norm().ToDouble() <= 1e-8 * first.norm().ToDouble());

        Tensor Product(Tensor images)
        {
            var network = Networks.Build(new ModelSpec("resnet18", width), new InputSpec(10, 16), 3);
            network.to(ScalarType.Float64);
            foreach (var activation in network.Activations)
                activation.Function = y => nn.functional.silu(y);
            Tensor[] weights = [.. network.parameters()];
            var gradients = autograd.grad([network.call(images).pow(2).mean()], weights, retain_graph: true, create_graph: true);
            var products = autograd.grad([stack([.. gradients.Select(g => g.pow(2).sum())]).sum()], weights);
            return cat([.. products.Select(p => p.flatten())]);
        }
    }

    [Fact]
    public void InitialWeightsAreUniformWithinOneOverRootFanIn()
    {
        using var scope = NewDisposeScope();
        using var network = Networks.Build(new ModelSpec("resnet18", 16), new InputSpec(10), 5);
        foreach (var (name, weight) in network.PrunableWeights())
        {
            var bound = 1 / Math.Sqrt(weight.numel() / (double)weight.shape[0]);
            Assert.InRange(weight.abs().max().ToDouble(), 0.95 * bound, bound);
            var deviation = Math.Abs(weight.pow(2).mean().ToDouble() / (bound * bound / 3) - 1);
            Assert.True(deviation < 8 / Math.Sqrt(weight.numel()), $"{name}: the variance is off by {deviation:P}");
        }
    }

    [Fact]
    public void TheSeedDecidesTheWeights()
    {
        using var a = Networks.Build(new ModelSpec("resnet18", 4), new InputSpec(10), 1);
        using var b = Networks.Build(new ModelSpec("resnet18", 4), new InputSpec(10), 1);
        using var c = Networks.Build(new ModelSpec("resnet18", 4), new InputSpec(10), 2);
        Assert.Equal(Bits(a), Bits(b));
        Assert.NotEqual(Bits(a), Bits(c));
    }

    [Theory]
    [InlineData("resnet19", 0, "resnet18, resnet34")]
    [InlineData("resnet18", -1, "positive")]
    public void RefusesWhatItCannotBuild(string name, int width, string said)
        => Assert.Contains(said, Assert.Throws<UserException>(() => Networks.Build(new ModelSpec(name, width), new InputSpec(10), 0)).Message);

    internal static byte[] Bits(Network network)
    {
        using var scope = NewDisposeScope();
        return [.. network.parameters().SelectMany(p => p.detach().cpu().contiguous().bytes.ToArray())];
    }

    // The values of reference.py's fill().
    internal static void Fill(Network network)
    {
        using var noGrad = no_grad();
        foreach (var (p, weight) in network.parameters().Index())
        {
            var value = (arange(weight.numel(), dtype: ScalarType.Float64) % 9973 * 0.37 + p).sin().reshape(weight.shape);
            value = weight.dim() > 1 ? value / Math.Sqrt(weight.numel() / (double)weight.shape[0])
                : p % 3 == 1 ? 1 + 0.1 * value : 0.1 * value;
            weight.copy_(value);
        }
    }
}
