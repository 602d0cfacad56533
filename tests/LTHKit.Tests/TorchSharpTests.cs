using System.Runtime.InteropServices;

namespace LTHKit.Tests;

/// <summary>
/// TorchSharp hands native pointers to libtorch and does not keep their owners alive; build/LTHKit.targets sees to it that they live. Here the collector
/// and the finalisers run without a pause: with the package's own TorchSharp.dll wrong sums, exceptions or the end of the process come within a second.
/// </summary>
[Collection(nameof(Alone))]
public sealed class TorchSharpTests
{
    [Fact]
    public void NumbersLiveUntilAnOperationHasReadThem()
    {
        var (wrong, done) = (0, false);
        var collector = new Thread(() =>
        {
            while (!Volatile.Read(ref done))
            {
                GC.Collect(0);
                GC.WaitForPendingFinalizers();
            }
        });
        collector.Start();
        try
        {
            Parallel.For(0, 3, new ParallelOptions { MaxDegreeOfParallelism = 3 }, seed =>
            {
                var random = new Random(seed);
                for (var round = 0; round < 2000; round++)
                    Interlocked.Add(ref wrong, Wrong(random));
            });
        }
        finally
        {
            Volatile.Write(ref done, true);
            collector.Join();
        }
        Assert.Equal(0, wrong);

        static int Wrong(Random random)
        {
            using var scope = NewDisposeScope();
            using var ones = torch.ones(8);
            var wrong = 0;
            for (var i = 0; i < 50; i++)
            {
                var number = random.NextSingle();
                if (ones.mul(number)[7].ToSingle() != number || ones.add(ones, alpha: number)[7].ToSingle() != 1 + number || linalg.vector_norm(ones, 1).ToSingle() != 8)
                    wrong++;
            }
            return wrong;
        }
    }

    /// <summary>
    /// Where a machine does not tell the sizes of its caches, NNPACK would write a warning at each convolution of one image, thousands in a notebook, and oneDNN 3.7
    /// computes wrong gradients where outputs have fewer channels than a vector has numbers.
    /// </summary>
    [Theory]
    [InlineData(3, 4, 3, 1)]
    [InlineData(8, 8, 3, 1)]
    [InlineData(16, 4, 3, 2)]
    [InlineData(8, 8, 5, 1)]
    [InlineData(5, 20, 1, 1)]
    public void LibtorchDifferentiatesConvolutions(int inputs, int outputs, int kernel, int stride)
    {
        using var scope = NewDisposeScope();
        using var network = Networks.Build(new ModelSpec("lenet"), new InputSpec(10), 0);
        var random = new Generator(1);
        var (images, weights) = (rand(8, inputs, 8, 8, generator: random) - 0.5, rand(outputs, inputs, kernel, kernel, generator: random) - 0.5);
        var (single, exact) = (Slopes(ScalarType.Float32), Slopes(ScalarType.Float64));
        Assert.All(single.Zip(exact), pair => Assert.True(pair.First.to(ScalarType.Float64).allclose(pair.Second, 1e-4, 1e-3)));
        Assert.False(UserEnabledNnpack(GlobalContext()));
        Assert.Equal(Libtorch.HasOneDnn, UserEnabledMkldnn(GlobalContext()));

        Tensor[] Slopes(ScalarType type)
        {
            var (x, w) = (images.to(type, copy: true).requires_grad_(), weights.to(type, copy: true).requires_grad_());
            return [.. autograd.grad([nn.functional.conv2d(x, w, padding: [kernel / 2, kernel / 2], strides: [stride, stride]).square().sum()], [x, w])];
        }
    }

    [DllImport("libtorch_cpu.so", EntryPoint = "_ZN2at13globalContextEv")]
    private static extern IntPtr GlobalContext();

    [DllImport("libtorch_cpu.so", EntryPoint = "_ZNK2at7Context17userEnabledMkldnnEv")]
    [return: MarshalAs(UnmanagedType.U1)]
    private static extern bool UserEnabledMkldnn(IntPtr context);

    [DllImport("libtorch_cpu.so", EntryPoint = "_ZNK2at7Context17userEnabledNNPACKEv")]
    [return: MarshalAs(UnmanagedType.U1)]
    private static extern bool UserEnabledNnpack(IntPtr context);
}
