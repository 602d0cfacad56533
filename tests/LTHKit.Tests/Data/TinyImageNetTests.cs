using System.Security.Cryptography;

namespace LTHKit.Tests.Data;

public sealed class TinyImageNetTests : InFolder
{
    // A colour and a grey picture of 64x64, written and decoded with Pillow 9.4.0 over libjpeg-turbo 2.1.5:
    //   y, x = numpy.mgrid[0:64, 0:64]
    //   colour = numpy.stack([4 * x, 4 * y, 2 * (x + y)], 2);  grey = (x // 8 + y // 8) % 2 * 200 + 20
    //   Image.fromarray(a).save(file, 'JPEG', quality=75, optimize=True)
    // The hashes are those of numpy.asarray(Image.open(file).convert('RGB')).transpose(2, 0, 1).
    private static readonly byte[] Colour = Convert.FromBase64String("""
        /9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAgGBgcGBQgHBwcJCQgKDBQNDAsLDBkSEw8UHRofHh0aHBwgJC4nICIsIxwcKDcpLDAxNDQ0Hyc5PTgyPC4zNDL/
        2wBDAQkJCQwLDBgNDRgyIRwhMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjL/wAARCABAAEADASIAAhEBAxEB/8QA
        FgABAQEAAAAAAAAAAAAAAAAABAYH/8QAFxAAAwEAAAAAAAAAAAAAAAAAAAMEYf/EABcBAQEBAQAAAAAAAAAAAAAAAAUDBwD/xAAXEQADAQAAAAAAAAAAAAAA
        AAAAAQME/9oADAMBAAIRAxEAPwDDVz4LXPgpc+C1z4cmdC4Zc+C1z4JXPgxc+FUxqFwy58FrnwSufBi58KJjULhVz4MXPglc+C1z4VTGs9yEXPgxc+CVz4LX
        PgYmYvC4Zc+C1z4KXPgtc+FUxqFwy58FrnwSufBi58KpjULhlz4LXPglc+DFz4UTGoXINc+DFz4JXPgtc+BqZi8Lhlz4MXPglc+C1z4UTGoXDLnwWufBS58F
        rnwqmNQuGXPgtc+CVz4MXPhVMahchFz4LXPglc+DFz4GJmL57hVz4MXPglc+C1z4VTGoXDLnwYufBK58FrnwomNQuGXPgtc+Clz4LXPhVMahc//Z
        """);
    private static readonly byte[] Grey = Convert.FromBase64String("""
        /9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAgGBgcGBQgHBwcJCQgKDBQNDAsLDBkSEw8UHRofHh0aHBwgJC4nICIsIxwcKDcpLDAxNDQ0Hyc5PTgyPC4zNDL/
        wAALCABAAEABAREA/8QAFgABAQEAAAAAAAAAAAAAAAAACAAH/8QAFBABAAAAAAAAAAAAAAAAAAAAAP/aAAgBAQAAPwDEzIDcyA3MgNzIQbmQG5kBuZAboyA3
        MgNzIDcyEG5kBuZAbmQG6MgNzIDcyA3MhBuZAbmQG5kBujIDcyA3MgNzIQbmQG5kBuZAbv/Z
        """);
    private const string ColourHash = "d7902612e8e85be4275ea7e8cbfafa7af7a1c0015870d9f8448ddd4a2e6fbd2e";
    private const string GreyHash = "fe3908e3a279b01488cfd4204f8d318ad58153e017f1d7c958297dd66dc638f5";

    public TinyImageNetTests()
    {
        Folder.Write("tiny-imagenet-200/wnids.txt", "n02\nn01\n");
        Folder.Write("tiny-imagenet-200/words.txt", "n01\tgoldfish, Carassius auratus\nn02\tbullfrog, Rana catesbeiana\nn03\tnothing\n");
        for (var i = 0; i < 3; i++)
        {
            Folder.Write($"tiny-imagenet-200/train/n01/images/n01_{i}.JPEG", Colour);
            Folder.Write($"tiny-imagenet-200/train/n02/images/n02_{i}.JPEG", Grey);
        }
        Folder.Write("tiny-imagenet-200/train/n01/n01_boxes.txt", "n01_0.JPEG\t0\t0\t62\t62\n");
        Folder.Write("tiny-imagenet-200/val/images/val_0.JPEG", Grey);
        Folder.Write("tiny-imagenet-200/val/images/val_1.JPEG", Colour);
        Folder.Write("tiny-imagenet-200/val/val_annotations.txt", "val_0.JPEG\tn02\t0\t32\t44\t62\nval_1.JPEG\tn01\t0\t0\t63\t63\n");
    }

    private ImageSet Open(string folder = "") => DataSets.Open(new DataSpec { Name = "tiny-imagenet", ValidationFraction = 0 }, Folder.At(folder));

    private static string Hash(ImageSplit split, long index)
    {
        using var image = split.Images[index].contiguous();
        return Convert.ToHexStringLower(SHA256.HashData(image.bytes));
    }

    [Fact]
    public void DecodesColourAndGreyAsPillowDoes()
    {
        using var set = Open();
        Assert.Equal(["goldfish", "bullfrog"], set.ClassNames);
        Assert.Equal([6, 3, 64, 64], set.Train.Images.shape);
        var labels = set.Train.Labels.data<long>().ToArray();
        for (var i = 0; i < 6; i++)
            Assert.Equal(labels[i] == 0 ? ColourHash : GreyHash, Hash(set.Train, i));
        Assert.Equal([1, 0], set.Test.Labels.data<long>().ToArray());
        Assert.Equal([GreyHash, ColourHash], [Hash(set.Test, 0), Hash(set.Test, 1)]);
        Assert.Contains("6 training and 2 validation images instead of the official 100,000 and 10,000", Assert.Single(set.Notes));
    }

    public static TheoryData<byte[], string> Damages => new()
    {
        { Colour[..^200], "it ends early" },
        { "no picture"u8.ToArray(), "no picture" },
        { [], "no picture" },
        // The frame header: length, precision, height, width.
        { [.. Colour.Select((b, i) => i == Colour.AsSpan().IndexOf(new byte[] { 0xFF, 0xC0 }) + 6 ? (byte)32 : b)], "it has 64x32 pixels instead of 64x64" },
    };

    [Theory]
    [MemberData(nameof(Damages), DisableDiscoveryEnumeration = true)]
    public void ADamagedImageIsNamed(byte[] bad, string why)
    {
        Folder.Write("tiny-imagenet-200/train/n02/images/n02_1.JPEG", bad);
        Assert.Contains($"n02_1.JPEG is a damaged image ({why})", Assert.Throws<UserException>(() => Open()).Message);
    }

    [Fact]
    public void MissingPartsAreNamed()
    {
        string Refusal() => Assert.Throws<UserException>(() => Open()).Message;
        File.Delete(Folder.At("tiny-imagenet-200/val/images/val_1.JPEG"));
        Assert.Contains("val_1.JPEG is missing", Refusal());
        Folder.Write("tiny-imagenet-200/val/val_annotations.txt", "val_0.JPEG\tn09\n");
        Assert.Contains("val_annotations.txt has the line", Refusal());
        Directory.Delete(Folder.At("tiny-imagenet-200/train/n02"), recursive: true);
        Assert.Contains(Path.Combine("n02", "images") + " is missing", Refusal());
        Folder.Write("tiny-imagenet-200/wnids.txt", "n01\nn01\n");
        Assert.Contains("wnids.txt does not name each class once", Refusal());
        Directory.Delete(Folder.At("tiny-imagenet-200"), recursive: true);
        Assert.Contains($"data get tiny-imagenet --data {Folder.Path}", Refusal());
    }

    // Over all its training images the set's mean is 0.480, 0.448, 0.398; a subset's is near that.
    [NeedsDataFact("tiny-imagenet-200")]
    public void RealTinyImageNet()
    {
        using var set = DataSets.Open(new DataSpec { Name = "tiny-imagenet" }, NeedsDataFactAttribute.Folder);
        Assert.Equal([3, 64, 64], set.Train.Images.shape[1..]);
        Assert.Equal(set.Classes, set.Test.Labels.data<long>().ToArray().Distinct().Count());
        foreach (var (mean, official) in set.Mean.Zip([0.480, 0.448, 0.398]))
            Assert.Equal(official, mean, 0.06);
        Assert.All(set.Std, std => Assert.InRange(std, 0.22, 0.32));
    }
}
