using System.Collections.Immutable;
using LTHKit.Analysis;
using TorchSharp.Modules;

namespace LTHKit.Tests.Experiments;

/// <summary>What a user's own networks, tweaks, measurements and claims may do that the kit's own never do.</summary>
[Collection(nameof(Alone))]      // it draws from the one generator
public sealed class UsersCodeTests : InFolder
{
    private static readonly Profile Small = new()
    {
        Name = "small",
        Data = new DataSpec { TrainCount = 100, TestCount = 40, Classes = 4, Size = 8 },
        Model = new ModelSpec("vgg5", 3),
        Recipe = new Recipe { Epochs = 2, BatchSize = 30, LearningRate = 0.05 },
        Rates = [0.5],
        Levels = [1, 2],
        Seeds = 1,
    };

    private Lab Open(int jobs = 2, string? store = null, Profile? profile = null)
        => Lab.Open(profile ?? Small, device: "cpu", jobs: jobs, store: new RunStore(store ?? Store));

    private static string Refused(Func<object?> act) => Assert.Throws<UserException>(act).Message;

    /// <summary>Two convolutions, and what one does wrong.</summary>
    private sealed class Odd : nn.Module<Tensor, Tensor>
    {
        private readonly string _how;
        private readonly Conv2d a, b;
        private readonly nn.Module<Tensor, Tensor> norm;
        private readonly Linear fc, unused;

        public Odd(InputSpec input, string how) : base("odd")
        {
            _how = how;
            (a, b, fc) = (nn.Conv2d(input.Channels, 4, 3, padding: 1), nn.Conv2d(4, 4, 3, padding: 1), nn.Linear(4, input.Classes));
            norm = how == "group norm" ? nn.GroupNorm(2, 4) : nn.Identity();
            unused = nn.Linear(4, 2);
            RegisterComponents();
        }

        public override Tensor forward(Tensor x)
        {
            var h = norm.call(a.call(x)).sigmoid();
            return fc.call((_how switch
            {
                "in place" => b.call(h.mul_(2)),
                "detached" => h + b.call(h).detach(),
                _ => b.call(h),
            }).mean([2, 3]));
        }
    }

    private static ModelSpec Model(string how) => ModelSpec.Own("odd", input => new Odd(input, how));

    [Theory]
    [InlineData("detached")]
    [InlineData("unused")]
    public void LayersThatNoGradientReachesAreScoredZero(string how)
    {
        using var lab = Open();
        foreach (var pruner in new[] { Pruner.Snip, Pruner.Grasp, Pruner.SynFlow })
            Assert.Single(lab.Sweep([0.5], pruning: pruner, dense: false, model: Model(how)).Runs);
        using var snip = lab.MaskOf(lab.Sweep([0.5], pruning: Pruner.Snip, dense: false, model: Model(how)).Runs[0])!;
        Assert.Equal(how == "detached", snip.Layers.Single(layer => layer.Name == "b.weight").Kept < snip.Kept / 2);
    }

    [Fact]
    public void WhatIsFrozenStays()
    {
        using var lab = Open();
        var model = ModelSpec.Own("frozen", input =>
        {
            var made = new Odd(input, "plain");
            made.parameters().First().requires_grad = false;
            return made;
        });
        Assert.Single(lab.Sweep([0.5], pruning: Pruner.Random, dense: false, model: model).Runs);
    }

    [Fact]
    public void WhatCannotBeDifferentiatedIsRefusedAndEndsNothing()
    {
        using var lab = Open();
        Assert.Contains("odd has no derivative", Refused(() => lab.Sweep([0.5], pruning: Pruner.Snip, model: Model("in place"))));
        var module = new Odd(new InputSpec(4, 8), "in place");
        module.parameters().First().grad = ones_like(module.parameters().First());
        var objective = new Objective(module, [new Batch(randn(4, 3, 8, 8), arange(4))]);
        using var hessian = new Hessian(objective);
        Assert.Contains("first and second derivative", Refused(() => hessian.Top()));
        var plain = new Objective(new Odd(new InputSpec(4, 8), "plain"), [new Batch(randn(4, 3, 8, 8), arange(4))], (logits, _) => logits.detach().mean());
        using var gaussNewton = new Hessian(plain, options: new() { GaussNewton = true });
        Assert.Equal(0, gaussNewton.Top()[0].Value);
        Assert.Contains("no derivative", Refused(() => GradientFlow.Of(objective)));
        Assert.Equal(module.parameters().First().numel(), module.parameters().First().grad!.sum().ToDouble());
    }

    [Fact]
    public void AGroupNormBeginsAtOneAndZero()
    {
        using var network = Networks.Build(Model("group norm"), new InputSpec(4, 8), 0);
        var state = network.State.ToDictionary();
        Assert.True(state["norm.weight"].eq(1).all().ToBoolean() && state["norm.bias"].eq(0).all().ToBoolean());
    }

    [Fact]
    public void AFactoryThatDoesNotRepeatIsRefused()
    {
        using var lab = Open();
        var model = ModelSpec.Own("drawn", input =>
        {
            using var noGrad = no_grad();
            var made = nn.Sequential(nn.Conv2d(input.Channels, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 36, input.Classes));
            made.parameters().First().mul_(System.Random.Shared.NextDouble());
            return made;
        });
        Assert.Contains("makes another 0.weight each time", Refused(() => lab.Sweep([0.5], model: model)));
    }

    [Fact]
    public void AMeasurementComesBackFromTheStoreAsItWas()
    {
        using var lab = Open();
        var run = lab.Sweep([0.5]).Dense[0];
        for (var time = 0; time < 2; time++)
        {
            Assert.Equal((1.5, 2.5), lab.Measure(run, "pair", new { }, (_, _) => (1.5, 2.5)));
            Assert.Equal(("conv", 3.0), lab.Measure(run, "list", new { }, (_, _) => new List<(string, double)> { ("conv", 3.0) })[0]);
        }
        double Settings((int, int) settings) => lab.Measure(run, "settings", settings, (_, _) => Measured);
        Measured = 1;
        Assert.Equal(1, Settings((1, 2)));
        Measured = 7;
        Assert.Equal(7, Settings((3, 4)));
        Assert.Contains("cannot be kept", Refused(() => lab.Measure(run, "table", new { }, (_, _) => new double[2, 2])));
        Assert.Contains("cannot be kept", Refused(() => lab.Measure(run, "tensor", new { }, (network, _) => network.parameters().First().sum().detach())));
        Assert.Contains("leave the slash out", Refused(() => lab.Measure(run, "layer1/conv", new { }, (_, _) => 3.0)));
    }

    [ThreadStatic]
    private static double Measured;

    [Fact]
    public void AReinitialisedTicketIsTheTicket()
    {
        using var lab = Open();
        foreach (var pruner in new[] { Pruner.Snip, Pruner.Grasp, Pruner.SynFlow, Pruner.Random, Pruner.Omp, Pruner.Imp })
        {
            using Mask found = lab.MaskOf(lab.Sweep([0.75], pruning: pruner, dense: false).Runs[0])!;
            using Mask other = lab.MaskOf(lab.Sweep([0.75], pruning: pruner, control: Control.Reinitialised, dense: false).Runs[0])!;
            Assert.True(found.Equals(other), pruner.Name);
        }
    }

    [Fact]
    public void TrainingAccuracyIsOverAllImagesWhereTheLastJoinsTheBatchBeforeIt()
    {
        using var lab = Open(profile: Small with
        {
            Data = Small.Data with { TrainCount = 4, Classes = 2, ValidationFraction = 0.25 },
            Recipe = Small.Recipe with { BatchSize = 2, Epochs = 40, Augment = false },
        });
        var run = lab.Sweep([0.5]).Dense[0];
        Assert.Equal(3, lab.Data().Train.Count);
        Assert.Equal(1, run.Epochs.Max(epoch => epoch.TrainAccuracy), 6);
    }

    private sealed record Counting : Watch
    {
        public static int Times;

        public override string Name => "counting";

        public override IReadOnlyDictionary<string, double> Measure(Network network, Mask? mask, ImageSet data, ulong seed, CancellationToken cancel)
            => new Dictionary<string, double> { ["n"] = Interlocked.Increment(ref Times) };
    }

    [Fact]
    public void AnImportedRunIsWatchedOnce()
    {
        using (var lab = Open())
        {
            lab.Sweep([0.5]);
            new RunArchive(Folder.At("archive")).Export(lab.Store, false);
        }
        using var there = Open(store: Folder.At("there"));
        new RunArchive(Folder.At("archive")).Import(there.Store);
        var run = there.Sweep([0.5]).Dense[0];
        there.NetworkOf(run, at: "0ep").Dispose();
        Assert.False(File.Exists(new RunFolder(run.Folder).Checkpoint));        // for its beginning nothing is trained
        there.Watched([run], new Counting());
        Assert.Equal(Small.Recipe.Epochs + 1, Counting.Times);
    }

    private sealed record Asking(Lab Lab, RunResult Run) : Tweak
    {
        public override string Label => "asking";

        public override void Initialise(Network network, TweakContext context) => Lab.NetworkOf(Run).Dispose();
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void ATweakThatAsksTheLaboratoryIsToldToAskBefore(int jobs)
    {
        using var lab = Open(jobs);
        var run = lab.Sweep([0.5]).Dense[0];
        Assert.Contains("ask beforehand", Refused(() => lab.Sweep([0.5], tweaks: [new Asking(lab, run)], dense: false)));
    }

    private sealed record Failing : Tweak
    {
        public override string Label => "failing";

        public override Loss Wrap(Loss loss, TweakContext context) => (logits, _) => Line(logits);

        private static Tensor Line(Tensor logits) => logits.mean([7]);
    }

    [Fact]
    public void AnErrorKeepsTheLineThatItComesFrom()
    {
        using var lab = Open();
        var error = Assert.ThrowsAny<Exception>(() => lab.Sweep([0.5], tweaks: [new Failing()], dense: false));
        Assert.Contains("Failing.Line", error.StackTrace);
    }

    private record Keeping(double Value) : Tweak
    {
        public override string Label => $"keeps {Value}";

        public override void Initialise(Network network, TweakContext context)
            => Assert.Equal(Value, context.Keep("noise", () => new() { ["x"] = tensor(Value) })["x"].ToDouble());
    }

    private sealed record AlsoKeeping(double Value) : Keeping(Value);

    [Fact]
    public void WhatTweaksKeepUnderOneNameIsEachOnesOwn()
    {
        using var lab = Open();
        Assert.Single(lab.Sweep([0.5], tweaks: [new Keeping(1), new Keeping(2), new AlsoKeeping(3)], dense: false).Runs);
    }

    private static class One
    {
        public sealed record Twin : Tweak
        {
            public override string Label => "1";
        }
    }

    private static class Two
    {
        public sealed record Twin : Tweak
        {
            public override string Label => "2";

            public override Loss Wrap(Loss loss, TweakContext context) => (logits, target) => loss(logits, target) * 2;
        }
    }

    [Fact]
    public void ARunsNameIsThatOfItsNumbersAlone()
    {
        using var lab = Open();
        var run = lab.Sweep([0.5]).Dense[0];
        var moved = run with { Folder = Path.Combine("/elsewhere", Path.GetFileName(run.Folder)) };
        Func<Tensor, Tensor> By(RunResult by) => x => x * by.Seconds;
        Assert.Equal(CodeIdentity.Of(By(run)), CodeIdentity.Of(By(moved)));

        // The order of such a table is that of its hashes, which of texts are others in each process.
        Func<string, double> From(ImmutableDictionary<string, double> table) => name => table.GetValueOrDefault(name, 1);
        var table = new[] { "conv1", "layer1", "fc", "a", "b" }.ToDictionary(name => name, name => (double)name.Length);
        var (forwards, backwards) = (table.ToImmutableDictionary(new Hashing(1)), table.ToImmutableDictionary(new Hashing(-1)));
        Assert.NotEqual(forwards.Keys.AsEnumerable(), backwards.Keys);
        Assert.Equal(CodeIdentity.Of(From(forwards)), CodeIdentity.Of(From(backwards)));

        var (first, second) = (new One.Twin(), new Two.Twin());
        var spec = Tiny.Spec with { Level = 1 };
        Assert.Equal((spec with { Tweaks = [first, second] }).Id, (spec with { Tweaks = [second, first] }).Id);
        Assert.Contains("no Label", Refused(() => lab.Sweep([0.5], tweaks: [new Nameless()])));
        Assert.Single(lab.Sweep([0.5], tweaks: [new Holding()], dense: false).Runs);
    }

    private sealed record Holding : Tweak
    {
        public Tensor? Held = null;

        public override string Label => "holding";
    }

    private sealed record Nameless : Tweak
    {
        public override string Label => "";
    }

    private sealed class Hashing(int sign) : EqualityComparer<string>
    {
        public override bool Equals(string? x, string? y) => x == y;

        public override int GetHashCode(string text) => sign * text[0];
    }

    [Fact]
    public void WhatHasNoResultSaysWhy()
    {
        using var lab = Open();
        var lost = lab.Sweep([0.5], recipe: Small.Recipe with { LearningRate = 1e9 });
        Assert.Empty(lost.Runs);
        foreach (var reason in new[]
        {
            Refused(() => Tables.Accuracy(lost)), Refused(() => Tables.Gain(lost, lost)), Refused(() => Figures.AccuracyVsSparsity(lost)),
            Refused(() => Figures.GainOverVanilla(lost, lost)),
        })
            Assert.Contains("infinite or not a number", reason);
        Assert.Null(Claims.WinningTicket(lost, lost));
        Assert.Equal(1, Tables.WinningTickets(lost).RowCount);
    }

    [Fact]
    public void SettingsThatWouldChangeNothingOrTrainWronglyAreRefused()
    {
        using var lab = Open();
        Recipe recipe = Small.Recipe;
        Assert.Contains("cannot go back", Refused(() => lab.Sweep([0.5], rewind: "1ep", rewinding: Rewinding.FineTuning)));
        Assert.Contains("no point is given", Refused(() => lab.Sweep([0.5], eachRound: true)));
        Assert.Contains("has no rounds", Refused(() => lab.Sweep([0.5], rewind: "1ep", eachRound: true, pruning: Pruner.Omp)));
        Assert.Contains("No network can be kept at 9ep", Refused(() => lab.Sweep([0.5], keep: [9])));
        Assert.Contains("No network can be kept at 999it", Refused(() => lab.Sweep([0.5], keep: ["999it"])));
        Assert.Empty(lab.Sweep([], dense: false, keep: [1]).Runs);
        Assert.Contains("Schedule", Refused(() => lab.Sweep([0.5], recipe: recipe with { Schedule = done => 0.8 - done })));
        Assert.Contains("Schedule", Refused(() => lab.Sweep([0.5], recipe: recipe with { Schedule = done => 0.4 - done })));
        Assert.Contains("RateOf of", Refused(() => lab.Sweep([0.5], recipe: recipe with { RateOf = _ => -1 })));
        Assert.Contains("RateOf of", Refused(() => lab.Sweep([0.5], recipe: recipe with { RateOf = _ => double.NaN, Optimiser = p => optim.AdamW(p) })));
        foreach (var warmUp in new Step[] { -5, "3ep", new(0, -3) })
            Assert.Contains("WarmUp", Refused(() => lab.Sweep([0.5], recipe: recipe with { WarmUp = warmUp })));
        foreach (var text in new[] { " ", "", null! })
            Assert.Contains("no point of a training", Refused(() => Step.Parse(text)));
        Assert.Contains("null", Refused(() => ImageSet.From("mine", null!, zeros(4))));
        Assert.Contains("no training images", Refused(() => ImageSet.From("mine", zeros(0, 3, 8, 8), zeros(0, dtype: ScalarType.Int64))));
        var sweep = lab.Sweep([0.5]);
        Assert.Contains("asks for s[3]", Refused(() => new Claim("mine", "", Alternative.Greater, s => s[3].Sparsest, sweep)));
    }

    [Fact]
    public void TheRateFallsAtTheStepThatItsShareNames()
    {
        foreach (var (epochs, share) in new[] { (100, 0.55), (50, 0.14), (180, 0.5), (30, 0.7) })
            Assert.Equal(0.01, new Recipe { Epochs = epochs, DecayAt = [share] }.LearningRateAt((int)Math.Round(epochs * share), 10), 12);
    }

    [Fact]
    public void StepsAreTimedWithInjectedSkipConnectionsToo()
    {
        using var lab = Open();
        var run = lab.Sweep([0.5], tweaks: [new SkipInjection()], dense: false).Runs[0];
        Assert.True(lab.StepTimes([run], 1)[0].Own > 0);
    }
}
