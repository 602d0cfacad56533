using CsCheck;
using LTHKit.Tests.Experiments;
using TorchSharp.Modules;

namespace LTHKit.Tests.Training;

/// <summary>Any optimiser with any recipe keeps pruned weights exactly zero after every step and goes on from any epoch to the same bits.</summary>
public sealed class OptimiserTests
{
    private static readonly Dictionary<string, Func<IEnumerable<Parameter>, optim.Optimizer>?> Optimisers = new()
    {
        ["the kit's SGD"] = null,
        ["SGD"] = p => optim.SGD(p, 0.1, momentum: 0.9, nesterov: true, weight_decay: 0.1),
        ["Adam"] = p => optim.Adam(p, weight_decay: 0.1, amsgrad: true),
        ["AdamW"] = p => optim.AdamW(p, weight_decay: 0.1),
        ["NAdam"] = p => optim.NAdam(p),
        ["RMSProp"] = p => optim.RMSProp(p, momentum: 0.9, centered: true),
        ["Adagrad"] = p => optim.Adagrad(p, initial_accumulator_value: 0.5),
        ["Adadelta"] = p => optim.Adadelta(p),
        ["Adamax"] = p => optim.Adamax(p),
    };

    private static readonly Gen<Recipe> Recipes = Gen.Select(Gen.Int[0, Optimisers.Count - 1].Select(i => Optimisers.Values.ElementAt(i)), Gen.Int[0, 2].Select(i => (Step)new[] { "0ep", "1ep", "3it" }[i]), Gen.Bool, Gen.Bool, Gen.Double[1e-3, 5e-2])
        .Select((optimiser, warm, cosine, layers, rate) => new Recipe
        {
            Epochs = 2,
            BatchSize = 30,
            LearningRate = rate,
            WeightDecay = 0.1,
            Optimiser = optimiser,
            WarmUp = warm,
            Schedule = cosine ? Recipe.Cosine : null,
            RateOf = layers ? name => name.StartsWith("fc") ? 0.5 : 1 : null,
        });

    public static TheoryData<string> Names => [.. Optimisers.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void EachOptimiserHoldsTheMaskAndResumes(string name) => HoldsTheMaskAndResumes(new Recipe { Epochs = 2, BatchSize = 30, LearningRate = 0.02, Optimiser = Optimisers[name] });

    [Fact]
    public void AnyRecipeHoldsTheMaskAndResumes() => Recipes.Sample(HoldsTheMaskAndResumes, iter: 12, threads: 1, print: recipe => recipe.ToString());

    [Theory]
    [MemberData(nameof(Names))]
    public void ARateOfZeroHoldsALayerStill(string name)
    {
        using var data = Images();
        using var network = Build();
        var before = network.get_parameter("fc.weight")!.detach().clone();
        using var trainer = new Trainer(network, null, new Recipe { Epochs = 1, BatchSize = 30, Optimiser = Optimisers[name], RateOf = parameter => parameter == "fc.weight" ? 0 : 1 }, data, Losses.CrossEntropy, 1);
        trainer.Run([]);
        Assert.True(before.eq(network.get_parameter("fc.weight")!).all().ToBoolean());
        Assert.False(Build().get_parameter("fc.bias")!.eq(network.get_parameter("fc.bias")!).all().ToBoolean());
    }

    /// <summary>The first step is as long as the learning rate, which one must not depend on what the factory was given.</summary>
    [Theory]
    [MemberData(nameof(Names))]
    public void AStepGoesWithTheRecipesRate(string name)
    {
        double Moved(double rate)
        {
            using var scope = NewDisposeScope();
            using var network = Build();
            using var optimiser = MaskedOptimiser.Of(network, null, new Recipe { Optimiser = Optimisers[name] });
            var bias = network.get_parameter("fc.bias")!;
            var before = bias.detach().clone();
            foreach (var parameter in network.parameters())
                parameter.grad = ones_like(parameter);
            optimiser.LearningRate = rate;
            optimiser.Step();
            return (bias.detach() - before).norm().ToDouble();
        }
        Assert.Equal(2, Moved(0.02) / Moved(0.01), 1e-3);
    }

    [Fact]
    public void AnOptimiserWithARateOfItsOwnIsRefused()
    {
        using var network = Build();
        foreach (var optimiser in new Func<IEnumerable<Parameter>, optim.Optimizer>[] { p => optim.Rprop(p), p => optim.ASGD(p), p => optim.RAdam(p) })
            Assert.Contains("learning rate", Assert.Throws<UserException>(() => MaskedOptimiser.Of(network, null, new Recipe { Optimiser = optimiser })).Message);
    }

    [Fact]
    public void AnOptimiserWithoutStateIsRefused()
    {
        using var network = Build();
        Assert.Contains("torch.optim", Assert.Throws<UserException>(() => MaskedOptimiser.Of(network, null, new Recipe { Optimiser = _ => null! })).Message);
    }

    private static ImageSet Images() => DataSets.Open(new DataSpec { TrainCount = 100, TestCount = 20, Classes = 5, Size = 8 });

    private static Network Build() => Networks.Build(new ModelSpec("vgg5", 2), new InputSpec(5, 8), 0);

    private static void HoldsTheMaskAndResumes(Recipe recipe)
    {
        using var folder = new TemporaryFolder();
        using var data = Images();
        using Network whole = Build(), cut = Build();
        using var dense = Mask.Dense(whole);
        using var mask = Cut.To(whole.PrunableWeights().ToDictionary(w => w.Name, w => w.Weight.abs()), dense, dense.Total / 3);
        mask.Apply(whole);
        mask.Apply(cut);
        var path = Path.Combine(folder.Path, "c.safetensors");
        var leaks = new List<IReadOnlyList<string>>();
        using (var trainer = new Trainer(whole, mask, recipe, data, Losses.CrossEntropy, 1))
            trainer.Run([new((_, _) => leaks.Add(Leaks.In(whole, mask)))]);
        Assert.Equal(6, leaks.Count);
        Assert.All(leaks, Assert.Empty);
        using (var first = new Trainer(cut, mask, recipe, data, Losses.CrossEntropy, 1))
        {
            first.Run([], until: 1);
            first.Save(path);
        }
        using var fresh = Build();
        using (var second = new Trainer(fresh, mask, recipe, data, Losses.CrossEntropy, 1))
        {
            second.Resume(path);
            second.Run([]);
        }
        using var scope = NewDisposeScope();
        Assert.All(whole.State.Zip(fresh.State), p => Assert.True(p.First.Value.eq(p.Second.Value).all().ToBoolean() && p.First.Value.isfinite().all().ToBoolean(), p.First.Name));
    }
}
