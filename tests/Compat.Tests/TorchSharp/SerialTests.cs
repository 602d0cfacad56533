using System.Diagnostics;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Compat.Tests.Torch;

[CollectionDefinition(nameof(Serial), DisableParallelization = true)]
public class Serial
{
}

/// <summary>What depends on the state of the process: the default generator, the number of live tensors, memory.</summary>
[Collection(nameof(Serial))]
public class SerialTests
{
    [Fact]
    public void DefaultGeneratorGivesPyTorchsNumbers()
    {
        var recorded = Reference.Section("random");
        manual_seed(123);
        Reference.AssertClose(recorded["randn"], randn(5), 1e-7);
        Reference.AssertClose(recorded["rand"], rand(5), 1e-7);
        Reference.AssertClose(recorded["randint"], randint(100, [5]), 0);
        Reference.AssertClose(recorded["randperm"], randperm(10), 0);
        Reference.AssertClose(recorded["bernoulli"], empty(8).bernoulli_(0.3), 0);
        Reference.AssertClose(recorded["normal"], empty(20).normal_(1, 2), 1e-6);
    }

    [Fact]
    public void LayersInitialiseAsPyTorch()
    {
        var recorded = Reference.Section("random");
        manual_seed(9);
        using var conv = nn.Conv2d(2, 3, 3);
        Reference.AssertClose(recorded["conv"]!["weight"], conv.weight, 1e-7);
        Reference.AssertClose(recorded["conv"]!["bias"], conv.bias!, 1e-7);
        using var linear = nn.Linear(4, 3);
        Reference.AssertClose(recorded["linear"]!["weight"], linear.weight, 1e-7);
        Reference.AssertClose(recorded["linear"]!["bias"], linear.bias!, 1e-7);
    }

    [Fact]
    public void OwnGeneratorGivesPyTorchsNumbersAndLeavesTheDefaultAlone()
    {
        var recorded = Reference.Section("random")["generator"]!;
        using var before = get_rng_state();
        using var generator = new Generator(7);
        Assert.Equal(7, generator.initial_seed());
        Reference.AssertClose(recorded["randn"], randn(5, generator: generator), 1e-7);
        Reference.AssertClose(recorded["randperm"], randperm(6, generator: generator), 0);
        Reference.AssertClose(recorded["uniform"], empty(4).uniform_(-1, 1, generator), 1e-7);
        Reference.AssertClose(recorded["randint"], randint(3, 9, [6], generator: generator), 0);
        Assert.True(get_rng_state().Equals(before));
    }

    [Fact]
    public void GeneratorStateIsSavedAndRestored()
    {
        using var generator = new Generator(3);
        rand(3, generator: generator).Dispose();
        using var state = generator.get_state();
        var first = randn(9, generator: generator);
        generator.set_state(state);
        Assert.True(first.Equals(randn(9, generator: generator)));
        generator.manual_seed(3);
        rand(3, generator: generator).Dispose();
        Assert.True(first.Equals(randn(9, generator: generator)));
    }

    [Fact]
    public void TrainingStepLeavesNoTensorAndNoMemoryBehind()
    {
        using var net = Networks.Small("silu");
        using var optimizer = optim.SGD(net.parameters(), 0.01, momentum: 0.9, weight_decay: 1e-4);
        using var x = randn(16, 2, 12, 12);
        using var y = randint(5, [16]);
        Steps(50);
        var live = Tensor.TotalCount;
        var thread = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        var memory = ResidentMegabytes();

        Steps(1000);

        Assert.Equal(live, Tensor.TotalCount);
        Assert.Equal(thread, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
        Assert.InRange(ResidentMegabytes() - memory, -1000, 16);

        void Steps(int count)
        {
            for (var step = 0; step < count; step++)
            {
                using var scope = NewDisposeScope();
                net.zero_grad();
                nn.functional.cross_entropy(net.call(x), y).backward();
                optimizer.step();
            }
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }
    }

    [Fact]
    public void FinalizersReleaseForgottenTensors()
    {
        var live = Tensor.TotalCount;
        Forget();
        for (var attempt = 0; attempt < 20 && Tensor.TotalCount > live; attempt++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }
        Assert.InRange(Tensor.TotalCount, 0, live);

        [System.Runtime.CompilerServices.MethodImpl(System.Runtime.CompilerServices.MethodImplOptions.NoInlining)]
        static void Forget()
        {
            for (var i = 0; i < 100; i++)
                ones(1000);
        }
    }

    [Fact]
    public void ThreadsCanBeSet()
    {
        var before = get_num_threads();
        set_num_threads(1);
        Assert.Equal(1, get_num_threads());
        set_num_threads(before);
        Assert.Equal(before, get_num_threads());
    }

    private static long ResidentMegabytes()
    {
        using var process = Process.GetCurrentProcess();
        return process.WorkingSet64 >> 20;
    }
}
