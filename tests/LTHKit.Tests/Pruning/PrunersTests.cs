using System.Text.RegularExpressions;

namespace LTHKit.Tests.Pruning;

public sealed class PrunersTests
{
    public static IEnumerable<object[]> All =>
        from name in Pruner.All.Select(p => p.Name) from distribution in new[] { "global", "uniform", "erk" } from model in new[] { "vgg5", "conv4" } select new object[] { name, distribution, model };

    private static Mask Draw(Pruner pruner, Network network, Mask before, int level, ImageSet data, ulong seed, double rate = 0.2)
        => pruner.Draw(network, before, PruningRates.KeptAt([rate], level, before.Total), data, seed);

    private static Pruner Named(string name) => Pruner.All.Single(p => p.Name == name);

    // One count a level, whatever the pruner and the distribution: figures compare tickets of the same size.
    [Theory]
    [MemberData(nameof(All))]
    public void EveryPrunerKeepsAsManyWeightsAsIterativePruningDoes(string name, string distribution, string model)
    {
        using var data = ScoresTests.ThreeClasses();
        using var network = Networks.Build(new ModelSpec(model, 4), new InputSpec(3, 8), 1);
        using var dense = Mask.Dense(network);
        var ladder = dense.Total;
        for (var level = 1; level <= 9; level++)
        {
            ladder -= (long)Math.Round(0.2 * ladder, MidpointRounding.AwayFromZero);
            if (level % 4 != 1)
                continue;
            using var mask = Draw(Named(name) with { Distribution = CutTests.Named(distribution) }, network, dense, level, data, 3);
            Assert.Equal(ladder, mask.Kept);
        }
    }

    [Theory]
    [InlineData("snip")]
    [InlineData("grasp")]
    [InlineData("synflow")]
    [InlineData("random")]
    [InlineData("omp")]
    public void TheNetworkStaysAsItIs(string name)
    {
        using var scope = NewDisposeScope();
        using var data = ScoresTests.ThreeClasses();
        using var network = Networks.Build(new ModelSpec("resnet18", 4), new InputSpec(3, 8), 1);
        using var batch = new PruningContext(network, data, 0).Images().First();
        network.call(batch.Images).sum().backward();            // running statistics that are not those of a new network, and gradients
        network.eval();
        var weight = network.PrunableWeights().First().Weight;
        var before = State(network);
        using var dense = Mask.Dense(network);
        using var mask = Draw(Named(name), network, dense, 3, data, 3);
        Assert.Equal(before, State(network));
        Assert.Equal(dense.Total, dense.Kept);
        Assert.False(network.training);
        Assert.Same(weight, network.PrunableWeights().First().Weight);

        static byte[] State(Network network) => [.. network.state_dict().Values.Concat(network.parameters().Select(p => p.grad!))
            .SelectMany(t => t.detach().contiguous().bytes.ToArray())];
    }

    [Theory]
    [InlineData("snip")]
    [InlineData("grasp")]
    [InlineData("synflow")]
    [InlineData("random")]
    public void TheSameSeedDrawsTheSameTicket(string name)
    {
        using var data = DataSets.Open(new DataSpec { TrainCount = 300, TestCount = 40, Classes = 5 });
        using var network = Networks.Build(new ModelSpec("resnet18", 4), new InputSpec(5, 16), 1);
        using var dense = Mask.Dense(network);
        using Mask a = Draw(3), again = Draw(3), b = Draw(4);
        Assert.Equal(a, again);
        if (name == "synflow")
            Assert.Equal(a, b);         // it looks at no data
        else
            Assert.NotEqual(a, b);

        Mask Draw(ulong seed) => PrunersTests.Draw(Named(name), network, dense, 5, data, seed);
    }

    // Tanaka et al. 2020, figure 1: at a sparsity where a path through every layer is still possible, only SynFlow finds one.
    [Fact]
    public void SynFlowKeepsEveryLayerWhereMagnitudeAndSnipCollapse()
    {
        using var data = DataSets.Open(new DataSpec { TrainCount = 300, TestCount = 40, Classes = 5 });
        using var network = Networks.Build(new ModelSpec("vgg16", 8), new InputSpec(5, 16), 1);
        using var dense = Mask.Dense(network);
        using Mask magnitude = Draw("omp"), snip = Draw("snip"), synflow = Draw("synflow");
        Assert.NotEmpty(magnitude.Collapsed);
        Assert.NotEmpty(snip.Collapsed);
        Assert.Empty(synflow.Collapsed);
        Assert.Equal(magnitude.Kept, synflow.Kept);

        Mask Draw(string name) => PrunersTests.Draw(Named(name), network, dense, 1, data, 0, 0.9995);
    }

    [Fact]
    public void ACollapsedLinearLayerIsReported()
    {
        using var data = ScoresTests.ThreeClasses();
        using var network = Networks.Build(new ModelSpec("conv4", 8), new InputSpec(3, 8), 1);
        using var dense = Mask.Dense(network);
        using (no_grad())
            network.get_parameter("fc2.weight")!.mul_(1e-3);
        using var mask = Draw(Pruner.Omp, network, dense, 1, data, 0, 0.5);
        Assert.Equal(["fc2.weight"], mask.Collapsed);
    }

    // What a score does with the network that it is given reaches no layer: neither its weight nor what is computed for it.
    [Fact]
    public void AScoreMayDoWithItsNetworkAsItLikes()
    {
        using var data = ScoresTests.ThreeClasses();
        using var network = Networks.Build(new ModelSpec("vgg5", 4), new InputSpec(3, 8), 1);
        using var dense = Mask.Dense(network);
        static Tensor Score(ScoredLayer layer) => (layer.Weight * layer.Gradient).abs() + layer.Weight.abs() * layer.Flow + (layer.Weight * layer.HessianGradient).abs();
        using Mask spoiling = Drawn(layer => Score(Spoilt(layer))), expected = Drawn(Score);
        Assert.Equal(expected, spoiling);

        Mask Drawn(Func<ScoredLayer, Tensor> score) => Draw(new("own", At.Trained, score) { Rounds = 2 }, network, dense, 4, data, 0);

        static ScoredLayer Spoilt(ScoredLayer layer)
        {
            using var noGrad = no_grad();
            var seen = layer.Context.Network;
            Assert.True(seen.training);
            seen.eval();
            foreach (var (name, weight) in seen.PrunableWeights())
            {
                if (name == seen.Prunable[0] && layer.Name == name)
                    Assert.True(weight.eq(layer.Weight).all().ToBoolean());
                weight.mul_(0.5);
            }
            seen.train();
            return layer;
        }
    }

    // Of weights that are cut already no score is asked.
    [Theory]
    [InlineData("null", "null or a tensor that is disposed; give one of shape [4, 3, 3, 3]")]
    [InlineData("disposed", "null or a tensor that is disposed; give one of shape [4, 3, 3, 3]")]
    [InlineData("sum", "another shape than [4, 3, 3, 3]")]
    [InlineData("nan", "its formula divides by zero, for instance, or the network it looks at has diverged")]
    [InlineData("pruned", null)]
    public void RefusesWhatIsNoScore(string name, string? said)
    {
        using var data = ScoresTests.ThreeClasses();
        using var network = Networks.Build(new ModelSpec("vgg5", 4), new InputSpec(3, 8), 1);
        using var dense = Mask.Dense(network);
        using var half = Draw(Pruner.Omp, network, dense, 1, data, 0, 0.5);
        Func<ScoredLayer, Tensor> score = name switch
        {
            "null" => _ => null!,
            "disposed" => layer => Disposed(layer.Weight),
            "sum" => layer => layer.Weight.sum(),
            "nan" => layer => layer.Weight / layer.Weight.mul(0),
            _ => layer => layer.Weight.abs() / layer.Weight.ne(0),
        };
        void Drawn() => Draw(new(name, At.Trained, score), network, half, 2, data, 0, 0.5).Dispose();
        if (said is null)
            Drawn();
        else
            Assert.Matches($"^The pruner '{name}' scores .*{network.Prunable[0]} .*{Regex.Escape(said)}", Assert.Throws<UserException>(Drawn).Message);

        static Tensor Disposed(Tensor weight)
        {
            weight.Dispose();
            return weight;
        }
    }

    [Fact]
    public void DrawingLeavesNoLiveTensorButTheTicket()
    {
        using var data = ScoresTests.ThreeClasses();
        using var network = Networks.Build(new ModelSpec("vgg5", 4), new InputSpec(3, 8), 1);
        using var dense = Mask.Dense(network);
        foreach (var pruner in Pruner.All.Append(new("own", At.Trained, layer => layer.Context.Network.get_parameter(layer.Name).abs())))
        {
            Draw(pruner, network, dense, 2, data, 0).Dispose();
            var before = DisposeScopeManager.Statistics.TensorStatistics.ThreadTotalLiveCount;
            Draw(pruner, network, dense, 2, data, 0).Dispose();
            Assert.Equal(before, DisposeScopeManager.Statistics.TensorStatistics.ThreadTotalLiveCount);
        }
    }
}
