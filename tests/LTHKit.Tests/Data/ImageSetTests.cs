using LTHKit.Tests.Experiments;

namespace LTHKit.Tests.Data;

public sealed class ImageSetTests : InFolder
{
    /// <summary>Images of 2 channels and one pixel, [i, 255 - i], with labels i mod 4.</summary>
    private static RawImages Counting(int count) =>
        new([.. Enumerable.Range(0, count).SelectMany(i => new[] { (byte)i, (byte)(255 - i) })], [.. Enumerable.Range(0, count).Select(i => i % 4)], 2, 1, 1);

    private static ImageSet Open(DataSpec spec) =>
        ImageSet.From(spec, new([.. Enumerable.Range(0, 4).Select(i => $"class {i}")], Counting(100), Counting(20), []), CPU);

    private static byte[] Values(ImageSplit split) => [.. split.Images.bytes.ToArray().Where((_, i) => i % 2 == 0)];

    [Fact]
    public void SplitsNineToOneWithoutOverlapOrNotAtAll()
    {
        using var set = Open(new DataSpec());
        Assert.Equal((90, 10, 20), (set.Train.Count, set.Validation.Count, set.Test.Count));
        Assert.Equal(Enumerable.Range(0, 100).Select(i => (byte)i), Values(set.Train).Concat(Values(set.Validation)).Order());
        Assert.Equal(Values(set.Train).Select(value => (long)value % 4), set.Train.Labels.data<long>().ToArray());
        using var whole = Open(new DataSpec { ValidationFraction = 0 });
        Assert.Equal((100, 0), (whole.Train.Count, whole.Validation.Count));
    }

    [Theory]
    [InlineData(null)]
    [InlineData(40)]
    public void SplitAndLimitDependOnTheirSeedOnly(int? limit)
    {
        var spec = new DataSpec { TrainCount = limit };
        using ImageSet a = Open(spec), b = Open(spec), c = Open(spec with { SplitSeed = 1 });
        Assert.Equal(a.Fingerprint, b.Fingerprint);
        Assert.Equal(Values(a.Validation), Values(b.Validation));
        Assert.NotEqual(Values(a.Validation).Order(), Values(c.Validation).Order());
        if (limit is not null)
            Assert.NotEqual(Values(a.Train).Concat(Values(a.Validation)).Order(), Values(c.Train).Concat(Values(c.Validation)).Order());
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
        var (train, test) = (Counting(20), Counting(8));
        string[] names = ["a", "b", "c", "d"];
        string Print(IReadOnlyList<string> n, RawImages a, RawImages b)
        {
            using var set = ImageSet.From(new DataSpec(), new(n, a, b, []), CPU);
            return set.Fingerprint;
        }
        string[] prints = [Print(names, train, test), Print(names, train with { Pixels = [1, .. train.Pixels[1..]] }, test),
            Print(names, train, test with { Labels = [3, .. test.Labels[1..]] }), Print(["a", "b", "c", "e"], train, test)];
        Assert.Equal(4, prints.Distinct().Count());
        Assert.All(prints, print => Assert.Matches("^[0-9a-f]{64}$", print));
    }

    [Fact]
    public void OutlivesTheScopeItWasMadeInAndItsCopies()
    {
        ImageSet set;
        using (NewDisposeScope())
            set = Open(new DataSpec());
        var copy = set.To(CPU);
        copy.Dispose();
        Assert.Equal(90, Values(set.Train).Length);
        Assert.Equal(set.Fingerprint, copy.Fingerprint);
        set.Dispose();
    }

    [Fact]
    public void AConstantChannelIsRefused()
    {
        var grey = RawImages.Blank(new int[20], 1);
        Assert.Contains("same value", Assert.Throws<UserException>(() => ImageSet.From(new DataSpec(), new(["a"], grey, grey, []), CPU)).Message);
    }

    // [i, 255 - i] again, as a user would give them.
    private static (Tensor Images, Tensor Labels) Own(int count)
    {
        var numbers = arange(count, ScalarType.Byte);
        return (stack([numbers, 255 - numbers], 1).reshape(count, 2, 1, 1), numbers.to(ScalarType.Int32) % 4);
    }

    [Fact]
    public void AUsersOwnImagesAreSplitAndKnownByContent()
    {
        using var scope = NewDisposeScope();
        var (images, labels) = Own(100);
        using var set = ImageSet.From("mine", images, labels, Own(20));
        using var read = Open(new DataSpec { Name = "mine" });
        Assert.Equal((90, 10, 20, 4), (set.Train.Count, set.Validation.Count, set.Test.Count, set.Classes));
        Assert.Equal(Values(read.Train), Values(set.Train));
        Assert.Equal(read.Fingerprint, set.Fingerprint);                 // "class 0", ... too
        Assert.Equal((set.Fingerprint, "mine"), (set.Spec.Content, set.Name));
        images[7, 0, 0, 0].add_(1);
        using var other = ImageSet.From("mine", images, labels, Own(20));
        Assert.NotEqual(set.Spec, other.Spec);
        using var held = ImageSet.From("mine", images, labels, validation: 0.25, seed: 3);
        Assert.Equal((60, 20, 20), (held.Train.Count, held.Validation.Count, held.Test.Count));
        using var again = ImageSet.From("mine", images, labels, validation: 0.25, seed: 3);
        Assert.Equal(held.Spec, again.Spec);
    }

    // Floats are normalised as bytes are: the same images over 255 give the same batches up to rounding, crops and flips too.
    [Fact]
    public void FloatsAreNormalisedAsBytesAre()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(3);
        var bytes = randint(0, 256, [50, 3, 8, 8], ScalarType.Byte, generator: generator);
        var labels = arange(50) % 5;
        using var whole = ImageSet.From("bytes", bytes, labels);
        using var shares = ImageSet.From("shares", bytes.to(ScalarType.Float64) / 255, labels);
        foreach (var (a, b) in whole.Mean.Concat(whole.Std).Zip(shares.Mean.Concat(shares.Std)))
            Assert.Equal(a, b, 6);
        using Batches first = new(whole, 16, 1), second = new(shares, 16, 1);
        var before = shares.Test.Images.clone();
        foreach (var (a, b) in first.Epoch(0).Concat(first.Evaluation(whole.Test)).Zip(second.Epoch(0).Concat(second.Evaluation(shares.Test))))
            Assert.True((a.Images - b.Images).abs().max().ToDouble() < 1e-4);
        Assert.True(shares.Test.Images.eq(before).all().ToBoolean());
    }

    [Fact]
    public void WhatIsNoDataSetIsRefusedInOneSentence()
    {
        using var scope = NewDisposeScope();
        var (images, labels) = (randint(0, 256, [20, 3, 8, 8], ScalarType.Byte), arange(20) % 2);
        void Refuses(string said, Tensor? x = null, Tensor? y = null, (Tensor, Tensor)? test = null, string[]? names = null, double validation = 0.1, string name = "mine")
            => Assert.Contains(said, Assert.Throws<UserException>(() => ImageSet.From(name, x ?? images, y ?? labels, test, names, validation)).Message);
        Refuses("must be [N, C, H, W] with H = W", images[0]);
        Refuses("must be [N, C, H, W] with H = W", images.narrow(2, 0, 6));
        Refuses("There are no training images", images.narrow(0, 0, 0));
        Refuses("Int64; they must be uint8", images.to(ScalarType.Int64));
        Refuses("infinite or not a number", images.to(ScalarType.Float32) / 0);
        Refuses("[19] for 20 images", y: labels.narrow(0, 0, 19));
        Refuses("whole numbers, 0 for the first class", y: labels.to(ScalarType.Float32));
        Refuses("the label -1", y: labels - 1);
        Refuses("reach 1 and there are 1 classes", names: ["only"]);
        Refuses("reach 0 and there are 1 classes", y: zeros_like(labels));
        Refuses("test images are 1x8x8", test: (images.narrow(1, 0, 1), labels));
        Refuses("reach 7", names: ["a", "b"], test: (images, labels + 6));
        Refuses("for validation", validation: 0.01);
        Refuses("must be in (0, 1)", validation: 0);
        Refuses("too few", images.narrow(0, 0, 1), labels.narrow(0, 0, 1), (images, labels));
        Refuses("a name of its own", name: "cifar-10");
    }

    [Fact]
    public void AUsersOwnImagesGoThroughTheLaboratory()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(3);
        var labels = arange(201) % 3;
        var images = randn([201, 1, 8, 8], generator: generator) + labels.reshape(201, 1, 1, 1);
        using var set = ImageSet.From("mine", images, labels);
        using var lab = Lab.Open(Tiny.Profile with { Levels = [1], Recipe = new Recipe { Epochs = 3, BatchSize = 16 } }, device: "cpu", jobs: 1, store: new RunStore(Store), data: set);
        set.Dispose();
        var run = lab.Sweep().Runs[0];
        Assert.Equal(set.Fingerprint, run.DataFingerprint);
        Assert.Equal("mine", run.Spec.Data.Name);
    }

    [Fact]
    public void WhatCannotBeOpenedIsRefusedInOneSentence()
    {
        static void Refuses(string said, DataSpec spec) => Assert.Contains(said, Assert.Throws<UserException>(() => DataSets.Open(spec)).Message);
        Assert.All(DataSets.Names, name => Refuses(name, new("mnist")));
        Refuses("ImageSet.From", new("mine", Content: "0"));
        Refuses("leave them out for cifar-10", new("cifar-10", Classes: 5));
        Refuses("The number of training images is 1", new(TrainCount: 1));
        Refuses("The number of test images is 0", new(TestCount: 0));
        Assert.All([1.0, -0.1, double.NaN], share => Refuses("The validation fraction is", new(ValidationFraction: share)));
        Refuses("leave 0 to train on", new(TrainCount: 2, ValidationFraction: 0.9));
        Refuses("The size of the synthetic images is 4", new(Size: 4));
        Assert.All([1, 21], classes => Refuses("The number of synthetic classes is", new(Classes: classes)));
        Assert.All([1.5, double.NaN], noise => Refuses("The noise of the synthetic images is", new(Noise: noise)));
        Refuses("The clutter of the synthetic images is -1", new(Clutter: -1));
        Assert.Contains("has 100 training images here, fewer than the 101", Assert.Throws<UserException>(() => Open(new DataSpec { TrainCount = 101 })).Message);
    }
}
