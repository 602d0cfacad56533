using LTHKit.Kernels;
using LTHKit.Tests.Analysis;
using TorchSharp.Modules;

namespace LTHKit.Tests.Kernels;

/// <summary>Whole networks: what is trained this way is what TorchSharp's path trains.</summary>
public class SparseTrainingTests
{
    [Theory]
    [InlineData("resnet18", "relu", null, 32)]
    [InlineData("resnet18", "swish", null, 21)]
    [InlineData("resnet18", "gelu", null, 16)]
    [InlineData("resnet18", "relu", SkipKind.Normalised, 64)]
    [InlineData("resnet18", "mish", SkipKind.Projection, 16)]
    [InlineData("vgg16", "relu", null, 96)]
    [InlineData("vgg16", "swish", null, 16)]
    [InlineData("mobilenet", "swish", null, 32)]
    [InlineData("mobilenet", "swish", SkipKind.Identity, 16)]
    public void FiftyStepsAreTorchsInDoublePrecision(string model, string activation, SkipKind? skip, int images)
    {
        using var scope = NewDisposeScope();
        using Network ours = Build(model, activation, skip), single = Build(model, activation, skip), exact = Build(model, activation, skip);
        using var mask = Small.HalfOf(ours, seed: 5);
        exact.to(ScalarType.Float64);
        foreach (var network in new[] { ours, single, exact })
            mask.Apply(network);
        using var sparse = Sparse(ours, mask);
        var (losses, singles, exacts) = (Train(ours, mask, sparse, images, 50), Train(single, mask, null, images, 50), Train(exact, mask, null, images, 50));
        // A ReLU that rounding has switched changes what follows; how soon one is differs from machine to machine.
        for (var i = 0; i < 50; i++)
            Assert.True(Math.Abs(losses[i] - exacts[i]) <= (activation == "relu" && i > 2 ? 1e-2 : 1e-4) * exacts[i] + 5 * Math.Abs(singles[i] - exacts[i]),
                $"step {i}: loss {losses[i]}, in double precision {exacts[i]}, TorchSharp's {singles[i]}");
        foreach (var ((name, value), (_, wanted)) in activation == "relu" ? [] : ours.named_parameters().Zip(exact.named_parameters()))
            Assert.True((value.to(ScalarType.Float64) - wanted).norm().item<double>() <= 1e-3 * wanted.norm().item<double>() + 1e-6, $"{name} after 50 steps");
        foreach (var (name, weight) in ours.PrunableWeights())
            Assert.Equal(0, weight[mask[name].logical_not()].abs().sum().item<float>());
    }

    /// <summary>
    /// At a rate at which the loss falls to a hundredth. Only what is smooth can agree so: a ReLU or the largest of a pooling that rounding has switched changes
    /// what follows, and then TorchSharp's weights in single precision differ from its own in double by some percent too (of vgg5, 4 %).
    /// </summary>
    [Theory]
    [InlineData("swish")]
    [InlineData("mish")]
    public void AtTrainingsRateTheWeightsAreTorchsAfterFiftySteps(string activation)
    {
        using var scope = NewDisposeScope();
        using Network ours = Build("resnet18", activation, null), torchs = Build("resnet18", activation, null);
        using var mask = Small.HalfOf(ours, seed: 5);
        mask.Apply(ours);
        mask.Apply(torchs);
        using var sparse = Sparse(ours, mask);
        var (losses, wanted) = (Train(ours, mask, sparse, 128, 50, 0.05, kinds: true), Train(torchs, mask, null, 128, 50, 0.05, kinds: true));
        Assert.InRange(wanted[^1], 0, 0.01 * wanted[0]);
        Assert.All(losses.Zip(wanted), loss => Assert.Equal(loss.Second, loss.First, 1e-4 * loss.Second));
        foreach (var ((name, value), (_, other)) in ours.named_parameters().Zip(torchs.named_parameters()))
            Assert.True((value - other).norm().item<float>() <= 1e-4 * other.norm().item<float>(), $"{name} after 50 steps");
    }

    /// <summary>Of one step, for fifty of networks with projections are chaotic: their first weights of 1e-4 make the first steps enormous.</summary>
    [Theory]
    [InlineData("resnet18", "swish", 21)]
    [InlineData("resnet18", "gelu", 16)]
    [InlineData("vgg16", "mish", 96)]
    [InlineData("mobilenet", "swish", 32)]
    public void GradientsWithProjectionsAreTorchsInDoublePrecision(string model, string activation, int images)
    {
        using var scope = NewDisposeScope();
        using Network ours = Build(model, activation, SkipKind.Projection), single = Build(model, activation, SkipKind.Projection),
            exact = Build(model, activation, SkipKind.Projection);
        using var mask = Small.HalfOf(ours, seed: 5);
        exact.to(ScalarType.Float64);
        using var sparse = Sparse(ours, mask);
        using var generator = new Generator(9);
        var (x, y) = (randn(images, 3, 16, 16, generator: generator), randint(0, 10, [images], generator: generator));
        foreach (var (network, step) in new[] { (ours, sparse), (single, null), (exact, (SparseTraining?)null) })
        {
            mask.Apply(network);
            network.train();
            using (step?.Step())
                nn.functional.cross_entropy(network.call(x.to(network.parameters().First().dtype)), y).backward();
        }
        foreach (var (((name, value), (_, torchs)), (_, wanted)) in ours.named_parameters().Zip(single.named_parameters()).Zip(exact.named_parameters()))
        {
            double Off(Tensor gradient) => (Kept(mask, name, gradient).to(ScalarType.Float64) - Kept(mask, name, wanted.grad!)).norm().item<double>();
            Assert.True(Off(value.grad!) <= 1e-4 * Kept(mask, name, wanted.grad!).norm().item<double>() + 5 * Off(torchs.grad!) + 1e-9,
                $"{name}: off by {Off(value.grad!):g3} of {wanted.grad!.norm().item<double>():g3}, TorchSharp by {Off(torchs.grad!):g3}");
        }
    }

    [Theory]
    [InlineData("resnet18", "relu", null, 32)]
    [InlineData("resnet18", "swish", SkipKind.Projection, 21)]
    [InlineData("resnet18", "gelu", SkipKind.Normalised, 7)]
    [InlineData("vgg16", "mish", SkipKind.Projection, 48)]
    [InlineData("mobilenet", "relu", SkipKind.Projection, 16)]
    public void ItsLogitsInEvaluationAreTorchs(string model, string activation, SkipKind? skip, int images)
    {
        using var scope = NewDisposeScope();
        using var network = Build(model, activation, skip);
        using var mask = Small.HalfOf(network, seed: 5);
        mask.Apply(network);
        using var sparse = Sparse(network, mask);
        Train(network, mask, sparse, 32, 5);        // running statistics of its own
        network.eval();
        using var generator = new Generator(9);
        var pictures = randn([images, 3, 16, 16], generator: generator);
        using var noGrad = no_grad();
        var wanted = network.call(pictures);
        using (sparse.Step())
        {
            var seen = network.call(pictures);
            Assert.InRange((seen - wanted).norm().item<float>(), 0, 1e-5f * wanted.norm().item<float>());
            Assert.Equal(seen.bytes.ToArray(), network.call(pictures).bytes.ToArray());
        }
    }

    [Fact]
    public void AHookSeesImages()
    {
        using var scope = NewDisposeScope();
        using var network = Build("resnet18", "relu", null);
        using var mask = Small.HalfOf(network, seed: 5);
        using var sparse = Sparse(network, mask);
        var seen = new List<long>();
        var hook = network.Units[0].Convolution.register_forward_hook((_, _, y) =>
        {
            seen.Add(y.dim());
            return y;
        });
        Train(network, mask, sparse, 16, 1);
        hook.remove();
        Train(network, mask, sparse, 16, 1);
        Assert.Equal([4], seen);
    }

    [Fact]
    public void WhatItCannotDoIsTorchs()
    {
        using var conv4 = Networks.Build(new ModelSpec("conv4", 4), new InputSpec(10, 16), 0);      // no BatchNorm
        using var lenet = Networks.Build(new ModelSpec("lenet"), new InputSpec(10, 16), 0);
        using var exact = Build("resnet18", "relu", null);
        exact.to(ScalarType.Float64);
        Assert.All([conv4, lenet, exact], network => Assert.Null(SparseTraining.For(network, null, wish: true)));
    }

    /// <summary>What a unit does not know is TorchSharp's, whoever changed it; the others are served, and what is trained is the same.</summary>
    [Theory]
    [InlineData("padding")]
    [InlineData("around")]
    [InlineData("dilation")]
    [InlineData("strides")]
    [InlineData("memory")]
    public void AConvolutionOfAnotherKindIsTorchSharps(string changed)
    {
        using var scope = NewDisposeScope();
        using Network ours = Build("resnet18", "swish", SkipKind.Normalised), torchs = Build("resnet18", "swish", SkipKind.Normalised);
        using var mask = Small.HalfOf(ours, seed: 5);
        foreach (var network in new[] { ours, torchs })
        {
            mask.Apply(network);
            var convolution = network.Units[2].Convolution;
            switch (changed)
            {
                case "padding":
                    convolution.padding_mode = PaddingModes.Circular;
                    break;
                case "around":
                    convolution.SetPadding([0L, 1]);
                    break;
                case "dilation":
                    convolution.dilation = [2, 2];
                    convolution.SetPadding([2L, 2]);
                    break;
                case "strides":
                    convolution.stride = [1, 2];
                    break;
                case "memory":
                    convolution.weight = new Parameter(convolution.weight!.detach().transpose(0, 1).contiguous().transpose(0, 1));
                    break;
            }
        }
        Assert.Equal([ours.Units[2]], ours.Convolutions.Where(unit => !SparseTraining.Serves(unit)));
        if (changed is "around" or "strides")       // planes of another size have no place in the network
            return;
        using var sparse = Sparse(ours, mask);
        Assert.All(Train(ours, mask, sparse, 20, 5, 0.01).Zip(Train(torchs, mask, null, 20, 5, 0.01)), loss => Assert.Equal(loss.Second, loss.First, 1e-4 * loss.Second));
        foreach (var ((name, value), (_, other)) in ours.named_parameters().Zip(torchs.named_parameters()))
            Assert.True((value - other).norm().item<float>() <= 1e-3 * other.norm().item<float>(), name);
    }

    /// <summary>Each of a network's units through TorchSharp among those through the kernels.</summary>
    [Theory]
    [InlineData("resnet18", SkipKind.Projection)]
    [InlineData("vgg16", SkipKind.Identity)]
    [InlineData("mobilenet", null)]
    public void AnyUnitMayBeTorchSharps(string model, SkipKind? skip)
    {
        using var scope = NewDisposeScope();
        using Network ours = Build(model, "swish", skip), torchs = Build(model, "swish", skip);
        using var mask = Small.HalfOf(ours, seed: 5);
        using var generator = new Generator(9);
        var (x, y) = (randn(20, 3, 16, 16, generator: generator), randint(0, 10, [20], generator: generator));
        foreach (var network in new[] { ours, torchs })
            mask.Apply(network);
        Tensor Loss(Network network) => nn.functional.cross_entropy(network.call(x), y);
        Loss(torchs).backward();
        foreach (var unit in ours.Convolutions.ToList())
        {
            unit.Convolution.padding_mode = PaddingModes.Circular;      // which makes it another kind ...
            using var sparse = Sparse(ours, mask);
            unit.Convolution.padding_mode = PaddingModes.Zeros;         // ... that computes the same
            ours.zero_grad();
            using (sparse.Step())
                Loss(ours).backward();
            foreach (var ((name, value), (_, other)) in ours.named_parameters().Zip(torchs.named_parameters()))
            {
                var (gradient, wanted) = (Kept(mask, name, value.grad!), Kept(mask, name, other.grad!));
                Assert.True((gradient - wanted).norm().item<float>() <= 1e-3 * wanted.norm().item<float>() + 1e-5, $"{unit.Path}: {name}");
            }
        }
    }

    /// <summary>A skip of one's own may give one map for all images.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void ASkipOfOneMapReachesAllImages(int unit)
    {
        using var scope = NewDisposeScope();
        using Network ours = Build("resnet18", "swish", null), torchs = Build("resnet18", "swish", null);
        using var mask = Small.HalfOf(ours, seed: 5);
        foreach (var network in new[] { ours, torchs })
        {
            mask.Apply(network);
            network.Blocks[0].Units[unit].Inject(new Lambda(x => linspace(-1, 1, 256).view(1, 1, 16, 16).expand(1, x.shape[1], 16, 16)));
        }
        using var sparse = Sparse(ours, mask);
        Assert.All(Train(ours, mask, sparse, 20, 3, 0.01).Zip(Train(torchs, mask, null, 20, 3, 0.01)), loss => Assert.Equal(loss.Second, loss.First, 1e-4 * loss.Second));
    }

    private sealed class Lambda(Func<Tensor, Tensor> function) : nn.Module<Tensor, Tensor>("map")
    {
        public override Tensor forward(Tensor x) => function(x);
    }

    /// <summary>As measured: a narrow network always gains, a wide one from some sparsity on.</summary>
    [Theory]
    [InlineData(4, 16, 1, true)]
    [InlineData(16, 32, 1, false)]
    [InlineData(16, 32, 0.3, true)]
    [InlineData(64, 32, 0.8, false)]
    [InlineData(64, 32, 0.2, true)]
    public void ItIsChosenWhereItIsFaster(int width, int size, double density, bool favoured)
    {
        favoured |= !Libtorch.HasOneDnn;        // libtorch's own convolutions are slower than the kernels
        using var scope = NewDisposeScope();
        using var network = Networks.Build(new ModelSpec("resnet18", width), new InputSpec(10, size), 1);
        using var generator = new Generator(5);
        using Mask mask = new([.. network.PrunableWeights().Select(w => (w.Name, rand(w.Weight.shape, generator: generator) < density))]);
        Assert.Equal(favoured, Cost.Favours(network, mask));
        using var chosen = SparseTraining.For(network, mask, null);
        Assert.Equal(favoured, chosen is not null);
        Assert.Null(SparseTraining.For(network, mask, wish: false));
    }

    /// <summary>One unit of another kind does not take the kernels from the others; where few are left, copies between the layouts cost more than they save.</summary>
    [Fact]
    public void ItIsChosenForWhatIsServed()
    {
        using Network narrow = Build("resnet18", "relu", null), wide = Networks.Build(new ModelSpec("resnet18", 16), new InputSpec(10, 32), 1);
        narrow.Units[2].Convolution.padding_mode = PaddingModes.Circular;
        Assert.True(Cost.Favours(narrow, null));
        foreach (var unit in wide.Convolutions.Where(unit => unit.Convolution.kernel_size[0] > 1))
            unit.Convolution.padding_mode = PaddingModes.Circular;
        Assert.Equal(!Libtorch.HasOneDnn, Cost.Favours(wide, null));
    }

    /// <summary>Of a gradient the part that trains: a unit's own has none of the weights that are pruned.</summary>
    private static Tensor Kept(Mask mask, string name, Tensor gradient) => mask.Covers(name) ? gradient * mask[name] : gradient;

    internal static SparseTraining Sparse(Network network, Mask mask) => new(network, mask, new GuardedWorkspace(get_num_threads()));

    internal static Network Build(string model, string activation, SkipKind? skip)
    {
        random.manual_seed(3);
        var network = Networks.Build(new ModelSpec(model, model == "mobilenet" ? 8 : 4), new InputSpec(10, 16), 1);
        new SmoothActivation(activation).Rewrite(network, null!);
        if (skip is { } kind)
            new SkipInjection(kind).Rewrite(network, null!);
        return network;
    }

    /// <summary>Losses of steps of SGD on random images and labels, or on images of ten kinds.</summary>
    internal static List<double> Train(Network network, Mask mask, SparseTraining? sparse, int images, int steps, double rate = 2e-4, bool kinds = false)
    {
        using var optimiser = MaskedOptimiser.Of(network, mask, new Recipe { Optimiser = null });
        optimiser.LearningRate = rate;
        using var generator = new Generator(9);
        using var means = kinds ? randn(10, 3, 16, 16, generator: generator) : zeros(10, 1, 1, 1);
        var losses = new List<double>();
        network.train();
        for (var i = 0; i < steps; i++)
        {
            using var scope = NewDisposeScope();
            using var step = sparse?.Step();
            var x = randn(images, 3, 16, 16, generator: generator);
            var y = randint(0, 10, [images], generator: generator);
            x = (x + means[y]).to(network.parameters().First().dtype);
            optimiser.ZeroGradients();
            var loss = nn.functional.cross_entropy(network.call(x), y);
            loss.backward();
            optimiser.Step();
            losses.Add(loss.to(ScalarType.Float64).item<double>());
        }
        return losses;
    }
}

/// <summary>What concerns the whole process, its memory and libtorch's threads: tried while no other test runs.</summary>
[Collection(nameof(Alone))]
public class SparseTrainingProcessTests
{
    [Theory]
    [InlineData(1, null)]
    [InlineData(2, null)]
    [InlineData(3, null)]
    [InlineData(8, SkipKind.Projection)]
    [InlineData(4, SkipKind.Normalised)]
    [InlineData(16, SkipKind.Identity)]
    public void SameThreadsSameBits(int threads, SkipKind? skip) => Same(threads, () =>
    {
        using var network = SparseTrainingTests.Build("resnet18", "relu", skip);
        using var mask = Small.HalfOf(network, seed: 5);
        mask.Apply(network);
        using var sparse = SparseTrainingTests.Sparse(network, mask);
        SparseTrainingTests.Train(network, mask, sparse, 48, 5);
        return [.. network.State.Select(s => s.Value.clone())];
    });

    // With three threads or more oneDNN wrote beyond its memory here: other bits, or the end of the process.
    [Theory]
    [InlineData(2, 8)]
    [InlineData(3, 8)]
    [InlineData(4, 8)]
    [InlineData(4, 24)]
    [InlineData(16, 8)]
    public void SameThreadsSameBitsThroughLibtorch(int threads, int width) => Same(threads, () =>
    {
        using var data = DataSets.Open(new DataSpec { TrainCount = 300, TestCount = 60, Classes = 5 });
        using var network = Networks.Build(new ModelSpec("resnet18", width), new InputSpec(data.Classes, data.Height), 1);
        using var trainer = new Trainer(network, null, new Recipe { Epochs = 1, BatchSize = 50, Sparse = false }, data, Losses.CrossEntropy, 1);
        trainer.Run([]);
        return [.. network.State.Select(s => s.Value.clone())];
    });

    private static void Same(int threads, Func<List<Tensor>> train)
    {
        var before = get_num_threads();
        set_num_threads(threads);
        try
        {
            string Bits()
            {
                using var scope = NewDisposeScope();
                return string.Concat(train().Select(value => Convert.ToHexString(value.bytes)));
            }
            var once = Bits();
            Assert.All(Enumerable.Range(0, 2), _ => Assert.Equal(once, Bits()));
        }
        finally
        {
            set_num_threads(before);
        }
    }

    [Fact]
    public void AStepLeavesNothingBehind()
    {
        using var network = SparseTrainingTests.Build("resnet18", "relu", null);
        using var mask = Small.HalfOf(network, seed: 5);
        mask.Apply(network);
        using var sparse = new SparseTraining(network, mask);
        LeavesNothing(steps => SparseTrainingTests.Train(network, mask, sparse, 16, steps), 3, 150);
    }

    [Fact]
    public void TenThousandStepsOfAUnitLeaveNothingBehind()
    {
        using var small = new SmallUnit(new Workspace(1), channels: 2);
        LeavesNothing(steps =>
        {
            for (var i = 0; i < steps; i++)
            {
                using var scope = NewDisposeScope();
                small.Backward();
            }
        }, 500, 10_000);        // of each step a single tensor would be 120 MB
    }

    // Without a scope that holds them, tensors go when nothing in C# names them any more: in code that the runtime has optimised, which it does in the
    // background and in two steps, before the passes end that have their addresses.
    [Fact]
    public void TensorsLiveUntilThePassesEnd()
    {
        var work = new CollectingWorkspace();
        using var small = new SmallUnit(work, channels: 2);
        for (var step = 0; step < 410; step++)
        {
            work.Collects = step >= 400;
            small.Backward();
            if (step % 50 == 49)
                Thread.Sleep(300);
        }
        Assert.Equal(0, work.Lost);
    }

    private sealed class CollectingWorkspace() : Workspace(1)
    {
        private readonly List<WeakReference> _lent = [];       // since before the last pass
        private bool _passed;

        public bool Collects { get; set; }
        public int Lost { get; private set; }

        public override Tensor Floats(long size)
        {
            if (_passed)
                _lent.Clear();
            _passed = false;
            var memory = new float[size];
            _lent.Add(new(memory));
            return frombuffer(memory, ScalarType.Float32);
        }

        public override void Each(int blocks, Action<int, int> pass)
        {
            base.Each(blocks, pass);
            _passed = true;
            for (var i = 0; Collects && i < 2; i++)
            {
                GC.Collect();
                GC.WaitForPendingFinalizers();
            }
            Lost += Collects ? _lent.Count(memory => !memory.IsAlive) : 0;
        }
    }

    /// <summary>A unit with a residual whose input is used again.</summary>
    private sealed class SmallUnit : IDisposable
    {
        private readonly Workspace _work;
        private readonly Conv2d _convolution;
        private readonly BatchNorm2d _norm;
        private readonly SparseUnit _unit;
        private readonly Tensor _x, _added;

        public SmallUnit(Workspace work, int channels)
        {
            (_work, work.Images) = (work, 16);
            _unit = new SparseUnit(work, _convolution = nn.Conv2d(channels, channels, 3, padding: 1, bias: false), _norm = nn.BatchNorm2d(channels), null);
            (_x, _added) = (Leaf(), Leaf());

            Tensor Leaf() => randn(16, channels, 8, 8, requires_grad: true);
        }

        public Tensor[] Leaves => [_x, _added, _convolution.weight!, _norm.weight!, _norm.bias!];

        public void Backward()
        {
            foreach (var leaf in Leaves)
                leaf.grad = null;
            var (y, passed) = _unit.Forward(_x, Nonlinearity.Swish, _added, fork: true);
            (y.square().sum() + passed.square().sum()).backward();
        }

        public void Dispose()
        {
            _work.Dispose();
            _convolution.Dispose();
            _norm.Dispose();
            _x.Dispose();
            _added.Dispose();
        }
    }

    private static void LeavesNothing(Action<int> run, int before, int steps)
    {
        run(before);
        var (tensors, memory) = (DisposeScopeManager.Statistics.ThreadTotalLiveCount, Resident());
        run(steps);
        Assert.Equal(tensors, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
        Assert.InRange(Resident() - memory, double.NegativeInfinity, 40);
    }

    private static double Resident()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        using var self = System.Diagnostics.Process.GetCurrentProcess();
        return self.WorkingSet64 / 1048576.0;
    }
}
