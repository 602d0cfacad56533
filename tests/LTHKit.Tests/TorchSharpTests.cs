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

    /// <summary>Where a machine does not tell the sizes of its caches, each convolution of one image would write a warning, thousands in a notebook.</summary>
    [Fact]
    public void NoNetworkAsksForNnpack()
    {
        using var network = Networks.Build(new ModelSpec("lenet"), new InputSpec(10), 0);
        Assert.False(UserEnabledNnpack(GlobalContext()));
    }

    [DllImport("libtorch_cpu.so", EntryPoint = "_ZN2at13globalContextEv")]
    private static extern IntPtr GlobalContext();

    [DllImport("libtorch_cpu.so", EntryPoint = "_ZNK2at7Context17userEnabledNNPACKEv")]
    [return: MarshalAs(UnmanagedType.U1)]
    private static extern bool UserEnabledNnpack(IntPtr context);
}
