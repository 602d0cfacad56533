namespace LTHKit.Tests.Experiments;

/// <summary>Every pruner through the laboratory, with tweaks.</summary>
[Collection(nameof(Alone))]       // the console belongs to the process
public sealed class PrunerRunTests : InFolder
{
    private Lab Lab() => LTHKit.Experiments.Lab.Open(
        Tiny.Profile with { Recipe = Tiny.Profile.Recipe with { Epochs = 1 } }, device: "cpu", jobs: 2, store: new RunStore(Store));

    [Fact]
    public void TweaksSpendATicketOfAnyPruner()
    {
        using var lab = Lab();
        var iterative = lab.Sweep(sparsities: [0.75]).Runs[0];
        foreach (var pruning in Pruner.All)
        {
            var vanilla = lab.Sweep(sparsities: [0.75], pruning: pruning).Runs[0];
            var tweaked = lab.Sweep(sparsities: [0.75], pruning: pruning, tweaks: [new SmoothActivation("swish"), new LabelSmoothing(0.1)]).Runs[0];
            Assert.Equal(iterative.Sparsity, vanilla.Sparsity);
            using Mask ticket = lab.MaskOf(vanilla)!, again = lab.MaskOf(tweaked)!;
            Assert.Equal(ticket, again);
            using var network = lab.NetworkOf(tweaked);
            Assert.Empty(Leaks.In(network, ticket));
            Assert.Single(tweaked.Epochs);
        }
    }

    [Fact]
    public void OnlyMagnitudePruningNeedsTheDenseNetwork()
    {
        using var lab = Lab();
        var spec = Tiny.Spec with { Level = 2, Recipe = lab.Profile.Recipe };
        lab.Run("snip", [spec with { Pruning = Pruner.Snip }]);
        Assert.Single(Directory.GetDirectories(Store));
        lab.Run("omp", [spec with { Pruning = Pruner.Omp }]);
        Assert.Equal(3, Directory.GetDirectories(Store).Length);
    }

    // One cut of the trained dense network is what OMP is.
    [Fact]
    public void ATicketOfAnyNetworkIsDrawnAsARunsIs()
    {
        using var lab = Lab();
        var sweep = lab.Sweep(sparsities: [0.75], pruning: Pruner.Omp);
        using var dense = lab.NetworkOf(sweep.Dense[0]);
        using Mask drawn = lab.Draw(Pruner.Omp, dense, sweep.Runs[0].Sparsity), expected = lab.MaskOf(sweep.Runs[0])!;
        Assert.Equal(expected, drawn);
        Assert.Throws<UserException>(() => lab.Draw(Pruner.Omp, dense, 1));
    }

    // SNIP at one weight in two thousand leaves nothing of some layers; the run goes on, is recorded, and says so.
    [Fact]
    public void ACollapsedTicketIsTrainedAndReported()
    {
        using var lab = Lab();
        var before = Console.Error;
        using var said = new StringWriter();
        Console.SetError(said);
        using var back = new Ending(() => Console.SetError(before));
        var run = lab.Sweep(sparsities: [0.5], pruning: Pruner.Snip, rates: [0.9995], model: new ModelSpec("vgg16", 4), name: "snip").Runs[0];
        Assert.NotEmpty(run.Collapsed);
        using var mask = lab.MaskOf(run)!;
        Assert.Equal(mask.Collapsed, run.Collapsed);
        Assert.Contains("layer collapse at 99.95 % sparsity: nothing is left of layer", said.ToString());
        using var other = Lab();
        Assert.Equal(run.Collapsed, other.Store.Find(run.Spec)!.Collapsed);
        Assert.Empty(other.Store.Find(run.Spec.Dense)!.Collapsed);
    }
}
