using System.Diagnostics;
using LTHKit.Analysis;
using Xunit.Abstractions;

namespace LTHKit.Tests.Experiments;

public sealed class RunTests(ITestOutputHelper counted) : InLab
{
    private RunFolder FolderOf(RunSpec spec, string? store = null) => new RunStore(store ?? Store).Folder(spec);

    [Fact]
    public void SweepTrainsTheLadderAndSharesItsRuns()
    {
        var vanilla = _lab.Sweep();
        Assert.Equal([1, 2], vanilla.Runs.Select(r => r.Spec.Level));
        Assert.Equal(3, Directory.GetDirectories(Store).Length);      // dense, level 1, level 2
        var swish = _lab.Sweep(sparsities: [0.75], tweaks: [new SmoothActivation("swish")]);
        Assert.Equal(5, Directory.GetDirectories(Store).Length);      // and swish dense, swish level 2, on the same ticket
        var longer = _lab.Sweep([0.75], recipe: Tiny.Profile.Recipe with { Epochs = 6 }, dense: false);       // the drawing stays as it is
        Assert.Equal(6, longer.Runs[0].Epochs.Count);
        using Mask? a = _lab.MaskOf(vanilla.Runs[1]), b = _lab.MaskOf(swish.Runs[0]), c = _lab.MaskOf(longer.Runs[0]);
        Assert.Equal(a, b);
        Assert.Equal(a, c);
        Assert.Equal(0.75, vanilla.Runs[1].Sparsity, 3);
    }

    // A tweak has its own time (a projection more, soft labels a teacher's): what is finished without it tells it only where no step can be taken.
    [Fact]
    public void APlanTimesARunByRunsWithItsTweaks()
    {
        _lab.Run("plain", [Tiny.Spec]);
        var tweaked = Tiny.Spec with { Tweaks = [new SkipInjection(), new Distillation()] };
        Assert.True(Of(Tiny.Spec with { Seed = 1 }, here: true) is { Measured: false, Seconds: > 0 });
        Assert.True(Of(tweaked, here: true) is { Measured: true, Seconds: > 0 });
        Assert.True(Of(tweaked, here: false) is { Measured: false, Seconds: > 0 });
        Assert.Null(Of(tweaked with { Recipe = Tiny.Profile.Recipe with { BatchSize = 64 } }, here: false).Seconds);
        Assert.Throws<OperationCanceledException>(() => _lab.Planned([tweaked with { Recipe = Tiny.Profile.Recipe with { BatchSize = 48 } }], cancel: new(true)));

        PlannedRun Of(RunSpec spec, bool here) => _lab.Planned([spec], here).Single(run => run.Run == spec.Id);
    }

    // What sharing saves is told by it, and is no matter of what happens to be finished.
    [Fact]
    public void APlanHasAllThatARunBuildsOnWhateverIsFinished()
    {
        RunSpec[] specs = [Tiny.Spec with { Level = 2 }, Tiny.Spec with { Level = 1, Tweaks = [new SmoothActivation()] }];
        var before = specs.Select(spec => _lab.Planned([spec])).ToList();
        Assert.All(before.SelectMany(planned => planned), run => Assert.True(run.Missing));
        _lab.Run("ladder", [specs[0]]);
        var after = specs.Select(spec => _lab.Planned([spec])).ToList();
        Assert.Equal([3, 2], after.Select(planned => planned.Count));
        Assert.Equal(before.SelectMany(planned => planned).Select(run => run.Run), after.SelectMany(planned => planned).Select(run => run.Run));
        Assert.Equal(specs[1].Id, Assert.Single(after.SelectMany(planned => planned), run => run.Missing).Run);
    }

    [Fact]
    public void AFinishedRunIsNotTrainedAgainUnlessItHasLostItsNetworkOrItsFolder()
    {
        using Lab lab = Tiny.Lab(Store), other = Tiny.Lab(Store);
        lab.Run("first", [Tiny.Spec]);
        var checkpoint = FolderOf(Tiny.Spec).Checkpoint;
        var (written, network) = (File.GetLastWriteTimeUtc(checkpoint), File.ReadAllBytes(checkpoint));
        other.Run("second", [Tiny.Spec]);
        Assert.Equal(written, File.GetLastWriteTimeUtc(checkpoint));
        Assert.Equal(4, other.Store.ReadMetrics(Tiny.Spec).Count);
        File.Delete(checkpoint);
        Assert.Null(lab.Store.Find(Tiny.Spec));
        other.Run("again", [Tiny.Spec]);
        Assert.Equal(network, File.ReadAllBytes(checkpoint));
        Directory.Delete(FolderOf(Tiny.Spec).Path, recursive: true);
        other.Run("anew", [Tiny.Spec]);
        Assert.Equal(network, File.ReadAllBytes(checkpoint));
    }

    [Fact]
    public void AnEstimateOfDiskBuildsANetworkOnce()
    {
        var built = 0;
        var model = ModelSpec.Own("linear", input =>
        {
            built++;
            return nn.Sequential(nn.Flatten(), nn.Linear(768, 4), nn.ReLU(), nn.Linear(4, input.Classes));
        });
        var runner = new Runner(_lab.Store, d => _lab.Data(d), CPU);
        var spec = Tiny.Spec with { Model = model };
        Assert.Equal([4 * 3101, 4 * 3101 + 3101 / 8], new[] { spec, spec with { Level = 1, Seed = 7 } }.Select(each => runner.SizeOf(each).Stored(each)));
        Assert.Equal(1, built);
    }

    [Fact]
    public void ATicketHoldsTheLargestTrainedWeightsOfItsParentAndTheyStartFromTheta0()
    {
        var runs = _lab.Run("ladder", [Tiny.Spec, Tiny.Spec with { Level = 1 }, Tiny.Spec with { Level = 2 }]);
        using var scope = NewDisposeScope();
        using Network theta0 = _lab.NetworkOf(runs[0], 0), parent = _lab.NetworkOf(runs[1]), start = _lab.NetworkOf(runs[2], 0);
        using Mask before = _lab.MaskOf(runs[1])!, after = _lab.MaskOf(runs[2])!;
        Assert.Equal(PruningRates.KeptAt(Tiny.Spec.Rates, 2, after.Total), after.Kept);
        Assert.All(before.Compare(after), layer => Assert.Equal(layer.Second.Kept, layer.Both));
        var dropped = before.Layers.ToDictionary(l => l.Name, l => before[l.Name].logical_and(after[l.Name].logical_not()));
        var smallestKept = parent.PrunableWeights().Min(w => w.Weight.abs().masked_select(after[w.Name]).amin(0).ToSingle());
        var largestCut = parent.PrunableWeights().Where(w => dropped[w.Name].any().ToBoolean()).Max(w => w.Weight.abs().masked_select(dropped[w.Name]).amax(0).ToSingle());
        Assert.True(largestCut <= smallestKept, $"cut {largestCut}, kept {smallestKept}");
        foreach (var ((name, w0), (_, w)) in theta0.PrunableWeights().Zip(start.PrunableWeights()))
            Assert.True(w.eq(w0 * after[name]).all().ToBoolean(), name);
    }

    [Fact]
    public void SameSeedSameBitsOtherSeedOtherBits()
    {
        using var a = Tiny.Lab(Folder.At("a"));
        using var b = Tiny.Lab(Folder.At("b"));
        a.Run("a", [Tiny.Spec]);
        b.Run("b", [Tiny.Spec, Tiny.Spec with { Seed = 1 }]);
        Assert.Equal(Tiny.Outcome(a.Store, Tiny.Spec), Tiny.Outcome(b.Store, Tiny.Spec));
        Assert.NotEqual(Tiny.Outcome(b.Store, Tiny.Spec), Tiny.Outcome(b.Store, Tiny.Spec with { Seed = 1 }));
    }

    // From the dense network on; and with tweaks on a ticket of the second level, whose first is there.
    [Theory]
    [InlineData(1, false)]
    [InlineData(2, true)]
    public void KilledAtAnyMomentItResumesToTheSameBits(int level, bool tweaked)
    {
        var spec = Worker.Spec(level, tweaked);
        var (whole, cut) = (Folder.At("whole"), Folder.At("cut"));
        foreach (var store in tweaked ? [whole, cut] : Array.Empty<string>())
            using (var lab = Tiny.Lab(store))
                lab.Run("parent", [spec.Parent!]);
        Worker.Finish(Worker.Start(whole, level, tweaked));
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
                Worker.Finish(worker);
                continue;
            }
            worker.Kill();
            worker.WaitForExit();
            kills++;
        }
        counted.WriteLine($"{kills} SIGKILLs");
        Assert.InRange(kills, 1, 40);
        Assert.Empty(Directory.GetFiles(cut, "*.tmp", SearchOption.AllDirectories));
        foreach (var run in new[] { spec.Dense, spec.Parent!, spec })
            Assert.Equal(Tiny.Outcome(new RunStore(whole), run), Tiny.Outcome(new RunStore(cut), run));

        static (int, int, bool) Progress(string store, RunSpec spec)
            => (Lines(store, spec.Dense), Lines(store, spec), File.Exists(new RunStore(store).Folder(spec).Kept(RescaledInit.Kept)));
        static int Lines(string store, RunSpec spec) => new RunStore(store).ReadMetrics(spec).Count;
    }

    [Fact]
    public void ARunThatAnotherProcessHoldsIsLeftAlone()
    {
        var store = new RunStore(Store);
        var held = store.Acquire(Tiny.Spec, () => { }, default);
        using var worker = Worker.Start(Store, 0);
        Thread.Sleep(8000);
        Assert.False(worker.HasExited);
        Assert.Empty(store.ReadMetrics(Tiny.Spec));
        held.Dispose();
        Worker.Finish(worker);
        Assert.Equal(4, store.ReadMetrics(Tiny.Spec).Count);
    }

    [Fact]
    public void ADivergedRunStopsSaysWhereAndKeepsItsLastGoodEpoch()
    {
        var spec = Tiny.Spec with { Tweaks = [AtStep.Of(2 * 9 + 2, loss => loss * float.NaN)] };
        var said = Assert.Throws<DivergedException>(() => _lab.Run("explosive", [spec])).Message;
        Assert.Contains("epoch 3, step 2", said);
        Assert.Contains(spec.Id, said);
        Assert.Equal(2, _lab.Store.ReadMetrics(spec).Count);
        using var network = Networks.Build(spec.Model, new InputSpec(5, 16), 0);
        Assert.Equal(2, Checkpoint.Load(FolderOf(spec).Checkpoint, network));

        var atOnce = Tiny.Spec with { Seed = 1, Tweaks = [AtStep.Of(2, loss => loss * float.NaN)] };
        Assert.DoesNotContain("is kept", Assert.Throws<DivergedException>(() => _lab.Run("at once", [atOnce])).Message);
        Assert.Contains("is kept", said);
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
        using var lab = Tiny.Lab(Store, profile: profile);
        var spec = Tiny.Spec with { Level = 1, Rewind = 2 };
        var run = lab.Run("rewound", [spec])[0];
        Assert.Equal([2, 3], run.Epochs.Select(e => e.Epoch));
        var snapshot = File.ReadAllBytes(FolderOf(spec.Dense).Snapshot(2));
        // The same point without a snapshot kept: trained again to the same bits.
        var bare = Folder.At("bare");
        using var other = Tiny.Lab(bare, profile: profile with { RewindShare = 0 });
        other.Run("rewound", [spec]);
        Assert.Equal(snapshot, File.ReadAllBytes(FolderOf(spec.Dense, bare).Snapshot(2)));
        Assert.Equal(Tiny.Outcome(lab.Store, spec), Tiny.Outcome(other.Store, spec));
    }

    [Fact]
    public void RewindingToAStepGoesOnWithTheNextOne()
    {
        var spec = Tiny.Spec with { Level = 1, Rewind = "1ep4it" };
        var run = _lab.Run("rewound", [spec])[0];
        Assert.Equal([1, 2, 3], run.Epochs.Select(e => e.Epoch));
        Assert.True(File.Exists(FolderOf(spec.Dense).Snapshot("1ep4it")));      // kept while it trained
        // By hand: the dense network's first epoch and four steps of the second, masked, then the steps that are left.
        using var data = DataSets.Open(Tiny.Profile.Data);
        using var network = _lab.NetworkOf(_lab.Run("dense", [spec.Dense])[0], 0);
        var order = SplitMix64.Keyed(spec.Seed, 2).Next();
        using (var dense = new Trainer(network, null, spec.Recipe, data, Losses.CrossEntropy, order))
            dense.Run([], until: "1ep4it");
        using (var kept = _lab.NetworkOf(_lab.Run("dense", [spec.Dense])[0], "13it"))
            AssertSameBits(kept, network);
        using var mask = _lab.MaskOf(run)!;
        mask.Apply(network);
        using (var start = _lab.NetworkOf(run, "1ep"))
            AssertSameBits(start, network);
        var steps = new List<int>();
        using (var rest = new Trainer(network, mask, spec.Recipe, data, Losses.CrossEntropy, order, "1ep4it"))
            rest.Run([new((done, _) => steps.Add(done.Iterations))]);
        Assert.Equal([5, 6, 7, 8, 9, 1, 2], steps.Take(7));
        using var trained = _lab.NetworkOf(run);
        AssertSameBits(trained, network);
        Assert.Equal(run.Id, _lab.Run("the same point", [spec with { Rewind = "13it" }])[0].Id);       // an epoch has nine
        Assert.Throws<UserException>(() => _lab.Run("past the end", [spec with { Rewind = "36it" }]));
        Assert.Throws<UserException>(() => _lab.Run("before the start", [spec with { Rewind = new(1, -1) }]));
    }

    [Fact]
    public void ANetworkOfAnyEpochKeptOrNotIsTheOneThatTrainingPassedThrough()
    {
        var spec = Tiny.Spec with { Level = 1, Tweaks = [new SmoothActivation(), new LabelSmoothing()] };
        var passed = new Sum();
        var run = _lab.Run("passing", [spec], [passed], keep: [1, 3])[0];
        var snapshots = Enumerable.Range(0, 4).Select(epoch => FolderOf(spec).Snapshot(epoch)).ToList();
        Assert.Equal([false, true, false, true], snapshots.Select(File.Exists));
        var kept = File.ReadAllBytes(snapshots[3]);
        File.Delete(snapshots[3]);
        for (var epochs = 0; epochs <= 4; epochs++)
        {
            using var network = _lab.NetworkOf(run, epochs);
            Assert.Equal(passed.Seen()[epochs], Sum.Of(network));
        }
        Assert.Equal(kept, File.ReadAllBytes(snapshots[3]));
        Assert.Equal(5, passed.Seen().Distinct().Count());
        Assert.Throws<UserException>(() => _lab.NetworkOf(run, 5));
    }

    [Fact]
    public void WhatAWatchSeesOfAReplayIsWhatItSawInTraining()
    {
        var bare = Folder.At("bare");
        var spec = Tiny.Spec with { Level = 1 };
        using Lab during = Tiny.Lab(Store), after = Tiny.Lab(bare);
        var watched = during.Run("watched", [spec], [new Sum()])[0];
        var unwatched = after.Run("unwatched", [spec])[0];
        Assert.Equal(Tiny.Outcome(during.Store, spec), Tiny.Outcome(after.Store, spec));
        var first = during.Watched([watched], new Sum())[0];
        var some = after.Watched([unwatched], new Sum { Epochs = [0, 3] })[0];
        var replayed = after.Watched([unwatched], new Sum())[0];
        Assert.Equal([0, 1, 2, 3, 4], first.Epochs);
        Assert.Equal(first.Values["sum"], replayed.Values["sum"]);
        Assert.Equal([0, 3], some.Epochs);
        Assert.Equal(first.Values["sum"][3], some.Values["sum"][1]);
    }

    [Fact]
    public void AReplayThatGoesAnotherWayIsRefused()
    {
        var run = _lab.Run("dense", [Tiny.Spec])[0];
        var lines = File.ReadAllLines(FolderOf(Tiny.Spec).Metrics);
        lines[2] = lines[2].Replace("\"trainLoss\":", "\"trainLoss\":1");      // the second epoch of another machine
        File.WriteAllLines(FolderOf(Tiny.Spec).Metrics, lines);
        using (_lab.NetworkOf(run, 1))
        {
        }
        var e = Assert.Throws<UserException>(() => _lab.NetworkOf(run, 2));
        Assert.Contains("epoch 2", e.Message);
        Assert.False(File.Exists(FolderOf(Tiny.Spec).Snapshot(2)));
        Assert.Throws<UserException>(() => _lab.Watched([run], new Sum { Epochs = [3] }));
        // The last network is there and needs no replay.
        Assert.Single(_lab.Watched([run], new Sum { Epochs = [4] })[0].Values["sum"]);
    }

    [Fact]
    public void AWatchThatCannotLookIsRefusedBeforeTraining()
    {
        Assert.Contains("5, 9", Assert.Throws<UserException>(() => _lab.Run("late", [Tiny.Spec], [new Sum { Epochs = [5, 9] }])).Message);
        Assert.Contains("fc9", Assert.Throws<UserException>(() => _lab.Run("unknown", [Tiny.Spec], [new GradientFlow { Layers = ["fc9"] }])).Message);
        Assert.Throws<UserException>(() => _lab.Run("many", [Tiny.Spec], [new CurvatureWatch { Sample = new() { Images = 100_000 } }]));
        Assert.Empty(Directory.GetFileSystemEntries(Store));
    }

    [Fact]
    public void AMeasurementIsTakenOnceAndAnewForOtherSettings()
    {
        var run = _lab.Run("dense", [Tiny.Spec])[0];
        double Measure(double eps) => _lab.Measure(run, "eps", new { Eps = eps }, (_, _) => Random.Shared.NextDouble());
        var first = Measure(0.5);
        Assert.Equal(first, Measure(0.5));
        Assert.NotEqual(first, Measure(0.25));
        // Edited code and another captured value are another measurement.
        Assert.NotEqual(first, _lab.Measure(run, "eps", new { Eps = 0.5 }, (_, _) => Random.Shared.NextDouble() + 1));
        double Scaled(double by) => _lab.Measure(run, "eps", new { }, (_, _) => by);
        Assert.Equal([2.0, 3, 2], new[] { Scaled(2), Scaled(3), Scaled(2) });
    }

    [Fact]
    public void InterruptedItKeepsItsEpochsAndGoesOn()
    {
        var interrupting = AtStep.Of(12, loss =>
        {
            _lab.Interrupt();
            return loss;
        });
        var spec = Tiny.Spec with { Tweaks = [interrupting] };
        Assert.Throws<OperationCanceledException>(() => _lab.Run("interrupted", [spec]));
        Assert.Single(_lab.Store.ReadMetrics(spec));
        Assert.Equal(4, _lab.Run("again", [spec])[0].Epochs.Count);
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
        RunStore store = new(Store), whole = new(Folder.At("whole"));
        if (level > 0)
            new Runner(store, _ => data, CPU).Run(spec.Dense, [], [spec.Rewind], new(), default);
        Tiny.Copy(Store, whole.Root);
        var (once, steps, stops) = (0, 0, 0);
        new Runner(whole, _ => data, CPU).Run(spec, [], [], new((_, _) => once++), default);
        while (store.Find(spec) is null)
        {
            using var stop = new CancellationTokenSource();
            var last = steps + stops % 5 + 1;
            try
            {
                new Runner(store, _ => data, CPU).Run(spec, [], [], new((_, _) => { if (++steps == last) stop.Cancel(); }), stop.Token);
            }
            catch (OperationCanceledException)
            {
                stops++;
            }
        }
        Assert.Equal(once, steps);
        Assert.InRange(stops, 6, 13);
        Assert.Equal(Tiny.Outcome(whole, spec), Tiny.Outcome(store, spec));
    }

    // The running statistics of BatchNorm have moved by then.
    [Fact]
    public void StoppedWithinAStepItGoesOnFromItsLastWholeOne()
    {
        using var data = DataSets.Open(Tiny.Profile.Data);
        var spec = Tiny.Spec with { Tweaks = [AtStep.Of(3, _ => throw new OperationCanceledException())] };
        RunStore store = new(Store), whole = new(Folder.At("whole"));
        Assert.Throws<OperationCanceledException>(() => new Runner(store, _ => data, CPU).Run(spec, [], [], new(), default));
        foreach (var each in new[] { store, whole })
            new Runner(each, _ => data, CPU).Run(spec, [], [], new(), default);
        Assert.Equal(Tiny.Outcome(whole, spec), Tiny.Outcome(store, spec));
    }

    // After two minutes of standing still, where locks do not reach.
    [Fact]
    public void ARunThatAnotherMachineTookOverIsNotWrittenTo()
    {
        using var data = DataSets.Open(Tiny.Profile.Data);
        var taken = new TrainingCallback(EpochDone: (epoch, _) => File.WriteAllText(FolderOf(Tiny.Spec).Lease, epoch.Epoch == 1 ? "another 1 1" : File.ReadAllText(FolderOf(Tiny.Spec).Lease)));
        var run = () => new Runner(new RunStore(Store), _ => data, CPU).Run(Tiny.Spec, [], [], taken, default);
        Assert.Contains("taken over by another machine", Assert.Throws<UserException>(run).Message);
        Assert.Equal(2, new RunStore(Store).ReadMetrics(Tiny.Spec).Count);
        Assert.Equal("another 1 1", File.ReadAllText(FolderOf(Tiny.Spec).Lease));
    }

    private static void AssertSameBits(Network expected, Network actual)
    {
        using var scope = NewDisposeScope();
        var other = actual.state_dict();
        Assert.All(expected.state_dict(), p => Assert.Equal(p.Value.bytes.ToArray(), other[p.Key].bytes.ToArray()));
    }

    /// <summary>Does something with the loss of one step, the first time that it comes to it.</summary>
    private sealed record AtStep : Tweak
    {
        private int _at, _steps;
        private Func<Tensor, Tensor>? _act;

        public override string Label => "at a step";

        public static AtStep Of(int at, Func<Tensor, Tensor> act) => new() { _at = at, _act = act };

        public override Loss Wrap(Loss loss, TweakContext context)
            => (logits, target) => ++_steps == _at ? _act!(loss(logits, target)) : loss(logits, target);
    }
}
