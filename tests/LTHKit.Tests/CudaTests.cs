using System.Collections.Concurrent;
using LTHKit.Analysis;
using LTHKit.Tests.Analysis;
using LTHKit.Tests.Experiments;

namespace LTHKit.Tests;

/// <summary>A test on a CUDA device.</summary>
public sealed class CudaFactAttribute : FactAttribute
{
    public CudaFactAttribute() => Skip = cuda.is_available() ? null : "There is no CUDA device.";
}

/// <summary>The same with data.</summary>
public sealed class CudaTheoryAttribute : TheoryAttribute
{
    public CudaTheoryAttribute() => Skip = cuda.is_available() ? null : "There is no CUDA device.";
}

/// <summary>A CUDA device computes what the CPU does, to rounding, and the same bits each time.</summary>
[Collection(nameof(Alone))]       // TF32's switch belongs to the process
public sealed class CudaTests : InFolder
{
    private readonly ImageSet _cpu = DataSets.Open(new DataSpec { TrainCount = 300, TestCount = 60, Classes = 5 });
    private readonly ImageSet? _cuda;
    private readonly DisposeScope _scope = NewDisposeScope();

    public CudaTests() => _cuda = cuda.is_available() ? _cpu.To(Libtorch.Cuda()) : null;

    public override void Dispose()
    {
        _scope.Dispose();
        _cpu.Dispose();
        _cuda?.Dispose();
        base.Dispose();
    }

    private static Recipe Recipe(Precision precision = default) => new() { Epochs = 2, BatchSize = 50, LearningRate = 0.05, Sparse = precision == Precision.Fp32 ? false : null, Precision = precision };

    /// <summary>A smooth network, in which rounding flips no unit, with half of its weights pruned.</summary>
    private static (Network Network, Mask Mask) Build(string model, ImageSet data)
    {
        var network = Networks.Build(new ModelSpec(model, 8), new InputSpec(data.Classes, data.Height), 1);
        foreach (var activation in network.Activations)
            activation.Function = x => nn.functional.silu(x);
        using var drawn = Small.HalfOf(network);
        network.to(data.Device);
        var mask = drawn.To(data.Device);
        mask.Apply(network);
        return (network, mask);
    }

    private static Dictionary<string, Tensor> State(Network network) => network.State.ToDictionary(s => s.Name, s => s.Value.detach().cpu().clone());

    private static double Distance(Tensor a, Tensor b) => (a - b).norm().ToDouble() / Math.Max(1e-12, b.norm().ToDouble());

    [CudaTheory]
    [InlineData("resnet18")]
    [InlineData("vgg16")]
    [InlineData("mobilenet")]
    public void StepsAreTheCpusToRounding(string model)
    {
        (Dictionary<string, Tensor> State, float[] Losses) Trained(ImageSet data)
        {
            var (network, mask) = Build(model, data);
            using var trainer = new Trainer(network, mask, Recipe(), data, Losses.CrossEntropy, 1);
            network.train();
            var losses = zeros(3, device: data.Device);
            foreach (var (i, batch) in trainer.Batches.Epoch(0).Take(3).Index())
                trainer.Learn(batch, 0.05, losses.narrow(0, i, 1));
            var state = State(network);
            foreach (var layer in mask.Layers)
                Assert.Equal(0, state[layer.Name].masked_select(mask[layer.Name].cpu().logical_not()).count_nonzero().ToInt64());
            network.Dispose();
            mask.Dispose();
            return (state, losses.cpu().data<float>().ToArray());
        }
        var (expected, actual) = (Trained(_cpu), Trained(_cuda!));
        Assert.All(expected.Losses.Zip(actual.Losses), pair => Assert.Equal(pair.First, pair.Second, 1e-4 * pair.First));
        Assert.All(expected.State, value => Assert.True(Distance(actual.State[value.Key].to(ScalarType.Float32), value.Value.to(ScalarType.Float32)) < 1e-3, value.Key));
    }

    [CudaFact]
    public void BatchesAreTheCpusToTheBit()
    {
        using Batches ours = new(_cpu, 50, 3), theirs = new(_cuda!, 50, 3);
        foreach (var (a, b) in ours.Epoch(1).Zip(theirs.Epoch(1)))
            Assert.True(a.Images.equal(b.Images.cpu()).all().ToBoolean() && a.Labels.equal(b.Labels.cpu()).all().ToBoolean());
    }

    [CudaFact]
    public void InBfloat16TheChannelsComeLastAllTheWayAndTheGradientIsFloat32s()
    {
        var gradients = Enum.GetValues<Precision>().Select(precision =>
        {
            var (network, mask) = Build("resnet18", _cuda!);
            HashSet<(ScalarType, bool)> seen = [];
            foreach (var (name, module) in network.named_modules().Where(m => m.module is nn.Module<Tensor, Tensor>))
                ((nn.Module<Tensor, Tensor>)module).register_forward_hook((_, _, y) =>
                {
                    if (y.dim() == 4)
                        seen.Add((y.dtype, y.stride(1) == 1));
                    return y;
                });
            using var trainer = new Trainer(network, mask, Recipe(precision), _cuda!, Losses.CrossEntropy, 1);
            trainer.TrainEpoch(0, until: 1);
            Assert.Equal(precision == Precision.Bf16 ? (ScalarType.BFloat16, true) : (ScalarType.Float32, false), Assert.Single(seen));
            Assert.All(network.parameters(), p => Assert.Equal(ScalarType.Float32, p.grad!.dtype));
            return cat([.. network.parameters().Select(p => p.grad!.flatten())]).cpu();
        }).ToArray();
        Assert.InRange(Distance(gradients[(int)Precision.Tf32], gradients[0]), 1e-6, 0.02);
        Assert.InRange(Distance(gradients[(int)Precision.Bf16], gradients[0]), 1e-4, 0.15);
    }

    [CudaTheory]
    [InlineData(Precision.Fp32)]
    [InlineData(Precision.Tf32)]
    [InlineData(Precision.Bf16)]
    public void ATrainingEndsWithTheSameBitsAlsoWhenItWasResumedOrItsStepsAreNotRecorded(Precision precision)
    {
        Dictionary<string, Tensor> Trained(Step? stopAt = null, bool alike = true)
        {
            var (network, mask) = Build("resnet18", _cuda!);
            var trainer = new Trainer(network, mask, Recipe(precision), _cuda!, Losses.CrossEntropy, 1, alike: alike);
            if (stopAt is { } step)
            {
                trainer.Run([], until: step);
                trainer.Save(Folder.At("checkpoint"));
                trainer.Dispose();
                trainer = new Trainer(network, mask, Recipe(precision), _cuda!, Losses.CrossEntropy, 1, alike: alike);
                trainer.Resume(Folder.At("checkpoint"));
            }
            trainer.Run([]);
            Assert.Equal(alike && stopAt is null or { Iterations: 0 }, trainer.Recorded is not null);
            trainer.Dispose();
            return State(network);
        }
        using var stream = CudaStream.Own(CUDA);
        var once = Trained();
        foreach (var other in new[] { Trained(), Trained(1), Trained(new Step(1, 2)), Trained(alike: false) })
            Assert.All(once, value => Assert.True(value.Value.equal(other[value.Key]).all().ToBoolean(), value.Key));
    }

    // The switch is libtorch's and the process's; it can be set where no device is.
    [Fact]
    public async Task WorkInTf32AndWorkInFloat32TakeTurnsAndWhoRecordsIsAlone()
    {
        (bool, bool) Now() => (backends.cuda.matmul.allow_tf32, backends.cudnn.allow_tf32);
        DeviceTurns.NoTf32();
        Assert.Null(DeviceTurns.Take(DeviceType.CPU, Precision.Tf32));
        ConcurrentQueue<string> log = [];
        Thread? last = null;
        Task Work(string name, Precision precision, Task until) => Task.Factory.StartNew(() =>
        {
            last = Thread.CurrentThread;
            using (DeviceTurns.Take(DeviceType.CUDA, precision))
            {
                Assert.Null(DeviceTurns.Take(DeviceType.CUDA, precision));
                log.Enqueue($"{name} {Now().Item1}");
                until.Wait();
            }
        }, TaskCreationOptions.LongRunning);
        void Await(int count) => Assert.True(SpinWait.SpinUntil(() => log.Count == count, 60_000));
        void AwaitWaiting() => Assert.True(SpinWait.SpinUntil(() => last?.ThreadState.HasFlag(ThreadState.WaitSleepJoin) ?? false, 60_000));
        TaskCompletionSource first = new(), second = new();
        var all = new List<Task> { Work("a", Precision.Tf32, first.Task), Work("b", Precision.Tf32, first.Task) };
        Await(2);
        last = null;
        all.Add(Work("c", Precision.Bf16, second.Task));
        AwaitWaiting();
        last = null;
        all.Add(Work("d", Precision.Tf32, Task.CompletedTask));         // c waits, and comes before it
        AwaitWaiting();
        DeviceTurns.NoTf32();      // as another laboratory does that is opened meanwhile
        Assert.Equal((2, (true, true)), (log.Count, Now()));
        first.SetResult();
        Await(3);
        Assert.Equal(("c False", (false, false)), (log.Last(), Now()));
        second.SetResult();
        await Task.WhenAll(all);
        Assert.Equal("d True", log.Last());
        // Within a measurement somebody trains; and what somebody else has set is there again.
        backends.cudnn.allow_tf32 = true;
        using (DeviceTurns.Take(DeviceType.CUDA))
        {
            using (DeviceTurns.Take(DeviceType.CUDA, Precision.Tf32))
                Assert.Equal((true, true), Now());
            Assert.Equal((false, false), Now());
        }
        Assert.Equal((false, true), Now());
        // Who records is alone, and does not wait long for that; who waits for others leaves.
        log.Clear();
        last = null;
        TaskCompletionSource third = new();
        using (DeviceTurns.Take(DeviceType.CUDA, Precision.Bf16))
        {
            using (DeviceTurns.Alone())
            {
                all = [Work("e", Precision.Bf16, third.Task)];
                AwaitWaiting();
                Assert.Empty(log);
            }
            Await(1);
            Assert.Null(DeviceTurns.Alone());
            all.Add(Work("f", Precision.Tf32, Task.CompletedTask));
            third.SetResult();
            using (DeviceTurns.Leave())
                await Task.WhenAll(all);
        }
        Assert.Equal(["e False", "f True"], log);
        DeviceTurns.NoTf32();
        Assert.Equal((false, false), Now());
    }

    [CudaFact]
    public void WhatIsMeasuredIsTheCpus()
    {
        using var data = Small.Images();
        using var there = data.To(CUDA);
        double[] Measured(ImageSet images)
        {
            var (network, mask) = Build("vgg5", images);
            network.to(ScalarType.Float64);
            var objective = new Objective(network, images);
            using var hessian = new Hessian(objective, mask, new() { Tolerance = 1e-10, MaxIterations = 2000 });
            return [hessian.Top()[0].Value, hessian.Density(steps: 10).Mean, objective.Mean(),
                .. LossLandscape.Weights(objective, mask, new(3, 1)).Z.SelectMany(z => z), .. LossLandscape.Inputs(objective, new(3, 3)).Z.SelectMany(z => z)];
        }
        var (expected, actual) = (Measured(data), Measured(there));
        Assert.All(expected.Zip(actual).Index(), value => Assert.True(Math.Abs(value.Item.First - value.Item.Second) < 1e-5 * Math.Abs(value.Item.First), $"{value}"));
    }

    [CudaFact]
    public void TicketsAreTheCpus()
    {
        foreach (var pruner in Pruner.All)
        {
            Mask Draw(ImageSet data)
            {
                var (network, _) = Build("resnet18", data);
                using var dense = Mask.Dense(network);
                using var drawn = pruner.Draw(network, dense, dense.Total / 5, data, 3);
                return drawn.To(CPU);
            }
            using Mask expected = Draw(_cpu), actual = Draw(_cuda!);
            Assert.Equal(expected.Kept, actual.Kept);
            Assert.InRange(expected.Overlap(actual), pruner.Name is "random" or "imp" or "omp" ? 1 : 0.99, 1);      // rounding decides between near scores
        }
    }

    [CudaFact]
    public void TheLaboratoryTrainsAndMeasuresAllOfItAndTheSameBitsHoweverManySideBySide()
    {
        Tweak[][] all = [[], [new SkipInjection(), new SmoothActivation()], [new RescaledInit(3), new LabelSmoothing()], [new Distillation(), new SkipInjection(SkipKind.Identity)],
            [new SmoothActivation("mish"), new SkipInjection(SkipKind.Normalised), new LabelSmoothing(), new RescaledInit(3)]];
        string[] Trained(string store, Precision precision, int jobs)
        {
            var profile = Tiny.Profile with { Analysis = new(CurvatureImages: 50, LanczosSteps: 5), Recipe = Tiny.Profile.Recipe with { Precision = precision, Epochs = 2 } };
            using var lab = Lab.Open(profile, device: "cuda", jobs: jobs, store: new RunStore(Folder.At(store)));
            var sweeps = all.Select(tweaks => lab.Sweep(tweaks: tweaks)).Append(lab.Sweep(rewind: new Step(1, 3)))
                .Append(lab.Sweep(rewinding: Rewinding.FineTuning)).Append(lab.Sweep(control: Control.Shuffled))
                .Append(lab.Sweep(recipe: profile.Recipe with { Optimiser = p => optim.AdamW(p) })).ToList();
            Assert.All(sweeps, sweep => Assert.Equal(2, sweep.Runs.Count));
            var two = sweeps[1].Runs.Take(2).ToList();
            Assert.All(lab.WeightPlanes(two, grid: new(3, 1)).Concat(lab.InputPlanes(two, grid: new(3, 1))), plane => Assert.All(plane.Z.SelectMany(z => z), z => Assert.True(double.IsFinite(z))));
            Assert.All(lab.AlongTopEigenvector(two), line => Assert.True(double.IsFinite(line.Value.Eigenvalue)));
            Assert.All(lab.SpectralDensities(two), density => Assert.True(double.IsFinite(density.Value.Mean)));
            Assert.Equal(2, lab.SilentActivations(two).Count);
            Assert.Equal(2, lab.MultiplyAdds(two).Count);
            Assert.All(lab.StepTimes(sweeps[0].Runs), time => Assert.True(time.Masked > 0));
            Assert.All(lab.Watched(two, profile.Analysis.Curvature(profile.Recipe)), seen => Assert.NotEmpty(seen.Values));
            Assert.All(lab.Watched(two, profile.Analysis.Gradients(profile.Recipe)), seen => Assert.NotEmpty(seen.Values));
            return [.. sweeps.SelectMany(sweep => sweep.Runs).Select(run => Convert.ToHexString(Tiny.Bits(Path.Combine(run.Folder, "checkpoint.safetensors"))))];
        }
        Assert.Equal(Trained("a", Precision.Fp32, jobs: 1), Trained("b", Precision.Fp32, jobs: 4));
        Assert.Equal(Trained("c", Precision.Tf32, jobs: 4), Trained("d", Precision.Tf32, jobs: 4));
        Assert.Equal(Trained("e", Precision.Bf16, jobs: 4), Trained("f", Precision.Bf16, jobs: 4));
    }
}
