namespace LTHKit.Tests.Experiments;

/// <summary>Every pruner through the laboratory, with tweaks.</summary>
[Collection(nameof(Alone))]       // the console belongs to the process
public sealed class PrunerRunTests() : InLab(Tiny.Profile with { Recipe = Tiny.Profile.Recipe with { Epochs = 1 } })
{
    [Fact]
    public void TweaksSpendATicketOfAnyPruner()
    {
        var iterative = _lab.Sweep(sparsities: [0.75]).Runs[0];
        foreach (var pruning in Pruner.All)
        {
            var vanilla = _lab.Sweep(sparsities: [0.75], pruning: pruning).Runs[0];
            var tweaked = _lab.Sweep(sparsities: [0.75], pruning: pruning, tweaks: [new SmoothActivation("swish"), new LabelSmoothing(0.1)]).Runs[0];
            Assert.Equal(iterative.Sparsity, vanilla.Sparsity);
            using Mask ticket = _lab.MaskOf(vanilla)!, again = _lab.MaskOf(tweaked)!;
            Assert.Equal(ticket, again);
            using var network = _lab.NetworkOf(tweaked);
            Assert.Empty(Leaks.In(network, ticket));
            Assert.Single(tweaked.Epochs);
        }
    }

    [Fact]
    public void OnlyMagnitudePruningNeedsTheDenseNetwork()
    {
        var spec = Tiny.Spec with { Level = 2, Recipe = _lab.Profile.Recipe };
        _lab.Run("snip", [spec with { Pruning = Pruner.Snip }]);
        Assert.Single(Directory.GetDirectories(Store));
        _lab.Run("omp", [spec with { Pruning = Pruner.Omp }]);
        Assert.Equal(3, Directory.GetDirectories(Store).Length);
    }

    // One cut of the trained dense network is what OMP is.
    [Fact]
    public void ATicketOfAnyNetworkIsDrawnAsARunsIs()
    {
        var sweep = _lab.Sweep(sparsities: [0.75], pruning: Pruner.Omp);
        using var dense = _lab.NetworkOf(sweep.Dense[0]);
        using Mask drawn = _lab.Draw(Pruner.Omp, dense, sweep.Runs[0].Sparsity), expected = _lab.MaskOf(sweep.Runs[0])!;
        Assert.Equal(expected, drawn);
        Assert.Throws<UserException>(() => _lab.Draw(Pruner.Omp, dense, 1));
        Assert.Contains($"leave one of {drawn.Total} weights", Assert.Throws<UserException>(() => _lab.Draw(Pruner.Omp, dense, 0.9999999)).Message);
    }

    // SNIP at one weight in two thousand leaves nothing of some layers; the run goes on, is recorded, and says so.
    [Fact]
    public void ACollapsedTicketIsTrainedAndReported()
    {
        Sweep Collapsed() => _lab.Sweep(sparsities: [0.5], pruning: Pruner.Snip, rates: [0.9995], model: new ModelSpec("vgg16", 4), name: "snip");
        Sweep trained = null!;
        Assert.Contains("layer collapse at 99.95 % sparsity: nothing is left of layer", Tiny.Said(() => trained = Collapsed()));
        var run = trained.Runs[0];
        Assert.NotEmpty(run.Collapsed);
        using var mask = _lab.MaskOf(run)!;
        Assert.Equal(mask.Collapsed, run.Collapsed);
        using var other = Tiny.Lab(Store);
        Assert.Equal(run.Collapsed, other.Store.Find(run.Spec)!.Collapsed);
        Assert.Empty(other.Store.Find(run.Spec.Dense)!.Collapsed);
    }
}
