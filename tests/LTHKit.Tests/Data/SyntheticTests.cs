namespace LTHKit.Tests.Data;

public sealed class SyntheticTests
{
    private static readonly DataSpec Small = new() { TrainCount = 200, TestCount = 100 };

    // The first values of the reference implementation (S. Vigna, splitmix64.c, 2015) for the seed 1234567.
    [Fact]
    public void GeneratorIsSplitMix64()
    {
        var random = new SplitMix64(1234567);
        ulong[] expected = [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431, 16408922859458223821];
        Assert.Equal(expected, expected.Select(_ => random.Next()).ToArray());
    }

    [Fact]
    public void GeneratorIsUniform()
    {
        var random = SplitMix64.Keyed(3, 4);
        Assert.All(Enumerable.Range(0, 100_000).CountBy(_ => random.Below(10)), count => Assert.InRange(count.Value, 9_600, 10_400));      // 4 standard deviations are 380
        var order = random.Permutation(1000);
        Assert.Equal(Enumerable.Range(0, 1000).Select(i => (long)i), order.Order());
        Assert.NotEqual(Enumerable.Range(0, 1000).Select(i => (long)i), order);
    }

    [Fact]
    public void KeysAreNotInterchangeable()
    {
        var seeds = from a in Enumerable.Range(-5, 11) from b in Enumerable.Range(-5, 11) select SplitMix64.Keyed(a, b).Next();
        Assert.Equal(121, seeds.Distinct().Count());
    }

    [Fact]
    public void SameSpecGivesSameBytes()
    {
        using ImageSet a = DataSets.Open(Small), b = DataSets.Open(Small with { }), c = DataSets.Open(Small with { Seed = 1 });
        Assert.True(a.Train.Images.equal(b.Train.Images).all().ToBoolean());
        Assert.Equal(a.Fingerprint, b.Fingerprint);
        Assert.NotEqual(a.Fingerprint, c.Fingerprint);
    }

    // An image does not depend on those beside it, hence not on the number of threads that render, nor on the number of images.
    [Fact]
    public void EachImageStandsAlone()
    {
        var spec = Small with { ValidationFraction = 0, TrainCount = 20 };
        using var set = DataSets.Open(spec);
        var order = SplitMix64.Keyed(spec.SplitSeed).Permutation(20);
        var pixels = new byte[3 * spec.Size * spec.Size];
        for (var i = 0; i < 20; i++)
        {
            Synthetic.Render(spec, (int)order[i] % spec.Classes, SplitMix64.Keyed(spec.Seed, 0, order[i]), pixels);
            using var image = set.Train.Images[i].contiguous();
            Assert.Equal(pixels, image.bytes.ToArray());
            Assert.Equal(order[i] % spec.Classes, set.Train.Labels[i].ToInt64());
        }
    }

    [Fact]
    public void TrainAndTestImagesDiffer()
    {
        using var set = DataSets.Open(Small);
        using var scope = NewDisposeScope();
        var (different, _, _) = cat([set.Train.Images, set.Validation.Images, set.Test.Images]).unique(dim: 0);
        Assert.Equal(300, different.shape[0]);
    }

    [Fact]
    public void LooksAsTheSpecSays()
    {
        using var set = DataSets.Open(new DataSpec { TrainCount = 100, TestCount = 40, Size = 32, Classes = 7 });
        Assert.Equal([90, 3, 32, 32], set.Train.Images.shape);
        Assert.Equal((10, 40, 7), (set.Validation.Count, set.Test.Count, set.Classes));
        Assert.Equal(ScalarType.Byte, set.Train.Images.dtype);
        Assert.Equal(ScalarType.Int64, set.Train.Labels.dtype);
        Assert.All(Enumerable.Range(0, 7), label => Assert.InRange(set.Test.Labels.eq(label).sum().ToInt64(), 5, 6));
    }

    // Colour is nuisance: the class with the nearest mean colour is hardly ever the right one (chance is 0.1).
    [Fact]
    public void ColourTellsNothing()
    {
        using var scope = NewDisposeScope();
        using var set = DataSets.Open(new DataSpec { TrainCount = 2000, TestCount = 1000, Classes = 10, ValidationFraction = 0 });
        Tensor Colours(ImageSplit split) => split.Images.to(ScalarType.Float32).mean([2, 3]);
        var train = Colours(set.Train);
        var means = stack(Enumerable.Range(0, 10).Select(label => train[set.Train.Labels.eq(label)].mean([0])).ToArray());
        var nearest = (Colours(set.Test).unsqueeze(1) - means.unsqueeze(0)).pow(2).sum(2).argmin(1);
        Assert.InRange(nearest.eq(set.Test.Labels).to(ScalarType.Float32).mean().ToSingle(), 0, 0.2f);
    }
}
