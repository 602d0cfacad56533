using LTHKit.Data;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace LTHKit.Tests.Data;

public sealed class ImageSetTests
{
    /// <summary>Images of 2 channels and one pixel, [i, 255 - i], with labels i mod classes.</summary>
    private static RawImages Counting(int count, int classes) =>
        new([.. Enumerable.Range(0, count).SelectMany(i => new[] { (byte)i, (byte)(255 - i) })], [.. Enumerable.Range(0, count).Select(i => i % classes)], 2, 1, 1);

    private static ImageSet Open(DataSpec spec, int count = 100, int classes = 4) =>
        ImageSet.From(spec, [.. Enumerable.Range(0, classes).Select(i => $"class {i}")], Counting(count, classes), Counting(20, classes), CPU);

    private static byte[] Values(ImageSplit split) => [.. split.Images.bytes.ToArray().Where((_, i) => i % 2 == 0)];

    [Fact]
    public void SplitsNineToOneWithoutOverlap()
    {
        using var set = Open(new DataSpec());
        Assert.Equal((90, 10, 20), (set.Train.Count, set.Validation.Count, set.Test.Count));
        Assert.Equal(Enumerable.Range(0, 100).Select(i => (byte)i), Values(set.Train).Concat(Values(set.Validation)).Order());
        Assert.Equal(Values(set.Train).Select(value => (long)value % 4), set.Train.Labels.data<long>().ToArray());
    }

    [Fact]
    public void SplitDependsOnItsSeedOnly()
    {
        using ImageSet a = Open(new DataSpec()), b = Open(new DataSpec()), c = Open(new DataSpec { SplitSeed = 1 });
        Assert.Equal(Values(a.Validation), Values(b.Validation));
        Assert.NotEqual(Values(a.Validation).Order(), Values(c.Validation).Order());
    }

    [Fact]
    public void NoValidationImagesIfNoneAreWanted()
    {
        using var set = Open(new DataSpec { ValidationFraction = 0 });
        Assert.Equal((100, 0), (set.Train.Count, set.Validation.Count));
    }

    [Theory]
    [InlineData(40)]
    [InlineData(30)]        // 30 images of 4 classes: 7 or 8 each
    public void ALimitKeepsClassesBalanced(int limit)
    {
        using var set = Open(new DataSpec { TrainCount = limit, ValidationFraction = 0 });
        var counts = Values(set.Train).GroupBy(value => value % 4).Select(group => group.Count()).ToArray();
        Assert.Equal((limit, 4), (set.Train.Count, counts.Length));
        Assert.InRange(counts.Max() - counts.Min(), 0, limit % 4 == 0 ? 0 : 1);
        Assert.Equal(limit, Values(set.Train).Distinct().Count());
    }

    [Fact]
    public void ALimitIsSeeded()
    {
        using ImageSet a = Open(new DataSpec { TrainCount = 40 }), b = Open(new DataSpec { TrainCount = 40 }), c = Open(new DataSpec { TrainCount = 40, SplitSeed = 1 });
        Assert.Equal(a.Fingerprint, b.Fingerprint);
        Assert.NotEqual(Values(a.Train).Concat(Values(a.Validation)).Order(), Values(c.Train).Concat(Values(c.Validation)).Order());
    }

    // Over 0, 1, ..., n-1 the mean is (n-1)/2 and the variance (n²-1)/12.
    [Fact]
    public void MeanAndStdAreThoseOfTheTrainingPart()
    {
        using var set = Open(new DataSpec { ValidationFraction = 0 });
        Assert.Equal(49.5 / 255, set.Mean[0], 12);
        Assert.Equal((255 - 49.5) / 255, set.Mean[1], 12);
        Assert.All(set.Std, std => Assert.Equal(Math.Sqrt((100.0 * 100 - 1) / 12) / 255, std, 12));

        using var split = Open(new DataSpec());
        Assert.Equal(Values(split.Train).Average(value => (double)value) / 255, split.Mean[0], 12);
    }

    [Fact]
    public void FingerprintSeesPixelsLabelsAndNames()
    {
        var (train, test) = (Counting(20, 4), Counting(8, 4));
        string[] names = ["a", "b", "c", "d"];
        string Print(IReadOnlyList<string> n, RawImages a, RawImages b)
        {
            using var set = ImageSet.From(new DataSpec(), n, a, b, CPU);
            return set.Fingerprint;
        }
        var pixels = (byte[])train.Pixels.Clone();
        pixels[5] ^= 1;
        var labels = (int[])test.Labels.Clone();
        labels[0] = 3;
        string[] prints = [Print(names, train, test), Print(names, train with { Pixels = pixels }, test), Print(names, train, test with { Labels = labels }),
            Print(["a", "b", "c", "e"], train, test)];
        Assert.Equal(4, prints.Distinct().Count());
        Assert.All(prints, print => Assert.Matches("^[0-9a-f]{64}$", print));
    }

    [Fact]
    public void MovingCopies()
    {
        using var set = Open(new DataSpec());
        var copy = set.To(CPU);
        copy.Dispose();
        Assert.Equal(90, Values(set.Train).Length);
        Assert.Equal(set.Fingerprint, copy.Fingerprint);
    }

    [Fact]
    public void OutlivesTheScopeItWasMadeIn()
    {
        ImageSet set;
        using (NewDisposeScope())
            set = Open(new DataSpec());
        Assert.Equal(90, Values(set.Train).Length);
        set.Dispose();
    }

    [Fact]
    public void AConstantChannelIsRefused()
    {
        var grey = new RawImages(new byte[40], new int[20], 2, 1, 1);
        Assert.Contains("same value", Assert.Throws<UserException>(() => ImageSet.From(new DataSpec(), ["a"], grey, grey, CPU)).Message);
    }

    [Fact]
    public void AnUnknownNameListsTheKnownOnes()
    {
        var e = Assert.Throws<UserException>(() => DataSets.Open(new DataSpec { Name = "mnist" }));
        Assert.All(DataSets.Names, name => Assert.Contains(name, e.Message));
    }

    [Theory]
    [InlineData(1, null, 0.1)]
    [InlineData(null, 0, 0.1)]
    [InlineData(null, null, 1.0)]
    [InlineData(null, null, -0.1)]
    [InlineData(null, null, double.NaN)]
    [InlineData(2, null, 0.9)]
    public void ImpossibleCountsAreRefused(int? train, int? test, double fraction) =>
        Assert.Throws<UserException>(() => DataSets.Open(new DataSpec { TrainCount = train, TestCount = test, ValidationFraction = fraction }));

    [Fact]
    public void MoreImagesThanThereAreAreRefused() =>
        Assert.Contains("has 100 training images here, fewer than the 101", Assert.Throws<UserException>(() => Open(new DataSpec { TrainCount = 101 })).Message);

    [Fact]
    public void SyntheticSettingsAreRefusedForRealData() =>
        Assert.Contains("cifar-10", Assert.Throws<UserException>(() => DataSets.Open(new DataSpec { Name = "cifar-10", Classes = 5 })).Message);
}
