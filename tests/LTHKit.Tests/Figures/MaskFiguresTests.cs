using static LTHKit.Tests.FigureSamples;

namespace LTHKit.Tests;

public sealed class MaskFiguresTests : IDisposable
{
    private readonly Mask _a = Of([true, true, false, false], [true, false]), _b = Of([true, false, true, false], [false, false]);

    public void Dispose()
    {
        _a.Dispose();
        _b.Dispose();
    }

    private static Mask Of(bool[] first, bool[] second) => new([("conv1.weight", tensor(first)), ("layer1.0.conv1.weight", tensor(second, [1, 2]))]);

    [Fact]
    public void TheTableHasARowALayerAndOneForAll()
    {
        var table = Tables.LayerDensity(_a);
        Assert.Equal(["conv1", "layer1.0.conv1", "all"], table.RowKeys);
        Assert.Equal(["4", "1×2", ""], table.GetColumn<string>("shape").Values);
        Assert.Equal([4, 2, 6], table.GetColumn<long>("weights").Values);
        Assert.Equal([2, 1, 3], table.GetColumn<long>("kept").Values);
        Assert.Equal([50, 50, 50], table["sparsity (%)"].Values);
    }

    [Fact]
    public void TheOverlapStandsBesideChance()
    {
        var table = Tables.MaskOverlap(("imp", _a), ("snip", _b));
        Assert.Equal(["kept by imp", "kept by snip", "kept by both", "overlap (%)", "by chance (%)"], table.ColumnKeys);
        Assert.Equal([1, 0, 1], table.GetColumn<long>("kept by both").Values);
        Assert.Equal([33.33, 0, 25], table["overlap (%)"].Values);
        Assert.Equal([33.33, 0, 25], table["by chance (%)"].Values);
    }

    [Fact]
    public void TheDensityOfACollapsedLayerIsMissingAndNamed()
    {
        var chart = Figures.LayerDensity(("imp", _a), ("snip", _b));
        Assert.Equal([50, 50], Numbers(Trace(chart, "imp")["y"]));
        Assert.Equal(50, (double)Trace(chart, "snip")["y"]![0]!);
        Assert.False(double.IsFinite((double?)Trace(chart, "snip")["y"]![1] ?? double.NaN));
        Assert.Contains("snip has nothing left of layer1.0.conv1", (string?)Json(chart)["layout"]!["title"]!["text"]);
    }

    [Fact]
    public void MasksOfOneNameAreALineWithItsSpread()
    {
        var chart = Figures.LayerDensity(("imp", _a), ("imp", _b), ("snip", _a));
        var imp = Trace(chart, "imp");
        Assert.Equal([50, 25], Numbers(imp["y"]));
        Assert.Equal([0, 35.355], Numbers(imp["error_y"]!["array"]).Select(spread => Math.Round(spread, 3)));
        Assert.Equal("imp: 0.5 of 2 weights in the mean of 2 masks", (string?)imp["text"]![1]);
        Assert.Null(Trace(chart, "snip")["error_y"]);
        Assert.Contains("50 and 66.7 % sparse in all; imp lost 1 layer in 1 of 2 masks", (string?)Json(chart)["layout"]!["title"]!["text"]);
    }

    [Fact]
    public void TheOverlapOfEachTwoMasksIsInPercent()
    {
        var map = Json(Figures.MaskOverlap(("imp", _a), ("snip", _b)))["data"]![0]!;
        Assert.Equal([100, 25], Numbers(map["z"]![0]));
        Assert.Equal([25, 100], Numbers(map["z"]![1]));
    }

    [Fact]
    public void OneMaskAndForeignMasksAreOneSentence()
    {
        using var other = new Mask([("fc1.weight", ones(3, dtype: ScalarType.Bool))]);
        Assert.Contains("only one mask", Assert.Throws<UserException>(() => Figures.MaskOverlap(("imp", _a))).Message);
        Assert.Contains("different networks", Assert.Throws<UserException>(() => Figures.MaskOverlap(("imp", _a), ("odd", other))).Message);
        Assert.Contains("no masks", Assert.Throws<UserException>(() => Figures.LayerDensity()).Message);
    }

    // A reader of a figure or a table sees at which sparsity tickets have lost whole layers.
    [Fact]
    public void CollapsedLayersAreNamedInFiguresAndTables()
    {
        var whole = Sweep("snip", [0.7, 0.7], [0.2, 0.3], []);
        var sweep = whole with { Runs = [.. whole.Runs.Select((run, i) => i == 3 ? run with { Collapsed = ["layer4.0.conv1.weight", "layer4.0.conv2.weight"] } : run)] };
        var title = (string?)Json(Figures.AccuracyVsSparsity(Vanilla, sweep))["layout"]!["title"]!["text"];
        Assert.EndsWith("; layers collapsed: snip at 59.0 %</span>", title);
        Assert.Contains("nothing is left of layer4.0.conv1, layer4.0.conv2", (string?)Trace(Figures.AccuracyVsSparsity(sweep), "snip")["text"]![1]);
        var table = Tables.Accuracy(Vanilla, sweep);
        Assert.Equal(["layer4.0.conv1, layer4.0.conv2"], table.GetColumn<string>("snip: collapsed layers").Values);
        Assert.False(table.GetColumn<string>("snip: collapsed layers").TryGet(1).HasValue);
        Assert.DoesNotContain("vanilla LTH: collapsed layers", table.ColumnKeys);
        Assert.DoesNotContain("collapsed", (string?)Json(Figures.AccuracyVsSparsity(Vanilla))["layout"]!["title"]!["text"]);
    }
}
