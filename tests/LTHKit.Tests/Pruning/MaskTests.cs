using LTHKit.Models;
using LTHKit.Pruning;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace LTHKit.Tests.Pruning;

public sealed class MaskTests : IDisposable
{
    private readonly string _file = Path.Combine(Path.GetTempPath(), $"lthkit-{Guid.NewGuid():N}.safetensors");

    public void Dispose() => File.Delete(_file);

    private static Mask Of(params bool[] kept) => new([("w", tensor(kept))]);

    [Fact]
    public void CountsAndComparesAndCombines()
    {
        using Mask a = Of(true, true, false, false), b = Of(true, false, true, false);
        Assert.Equal(0.5, a.Sparsity);
        Assert.Equal(Of(true, false, false, false), a.And(b));
        Assert.Equal(Of(true, true, true, false), a.Or(b));
        Assert.Equal(Of(false, true, false, false), a.Except(b));
        Assert.Equal(1 / 3.0, a.Overlap(b), 12);
        Assert.Equal(a, Of(true, true, false, false));
        Assert.NotEqual(a, b);
    }

    [Fact]
    public void SurvivesTheDiskBitByBitAndPacked()
    {
        using var original = new Mask([("a", rand(7, 3, 3, 3) > 0.9), ("b", rand(5, 7, 1, 1) > 0.5)]);
        original.Save(_file);
        using var read = Mask.Load(_file);
        Assert.Equal(original, read);
        Assert.InRange(new FileInfo(_file).Length, 1, 700);      // 189 + 35 weights in 29 bytes, the rest is the header
    }

    [Fact]
    public void RefusesDamagedAndForeignFiles()
    {
        using var mask = new Mask([("a", rand(40) > 0.5)]);
        mask.Save(_file);
        var bytes = File.ReadAllBytes(_file);
        File.WriteAllBytes(_file, bytes[..^2]);
        Assert.Contains("damaged", Assert.Throws<UserException>(() => Mask.Load(_file)).Message);
        File.WriteAllBytes(_file, [1, 2, 3]);
        Assert.Contains("damaged", Assert.Throws<UserException>(() => Mask.Load(_file)).Message);
        LTHKit.Storage.SafeTensors.Save(_file, [("a", rand(3))]);
        Assert.Contains("no LTHKit mask", Assert.Throws<UserException>(() => Mask.Load(_file)).Message);
        Assert.Contains("no file", Assert.Throws<UserException>(() => Mask.Load(_file + ".absent")).Message);
    }

    [Fact]
    public void RefusesANetworkItDoesNotFit()
    {
        using Network small = Networks.Build(new ModelSpec("resnet18", 4), new InputSpec(10), 0), wide = Networks.Build(new ModelSpec("resnet18", 8), new InputSpec(10), 0),
            other = Networks.Build(new ModelSpec("vgg16", 4), new InputSpec(10), 0);
        using var mask = Mask.Dense(small);
        Assert.Contains("in the network", Assert.Throws<UserException>(() => mask.Apply(wide)).Message);
        Assert.Contains("in one and not in the other", Assert.Throws<UserException>(() => mask.Apply(other)).Message);
    }

    [Fact]
    public void AppliesExactZerosAndReportsCollapsedLayers()
    {
        using var network = Networks.Build(new ModelSpec("resnet18", 4), new InputSpec(10), 0);
        var names = network.Prunable;
        using var mask = new Mask(network.PrunableWeights().Select(w => (w.Name, w.Name == names[3] ? zeros_like(w.Weight, dtype: ScalarType.Bool) : rand_like(w.Weight) > 0.5)).ToList());
        mask.Apply(network);
        Assert.All(network.PrunableWeights(), w => Assert.Equal(0, w.Weight.masked_select(mask[w.Name].logical_not()).count_nonzero().ToInt64()));
        Assert.Equal([names[3]], mask.Collapsed);
    }
}
