using System.Text.RegularExpressions;
using Deedle;
using LTHKit.Analysis;

namespace LTHKit.Tests.Experiments;

/// <summary>What a user opens in a cell, each through the store: trained, found again, its tickets' weights zero.</summary>
[Collection(nameof(Alone))]       // the console belongs to the process
public sealed class OpenLabTests() : InLab(Profile)
{
    private static readonly Profile Profile = new()
    {
        Data = new DataSpec { TrainCount = 100, TestCount = 40, Classes = 4, Size = 8 },
        Model = new ModelSpec("vgg5", 3),
        Recipe = new Recipe { Epochs = 4, BatchSize = 30, LearningRate = 0.05 },
        Rates = [0.5],
        Levels = [1, 2],
    };

    private Lab Open(ImageSet? data = null) => Lab.Open(Profile, device: "cpu", jobs: 2, store: new RunStore(Store), data: data);

    /// <summary>The ablations of the README, by name.</summary>
    private static readonly Dictionary<string, Func<Lab, Sweep>> Ablations = new()
    {
        ["own pruner"] = lab => lab.Sweep(pruning: new Pruner("w*g", At.Trained, c => c.Weight.abs() * c.Gradient.abs())),
        ["layers left out"] = lab => lab.Sweep(pruning: Pruner.Imp with { Except = ["layer1.conv1"] }),
        ["own distribution"] = lab => lab.Sweep(pruning: Pruner.Omp with { Distribution = new("root", layer => Math.Sqrt(layer.Total)) }),
        ["rates by round"] = lab => lab.Sweep([0.3, 0.6], rates: [0.3, 0.4]),
        ["random tickets"] = lab => lab.Sweep(control: Control.Random),
        ["shuffled mask"] = lab => lab.Sweep(control: Control.Shuffled),
        ["re-initialised"] = lab => lab.Sweep(control: Control.Reinitialised),
        ["own optimiser"] = lab => lab.Sweep(recipe: lab.Profile.Recipe with { LearningRate = 1e-3, Optimiser = p => optim.AdamW(p, weight_decay: 0.01) }),
        ["warm-up and cosine"] = lab => lab.Sweep(recipe: lab.Profile.Recipe with { WarmUp = "1ep", Schedule = Recipe.Cosine }),
        ["own schedule"] = lab => lab.Sweep(recipe: lab.Profile.Recipe with { Schedule = done => 1 - done }),
        ["rates by layer"] = lab => lab.Sweep(recipe: lab.Profile.Recipe with { RateOf = name => name.StartsWith("fc") ? 0.1 : 1 }),
        ["longer retraining"] = lab => lab.Sweep(recipe: lab.Profile.Recipe with { Epochs = 6 }),
        ["weight rewinding"] = lab => lab.Sweep(rewind: "5it"),
        ["in every round"] = lab => lab.Sweep(rewind: "1ep", eachRound: true),
        ["learning-rate rewinding"] = lab => lab.Sweep(rewinding: Rewinding.LearningRate, eachRound: true),
        ["fine-tuning"] = lab => lab.Sweep(rewinding: Rewinding.FineTuning, recipe: lab.Profile.Recipe with { Epochs = 1 }),
        ["own model"] = lab => lab.Sweep(model: ModelSpec.Own("plain", input => nn.Sequential(
            ("conv1", nn.Conv2d(input.Channels, 4, 3)), ("relu", nn.ReLU()), ("conv2", nn.Conv2d(4, 6, 3)), ("act", nn.ReLU()), ("flat", nn.Flatten()), ("fc", nn.Linear(96, input.Classes))))),
    };

    public static TheoryData<string> Names => [.. Ablations.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void AnAblationIsStoredFoundAgainAndHoldsItsMask(string name)
    {
        var sweep = Ablations[name](_lab);
        Assert.Equal(3, sweep.Runs.Count + sweep.Dense.Count);
        Assert.Empty(sweep.Holes);
        foreach (var run in sweep.Runs)
        {
            using var network = _lab.NetworkOf(run);
            using var mask = _lab.MaskOf(run)!;
            Assert.Equal(PruningRates.KeptAt(run.Spec.Rates, run.Spec.Level, mask.Total), mask.Kept);
            Assert.Empty(Leaks.In(network, mask));
        }
        // Another laboratory finds them, trains nothing, and the name of the sweep tells it from the others.
        var before = Directory.GetFiles(Store, "*", SearchOption.AllDirectories).ToDictionary(f => f, File.GetLastWriteTimeUtc);
        using var other = Open();
        var again = Ablations[name](other);
        Assert.Equal(before, Directory.GetFiles(Store, "*", SearchOption.AllDirectories).ToDictionary(f => f, File.GetLastWriteTimeUtc));
        Assert.Equal(sweep.Runs.Select(r => (r.Id, r.TestAccuracy)), again.Runs.Select(r => (r.Id, r.TestAccuracy)));
    }

    [Fact]
    public void EachAblationIsAnotherRun()
    {
        var vanilla = _lab.Sweep([0.75]);
        var ids = Ablations.Where(a => a.Key is not "layers left out" and not "rates by round").Select(a => a.Value(_lab)[a.Value(_lab).Runs.Max(r => r.Spec.Level)].Id).Append(vanilla[2].Id).ToList();
        Assert.Equal(ids.Count, ids.Distinct().Count());
    }

    [Fact]
    public void AClaimOfOnesOwnIsJudgedOnRunsOfTheStore()
    {
        using var lab = Lab.Open(Profile with { Seeds = 3 }, device: "cpu", jobs: 2, store: new RunStore(Store));
        var (vanilla, longer) = (lab.Sweep(), Ablations["longer retraining"](lab));
        Claim claim = new("mine", "longer training helps the sparsest ticket more", Alternative.Greater,
            s => s[0].Sparsest - s[1].Sparsest - (s[0].Densest - s[1].Densest), longer, vanilla);
        Assert.Equal(Enumerable.Range(0, 3).Select(seed => Gain(2, seed) - Gain(1, seed)), claim.Numbers.OrderBy(number => number.Key).Select(number => number.Value));
        Assert.Equal(2 * 3 * 3, claim.Runs.Count);        // sweeps x seeds x (dense and two tickets)
        double Gain(int level, int seed) => longer[level, seed].TestAccuracy - vanilla[level, seed].TestAccuracy;
    }

    [Fact]
    public void ControlsKeepWhatTheySayOfTheTicket()
    {
        using var scope = NewDisposeScope();
        Mask Of(Control control) => _lab.MaskOf(_lab.Sweep([0.75], control: control).Sparsest)!;
        using Mask ticket = Of(Control.None), random = Of(Control.Random), shuffled = Of(Control.Shuffled), fresh = Of(Control.Reinitialised);
        Assert.Equal(ticket, fresh);
        Assert.Equal(ticket.Layers.Select(l => l.Kept), random.Layers.Select(l => l.Kept));
        Assert.True(ticket.Overlap(random) < 0.5 && ticket.Overlap(shuffled) < 0.9 && random.Overlap(shuffled) < 0.5);
        foreach (var layer in ticket.Layers)
            Assert.True(ticket[layer.Name].flatten(1).sum(1).eq(shuffled[layer.Name].flatten(1).sum(1)).all().ToBoolean());
        Assert.Contains(ticket.Layers, layer => !ticket[layer.Name].flatten(1).sum(1).eq(random[layer.Name].flatten(1).sum(1)).all().ToBoolean());
        using Network theta0 = _lab.NetworkOf(_lab.Sweep([0.75])[2], 0), other = _lab.NetworkOf(_lab.Sweep([0.75], control: Control.Reinitialised)[2], 0);
        Assert.All(theta0.PrunableWeights().Zip(other.PrunableWeights()), p => Assert.False(p.First.Weight.eq(p.Second.Weight).all().ToBoolean()));
    }

    // Renda et al. 2020: the weights are those that the ticket was drawn from, the schedule starts again or stays at its last rate.
    [Fact]
    public void LearningRateRewindingAndFineTuningStartFromTrainedWeights()
    {
        using var scope = NewDisposeScope();
        foreach (var rewinding in new[] { Rewinding.LearningRate, Rewinding.FineTuning })
        {
            var sweep = _lab.Sweep(rewinding: rewinding, eachRound: true);
            Assert.Equal(rewinding == Rewinding.LearningRate ? [0.05, 0.05, 0.005, 0.0005] : [0.0005, 0.0005, 0.0005, 0.0005], sweep[2].Epochs.Select(e => Math.Round(e.LearningRate, 9)));
            using Network before = _lab.NetworkOf(sweep[1]), start = _lab.NetworkOf(sweep[2], 0);
            using var mask = _lab.MaskOf(sweep[2])!;
            Assert.All(before.PrunableWeights().Zip(start.PrunableWeights()), p => Assert.True((p.First.Weight * mask[p.First.Name]).eq(p.Second.Weight).all().ToBoolean()));
        }
    }

    [Fact]
    public void WhatHasToBeTrainedAgainIsSaidBeforeAnythingTrains()
    {
        _lab.Sweep([0.5]);
        var said = Tiny.Said(() => _lab.Sweep([0.5], rewind: "2ep"));
        Assert.Contains("has to be trained again: vgg5 on synthetic, dense, seed 0, for its network at 2ep, which was not kept", said.Split("run 1 of")[0]);
        Assert.Equal(1, said.Split("has to be trained again").Length - 1);
        Assert.DoesNotContain("trained again", Tiny.Said(() => _lab.Sweep([0.5], rewind: "2ep")));
        Assert.Contains("for its network at 3ep", Tiny.Said(() => _lab.Sweep([0.5], keep: ["3ep"])));
    }

    // Another laboratory of this process, opened later, has threads of its own.
    [Fact]
    public void ALaboratoryKeepsItsThreads()
    {
        using var one = Tiny.Lab(Folder.At("one"), 1, Profile);
        using var other = Open();
        Assert.Equal(one.Store.Made, one.Sweep([0.5])[1].Made);
        Assert.Equal(other.Store.Made, other.Sweep([0.5])[1].Made);
        Assert.Equal((Environment.ProcessorCount, Math.Max(1, Environment.ProcessorCount / 2)), (one.Store.Threads, other.Store.Threads));
    }

    // A thread takes the process's number at its first use of threads, unless that came before.
    [Fact]
    public async Task WhatOthersSetMeanwhileLeavesTheThreadsOfAWork()
    {
        using var workers = new Workers(1, threads: 1, CPU);
        Assert.Equal(1, await workers.InPlace(() =>
        {
            OnAThread(() => set_num_threads(3));
            return get_num_threads();
        }, default));
        var run = _lab.Sweep([0.5])[1];
        OnAThread(() =>
        {
            set_num_threads(3);
            Assert.Equal(_lab.Store.Threads, _lab.Measure(run, "threads", new { }, (_, _) => get_num_threads()));
            Assert.Equal(3, get_num_threads());
        });
        set_num_threads(get_num_threads());

        static void OnAThread(Action act)
        {
            var task = Task.Factory.StartNew(act, TaskCreationOptions.LongRunning);
            task.Wait();
        }
    }

    // What goes on with other threads is neither the one nor the other.
    [Fact]
    public void ARunThatChangedItsThreadsSaysSo()
    {
        using var stop = new CancellationTokenSource();
        using var data = DataSets.Open(Tiny.Profile.Data);
        var (spec, before) = (Tiny.Spec, get_num_threads());
        RunResult Run(RunStore store, CancellationToken cancel = default)
            => new Runner(store, _ => data, CPU).Run(spec, [], [], new((done, _) => { if (done == "1ep3it") stop.Cancel(); }), cancel);
        using var back = new Ending(() => set_num_threads(before));
        set_num_threads(2);
        var first = new RunStore(Store);
        Assert.Throws<OperationCanceledException>(() => Run(first, stop.Token));
        set_num_threads(1);
        var second = new RunStore(Store);
        Assert.Equal($"{first.Made}; then {second.Made}", Run(second).Made);
        // Trained anew from its beginning, it is the second's alone; and what was measured of the first's network has gone with it.
        File.WriteAllText(second.Folder(spec).WatchLog("of the first"), "");
        File.Delete(second.Folder(spec).Checkpoint);
        Assert.Equal(second.Made, Run(second).Made);
        Assert.Empty(second.Folder(spec).Measured);
        // Half done by a version that did not write who made it.
        foreach (var file in new[] { second.Folder(spec).Done, second.Folder(spec).Makers })
            File.Delete(file);
        Assert.Equal($"{second.Maker}; then {second.Made}", Run(second).Made);
    }

    // libtorch's one generator belongs to all runs of the process: what a user's code draws is set to the run's seed, or refused where it cannot be.
    [Fact]
    public void WhatAUsersCodeDrawsIsTheSameAgain()
    {
        string[] Bits(string store)
        {
            using var lab = Tiny.Lab(Folder.At(store), profile: Profile with { Seeds = 2 });
            _ = rand(store.Length);
            var sweep = lab.Sweep([0.5], tweaks: [new Redrawn()], pruning: new Pruner("mine", At.Initialised, c => rand_like(c.Weight)) { Rounds = 2 }, dense: false);
            return [.. from run in sweep.Runs
                       from file in new[] { lab.Store.Folder(run.Spec).Mask, lab.Store.Folder(run.Spec).Checkpoint }
                       select Convert.ToHexString(Tiny.Bits(file))];
        }
        var bits = Bits("a");
        Assert.Equal(bits, Bits("another"));
        Assert.Equal(4, bits.Distinct().Count());       // mask and weights of two seeds
        var noise = new CustomActivation("noise", x => nn.functional.relu(x + 0.1 * randn_like(x)));
        var late = new Does("late", (loss, _) => (logits, target) => loss(target.Done < 0.3 ? logits : logits + randn_like(logits), target));
        foreach (var tweak in new Tweak[] { noise, late })
            Assert.Contains("draws random numbers", Assert.Throws<UserException>(() => _lab.Sweep([0.5], tweaks: [tweak], recipe: Profile.Recipe with { BatchSize = 10 })).Message);
    }

    /// <summary>Draws a factor of the loss and the first weights anew, and asks for the dense network while it does.</summary>
    private sealed record Redrawn : Tweak
    {
        public override string Label => "redrawn";

        public override bool NeedsDense => true;

        public override Loss Wrap(Loss loss, TweakContext context)
        {
            var factor = 1 + rand(1).item<float>();
            return (logits, target) => loss(logits, target) * factor;
        }

        public override void Initialise(Network network, TweakContext context)
        {
            using var noGrad = no_grad();
            var first = network.PrunableWeights().First().Weight;
            var before = rand(1).item<float>();
            Assert.NotNull(context.Dense());
            first.copy_(rand_like(first) + before);
        }
    }

    // Other threads, another processor: the run is taken, and that is said.
    [Fact]
    public void ARunThatWasMadeAnotherWayIsSaid()
    {
        var done = Path.Combine(_lab.Sweep([0.5])[1].Folder, "done.json");
        File.WriteAllText(done, File.ReadAllText(done).Replace("vectors of ", "vectors of 1"));
        Assert.Contains("trained again is made by kit", Assert.Throws<UserException>(() => _lab.NetworkOf(_lab.Sweep([0.5])[1], "1ep1it")).Message);
        Assert.Matches(@"1 trained by kit \d+, libtorch .*, cpu, 1 thread, vectors of 1\d+ bits(, without oneDNN)?, here it is .*: the last digits may differ", Tiny.Said(() => _lab.Sweep([0.5])));
    }

    [Fact]
    public void TheSizeOfTheNetworkIsSaidOnceBeforeAnythingTrains()
    {
        var data = Profile.Data with { Seed = 77 };       // which no other test of this process trains on
        using var network = Networks.Build(Profile.Model, new(4, 8), 0);
        var size = FormattableString.Invariant($"vgg5 on synthetic (seed 77): {network.ParameterCount:N0} parameters, {Flops.Of(network).Dense / 1e6:#,0.##} million multiply-adds an image");
        Assert.Equal(size, Assert.Single(Regex.Matches(Tiny.Said(() => _lab.Sweep([0.5], data: data)), @"\S+ on synthetic \(seed 77\): .* multiply-adds an image")).Value);
        Assert.DoesNotContain("seed 77): ", Tiny.Said(() => _lab.Sweep([0.5], data: data)));
    }

    // Two rounds of 20 % leave as many weights as one of 36 %; what one sweep alone has is not compared.
    [Fact]
    public void SweepsOfDifferentRatesAreJoinedBySparsity()
    {
        Sweep slow = _lab.Sweep([0.2, 0.36], rates: [0.2]), fast = _lab.Sweep([0.36, 0.5904], rates: [0.36], name: "fast");
        Assert.Equal([(0, 0), (2, 1)], slow.GainOver(fast).Select(p => p.Level).Zip(fast.GainOver(slow).Select(p => p.Level)));
        Assert.Equal(slow[2].TestAccuracy - fast[1].TestAccuracy, slow.GainOver(fast)[1].Mean);
        Assert.Equal(slow[2].TestAccuracy - fast[1].TestAccuracy, new Claim("c", "", Alternative.Greater, s => s[0].Sparsest - s[1].Densest, slow, fast).Numbers[0]);
        var table = Tables.Accuracy(slow, fast);
        Assert.Equal([0, 1, 2, 3], table.RowKeys);
        Assert.Equal([0, 20, 36, 59], table.GetColumn<double>("nominal sparsity (%)").Values.Select(p => Math.Round(p)));
        Assert.Equal([0, 2, 3], table.GetColumn<string>("fast (%)").DropMissing().Keys);
        Assert.Equal([0, 2], Tables.Gain(fast, slow).RowKeys);       // the levels of slow
    }

    [Fact]
    public void OneDivergedRunLeavesAHoleAndTheRestStays()
    {
        var sweep = _lab.Sweep(recipe: Profile.Recipe with { Optimiser = p => new Exploding(p) });
        Assert.Empty(sweep.Runs);
        Assert.Equal([0, 1, 2], sweep.Holes.Select(h => h.Spec.Level).Order());
        Assert.All(sweep.Holes, hole => Assert.Contains("infinite or not a number in epoch 1", hole.Reason));
        Assert.Contains("infinite", Assert.Throws<UserException>(() => sweep[1]).Message);
        Assert.Contains("infinite", Assert.Throws<UserException>(() => sweep.Sparsest).Message);
        // One that trains at level 1 and diverges at level 2.
        var fragile = new Does("fragile", (loss, context) => (logits, target) => loss(logits, target) * (context.Mask?.Sparsity > 0.6 ? float.NaN : 1));
        var part = _lab.Sweep(tweaks: [fragile]);
        Assert.Equal([1], part.Runs.Select(r => r.Spec.Level));
        Assert.Equal([2], part.Holes.Select(h => h.Spec.Level));
        Assert.Throws<DivergedException>(() => _lab.Run("one", [part.Holes[0].Spec]));
        Assert.Equal("fragile: 1 sparse runs, 1 dense, 1 without a result", part.ToString());
    }

    [Fact]
    public void OwnDataAreKnownByTheirContent()
    {
        using var generator = new Generator(1);
        using var images = randint(0, 256, [120, 3, 8, 8], generator: generator).to_type(ScalarType.Byte);
        using var labels = arange(120, ScalarType.Int64) % 3;
        using ImageSet one = ImageSet.From("mine", images, labels), same = ImageSet.From("mine", images, labels), other = ImageSet.From("mine", 255 - images, labels);
        using Lab a = Open(one), b = Open(same), c = Open(other);
        var run = a.Sweep([0.5])[1];
        Assert.Equal(run.Id, b.Sweep([0.5])[1].Id);
        Assert.NotEqual(run.Id, c.Sweep([0.5])[1].Id);
        Assert.Contains("mine", run.Spec.Label);
    }

    [Fact]
    public void WhatCannotBeIsOneSentenceBeforeAnythingTrains()
    {
        foreach (var (said, ask) in new (string, Func<object>)[]
        {
            ("tweaks is null", () => _lab.Sweep(tweaks: [null!])),
            ("5 is no sparsity", () => _lab.Sweep([5])),
            ("NaN is no sparsity", () => _lab.Sweep([double.NaN])),
            ("leaves none of the ", () => _lab.Sweep([0.9999999])),
            ("ask for at most 0.75, the last", () => _lab.Sweep([0.9999999], rates: [0.5, 0.5, 0.9999999], pruning: Pruner.Snip)),
            ("ask for at most 0, the last", () => _lab.Sweep([0.5], rates: [0.9999999], pruning: Pruner.Omp)),
            ("BatchSize", () => _lab.Sweep(recipe: Profile.Recipe with { BatchSize = 1 })),
            ("rates", () => _lab.Sweep(rates: [])),
            ("rates", () => _lab.Sweep(rates: [0.5, 1.5])),
            ("taken for one sparsity", () => _lab.Sweep([0.003, 0.006], rates: [0.003])),
            ("no layer 'conv9'", () => _lab.Sweep(pruning: Pruner.Imp with { Except = ["conv9"] })),
            ("rewind point", () => _lab.Sweep(rewind: "4ep")),
            ("rewind point", () => _lab.Sweep(rewind: "12it")),
            ("12ep for twelve", () => _lab.Sweep(rewind: "soon")),
            ("cannot be rewound", () => _lab.Sweep(rewind: "1ep", control: Control.Reinitialised)),
            ("needs a name", () => _lab.Sweep(pruning: new Pruner("", At.Trained, c => c.Weight))),
            ("Schedule", () => _lab.Sweep(recipe: Profile.Recipe with { Schedule = done => -1 })),
        })
            Assert.Contains(said, Assert.ThrowsAny<UserException>(() => ask()).Message);
        Assert.Empty(Directory.GetFileSystemEntries(Store));
        Assert.Contains("another shape", Assert.Throws<UserException>(() => _lab.Sweep(pruning: new Pruner("sum", At.Initialised, c => c.Weight.sum()), dense: false)).Message);
        Assert.Contains("no positive share", Assert.Throws<UserException>(() => _lab.Sweep(pruning: Pruner.Random with { Distribution = new("none", _ => 0) }, dense: false)).Message);
    }

    private sealed class Exploding(IEnumerable<TorchSharp.Modules.Parameter> parameters) : TorchSharp.Modules.SGD(parameters, 0.1)
    {
        public override Tensor step(Func<Tensor>? closure = null)
        {
            using var noGrad = no_grad();
            foreach (var weight in parameters())
                weight.mul_(float.NaN);
            return null!;
        }
    }
}
