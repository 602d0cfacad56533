namespace LTHKit.Tests.Pruning;

public sealed class CutTests
{
    private static Mask Full(params (string Name, long Count)[] layers)
        => new(layers.Select(l => (l.Name, ones(l.Count, dtype: ScalarType.Bool))).ToList());

    private static bool[] Kept(Mask mask, string name) => mask[name].data<bool>().ToArray();

    [Fact]
    public void CutsTheLowestOverAllLayersAndBreaksTiesByPosition()
    {
        using var mask = Full(("a", 4), ("b", 3));
        var scores = new Dictionary<string, Tensor> { ["a"] = tensor(new float[] { 3, 1, 2, 1 }), ["b"] = tensor(new float[] { 1, 5, 0 }) };
        using var cut = Cut.To(scores, mask, 4);      // goes: b[2] (0), then two of the three ones, the earlier first
        Assert.Equal([true, false, true, false], Kept(cut, "a"));
        Assert.Equal([true, true, false], Kept(cut, "b"));
        Assert.Equal([true, true, true, true], Kept(mask, "a"));
    }

    [Fact]
    public void NeverGivesBackAWeight()
    {
        using var before = new Mask([("a", tensor(new[] { true, false, true, true }))]);
        using var cut = Cut.To(new Dictionary<string, Tensor> { ["a"] = tensor(new float[] { 1, 9, 2, 3 }) }, before, 2);
        Assert.Equal([false, false, true, true], Kept(cut, "a"));
    }

    [Theory]
    [InlineData("global")]
    [InlineData("uniform")]
    [InlineData("erk")]
    public void KeepsExactlyAsManyAsAsked(string distribution)
    {
        using var scope = NewDisposeScope();
        using var network = Networks.Build(new ModelSpec("resnet18", 8), new InputSpec(10), 3);
        using var dense = Mask.Dense(network);
        var scores = network.PrunableWeights().ToDictionary(w => w.Name, w => (w.Weight.detach().abs() * 20).round());      // many ties
        var mask = dense;
        foreach (var keep in new[] { dense.Total - 1, dense.Total / 2 + 1, dense.Total / 7, 13, 0 })
        {
            mask = Cut.To(scores, mask, keep, Named(distribution));
            Assert.Equal(keep, mask.Kept);
        }
    }

    [Fact]
    public void UniformCutsTheSameShareOfEveryLayer()
    {
        using var scope = NewDisposeScope();
        using var network = Networks.Build(new ModelSpec("resnet18", 8), new InputSpec(10), 3);
        using var dense = Mask.Dense(network);
        using var cut = Cut.To(network.PrunableWeights().ToDictionary(w => w.Name, w => w.Weight.abs()), dense, dense.Total / 4, Distribution.Uniform);
        Assert.All(cut.Layers, l => Assert.True(Math.Abs(l.Kept - l.Total / 4.0) <= 1, $"{l.Name} keeps {l.Kept} of {l.Total}"));
    }

    // By hand: ERK densities are proportional to sum/product of the dimensions; [4,2,3,3]: 12/72, [8,4,1,1]: 14/32. Keeping 20 of 104:
    // 20 * 12/26 = 9.23 and 20 * 14/26 = 10.77.
    [Fact]
    public void ErkSpreadsByTheSumOfTheDimensions()
    {
        using var mask = new Mask([("a", ones([4, 2, 3, 3], dtype: ScalarType.Bool)), ("b", ones([8, 4, 1, 1], dtype: ScalarType.Bool))]);
        using var cut = Cut.To(new Dictionary<string, Tensor> { ["a"] = rand(4, 2, 3, 3), ["b"] = rand(8, 4, 1, 1) }, mask, 20, Distribution.Erk);
        Assert.Equal([9L, 11L], cut.Layers.Select(l => l.Kept));
    }

    // A layer too small for its share of a tight budget gets nothing, which is reported and not hidden.
    [Theory]
    [InlineData("uniform", "small")]
    [InlineData("erk", "")]
    public void ALayerWithoutABudgetCountsAsCollapsed(string distribution, string collapsed)
    {
        using var mask = new Mask([("small", ones([2, 3, 3, 3], dtype: ScalarType.Bool)), ("large", ones([40, 40, 3, 3], dtype: ScalarType.Bool))]);
        using var cut = Cut.To(mask.Layers.ToDictionary(l => l.Name, l => rand(mask[l.Name].shape)), mask, 100, Named(distribution));
        Assert.Equal(100, cut.Kept);
        Assert.Equal(collapsed, string.Join(", ", cut.Collapsed));
    }

    [Fact]
    public void RefusesImpossibleCounts()
    {
        using var mask = Full(("a", 3));
        var scores = new Dictionary<string, Tensor> { ["a"] = tensor(new[] { 1f, 3f, 2f }) };
        Assert.Throws<UserException>(() => Cut.To(scores, mask, 4));
        Assert.Throws<UserException>(() => Cut.To(scores, mask, -1));
    }

    // The paper's levels: 20 % of the survivors go each round.
    [Theory]
    [InlineData(1, 20.0)]
    [InlineData(2, 36.0)]
    [InlineData(5, 67.2)]
    [InlineData(11, 91.4)]
    [InlineData(16, 97.2)]
    public void LevelsHaveThePapersSparsity(int level, double percent)
    {
        Assert.Equal(percent, 100 * PruningRates.SparsityAt([0.2], level), 0.05);
        Assert.Equal(percent, 100 * (1 - PruningRates.KeptAt([0.2], level, 11_159_232) / 11_159_232.0), 0.05);
        Assert.Equal(level, PruningRates.LevelNear([0.2], percent / 100));
    }

    [Fact]
    public void RatesThatDifferByRoundHoldFromTheirRoundOn()
    {
        double[] rates = [0.5, 0.2];
        Assert.Equal([100L, 50, 40, 32], Enumerable.Range(0, 4).Select(level => PruningRates.KeptAt(rates, level, 100)));
        Assert.Equal([0, 0.5, 0.6, 0.68], Enumerable.Range(0, 4).Select(level => Math.Round(PruningRates.SparsityAt(rates, level), 12)));
        Assert.Equal([0.5], PruningRates.Needed(rates, 1));
        Assert.Equal(rates, PruningRates.Needed([0.5, 0.2, 0.2, 0.2], 9));
    }

    [Fact]
    public void LayersLeftOutStayWholeAndTheOthersPayForThem()
    {
        using var mask = Full(("conv1.weight", 4), ("conv10.weight", 4), ("layer1.0.weight", 4));
        var scores = mask.Layers.ToDictionary(l => l.Name, l => arange(4, ScalarType.Float32));
        using var cut = Cut.To(scores, mask, 6, except: ["conv1"]);       // the lowest six of the other eight go: 0 to 2 of each layer
        Assert.Equal([4L, 1, 1], cut.Layers.Select(l => l.Kept));
        Assert.Contains("4", Assert.Throws<UserException>(() => Cut.To(scores, mask, 3, except: ["conv1.weight"])).Message);
        Assert.Throws<UserException>(() => Cut.To(scores, mask, 7, except: ["conv"]));
        Assert.Throws<UserException>(() => Cut.To(scores, mask, 7, except: ["layer1.0.w"]));
    }

    [Fact]
    public void RefusesBadSettings()
    {
        Assert.Throws<UserException>(() => PruningRates.Validate([]));
        Assert.Throws<UserException>(() => PruningRates.Validate([0.2, 0]));
        Assert.Throws<UserException>(() => PruningRates.Validate([1]));
        Assert.Throws<UserException>(() => PruningRates.LevelNear([0.2], 5));
    }

    internal static Distribution Named(string name) => new[] { Distribution.Global, Distribution.Uniform, Distribution.Erk }.Single(d => d.Name == name);
}
