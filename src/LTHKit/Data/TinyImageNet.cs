using SkiaSharp;

namespace LTHKit.Data;

/// <summary>
/// Tiny-ImageNet (Le and Yang 2015) from its official folders: 200 classes of 500 training images, 64x64. Its test images have no labels, so
/// that, as everywhere, the official validation images are the test set here.
/// </summary>
internal static class TinyImageNet
{
    public const string Name = "tiny-imagenet", ClassFile = "wnids.txt";
    private const int Side = 64, OfficialTrain = 100_000, OfficialTest = 10_000;

    private readonly record struct Item(string Path, int Label);

    public static RawSet Read(DataFolder folder)
    {
        string[] ids = [.. folder.Lines(ClassFile).Select(line => line.Trim()).Order(StringComparer.Ordinal)];
        if (ids.Length == 0 || ids.Distinct().Count() != ids.Length)
            throw folder.Damaged(ClassFile, "does not name each class once");
        var words = folder.Lines("words.txt").Select(line => line.Split('\t', 2)).Where(pair => pair.Length == 2).ToLookup(pair => pair[0], pair => pair[1]);
        var (train, test) = Items(folder, ids);
        string[] differences = train.Length == OfficialTrain && test.Length == OfficialTest ? []
            : [FormattableString.Invariant($"{folder.Root} holds {train.Length:N0} training and {test.Length:N0} validation images instead of the official ")
                + FormattableString.Invariant($"{OfficialTrain:N0} and {OfficialTest:N0}.")];
        return new([.. ids.Select(id => words[id].FirstOrDefault(id).Split(',')[0])], Images(train), Images(test), differences);

        RawImages Images(Item[] items)
        {
            var images = RawImages.Blank([.. items.Select(item => item.Label)], Side);
            // Parallel.For would wrap what an image throws in an exception of its own.
            Parallel.ForAsync(0, items.Length, (i, _) =>
            {
                Decode(folder, items[i].Path, images.Image(i));
                return ValueTask.CompletedTask;
            }).GetAwaiter().GetResult();
            return images;
        }
    }

    /// <summary>The image files in a fixed order, by name: those of train/ID/images, class by class, and those of val/images, whose classes a list has.</summary>
    private static (Item[] Train, Item[] Test) Items(DataFolder folder, string[] ids)
    {
        const string List = "val/val_annotations.txt";
        var train = ids.SelectMany((id, label) => Pictures(folder.At("train", id, "images")) is { Length: > 0 } files
            ? files.Select(file => new Item(file, label)) : throw folder.Missing($"train/{id}/images")).ToArray();
        var labels = ids.Index().ToDictionary(pair => pair.Item, pair => pair.Index);
        var test = folder.Lines(List).Select(line =>
        {
            var cells = line.Split('\t');
            if (cells.Length < 2 || !labels.TryGetValue(cells[1], out var label) || cells[0].Contains('/'))
                throw folder.Damaged(List, $"has the line '{line}', which names no image and class of this set");
            var file = folder.At("val", "images", cells[0]);
            return File.Exists(file) ? new Item(file, label) : throw folder.Missing(file);
        }).OrderBy(item => item.Path, StringComparer.Ordinal).ToArray();
        return test.Length == 0 ? throw folder.Damaged(List, "is empty") : (train, test);
    }

    private static string[] Pictures(string folder)
        => Directory.Exists(folder) ? [.. Directory.GetFiles(folder, "*.JPEG").Order(StringComparer.Ordinal)] : [];

    /// <summary>Decodes an image to planes of red, green and blue (a grey one to three equal ones).</summary>
    private static void Decode(DataFolder folder, string path, Span<byte> planes)
    {
        using var codec = SKCodec.Create(new MemoryStream(folder.Bytes(path)));
        var pixels = new byte[4 * Side * Side];
        var why = codec is null ? "no picture"
            : codec.Info is not { Width: Side, Height: Side } ? $"it has {codec.Info.Width}x{codec.Info.Height} pixels instead of {Side}x{Side}"
            : codec.GetPixels(new SKImageInfo(Side, Side, SKColorType.Rgba8888, SKAlphaType.Opaque), pixels) switch
            {
                SKCodecResult.Success => null,
                SKCodecResult.IncompleteInput => "it ends early",
                _ => "it cannot be decoded",
            };
        if (why is not null)
            throw folder.Damaged(path, $"is a damaged image ({why})");
        for (var i = 0; i < planes.Length; i++)
            planes[i] = pixels[4 * (i % (Side * Side)) + i / (Side * Side)];
    }
}
