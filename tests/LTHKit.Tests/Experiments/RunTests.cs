using System.Diagnostics;
using LTHKit.Analysis;
using Xunit.Abstractions;

namespace LTHKit.Tests.Experiments;

public sealed class RunTests(ITestOutputHelper counted) : IDisposable
{
    private readonly string _store = Path.Combine(Path.GetTempPath(), $"lthkit-runs-{Guid.NewGuid():N}");

    public void Dispose()
    {
        if (Directory.Exists(_store))
            Directory.Delete(_store, recursive: true);
    }

    private RunFolder Folder(RunSpec spec, string? store = null) => new RunStore(store ?? _store).Folder(spec);

    /// <summary>What must be equal to the bit: weights, ticket, and metrics but for the time they took.</summary>
    private static string Outcome(RunStore store, RunSpec spec)
    {
        var folder = store.Folder(spec);
        var metrics = store.ReadMetrics(spec).Select(m => (m with { Seconds = 0 }).ToString());
        var files = new[] { folder.Checkpoint, folder.Mask }.Where(File.Exists).Select(f => Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(Tiny.Bits(f))));
        return string.Join('\n', metrics.Concat(files));
    }

    [Fact]
    public void SweepTrainsTheLadderAndSharesItsRuns()
    {
        using var lab = Tiny.Lab(_store, jobs: 2);
        var vanilla = lab.Sweep();
        Assert.Equal([1, 2], vanilla.Runs.Select(r => r.Spec.Level));
        Assert.Equal(3, Directory.GetDirectories(_store).Length);      // dense, level 1, level 2
        var swish = lab.Sweep(sparsities: [0.75], tweaks: [new SmoothActivation("swish")]);
        Assert.Equal(5, Directory.GetDirectories(_store).Length);      // and swish dense, swish level 2, on the same ticket
        using Mask? a = lab.MaskOf(vanilla.Runs[1]), b = lab.MaskOf(swish.Runs[0]);
        Assert.Equal(a, b);
        Assert.Equal(0.75, vanilla.Runs[1].Sparsity, 3);
    }

    // A tweak has its own time (a projection more, soft labels a teacher's): what is finished without it tells it only where no step can be taken.
    [Fact]
    public void APlanTimesARunByRunsWithItsTweaks()
    {
        using var lab = Tiny.Lab(_store);
        lab.Run("plain", [Tiny.Spec]);
        var tweaked = Tiny.Spec with { Tweaks = [new SkipInjection(), new Distillation()] };
        Assert.True(Of(Tiny.Spec with { Seed = 1 }, here: true) is { Measured: false, Seconds: > 0 });
        Assert.True(Of(tweaked, here: true) is { Measured: true, Seconds: > 0 });
        Assert.True(Of(tweaked, here: false) is { Measured: false, Seconds: > 0 });
        Assert.Null(Of(tweaked with { Recipe = Tiny.Profile.Recipe with { BatchSize = 64 } }, here: false).Seconds);

        PlannedRun Of(RunSpec spec, bool here) => lab.Planned([spec], here).Single(run => run.Run == spec.Id);
    }

    [Fact]
    public void AFinishedRunIsNeverTrainedAgain()
    {
        using var lab = Tiny.Lab(_store);
        lab.Run("first", [Tiny.Spec]);
        var written = File.GetLastWriteTimeUtc(Folder(Tiny.Spec).Checkpoint);
        using var other = Tiny.Lab(_store);
        other.Run("second", [Tiny.Spec]);
        Assert.Equal(written, File.GetLastWriteTimeUtc(Folder(Tiny.Spec).Checkpoint));
        Assert.Equal(4, other.Store.ReadMetrics(Tiny.Spec).Count);
    }

    [Fact]
    public void AnEstimateOfDiskBuildsANetworkOnce()
    {
        using var lab = Tiny.Lab(_store);
        var built = 0;
        var model = ModelSpec.Own("linear", input =>
        {
            built++;
            return nn.Sequential(nn.Flatten(), nn.Linear(768, 4), nn.ReLU(), nn.Linear(4, input.Classes));
        });
        var runner = new Runner(lab.Store, d => lab.Data(d), CPU);
        var spec = Tiny.Spec with { Model = model };
        Assert.Equal([4 * 3101, 4 * 3101 + 3101 / 8], new[] { spec, spec with { Level = 1, Seed = 7 } }.Select(runner.Bytes));
        Assert.Equal(1, built);
    }

    [Fact]
    public void SurvivorsStartFromTheta0ToTheBitAndTheRestIsZero()
    {
        using var lab = Tiny.Lab(_store);
        var spec = Tiny.Spec with { Level = 2 };
        lab.Run("ladder", [spec]);
        var runner = new Runner(lab.Store, d => lab.Data(d), CPU);
        using var scope = NewDisposeScope();
        using var theta0 = runner.Prepare(Tiny.Spec, null, default);
        using var mask = runner.LoadMask(spec)!;
        using var ticket = runner.Prepare(spec, mask, default);
        foreach (var ((name, w0), (_, w)) in theta0.Network.PrunableWeights().Zip(ticket.Network.PrunableWeights()))
            Assert.True(w.eq(w0 * mask[name]).all().ToBoolean(), name);
        Assert.Equal(PruningRates.KeptAt(spec.Rates, 2, mask.Total), mask.Kept);
    }

    [Fact]
    public void TheTicketHoldsTheLargestTrainedWeightsOfItsParent()
    {
        using var lab = Tiny.Lab(_store);
        var runs = lab.Run("ladder", [Tiny.Spec with { Level = 1 }, Tiny.Spec with { Level = 2 }]);
        using var scope = NewDisposeScope();
        using var parent = lab.NetworkOf(runs[0]);
        using Mask before = lab.MaskOf(runs[0])!, after = lab.MaskOf(runs[1])!;
        Assert.All(before.Compare(after), layer => Assert.Equal(layer.Second.Kept, layer.Both));
        var dropped = before.Layers.ToDictionary(l => l.Name, l => before[l.Name].logical_and(after[l.Name].logical_not()));
        var smallestKept = parent.PrunableWeights().Min(w => w.Weight.abs().masked_select(after[w.Name]).amin(0).ToSingle());
        var largestCut = parent.PrunableWeights().Where(w => dropped[w.Name].any().ToBoolean()).Max(w => w.Weight.abs().masked_select(dropped[w.Name]).amax(0).ToSingle());
        Assert.True(largestCut <= smallestKept, $"cut {largestCut}, kept {smallestKept}");
    }

    [Fact]
    public void SameSeedSameBitsOtherSeedOtherBits()
    {
        using var a = Tiny.Lab(Path.Combine(_store, "a"));
        using var b = Tiny.Lab(Path.Combine(_store, "b"));
        a.Run("a", [Tiny.Spec]);
        b.Run("b", [Tiny.Spec, Tiny.Spec with { Seed = 1 }]);
        Assert.Equal(Outcome(a.Store, Tiny.Spec), Outcome(b.Store, Tiny.Spec));
        Assert.NotEqual(Outcome(b.Store, Tiny.Spec), Outcome(b.Store, Tiny.Spec with { Seed = 1 }));
    }

    // From the dense network on; and with tweaks on a ticket of the second level, whose first is there.
    [Theory]
    [InlineData(1, false)]
    [InlineData(2, true)]
    public void KilledAtAnyMomentItResumesToTheSameBits(int level, bool tweaked)
    {
        var spec = Worker.Spec(level, tweaked);
        var (whole, cut) = (Path.Combine(_store, "whole"), Path.Combine(_store, "cut"));
        foreach (var store in tweaked ? [whole, cut] : Array.Empty<string>())
            using (var lab = Tiny.Lab(store))
                lab.Run("parent", [spec.Parent!]);
        using (var worker = Worker.Start(whole, level, tweaked))
        {
            worker.WaitForExit();
            Assert.True(worker.ExitCode == 0, worker.StandardError.ReadToEnd());
        }
        // Kill it after each epoch that it finishes, at a different moment of the next.
        var kills = 0;
        for (var attempt = 0; new RunStore(cut).Find(spec) is null; attempt++)
        {
            Assert.InRange(attempt, 0, 40);
            var before = Progress(cut, spec);
            using var worker = Worker.Start(cut, level, tweaked);
            while (!worker.HasExited && Progress(cut, spec) == before)
                Thread.Sleep(2);
            Thread.Sleep(7 * attempt);
            if (worker.HasExited)
            {
                Assert.True(worker.ExitCode == 0, worker.StandardError.ReadToEnd());
                continue;
            }
            worker.Kill();
            worker.WaitForExit();
            kills++;
        }
        counted.WriteLine($"{kills} SIGKILLs");
        Assert.InRange(kills, 2, 40);
        Assert.Empty(Directory.GetFiles(cut, "*.tmp", SearchOption.AllDirectories));
        foreach (var run in new[] { spec.Dense, spec.Parent!, spec })
            Assert.Equal(Outcome(new RunStore(whole), run), Outcome(new RunStore(cut), run));

        static (int, int, bool) Progress(string store, RunSpec spec)
            => (Lines(store, spec.Dense), Lines(store, spec), File.Exists(new RunStore(store).Folder(spec).Kept(RescaledInit.Kept)));
        static int Lines(string store, RunSpec spec) => new RunStore(store).ReadMetrics(spec).Count;
    }

    [Fact]
    public void ARunThatAnotherProcessHoldsIsLeftAlone()
    {
        var store = new RunStore(_store);
        var held = store.Acquire(Tiny.Spec, () => { }, default);
        using var worker = Worker.Start(_store, 0);
        Thread.Sleep(8000);
        Assert.False(worker.HasExited);
        Assert.Empty(store.ReadMetrics(Tiny.Spec));
        held.Dispose();
        worker.WaitForExit();
        Assert.True(worker.ExitCode == 0, worker.StandardError.ReadToEnd());
        Assert.Equal(4, store.ReadMetrics(Tiny.Spec).Count);
    }

    [Fact]
    public void ADivergedRunStopsSaysWhereAndKeepsItsLastGoodEpoch()
    {
        using var lab = Tiny.Lab(_store);
        var spec = Tiny.Spec with { Tweaks = [new Explosive()] };
        var said = Assert.Throws<DivergedException>(() => lab.Run("explosive", [spec])).Message;
        Assert.Contains("epoch 3, step 2", said);
        Assert.Contains(spec.Id, said);
        Assert.Equal(2, lab.Store.ReadMetrics(spec).Count);
        using var network = Networks.Build(spec.Model, new InputSpec(5, 16), 0);
        Assert.Equal(2, Checkpoint.Load(Folder(spec).Checkpoint, network));
    }

    [Fact]
    public void AStepLeavesNoLiveTensorBehind()
    {
        using var data = DataSets.Open(Tiny.Profile.Data);
        using var network = Networks.Build(Tiny.Profile.Model, new InputSpec(5, 16), 0);
        using var mask = Mask.Dense(network);
        using var trainer = new Trainer(network, mask, Tiny.Profile.Recipe with { Epochs = 3 }, data, Losses.CrossEntropy, 0);
        var live = new List<(int Step, long Tensors)>();
        trainer.Run([new((done, _) => live.Add((done.Iterations, DisposeScopeManager.Statistics.TensorStatistics.ThreadTotalLiveCount)))]);
        Assert.Equal(3 * 9, live.Count);
        Assert.Single(live.Where(after => after.Step > 1).Select(after => after.Tensors).Distinct());
    }

    [Fact]
    public void RewindingGoesOnFromTheDenseWeights()
    {
        var profile = Tiny.Profile with { RewindShare = 0.5 };
        using var lab = Lab.Open(profile, device: "cpu", jobs: 2, store: new RunStore(_store));
        var spec = Tiny.Spec with { Level = 1, Rewind = 2 };
        var run = lab.Run("rewound", [spec])[0];
        Assert.Equal([2, 3], run.Epochs.Select(e => e.Epoch));
        var snapshot = File.ReadAllBytes(Folder(spec.Dense).Snapshot(2));
        // The same point without a snapshot kept: trained again to the same bits.
        var bare = Path.Combine(_store, "bare");
        using var other = Lab.Open(profile with { RewindShare = 0 }, device: "cpu", jobs: 2, store: new RunStore(bare));
        other.Run("rewound", [spec]);
        Assert.Equal(snapshot, File.ReadAllBytes(Folder(spec.Dense, bare).Snapshot(2)));
        Assert.Equal(Outcome(lab.Store, spec), Outcome(other.Store, spec));
    }

    [Fact]
    public void RewindingToAStepGoesOnWithTheNextOne()
    {
        using var lab = Tiny.Lab(_store);
        var spec = Tiny.Spec with { Level = 1, Rewind = "1ep4it" };
        var run = lab.Run("rewound", [spec])[0];
        Assert.Equal([1, 2, 3], run.Epochs.Select(e => e.Epoch));
        // By hand: the dense network's first epoch and four steps of the second, masked, then the steps that are left.
        using var data = DataSets.Open(Tiny.Profile.Data);
        using var network = lab.NetworkOf(lab.Run("dense", [spec.Dense])[0], 0);
        var order = SplitMix64.Keyed(spec.Seed, 2).Next();
        using (var dense = new Trainer(network, null, spec.Recipe, data, Losses.CrossEntropy, order))
            dense.Run([], until: "1ep4it");
        using var mask = lab.MaskOf(run)!;
        mask.Apply(network);
        var steps = new List<int>();
        using (var rest = new Trainer(network, mask, spec.Recipe, data, Losses.CrossEntropy, order, "1ep4it"))
            rest.Run([new((done, _) => steps.Add(done.Iterations))]);
        Assert.Equal([5, 6, 7, 8, 9, 1, 2], steps.Take(7));
        using var trained = lab.NetworkOf(run);
        AssertSameBits(trained, network);
        Assert.Equal(run.Id, lab.Run("the same point", [spec with { Rewind = "13it" }])[0].Id);       // an epoch has nine
        Assert.Throws<UserException>(() => lab.Run("past the end", [spec with { Rewind = "36it" }]));
        Assert.Throws<UserException>(() => lab.Run("before the start", [spec with { Rewind = new(1, -1) }]));
    }

    [Fact]
    public void ANetworkOfAnyEpochIsTheOneThatTrainingPassedThrough()
    {
        using var lab = Tiny.Lab(_store);
        var spec = Tiny.Spec with { Level = 1, Tweaks = [new SmoothActivation(), new LabelSmoothing()] };
        var passed = new Passing();
        var run = lab.Run("passing", [spec], [passed])[0];
        for (var epochs = 0; epochs <= 4; epochs++)
        {
            using var network = lab.NetworkOf(run, epochs);
            Assert.Equal(passed.Sums[epochs], Passing.Sum(network));
        }
        Assert.Equal(5, passed.Sums.Values.Distinct().Count());
        Assert.Throws<UserException>(() => lab.NetworkOf(run, 5));
    }

    [Fact]
    public void WhatAWatchSeesOfAReplayIsWhatItSawInTraining()
    {
        var bare = Path.Combine(_store, "bare");
        var spec = Tiny.Spec with { Level = 1 };
        using Lab during = Tiny.Lab(_store), after = Tiny.Lab(bare);
        var watched = during.Run("watched", [spec], [new Passing()])[0];
        var unwatched = after.Run("unwatched", [spec])[0];
        Assert.Equal(Outcome(during.Store, spec), Outcome(after.Store, spec));
        var first = during.Watched([watched], new Passing())[0];
        var some = after.Watched([unwatched], new Passing { Epochs = [0, 3] })[0];
        var replayed = after.Watched([unwatched], new Passing())[0];
        Assert.Equal([0, 1, 2, 3, 4], first.Epochs);
        Assert.Equal(first.Values["sum"], replayed.Values["sum"]);
        Assert.Equal([0, 3], some.Epochs);
        Assert.Equal(first.Values["sum"][3], some.Values["sum"][1]);
    }

    [Fact]
    public void AReplayThatGoesAnotherWayIsRefused()
    {
        using var lab = Tiny.Lab(_store);
        var run = lab.Run("dense", [Tiny.Spec])[0];
        var lines = File.ReadAllLines(Folder(Tiny.Spec).Metrics);
        lines[2] = lines[2].Replace("\"trainLoss\":", "\"trainLoss\":1");      // the second epoch of another machine
        File.WriteAllLines(Folder(Tiny.Spec).Metrics, lines);
        using (lab.NetworkOf(run, 1))
        {
        }
        var e = Assert.Throws<UserException>(() => lab.NetworkOf(run, 2));
        Assert.Contains("epoch 2", e.Message);
        Assert.False(File.Exists(Folder(Tiny.Spec).Snapshot(2)));
        Assert.Throws<UserException>(() => lab.Watched([run], new Passing { Epochs = [3] }));
        // The last network is there and needs no replay.
        Assert.Single(lab.Watched([run], new Passing { Epochs = [4] })[0].Values["sum"]);
    }

    [Fact]
    public void NetworksToKeepAreKeptWhileTraining()
    {
        using var lab = Tiny.Lab(_store);
        var run = lab.Run("kept", [Tiny.Spec], keep: [1, 3])[0];
        Assert.True(File.Exists(Folder(Tiny.Spec).Snapshot(1)));
        Assert.False(File.Exists(Folder(Tiny.Spec).Snapshot(2)));
        var kept = File.ReadAllBytes(Folder(Tiny.Spec).Snapshot(3));
        File.Delete(Folder(Tiny.Spec).Snapshot(3));
        using var replayed = lab.NetworkOf(run, 3);
        Assert.Equal(kept, File.ReadAllBytes(Folder(Tiny.Spec).Snapshot(3)));
    }

    [Fact]
    public void AWatchThatCannotLookIsRefusedBeforeTraining()
    {
        using var lab = Tiny.Lab(_store);
        Assert.Contains("5, 9", Assert.Throws<UserException>(() => lab.Run("late", [Tiny.Spec], [new Passing { Epochs = [5, 9] }])).Message);
        Assert.Contains("fc9", Assert.Throws<UserException>(() => lab.Run("unknown", [Tiny.Spec], [new GradientFlow { Layers = ["fc9"] }])).Message);
        Assert.Throws<UserException>(() => lab.Run("many", [Tiny.Spec], [new CurvatureWatch { Sample = new() { Images = 100_000 } }]));
        Assert.False(Directory.Exists(_store));
    }

    [Fact]
    public void ARunThatHasLostItsNetworkIsTrainedAnewToTheSameBits()
    {
        using var lab = Tiny.Lab(_store);
        lab.Run("dense", [Tiny.Spec]);
        var network = File.ReadAllBytes(Folder(Tiny.Spec).Checkpoint);
        File.Delete(Folder(Tiny.Spec).Checkpoint);
        Assert.Null(lab.Store.Find(Tiny.Spec));
        using var other = Tiny.Lab(_store);
        other.Run("again", [Tiny.Spec]);
        Assert.Equal(network, File.ReadAllBytes(Folder(Tiny.Spec).Checkpoint));
    }

    [Fact]
    public void AMeasurementIsTakenOnceAndAnewForOtherSettings()
    {
        using var lab = Tiny.Lab(_store);
        var run = lab.Run("dense", [Tiny.Spec])[0];
        double Measure(double eps) => lab.Measure(run, "eps", new { Eps = eps }, (_, _) => Random.Shared.NextDouble());
        var first = Measure(0.5);
        Assert.Equal(first, Measure(0.5));
        Assert.NotEqual(first, Measure(0.25));
        // Edited code and another captured value are another measurement.
        Assert.NotEqual(first, lab.Measure(run, "eps", new { Eps = 0.5 }, (_, _) => Random.Shared.NextDouble() + 1));
        double Scaled(double by) => lab.Measure(run, "eps", new { }, (_, _) => by);
        Assert.Equal([2.0, 3, 2], new[] { Scaled(2), Scaled(3), Scaled(2) });
    }

    [Fact]
    public void InterruptedItKeepsItsEpochsAndGoesOn()
    {
        using var lab = Tiny.Lab(_store);
        var spec = Tiny.Spec with { Tweaks = [new Interrupting(lab)] };
        Assert.Throws<OperationCanceledException>(() => lab.Run("interrupted", [spec]));
        Assert.Single(lab.Store.ReadMetrics(spec));
        Assert.Equal(4, lab.Run("again", [spec])[0].Epochs.Count);
    }

    /// <summary>Epochs have nine steps: of the stops after 1, 3, 6, 10, 15, 16, 18, ... steps some come with an epoch's last one, before it is evaluated.</summary>
    [Theory]
    [InlineData(0, "0ep", false)]
    [InlineData(1, "0ep", true)]
    [InlineData(1, "1ep4it", false)]
    public void StoppedAfterAnyStepItGoesOnWithTheNextOneToTheSameBits(int level, string rewind, bool adam)
    {
        using var data = DataSets.Open(Tiny.Profile.Data);
        var recipe = Tiny.Spec.Recipe with { Optimiser = adam ? p => optim.AdamW(p) : null, LearningRate = adam ? 0.001 : 0.1 };
        var spec = (Tiny.Spec with { Level = level, Rewind = rewind, Recipe = recipe }).Normalised;
        RunStore store = new(_store), whole = new(Path.Combine(_store, "whole"));
        if (level > 0)
            new Runner(store, _ => data, CPU).Run(spec.Dense, [], [spec.Rewind], [], default);
        CopyAll(Directory.CreateDirectory(_store).FullName, whole.Root);
        var (once, steps, stops) = (0, 0, 0);
        new Runner(whole, _ => data, CPU).Run(spec, [], [], [new((_, _) => once++)], default);
        while (store.Find(spec) is null)
        {
            using var stop = new CancellationTokenSource();
            var last = steps + stops % 5 + 1;
            try
            {
                new Runner(store, _ => data, CPU).Run(spec, [], [], [new((_, _) => { if (++steps == last) stop.Cancel(); })], stop.Token);
            }
            catch (OperationCanceledException)
            {
                stops++;
            }
        }
        Assert.Equal(once, steps);
        Assert.InRange(stops, 6, 13);
        Assert.Equal(Outcome(whole, spec), Outcome(store, spec));

        static void CopyAll(string from, string to)
        {
            foreach (var file in Directory.GetFiles(from, "*", SearchOption.AllDirectories))
                File.Copy(file, Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(to, Path.GetRelativePath(from, file)))!).FullName
                    + "/" + Path.GetFileName(file));
        }
    }

    // The running statistics of BatchNorm have moved by then.
    [Fact]
    public void StoppedWithinAStepItGoesOnFromItsLastWholeOne()
    {
        using var data = DataSets.Open(Tiny.Profile.Data);
        var spec = Tiny.Spec with { Tweaks = [new Ceasing()] };
        RunStore store = new(_store), whole = new(Path.Combine(_store, "whole"));
        Assert.Throws<OperationCanceledException>(() => new Runner(store, _ => data, CPU).Run(spec, [], [], [], default));
        foreach (var each in new[] { store, whole })
            new Runner(each, _ => data, CPU).Run(spec, [], [], [], default);
        Assert.Equal(Outcome(whole, spec), Outcome(store, spec));
    }

    // After two minutes of standing still, where locks do not reach.
    [Fact]
    public void ARunThatAnotherMachineTookOverIsNotWrittenTo()
    {
        using var data = DataSets.Open(Tiny.Profile.Data);
        var taken = new TrainingCallback(EpochDone: epoch => File.WriteAllText(Folder(Tiny.Spec).Lease, epoch.Epoch == 1 ? "another 1 1" : File.ReadAllText(Folder(Tiny.Spec).Lease)));
        var run = () => new Runner(new RunStore(_store), _ => data, CPU).Run(Tiny.Spec, [], [], [taken], default);
        Assert.Contains("taken over by another machine", Assert.Throws<UserException>(run).Message);
        Assert.Equal(2, new RunStore(_store).ReadMetrics(Tiny.Spec).Count);
        Assert.Equal("another 1 1", File.ReadAllText(Folder(Tiny.Spec).Lease));
    }

    private static void AssertSameBits(Network expected, Network actual)
    {
        using var scope = NewDisposeScope();
        var other = actual.state_dict();
        Assert.All(expected.state_dict(), p => Assert.Equal(p.Value.bytes.ToArray(), other[p.Key].bytes.ToArray()));
    }

    /// <summary>Sees every network that a training passes through.</summary>
    private sealed record Passing : Watch
    {
        private readonly Dictionary<int, double> _sums = [];

        public override string Name => "passing";

        public IReadOnlyDictionary<int, double> Sums => _sums;

        public override IReadOnlyDictionary<string, double> Measure(Network network, Mask? mask, ImageSet data, ulong seed, CancellationToken cancel)
        {
            _sums[_sums.Count] = Sum(network);
            return new Dictionary<string, double> { ["sum"] = Sum(network) };
        }

        public static double Sum(Network network)
        {
            using var scope = NewDisposeScope();
            return network.parameters().Sum(p => p.detach().to(ScalarType.Float64).abs().sum().item<double>());
        }
    }

    /// <summary>The loss becomes NaN in the third epoch's second step.</summary>
    private sealed record Explosive : Tweak
    {
        private int _steps;

        public override string Label => "explosive";

        public override Loss Wrap(Loss loss, TweakContext context)
            => (logits, target) => ++_steps == 2 * 9 + 2 ? loss(logits, target) * float.NaN : loss(logits, target);
    }

    private sealed record Interrupting : Tweak
    {
        private readonly Lab _lab;
        private int _steps;

        public Interrupting(Lab lab) => _lab = lab;

        public override string Label => "interrupting";

        public override Loss Wrap(Loss loss, TweakContext context)
            => (logits, target) =>
            {
                if (++_steps == 12)
                    _lab.Interrupt();
                return loss(logits, target);
            };
    }

    /// <summary>The first time, it is cancelled in its third step, after the forward pass.</summary>
    private sealed record Ceasing : Tweak
    {
        private int _steps;

        public override string Label => "ceasing";

        public override Loss Wrap(Loss loss, TweakContext context)
            => (logits, target) => ++_steps == 3 ? throw new OperationCanceledException() : loss(logits, target);
    }
}
