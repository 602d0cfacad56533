namespace LTHKit.Tests.Data;

public sealed class CifarTests : InFolder
{
    private const int Pixels = 3072;

    /// <summary>A record whose pixel k is (image + k) mod 251.</summary>
    private static byte[] Record(int image, params byte[] labels) =>
        [.. labels, .. Enumerable.Range(0, Pixels).Select(k => (byte)((image + k) % 251))];

    private static string Names(int count) => string.Concat(Enumerable.Range(0, count).Select(i => $"name{i}\n"));

    public CifarTests()
    {
        Folder.Write("cifar-10-batches-bin/batches.meta.txt", Names(10) + "\n");
        for (var batch = 1; batch <= 5; batch++)
            Folder.Write($"cifar-10-batches-bin/data_batch_{batch}.bin", [.. Record(2 * batch, (byte)batch), .. Record(2 * batch + 1, 9)]);
        Folder.Write("cifar-10-batches-bin/test_batch.bin", Record(77, 3));
        Folder.Write("cifar-100-binary/fine_label_names.txt", Names(100));
        Folder.Write("cifar-100-binary/train.bin", [.. Record(1, 19, 99), .. Record(2, 0, 42)]);
        Folder.Write("cifar-100-binary/test.bin", Record(3, 5, 7));
    }

    private ImageSet Open(string name = "cifar-10", string folder = "", int shrink = 1) =>
        DataSets.Open(new DataSpec { Name = name, ValidationFraction = 0, Shrink = shrink }, Folder.At(folder));

    private static IEnumerable<int> Counts(ImageSplit split) => split.Labels.data<long>().ToArray().CountBy(label => label).Select(count => count.Value);

    private string Refusal(string name = "cifar-10", string folder = "", int shrink = 1) => Assert.Throws<UserException>(() => Open(name, folder, shrink)).Message;

    [Fact]
    public void ShrinkingAveragesSquares()
    {
        using ImageSet half = Open(shrink: 2), whole = Open();
        Assert.Equal([1, 3, 16, 16], half.Test.Images.shape);
        // Pixel k of the test image is (77 + k) mod 251: at row 2, column 4 of channel 0 stand 145, 146, 177 and 178.
        Assert.Equal(162, half.Test.Images[0, 0, 1, 2].ToInt32());
        var exact = nn.functional.avg_pool2d(whole.Train.Images.to(ScalarType.Float64), 2);
        Assert.True((half.Train.Images.to(ScalarType.Float64) - exact).abs().max().ToDouble() <= 0.5);
        Assert.NotEqual(whole.Fingerprint, half.Fingerprint);
        Assert.Equal("cifar-10 at 1/2 size", half.Spec.Label);
        Assert.Contains("3 does not divide 32", Refusal(shrink: 3));
        Assert.Contains("cannot be shrunk 0 times", Refusal(shrink: 0));
        Assert.Contains("their size", Assert.Throws<UserException>(() => DataSets.Open(new DataSpec { Shrink = 2 })).Message);
    }

    [Theory]
    [InlineData("")]
    [InlineData("cifar-10-batches-bin")]
    public void ReadsCifar10FromItsFolderOrTheOneAbove(string folder)
    {
        using var set = Open(folder: folder);
        Assert.Equal([10, 3, 32, 32], set.Train.Images.shape);
        Assert.Equal("name3", set.ClassNames[(int)set.Test.Labels[0].ToInt64()]);
        Assert.Equal(Record(77), set.Test.Images.bytes.ToArray());
        var labels = set.Train.Labels.data<long>().ToArray();
        Assert.Equal([1, 2, 3, 4, 5, 9, 9, 9, 9, 9], labels.Order());
        for (var i = 0; i < 10; i++)        // the first pixel tells which record it is: even ones have the batch's label
        {
            var image = (int)set.Train.Images[i, 0, 0, 0].ToByte();
            Assert.Equal(image % 2 == 0 ? image / 2 : 9, labels[i]);
        }
        Assert.Equal(6, set.Notes.Count);
        Assert.Contains("data_batch_1.bin holds 2 images instead of the official 10,000", set.Notes[0]);
    }

    [Fact]
    public void ReadsTheFineLabelsOfCifar100()
    {
        using var set = Open("cifar-100");
        Assert.Equal(100, set.Classes);
        Assert.Equal([42, 99], set.Train.Labels.data<long>().ToArray().Order());
        Assert.Equal(7, set.Test.Labels[0].ToInt64());
        Assert.Equal(Record(3), set.Test.Images.bytes.ToArray());
    }

    [Fact]
    public void NoFolderSaysHowToGetIt()
    {
        Assert.Contains("./lthkit data get cifar-10", Refusal(folder: "cifar-100-binary"));
        Assert.Contains("--data", Assert.Throws<UserException>(() => DataSets.Open(new DataSpec { Name = "cifar-100" })).Message);
    }

    [Theory]
    [InlineData("data_batch_4.bin")]
    [InlineData("test_batch.bin")]
    [InlineData("batches.meta.txt")]
    public void AMissingFileIsNamed(string file)
    {
        File.Delete(Folder.At("cifar-10-batches-bin", file));
        Assert.Matches($"{file} is missing.*data get cifar-10", Refusal());
    }

    public static TheoryData<string, byte[], string> Damages => new()
    {
        { "cifar-10-batches-bin/data_batch_2.bin", Record(1, 1)[..^1], "has 3,072 bytes, which is no whole number of images of 3,073 bytes" },
        { "cifar-10-batches-bin/data_batch_2.bin", [], "is empty" },
        { "cifar-10-batches-bin/test_batch.bin", new byte[10_001 * 3073], "has 30,733,073 bytes, more than the official 30,730,000" },
        { "cifar-10-batches-bin/data_batch_5.bin", [.. Record(1, 9), .. Record(2, 10)], "has the label 10 at image 1" },
        { "cifar-10-batches-bin/batches.meta.txt", "one\ntwo\n"u8.ToArray(), "has 2 class names instead of 10" },
        { "cifar-100-binary/train.bin", Record(1, 20, 3), "has the label 20 3 at image 0" },
    };

    [Theory]
    [MemberData(nameof(Damages), DisableDiscoveryEnumeration = true)]
    public void ADamagedFileIsNamed(string file, byte[] content, string said)
    {
        Folder.Write(file, content);
        Assert.Contains($"{Path.GetFileName(file)} {said}", Refusal(file.StartsWith("cifar-100") ? "cifar-100" : "cifar-10"));
    }

    // Class counts and the means that the literature gives for CIFAR-100's training images.
    [NeedsDataFact("cifar-100-binary")]
    public void RealCifar100AndABalancedPartOfIt()
    {
        using var set = DataSets.Open(new DataSpec { Name = "cifar-100", ValidationFraction = 0 }, NeedsDataFactAttribute.Folder);
        Assert.Equal((50_000, 10_000, "apple"), (set.Train.Count, set.Test.Count, set.ClassNames[0]));
        Assert.Empty(set.Notes);
        Assert.All(Counts(set.Train), count => Assert.Equal(500, count));
        Assert.Equal([0.5071, 0.4865, 0.4409], set.Mean.Select(mean => Math.Round(mean, 4)));
        Assert.Equal([0.2673, 0.2564, 0.2762], set.Std.Select(std => Math.Round(std, 4)));
        using var part = DataSets.Open(set.Spec with { TrainCount = 2000, TestCount = 1000 }, NeedsDataFactAttribute.Folder);
        Assert.All(Counts(part.Train), count => Assert.Equal(20, count));
        Assert.All(Counts(part.Test), count => Assert.Equal(10, count));
    }

    // The images of the runs in results/study and results/short, whatever the order of the records.
    [NeedsDataFact("cifar-100-binary")]
    public void TheOrderOfTheRecordsDoesNotMatter()
    {
        Check(NeedsDataFactAttribute.Folder);
        byte[] Official(string file) => File.ReadAllBytes(Path.Combine(NeedsDataFactAttribute.Folder, file));
        Folder.Write("cifar-100-binary/fine_label_names.txt", Official("cifar-100-binary/fine_label_names.txt"));
        foreach (var file in (string[])["cifar-100-binary/train.bin", "cifar-100-binary/test.bin"])
            Folder.Write(file, [.. Official(file).Chunk(2 + Pixels).Reverse().SelectMany(record => record)]);
        Check(Folder.Path);

        static void Check(string folder)
        {
            using ImageSet study = DataSets.Open(Profile.Get("study").Data, folder), whole = DataSets.Open(Profile.Get("short").Data, folder);
            Assert.StartsWith("02865d3b927a", study.Fingerprint);
            Assert.StartsWith("535ef9c485c5", whole.Fingerprint);
        }
    }

    // Every image has one place: what a machine without the images can tell of the order.
    [Fact]
    public void TheOrderOfCifar100HasEveryImageOnce()
    {
        using var reader = new BinaryReader(typeof(RecordOrder).Assembly.GetManifestResourceStream("LTHKit.cifar-100.order")!);
        foreach (var count in new[] { 50_000, 10_000 })
        {
            Assert.Equal(count, reader.ReadInt32());
            Assert.Equal(32, reader.ReadBytes(32).Length);
            Assert.Equal(Enumerable.Range(0, count), Enumerable.Range(0, count).Select(_ => (int)reader.ReadUInt16()).Order());
        }
        Assert.Equal(-1, reader.PeekChar());
    }

    [Fact]
    public void SortsByPixelsThenByLabel()
    {
        var sorted = RecordOrder.Sorted(new([200, 1, 7, 8, 1, 9, 7, 8, 1, 1], [0, 5, 4, 2, 3], 2, 1, 1));
        Assert.Equal([1, 1, 1, 9, 7, 8, 7, 8, 200, 1], sorted.Pixels);
        Assert.Equal([3, 4, 2, 5, 0], sorted.Labels);
    }

    [NeedsDataFact("cifar-10-batches-bin")]
    public void RealCifar10()
    {
        using var set = DataSets.Open(new DataSpec { Name = "cifar-10" }, NeedsDataFactAttribute.Folder);
        Assert.Equal(("airplane", 10), (set.ClassNames[0], set.Classes));
        Assert.Equal(set.Train.Count, 9 * set.Validation.Count);
    }
}
