using CsCheck;
using LTHKit.Kernels;
using TorchSharp.Modules;
using static TorchSharp.torch.nn;

namespace LTHKit.Tests.Kernels;

/// <summary>The unit's numbers against TorchSharp's own functions in float64.</summary>
[Collection(nameof(Alone))]      // it draws from the one generator
public class SparseUnitTests
{
    /// <summary>A unit and what goes in.</summary>
    internal sealed record Case(int Images, int Input, int Output, int Height, int Width, int Kernel = 3, int Stride = 1, int Groups = 1, double Density = 0.3,
        string Act = "Relu", bool Residual = false, bool Fork = false, bool Bias = false, int Threads = 2, int Seed = 1);

    public static TheoryData<string> Shapes => new(Named.Keys);

    private static readonly Dictionary<string, Case> Named = new()
    {
        ["stem"] = new(32, 3, 8, 16, 16, Density: 1),
        ["block"] = new(32, 16, 16, 8, 8, Residual: true, Fork: true),
        ["large planes, stride 2"] = new(16, 4, 6, 33, 18, Stride: 2, Fork: true),
        ["large planes"] = new(16, 14, 15, 32, 32, Residual: true),
        ["stride 2"] = new(32, 8, 16, 8, 8, Stride: 2, Fork: true),
        ["shortcut"] = new(32, 8, 16, 8, 8, Kernel: 1, Stride: 2, Act: "None", Density: 0.5),
        ["shortcut, input used again"] = new(32, 8, 16, 8, 8, Kernel: 1, Stride: 2, Act: "None", Fork: true),
        ["pointwise"] = new(32, 24, 40, 4, 4, Kernel: 1),
        ["depthwise"] = new(32, 24, 24, 8, 8, Groups: 24, Density: 0.7),
        ["depthwise, stride 2"] = new(32, 24, 24, 8, 8, Groups: 24, Stride: 2, Density: 0.7),
        ["two groups"] = new(16, 6, 4, 5, 5, Groups: 2),
        ["VGG, with bias"] = new(32, 16, 32, 8, 8, Bias: true),
        ["many channels"] = new(16, 130, 70, 4, 4, Density: 0.1),
        ["many channels, dense"] = new(16, 100, 60, 2, 2, Density: 1),
        ["swish"] = new(32, 8, 8, 8, 8, Act: "Swish", Residual: true),
        ["mish"] = new(32, 8, 8, 8, 8, Act: "Mish", Residual: true),
        ["mish without residual"] = new(32, 8, 8, 8, 8, Act: "Mish"),
        ["one image"] = new(1, 4, 6, 8, 8),
        ["batch of 21"] = new(21, 4, 6, 8, 8, Residual: true, Fork: true),
        ["batch of 7, swish, stride 2"] = new(7, 4, 6, 8, 8, Act: "Swish", Stride: 2),
        ["7x5 planes"] = new(16, 4, 6, 7, 5),
        ["7x5 planes, stride 2"] = new(17, 4, 6, 7, 5, Stride: 2, Fork: true),
        ["7x5 planes, 1x1, stride 2"] = new(17, 4, 6, 7, 5, Kernel: 1, Stride: 2, Fork: true),
        ["stride 3"] = new(16, 4, 6, 10, 7, Stride: 3),
        ["one channel"] = new(16, 1, 1, 8, 8, Density: 1),
        ["one pixel"] = new(32, 8, 8, 1, 1),
        ["2x2 pixels"] = new(32, 16, 16, 2, 2),
        ["rows without a weight"] = new(16, 8, 16, 8, 8, Density: 0.01),
        ["512 channels, 4x4"] = new(16, 512, 512, 4, 4, Density: 0.1, Residual: true),
        ["512 channels, 2x2"] = new(16, 512, 512, 2, 2, Density: 0.1, Fork: true),
        ["64 channels, 32x32"] = new(16, 64, 64, 32, 32, Residual: true, Fork: true),
        ["wide shortcut"] = new(16, 256, 512, 8, 8, Kernel: 1, Stride: 2, Act: "None"),
        ["wide depthwise"] = new(16, 1024, 1024, 2, 2, Groups: 1024, Density: 0.7, Act: "Swish"),
        ["all pruned"] = new(16, 8, 8, 8, 8, Density: 0, Residual: true),
        ["all pruned, stride 2"] = new(16, 8, 8, 8, 8, Density: 0, Stride: 2, Fork: true),
    };

    [Theory, MemberData(nameof(Shapes))]
    public void AgreesWithTorchInDoublePrecision(string name)
    {
        foreach (var passes in Passes.All)
            AssertAgrees(Named[name], passes);
    }

    [Fact]
    public void AgreesForRandomShapesAndMasks()
    {
        var sizes = Gen.Select(Gen.Int[1, 40], Gen.Int[1, 20], Gen.Int[1, 20], Gen.Int[1, 12], Gen.Int[1, 12], Gen.Int[1, 4], Gen.Bool);
        var kinds = Gen.Select(Gen.Int[0, 1], Gen.Int[1, 3], Gen.Double[0, 1], Gen.Enum<Nonlinearity>(), Gen.Bool, Gen.Bool,
            Gen.Int[1, 3], Gen.Int[0, 1000]);
        Gen.Select(sizes, kinds).Sample((s, k) =>
        {
            var (images, input, output, height, width, groups, bias) = s;
            var (kernel, stride, density, act, residual, fork, threads, seed) = k;
            // A channel of a single pixel has no variance, and is refused.
            if (images * ((height - 1) / stride + 1) * ((width - 1) / stride + 1) < 8)
                return;
            int Whole(int channels) => (channels + groups - 1) / groups * groups;
            foreach (var passes in Passes.All)
                AssertAgrees(new Case(images, Whole(input), Whole(output), height, width, 1 + 2 * kernel, stride, groups, density, $"{act}", residual, fork, bias,
                    threads, seed), passes);
        }, iter: 60, threads: 1);
    }

    /// <summary>
    /// Outputs, gradients and running statistics to 1e-4 of the largest, or to what TorchSharp's single precision reaches.
    /// </summary>
    internal static void AssertAgrees(Case c, Passes passes)
    {
        using var scope = NewDisposeScope();
        using var work = new GuardedWorkspace(c.Threads, passes) { Images = c.Images };
        random.manual_seed(c.Seed);
        var convolution = Conv2d(c.Input, c.Output, c.Kernel, stride: c.Stride, padding: c.Kernel / 2, groups: c.Groups, bias: c.Bias);
        var norm = BatchNorm2d(c.Output);
        var kept = rand_like(convolution.weight!) < c.Density;
        using (no_grad())
        {
            convolution.weight!.mul_(kept);
            norm.weight!.copy_(rand(c.Output) + 0.5);
            norm.bias!.copy_(randn(c.Output));
            norm.running_mean!.copy_(randn(c.Output));
        }
        var x = randn(c.Images, c.Input, c.Height, c.Width) + 0.3;
        var (h, w) = ((c.Height - 1) / c.Stride + 1, (c.Width - 1) / c.Stride + 1);
        var residual = c.Residual ? randn(c.Images, c.Output, h, w) : null;
        var weights = randn(c.Images, c.Output, h, w);      // of the outputs in the loss

        // TorchSharp's path, in double precision and, for what rounding does, in single.
        var exact = Torch(c, convolution, norm, x, residual, weights, ScalarType.Float64);
        var single = Torch(c, convolution, norm, x, residual, weights, ScalarType.Float32);

        // The unit.
        var input = new Planes(c.Images, c.Input, c.Height, c.Width);
        var unit = new SparseUnit(work, convolution, norm, kept.data<bool>().ToArray());
        x.requires_grad_(true);
        residual?.requires_grad_(true);
        var output = unit.Shape.Out(input);
        var (blocked, passed) = unit.Forward(x, Enum.Parse<Nonlinearity>(c.Act), residual, fork: c.Fork);
        work.AssertNothingUnsetWasRead();
        var y = output.ToImages(blocked);
        var loss = (y * weights).sum();
        if (c.Fork)
            loss += unit.Images(passed).square().sum();
        loss.backward();
        work.AssertNothingUnsetWasRead();

        var gradients = new[] { x.grad!, convolution.weight!.grad!, norm.weight!.grad!, norm.bias!.grad!, residual?.grad };
        string[] names = ["output", "running mean", "running variance", "gradient of the input", "gradient of the weights",
            "gradient of gamma", "gradient of beta", "gradient of the residual"];
        foreach (var (i, actual) in new[] { y, norm.running_mean!, norm.running_var! }.Concat(gradients.OfType<Tensor>()).Index())
        {
            var wanted = names[i].EndsWith("weights") ? exact[i] * kept : exact[i];
            double size = Max(wanted), error = Max(wanted - actual), rounding = Max(exact[i] - single[i]);
            Assert.True(error <= Math.Max(1e-4 * size, 20 * rounding) + 1e-7,
                $"{c}, vectors of {passes.Width}: {names[i]} is off by {error:g3} of {size:g3}, TorchSharp's by {rounding:g3}");
        }
        Assert.Equal(1, norm.num_batches_tracked!.item<long>());
        Assert.Equal(0, Max(convolution.weight!.grad![kept.logical_not()]));

        // In evaluation, with the running statistics.
        norm.eval();
        using var noGrad = no_grad();
        var evaluated = output.ToImages(unit.Forward(x, Enum.Parse<Nonlinearity>(c.Act), residual).Y);
        Tensor Double(Tensor t) => t.to(ScalarType.Float64);
        var right = Torch(c, Double(x), Double(convolution.weight!), c.Bias ? Double(convolution.bias!) : null, Double(norm.running_mean!),
            Double(norm.running_var!), Double(norm.weight!), Double(norm.bias!), residual, training: false);
        Assert.True(Max(right - evaluated) <= 1e-5 * Max(right), $"{c}, vectors of {passes.Width}: in evaluation the output is off by {Max(right - evaluated):g3}");
        Assert.Equal(1, norm.num_batches_tracked!.item<long>());
    }

    [Theory]
    [InlineData("given", -1)]
    [InlineData("given", 300)]
    [InlineData("own", -64)]
    [InlineData("own", 363)]
    public unsafe void AWriteOutsideOfMemoryIsFound(string which, int at)
    {
        using var scope = NewDisposeScope();
        var work = new GuardedWorkspace(1);
        var memory = which == "own" ? work.Own(0, "something", 300) : Planes.Start(work.Floats(300));
        (memory[0], memory[299]) = (1, 1);
        memory[at] = 1;
        work.Each(1, (_, _) => { });
        Assert.Contains(at < 0 ? "before 300" : "behind 300", Assert.ThrowsAny<Exception>(work.Dispose).Message);
    }

    // PyTorch refuses it in these words too; TorchSharp computes, and the running variance is NaN from then on.
    [Fact]
    public void OneValueAChannelHasNoVarianceAndIsRefused()
    {
        using var scope = NewDisposeScope();
        using var work = new Workspace(1) { Images = 1 };
        using var convolution = Conv2d(2, 3, 3, stride: 2, padding: 1);
        using var norm = BatchNorm2d(3);
        var unit = new SparseUnit(work, convolution, norm, null);
        var image = randn(1, 2, 2, 2);
        Assert.Contains("more than one value per channel", Assert.Throws<UserException>(() => unit.Forward(image, Nonlinearity.Relu)).Message);
        Assert.Equal((0, 3), (norm.num_batches_tracked!.item<long>(), norm.running_var!.sum().item<float>()));
        norm.eval();
        Assert.False(unit.Forward(image, Nonlinearity.Relu).Y.isnan().any().item<bool>());
        norm.train();
        norm.call(convolution.call(image));
        Assert.True(norm.running_var!.isnan().all().item<bool>());
    }

    /// <summary>Of numbers of every size, whose exponentials are too large or too small for a float too.</summary>
    [Theory]
    [InlineData("Relu")]
    [InlineData("Swish")]
    [InlineData("Mish")]
    public void ActivationsAreRightFarFromZeroToo(string act)
    {
        using var scope = NewDisposeScope();
        foreach (var passes in Passes.All)
        {
            using var work = new Workspace(1, passes) { Images = 16 };
            using var convolution = Conv2d(1, 1, 1, bias: false);
            using var norm = BatchNorm2d(1, eps: 0);
            convolution.weight!.requires_grad_(false).fill_(1);
            norm.eval();
            var u = linspace(-200, 200, 16 * 20 * 20).reshape(16, 1, 20, 20);
            using var noGrad = no_grad();
            var unit = new SparseUnit(work, convolution, norm, null);
            var values = new Planes(16, 1, 20, 20).ToImages(unit.Forward(u, Enum.Parse<Nonlinearity>(act)).Y).to(ScalarType.Float64);
            var wanted = Activated(act, u.to(ScalarType.Float64));
            // To single precision, and where e^u is below what a float holds, to that.
            var error = (values - wanted).abs() - 2e-6 * wanted.abs();
            Assert.True(error.max().ToDouble() <= 1e-34, $"{act}, vectors of {passes.Width}: off by {Max(values - wanted):g3}");
        }
    }

    /// <summary>Output, running mean, running variance, gradients of input, weights, gamma, beta and residual.</summary>
    private static Tensor[] Torch(Case c, Conv2d convolution, BatchNorm2d norm, Tensor input, Tensor? extra, Tensor weights, ScalarType type)
    {
        Tensor Leaf(Tensor t) => t.detach().to(type).clone().requires_grad_(true);
        Tensor x = Leaf(input), w = Leaf(convolution.weight!), gamma = Leaf(norm.weight!), beta = Leaf(norm.bias!);
        Tensor mean = norm.running_mean!.to(type).clone(), variance = norm.running_var!.to(type).clone();
        var residual = extra is null ? null : Leaf(extra);
        var bias = c.Bias ? convolution.bias!.detach().to(type) : null;
        var y = Torch(c, x, w, bias, mean, variance, gamma, beta, residual, training: true);
        ((y * weights.to(type)).sum() + (c.Fork ? x.square().sum() : 0)).backward();
        return [y, mean, variance, x.grad!, w.grad!, gamma.grad!, beta.grad!, .. residual is null ? [] : new[] { residual.grad! }];
    }

    private static Tensor Torch(Case c, Tensor x, Tensor weight, Tensor? bias, Tensor mean, Tensor variance, Tensor gamma, Tensor beta, Tensor? residual,
        bool training)
    {
        var z = functional.conv2d(x, weight, bias, [c.Stride, c.Stride], [c.Kernel / 2, c.Kernel / 2], [1L, 1L], c.Groups);
        var u = functional.batch_norm(z, mean, variance, gamma, beta, training);
        return Activated(c.Act, residual is null ? u : u + residual);
    }

    private static Tensor Activated(string act, Tensor u)
        => act switch { "Relu" => functional.relu(u), "Swish" => functional.silu(u), "Mish" => functional.mish(u), _ => u };

    private static double Max(Tensor t) => t.numel() == 0 ? 0 : t.abs().max().to(ScalarType.Float64).item<double>();
}
