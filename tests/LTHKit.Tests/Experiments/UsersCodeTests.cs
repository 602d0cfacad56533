using System.Collections.Immutable;
using LTHKit.Analysis;
using TorchSharp.Modules;

namespace LTHKit.Tests.Experiments;

/// <summary>What a user's own networks, tweaks, measurements and claims may do that the kit's own never do.</summary>
[Collection(nameof(Alone))]      // it draws from the one generator
public sealed class UsersCodeTests() : InLab(Small)
{
    private static readonly Profile Small = Tiny.Profile with
    {
        Data = new DataSpec { TrainCount = 100, TestCount = 40, Classes = 4, Size = 8 },
        Model = new ModelSpec("vgg5", 3),
        Recipe = new Recipe { Epochs = 2, BatchSize = 30, LearningRate = 0.05 },
    };

    [Fact]
    public void AFailureOnSeveralThreadsIsThatFailure()
    {
        var several = new Does("several", Wraps: (_, _) => (_, _) =>
        {
            Parallel.For(0, 2, i => throw new InvalidOperationException("mine"));
            return zeros(1);
        });
        Assert.Equal("mine", Assert.Throws<InvalidOperationException>(() => _lab.Sweep([0.5], [several], dense: false)).Message);
        var stopped = new Does("stopped", Wraps: (_, _) => (_, _) => throw new AggregateException(new OperationCanceledException()));
        Assert.Throws<OperationCanceledException>(() => _lab.Sweep([0.5], [stopped], dense: false));
    }

    private static string Refused(Func<object?> act) => Assert.Throws<UserException>(act).Message;

    /// <summary>Two convolutions, and what one does wrong.</summary>
    private sealed class Odd : nn.Module<Tensor, Tensor>
    {
        private readonly string _how;
        private readonly Conv2d a, b;
        private readonly nn.Module<Tensor, Tensor> norm;
        private readonly Linear fc, unused;
        private Tensor? _kept;

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
                "twice" => b.call(b.call(h)),
                "keeps" => b.call(h) + (_kept ??= ones(1)),
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
        foreach (var pruner in new[] { Pruner.Snip, Pruner.Grasp, Pruner.SynFlow })
            Assert.Single(_lab.Sweep([0.5], pruning: pruner, dense: false, model: Model(how)).Runs);
        using var snip = _lab.MaskOf(_lab.Sweep([0.5], pruning: Pruner.Snip, dense: false, model: Model(how)).Runs[0])!;
        Assert.Equal(how == "detached", snip.Layers.Single(layer => layer.Name == "b.weight").Kept < snip.Kept / 2);
    }

    [Fact]
    public void WhatIsFrozenStays()
    {
        var model = ModelSpec.Own("frozen", input =>
        {
            var made = new Odd(input, "plain");
            made.parameters().First().requires_grad = false;
            return made;
        });
        foreach (var pruner in Pruner.All)
        {
            using var mask = _lab.MaskOf(Assert.Single(_lab.Sweep([0.5], pruning: pruner, dense: false, model: model).Runs))!;
            Assert.True(mask.Layers.Single(layer => layer.Name == "a.weight").Kept > 0, pruner.Name);
        }
        var rescaled = _lab.Sweep([0.5], [new RescaledInit(3)], dense: false, model: model);
        Assert.DoesNotContain(_lab.Scales(rescaled.Runs[0]).Value, scale => scale.Parameter == "a.weight");
    }

    /// <summary>What TorchSharp registers without keeping it alive: a parameter, a buffer, a field, a module that libtorch makes.</summary>
    private sealed class Own : nn.Module<Tensor, Tensor>
    {
        private readonly Conv2d a;
        private readonly Linear fc;
        private readonly Parameter gain;
        private readonly MultiheadAttention attention;
        private readonly Tensor shift = tensor(0.5f);

        public Own(InputSpec input) : base("own")
        {
            (a, fc, gain, attention) = (nn.Conv2d(input.Channels, 4, 3, padding: 1), nn.Linear(4, input.Classes), nn.Parameter(ones(4)), nn.MultiheadAttention(4, 2));
            register_buffer("scale", full(4, 2f));
            register_buffer("steps", zeros(1), persistent: false);
            RegisterComponents();
        }

        public override Tensor forward(Tensor x)
        {
            if (training)
                get_buffer("steps")!.add_(1);
            var h = a.call(x).relu().mean([2, 3]) * gain * get_buffer("scale")! + shift;
            return fc.call(h + attention.call(h.unsqueeze(0), h.unsqueeze(0), h.unsqueeze(0)).Item1.squeeze(0));
        }
    }

    [Fact]
    public void ANetworksOwnTensorsLiveAndTrain()
    {
        var sweep = _lab.Sweep([0.5], model: ModelSpec.Own("own", input => new Own(input)));
        using Network before = _lab.NetworkOf(sweep.Dense[0], at: "0ep"), after = _lab.NetworkOf(sweep.Dense[0]);
        var (first, last) = (before.State.ToDictionary(), after.State.ToDictionary());
        foreach (var name in new[] { "gain", "attention.in_proj_weight" })
            Assert.False(first[name].allclose(last[name]));
        Assert.Equal(8, last["scale"].sum().ToSingle());
        Assert.Equal(0, first["steps"].item<float>());
        Assert.True(last["steps"].item<float>() > 3);
        after.register_buffer("seen", zeros(1), persistent: false);
        Assert.Contains(after.State, state => state.Name == "seen");
    }

    private sealed record From(RunResult Teacher, Tensor Start) : Tweak
    {
        public override string Label => "from";
    }

    private sealed record Table(double[,] Values) : Tweak
    {
        public override string Label => "table";
    }

    // A run as a setting is that run wherever it lies and whenever it was made; a tensor is its values.
    [Fact]
    public void RunsAndTensorsAreSettings()
    {
        using var moved = Tiny.Lab(Folder.At("moved"), profile: Small);
        var (teacher, same) = (_lab.Sweep([0.5]).Runs[0], moved.Sweep([0.5]).Runs[0]);
        RunSpec Of(RunResult run, Tensor start) => _lab.Sweep([0.5], [new From(run, start)], dense: false).Runs[0].Spec;
        Assert.NotEqual(teacher.Folder, same.Folder);
        Assert.Equal(Of(teacher, ones(3)).Id, Of(same, ones(3)).Id);
        Assert.NotEqual(Of(teacher, ones(3)).Id, Of(teacher, zeros(3)).Id);
        Assert.NotEqual(Of(teacher, ones(3)).Id, Of(_lab.Sweep([0.75]).Runs[0], ones(3)).Id);
        Assert.Contains("A setting of Table cannot be written down", Refused(() => _lab.Sweep([0.5], [new Table(new double[2, 2])])));
    }

    [Fact]
    public void LevelsAreOfTheRatesThatAreGivenAndZeroIsTheDenseNetworkOnce()
    {
        using var lab = Tiny.Lab(Store, profile: Small with { Levels = [0, 1, 2] });
        Assert.Equal([0.488, 0.738], lab.Sweep(rates: [0.2]).Runs.Select(run => Math.Round(run.Spec.Sparsity, 3)));
        var sweep = lab.Sweep();
        Assert.Equal((1, 2), (sweep.Dense.Count, sweep.Runs.Count));
        Assert.Equal(1, sweep.DensePoint!.Count);
    }

    [Fact]
    public void ALossKnowsHowFarTheTrainingIs()
    {
        using var data = DataSets.Open(Small.Data);
        using var network = Networks.Build(Small.Model, new InputSpec(4, 8), 0);
        var seen = new List<double>();
        Loss loss = (logits, target) =>
        {
            seen.Add(target.Done);
            return Losses.CrossEntropy(logits, target);
        };
        using var trainer = new Trainer(network, null, Small.Recipe, data, loss, 0);
        trainer.Run([]);
        Assert.Equal([0, 1, 2, 3, 4, 5], seen.Select(done => Math.Round(6 * done, 9)));
    }

    [Fact]
    public void WhatTweaksAskForIsThereOrSaysWhyNot()
    {
        Action<Network, TweakContext> asks = (_, context) => context.Dense();
        foreach (var tweak in new[] { new Does("asks", Initialises: asks), new Does("asks", Rewrites: asks) })
            Assert.Contains("asked for the trained dense network", Refused(() => _lab.Sweep([0.5], [tweak])));
        var scaled = new Does("scaled", Rewrites: (network, context) =>
        {
            if (context.Mask?[context.Mask.Layers[0].Name] is { } kept)
                ((nn.Module<Tensor, Tensor>)network.Convolutions.First().Convolution).register_forward_hook((_, _, y) => y / kept.to(ScalarType.Float32).mean());
        });
        using var network = _lab.NetworkOf(_lab.Sweep([0.5], [scaled], dense: false).Runs[0]);
        GC.Collect();
        Assert.Equal([2, 4], network.call(randn(2, 3, 8, 8)).shape);
        var blows = new Does("blows", Initialises: (network, context) => _ = context.Mask is null ? network : throw new DivergedException("The weights became infinite."));
        var blown = _lab.Sweep([0.5], [blows]);
        Assert.Equal((0, 1, 1), (blown.Runs.Count, blown.Dense.Count, blown.Holes.Count));
        Assert.Contains("became infinite", blown.Holes[0].Reason);
        Assert.Contains("other weights than the ticket", Refused(() => _lab.Sweep([0.75], control: Control.Random, rewinding: Rewinding.FineTuning)));
        Assert.Single(_lab.Sweep([0.75], control: Control.Random, rewinding: Rewinding.FineTuning, pruning: Pruner.Omp, dense: false).Runs);
        Assert.Contains("WarmUp is 5000it", Refused(() => _lab.Sweep([0.5], recipe: Small.Recipe with { WarmUp = "5000it" })));
        Assert.Contains("goes from 1 to 2 epochs", Refused(() => _lab.Sweep([0.5], rewind: "1ep", keep: ["0ep"], dense: false)));
    }

    // Groups of the factory's own order its state otherwise than the network's weights: each has its own mask all the same.
    [Fact]
    public void AnOptimisersMemoryIsMaskedByEachWeightsOwnMask()
    {
        using var network = Networks.Build(new ModelSpec("resnet18", 4), new InputSpec(4, 8), 0);
        using var dense = Mask.Dense(network);
        using var data = DataSets.Open(Small.Data);
        using var mask = Pruner.Random.Draw(network, dense, dense.Total / 2, data, 0);
        AdamW? made = null;
        var recipe = Small.Recipe with
        {
            LearningRate = 1e-3,
            Optimiser = parameters =>
            {
                var all = parameters.ToList();
                return made = optim.AdamW([new AdamW.ParamGroup(all.Where(p => p.dim() == 1)), new AdamW.ParamGroup(all.Where(p => p.dim() > 1).Reverse())]);
            },
        };
        using var trainer = new Trainer(network, mask, recipe, data, Losses.CrossEntropy, 0);
        trainer.TrainEpoch(0);
        var names = network.named_parameters().ToDictionary(p => p.parameter.Handle, p => p.name);
        foreach (var (parameter, state) in made!.parameters().Zip(made.state_dict().State))
            if (mask.Covers(names[parameter.Handle]))
            {
                var moment = ((AdamW.State)state).exp_avg;
                Assert.True(moment.masked_select(mask[names[parameter.Handle]]).ne(0).any().ToBoolean(), names[parameter.Handle]);
                Assert.False(moment.masked_select(mask[names[parameter.Handle]].logical_not()).ne(0).any().ToBoolean(), names[parameter.Handle]);
            }
    }

    [Fact]
    public void ANetworkIsNotBuiltByCodeThatHoldsOtherValuesNow()
    {
        var slope = 0.1;
        var sweep = _lab.Sweep([0.5], [new CustomActivation("leaky", x => nn.functional.leaky_relu(x, slope))], dense: false);
        _lab.SilentActivations(sweep.Runs);
        slope = 0.5;
        Assert.Contains("holds other values now", Refused(() => _lab.NetworkOf(sweep.Runs[0])));
        Assert.Single(_lab.SilentActivations(sweep.Runs));       // as measured then
    }

    [Fact]
    public void ALossMayPenaliseTheWeightsOfItsRun()
    {
        double Size(double weight)
        {
            var penalty = new Does($"L1 {weight}", (loss, context) => (logits, target)
                => loss(logits, target) + weight * context.Network!.PrunableWeights().Select(w => w.Weight.abs().sum()).Aggregate((a, b) => a + b));
            using var network = _lab.NetworkOf(_lab.Sweep([0.5], [penalty], dense: false).Runs[0]);
            return network.PrunableWeights().Sum(w => w.Weight.abs().sum().ToDouble());
        }
        Assert.True(Size(0.5) < 0.8 * Size(0));
    }

    // The first draws of a pruner that asks for what is made with a seed of its own are those of its run's seed.
    [Fact]
    public void DrawsGoOnWhereTheyWereAfterWhatIsSeededOtherwise()
    {
        float[] Drawn(ulong seed) => Networks.Seeded(seed, () =>
        {
            using var network = Networks.Build(new ModelSpec("vgg5", 2), new InputSpec(4, 8), 0);
            return rand(3).data<float>().ToArray();
        });
        Assert.NotEqual(Drawn(1), Drawn(2));
        Assert.Equal(Drawn(1), Drawn(1));
    }

    [Fact]
    public void WhatCellsGetWrongIsASentence()
    {
        var adapter = new Does("adapter", Initialises: (network, _) => network.register_module("adapter", nn.Linear(4, 4)));
        Assert.Contains("in Initialise, where weights alone may change", Refused(() => _lab.Sweep([0.5], [adapter])));
        var detached = new Does("detached", (loss, _) => (logits, target) => loss(logits, target).detach());
        Assert.Contains("depends on no weight", Refused(() => _lab.Sweep([0.5], [detached])));
        var ofEach = new Does("of each image", (_, _) => (logits, target) => nn.functional.cross_entropy(logits, target.Labels, reduction: nn.Reduction.None));
        Assert.Contains("must be one number", Refused(() => _lab.Sweep([0.5], [ofEach])));
        Assert.Contains("The loss is null", Refused(() => _lab.Sweep([0.5], [new Does("none", (_, _) => (_, _) => null!)])));
        Assert.Contains("without a closure", Refused(() => _lab.Sweep([0.5], recipe: Small.Recipe with { Optimiser = p => optim.LBFGS(p) }, dense: false)));
        Assert.Contains("cannot be run a second time", Refused(() => _lab.Sweep([0.5], model: Model("keeps"))));
        Assert.Contains("number of seeds", Refused(() => Tiny.Lab(Store, profile: Small with { Seeds = -1 })));
        Assert.Contains("at least one sweep", Refused(() => new Claim("mine", "nothing", Alternative.Greater, s => 0)));
        using var mask = _lab.MaskOf(_lab.Sweep([0.5], dense: false).Runs[0])!;
        var spent = _lab.Sweep([0.5], pruning: new Pruner("mine", At.Initialised, layer => mask[layer.Name]), dense: false).Runs[0];
        using (var drawn = _lab.MaskOf(spent)!)
            Assert.All(drawn.Layers, layer => Assert.True(drawn[layer.Name].eq(mask[layer.Name]).all().ToBoolean()));
        using var twice = _lab.NetworkOf(_lab.Sweep([0.5], model: Model("twice")).Dense[0]);
        Assert.IsType<Odd>(twice.Body);
        var flops = Flops.Of(twice);
        Assert.Equal(["a", "b", "fc"], flops.Layers.Select(layer => layer.Name));
        Assert.Equal(2 * 64 * 4 * 4 * 9, flops.Layers[1].Dense);
    }

    // Through the kit's kernels an exception would have to pass through libtorch, which ends the process.
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void ALossThatChangesWeightsInPlaceIsRefusedAndEndsNothing(bool sparse)
    {
        var noise = new Does("noise", (loss, context) => (logits, target) =>
        {
            using (no_grad())
                foreach (var (_, weight) in context.Network!.PrunableWeights())
                    weight.add_(0.001);
            return loss(logits, target);
        });
        Assert.Contains("gradient of the loss cannot be computed",
            Refused(() => _lab.Sweep([0.5], [noise], recipe: Small.Recipe with { Sparse = sparse }, model: new ModelSpec("resnet18", 2), dense: false)));
    }

    [Fact]
    public void ARunIsTheSameWhateverAWatchDoesToItsNetwork()
    {
        string Bits(string store, params Watch[] watches)
        {
            using var lab = Tiny.Lab(Folder.At(store), profile: Small);
            return Convert.ToHexString(Tiny.Bits(lab.Store.Folder(lab.Sweep([0.5], watches: watches, dense: false).Runs[0].Spec).Checkpoint));
        }
        Assert.Equal(Bits("alone"), Bits("watched", new Meddles()));
    }

    /// <summary>Moves the running statistics and the weights, and leaves the network in another mode.</summary>
    private sealed record Meddles : Watch
    {
        public override string Name => "meddles";

        public override IReadOnlyDictionary<string, double> Measure(Network network, Mask? mask, ImageSet data, ulong seed, CancellationToken cancel)
        {
            Assert.False(network.training);
            network.train();
            network.call(randn(8, 3, 8, 8)).sum().backward();
            using (no_grad())
                foreach (var (_, weight) in network.PrunableWeights())
                    weight.mul_(0.9);
            return new Dictionary<string, double> { ["one"] = 1 };
        }
    }

    [Fact]
    public void WhatCannotBeDifferentiatedIsRefusedAndEndsNothing()
    {
        Assert.Contains("odd has no derivative", Refused(() => _lab.Sweep([0.5], pruning: Pruner.Snip, model: Model("in place"))));
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
        var model = ModelSpec.Own("drawn", input =>
        {
            using var noGrad = no_grad();
            var made = nn.Sequential(nn.Conv2d(input.Channels, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 36, input.Classes));
            made.parameters().First().mul_(System.Random.Shared.NextDouble());
            return made;
        });
        Assert.Contains("makes another 0.weight each time", Refused(() => _lab.Sweep([0.5], model: model)));
    }

    [Fact]
    public void AMeasurementComesBackFromTheStoreAsItWas()
    {
        var run = _lab.Sweep([0.5]).Dense[0];
        for (var time = 0; time < 2; time++)
        {
            Assert.Equal((1.5, 2.5), _lab.Measure(run, "pair", new { }, (_, _) => (1.5, 2.5)));
            Assert.Equal(("conv", 3.0), _lab.Measure(run, "list", new { }, (_, _) => new List<(string, double)> { ("conv", 3.0) })[0]);
        }
        double Settings((int, int) settings) => _lab.Measure(run, "settings", settings, (_, _) => Measured);
        Measured = 1;
        Assert.Equal(1, Settings((1, 2)));
        Measured = 7;
        Assert.Equal(7, Settings((3, 4)));
        Assert.Contains("cannot be kept", Refused(() => _lab.Measure(run, "table", new { }, (_, _) => new double[2, 2])));
        Assert.Contains("cannot be kept", Refused(() => _lab.Measure(run, "tensor", new { }, (network, _) => network.parameters().First().sum().detach())));
        Assert.Contains("leave the slash out", Refused(() => _lab.Measure(run, "layer1/conv", new { }, (_, _) => 3.0)));
    }

    [ThreadStatic]
    private static double Measured;

    [Fact]
    public void AReinitialisedTicketIsTheTicket()
    {
        foreach (var pruner in new[] { Pruner.Snip, Pruner.Grasp, Pruner.SynFlow, Pruner.Random, Pruner.Omp, Pruner.Imp })
        {
            using Mask found = _lab.MaskOf(_lab.Sweep([0.75], pruning: pruner, dense: false).Runs[0])!;
            using Mask other = _lab.MaskOf(_lab.Sweep([0.75], pruning: pruner, control: Control.Reinitialised, dense: false).Runs[0])!;
            Assert.True(found.Equals(other), pruner.Name);
        }
    }

    [Fact]
    public void TrainingAccuracyIsOverAllImagesWhereTheLastJoinsTheBatchBeforeIt()
    {
        using var lab = Tiny.Lab(Store, profile: Small with
        {
            Data = Small.Data with { TrainCount = 4, Classes = 2, ValidationFraction = 0.25 },
            Recipe = Small.Recipe with { BatchSize = 2, Epochs = 40, Augment = false },
        });
        var run = lab.Sweep([0.5]).Dense[0];
        Assert.Equal(3, lab.Data().Train.Count);
        Assert.Equal(1, run.Epochs.Max(epoch => epoch.TrainAccuracy), 6);
    }

    [Fact]
    public void AnImportedRunIsWatchedOnce()
    {
        _lab.Sweep([0.5]);
        new RunArchive(Folder.At("archive")).Export(_lab.Store, false);
        using var there = Tiny.Lab(Folder.At("there"), profile: Small);
        new RunArchive(Folder.At("archive")).Import(there.Store);
        var run = there.Sweep([0.5]).Dense[0];
        there.NetworkOf(run, at: "0ep").Dispose();
        Assert.False(File.Exists(new RunFolder(run.Folder).Checkpoint));        // for its beginning nothing is trained
        var sum = new Sum();
        there.Watched([run], sum);
        Assert.Equal(Small.Recipe.Epochs + 1, sum.Seen().Count);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void ATweakThatAsksTheLaboratoryIsToldToAskBefore(int jobs)
    {
        using var lab = Tiny.Lab(Store, jobs, Small);
        var run = lab.Sweep([0.5]).Dense[0];
        var asking = new Does("asking", Initialises: (_, _) => lab.NetworkOf(run).Dispose());
        Assert.Contains("ask beforehand", Refused(() => lab.Sweep([0.5], tweaks: [asking], dense: false)));
    }

    [Fact]
    public void AnErrorKeepsTheLineThatItComesFrom()
    {
        var failing = new Does("failing", (_, _) => (logits, _) => Line(logits));
        var error = Assert.ThrowsAny<Exception>(() => _lab.Sweep([0.5], tweaks: [failing], dense: false));
        Assert.Contains($"g__{nameof(Line)}", error.StackTrace);

        static Tensor Line(Tensor logits) => logits.mean([7]);
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
        Assert.Single(_lab.Sweep([0.5], tweaks: [new Keeping(1), new Keeping(2), new AlsoKeeping(3)], dense: false).Runs);
    }

    // The compiler keeps the delegates of inner lambdas and method groups from their first use on.
    [Fact]
    public void CallingAFunctionDoesNotChangeItsName()
    {
        var by = 3.0;
        Func<double, double>[] functions =
        [
            d => new[] { d, 2 }.Where(q => q > 0).Sum(q => q * 2), d => new[] { d }.Select(Math.Abs).Sum(), d => new[] { d }.Sum(q => q * by),
            d => ((dynamic)d).CompareTo(1.0),
        ];
        var names = functions.Select(CodeIdentity.Of).ToList();
        Assert.All(functions, function => function(0.3));
        Assert.Equal(names, functions.Select(CodeIdentity.Of));
        Assert.Equal(functions.Length, names.Distinct().Count());
        by = 4;
        Assert.NotEqual(names[2], CodeIdentity.Of(functions[2]));
    }

    [Fact]
    public void WhatARecipeSaysInVainIsRefused()
    {
        var recipe = _lab.Profile.Recipe;
        foreach (var vain in new[] { recipe with { LearningRate = 5 }, recipe with { Schedule = Recipe.Cosine }, recipe with { WarmUp = "1ep" }, recipe with { DecayAt = [0.3] } })
            Assert.Contains("would not count", Refused(() => _lab.Sweep([0.5], recipe: vain, rewinding: Rewinding.FineTuning)));
        Assert.Single(_lab.Sweep([0.5], recipe: recipe with { WeightDecay = 0.01 }, rewinding: Rewinding.FineTuning, dense: false).Runs);

        optim.Optimizer InGroups(IEnumerable<Parameter> all, double rate)
            => optim.AdamW([new AdamW.ParamGroup(all.Take(2), new() { LearningRate = rate }), new AdamW.ParamGroup(all.Skip(2), new() { LearningRate = 0.1 })], 0.1);
        Assert.Contains("RateOf", Refused(() => _lab.Sweep([0.5], recipe: recipe with { Optimiser = all => InGroups([.. all], 0.01) })));
    }

    // Hooks see what is called, not what is done with a layer's own forward.
    [Fact]
    public void ALayerThatNobodySeesIsRefused()
    {
        var model = ModelSpec.Own("unseen", input => new Unseen(input));
        Assert.Contains("'head' by head.forward(x)", Refused(() => _lab.Sweep([0.5], model: model)));
    }

    private sealed class Unseen : nn.Module<Tensor, Tensor>
    {
        private readonly Conv2d _features;
        private readonly Linear _hidden, _head;

        public Unseen(InputSpec input) : base(nameof(Unseen))
        {
            (_features, _hidden, _head) = (nn.Conv2d(input.Channels, 4, 3, padding: 1), nn.Linear(4, 8), nn.Linear(8, input.Classes));
            register_module("features", _features);
            register_module("hidden", _hidden);
            register_module("head", _head);
        }

        public override Tensor forward(Tensor x) => _head.forward(nn.functional.relu(_hidden.call(_features.call(x).mean([2, 3]))));
    }

    [Fact]
    public void ARunsNameIsThatOfItsNumbersAlone()
    {
        var run = _lab.Sweep([0.5]).Dense[0];
        var moved = run with { Folder = Path.Combine("/elsewhere", Path.GetFileName(run.Folder)) };
        Func<Tensor, Tensor> By(RunResult by) => x => x * by.Seconds;
        Assert.Equal(CodeIdentity.Of(By(run)), CodeIdentity.Of(By(moved)));

        // The order of such a table is that of its hashes, which of texts are others in each process.
        Func<string, double> From(ImmutableDictionary<string, double> table) => name => table.GetValueOrDefault(name, 1);
        var table = new[] { "conv1", "layer1", "fc", "a", "b" }.ToDictionary(name => name, name => (double)name.Length);
        var (forwards, backwards) = (table.ToImmutableDictionary(new Hashing(1)), table.ToImmutableDictionary(new Hashing(-1)));
        Assert.NotEqual(forwards.Keys.AsEnumerable(), backwards.Keys);
        Assert.Equal(CodeIdentity.Of(From(forwards)), CodeIdentity.Of(From(backwards)));

        Assert.Contains("no Label", Refused(() => _lab.Sweep([0.5], tweaks: [new Does("")])));
    }

    private sealed class Hashing(int sign) : EqualityComparer<string>
    {
        public override bool Equals(string? x, string? y) => x == y;

        public override int GetHashCode(string text) => sign * text[0];
    }

    [Fact]
    public void WhatHasNoResultSaysWhy()
    {
        var lost = _lab.Sweep([0.5], recipe: Small.Recipe with { LearningRate = 1e9 });
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
        Recipe recipe = Small.Recipe;
        Assert.Contains("cannot go back", Refused(() => _lab.Sweep([0.5], rewind: "1ep", rewinding: Rewinding.FineTuning)));
        Assert.Contains("no point is given", Refused(() => _lab.Sweep([0.5], eachRound: true)));
        Assert.Contains("has no rounds", Refused(() => _lab.Sweep([0.5], rewind: "1ep", eachRound: true, pruning: Pruner.Omp)));
        Assert.Contains("No network can be kept at 9ep", Refused(() => _lab.Sweep([0.5], keep: [9])));
        Assert.Contains("No network can be kept at 999it", Refused(() => _lab.Sweep([0.5], keep: ["999it"])));
        Assert.Empty(_lab.Sweep([], dense: false, keep: [1]).Runs);
        Assert.Contains("Schedule", Refused(() => _lab.Sweep([0.5], recipe: recipe with { Schedule = done => 0.8 - done })));
        Assert.Contains("Schedule", Refused(() => _lab.Sweep([0.5], recipe: recipe with { Schedule = done => 0.4 - done })));
        Assert.Contains("RateOf of", Refused(() => _lab.Sweep([0.5], recipe: recipe with { RateOf = _ => -1 })));
        Assert.Contains("RateOf of", Refused(() => _lab.Sweep([0.5], recipe: recipe with { RateOf = _ => double.NaN, Optimiser = p => optim.AdamW(p) })));
        foreach (var warmUp in new Step[] { -5, "3ep", new(0, -3) })
            Assert.Contains("WarmUp", Refused(() => _lab.Sweep([0.5], recipe: recipe with { WarmUp = warmUp })));
        foreach (var text in new[] { " ", "", null! })
            Assert.Contains("no point of a training", Refused(() => Step.Parse(text)));
        Assert.Contains("null", Refused(() => ImageSet.From("mine", null!, zeros(4))));
        Assert.Contains("no training images", Refused(() => ImageSet.From("mine", zeros(0, 3, 8, 8), zeros(0, dtype: ScalarType.Int64))));
    }
}
