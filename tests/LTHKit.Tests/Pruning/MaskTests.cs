using System.Text.Json.Nodes;

namespace LTHKit.Tests.Pruning;

public sealed class MaskTests : InFolder
{
    private string File => Folder.At("mask.safetensors");

    private static Mask Of(params bool[] kept) => new([("w", tensor(kept))]);

    [Fact]
    public void CountsAndIsAValue()
    {
        using Mask a = Of(true, true, false, false), b = Of(true, false, true, false);
        Assert.Equal(0.5, a.Sparsity);
        Assert.Equal(a, Of(true, true, false, false));
        Assert.NotEqual(a, b);
    }

    // By hand: [1,1,0,0] and [1,0,1,0] share one of three, chance 1/3 (one expected in both, three in either); [1,0] and [0,1] share none of two.
    [Fact]
    public void ComparesLayerByLayerAndInAll()
    {
        using Mask a = new([("v", tensor(new[] { true, true, false, false })), ("w", tensor(new[] { true, false }))]),
            b = new([("v", tensor(new[] { true, false, true, false })), ("w", tensor(new[] { false, true }))]);
        var layers = a.Compare(b);
        Assert.Equal([1L, 0L], layers.Select(l => l.Both));
        Assert.Equal([3L, 2L], layers.Select(l => l.Either));
        Assert.Equal([1 / 3.0, 0], layers.Select(l => l.Overlap));
        Assert.Equal([1 / 3.0, 0.5 / 1.5], layers.Select(l => l.ByChance));
        Assert.Equal(0.2, a.Overlap(b), 12);
        Assert.Equal(1.5 / 4.5, LayerOverlap.ByChanceOfAll(layers), 12);
    }

    // Read as any safetensors reader does: eight bytes of length, a JSON header, then the bits, the first weight the lowest bit.
    [Fact]
    public void TheFileIsPlainSafetensors()
    {
        using var mask = new Mask([("first", tensor(new[] { true, false, false, true, true, false, false, false, false, true })), ("second", ones([2, 3], dtype: ScalarType.Bool))]);
        mask.Save(File);
        var bytes = System.IO.File.ReadAllBytes(File);
        var length = (int)BitConverter.ToInt64(bytes);
        var header = JsonNode.Parse(bytes.AsSpan(8, length))!;
        var data = bytes[(8 + length)..];
        Assert.Equal("lthkit-mask-1", (string?)header["__metadata__"]!["format"]);
        Assert.Equal(["10", "2,3"], new[] { "first", "second" }.Select(name => (string?)header["__metadata__"]!["shape." + name]));
        Assert.Equal([0b0001_1001, 0b10], Bits("first"));
        Assert.Equal([0b0011_1111], Bits("second"));
        Assert.Equal(3, data.Length);

        int[] Bits(string name)
        {
            var entry = header[name]!;
            Assert.Equal("U8", (string?)entry["dtype"]);
            var (start, end) = ((int)entry["data_offsets"]![0]!, (int)entry["data_offsets"]![1]!);
            Assert.Equal([end - start], entry["shape"]!.AsArray().Select(d => (int)d!));
            return [.. data[start..end]];
        }
    }

    [Fact]
    public void SurvivesTheDiskBitByBitAndPacked()
    {
        using var original = new Mask([("a", rand(7, 3, 3, 3) > 0.9), ("b", rand(5, 7, 1, 1) > 0.5)]);
        original.Save(File);
        using var read = Mask.Load(File);
        Assert.Equal(original, read);
        Assert.InRange(new FileInfo(File).Length, 1, 700);      // 189 + 35 weights in 29 bytes, the rest is the header
    }

    [Fact]
    public void TheOrderOfTheLayersDoesNotMatter()
    {
        using var scope = NewDisposeScope();
        Tensor a = tensor(new[] { true, false, true }), b = tensor(new[] { true, true });
        using Mask one = new([("a", a), ("b", b)]), other = new([("b", b.clone()), ("a", a.clone())]), third = new([("b", b.clone()), ("c", a.clone())]);
        Assert.Equal(one, other);
        Assert.Equal(one.GetHashCode(), other.GetHashCode());
        Assert.Equal(1, one.Overlap(other));
        Assert.Equal(["a", "a", "b", "b"], one.Compare(other).SelectMany(l => new[] { l.First.Name, l.Second.Name }));
        Assert.NotEqual(one, third);
        Assert.Contains("their layers differ", Assert.Throws<UserException>(() => one.Compare(third)).Message);
    }

    [Fact]
    public void RefusesDamagedAndForeignFiles()
    {
        using var mask = new Mask([("a", rand(40) > 0.5)]);
        mask.Save(File);
        var bytes = System.IO.File.ReadAllBytes(File);
        System.IO.File.WriteAllBytes(File, bytes[..^2]);
        Assert.Contains("no whole safetensors file", Assert.Throws<UserException>(() => Mask.Load(File)).Message);
        System.IO.File.WriteAllBytes(File, [1, 2, 3]);
        Assert.Contains("no whole safetensors file", Assert.Throws<UserException>(() => Mask.Load(File)).Message);
        LTHKit.Storage.SafeTensors.Save(File, [("a", rand(3))], new Dictionary<string, string>());
        Assert.Contains("no LTHKit mask", Assert.Throws<UserException>(() => Mask.Load(File)).Message);
        Assert.Contains("no file", Assert.Throws<UserException>(() => Mask.Load(File + ".absent")).Message);
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
        Assert.Empty(Leaks.In(network, mask));
        Assert.Equal([names[3]], mask.Collapsed);
    }
}
