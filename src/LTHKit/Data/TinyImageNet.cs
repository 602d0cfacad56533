using System.Runtime.ExceptionServices;
using LTHKit.Storage;
using SkiaSharp;

namespace LTHKit.Data;

/// <summary>
/// Tiny-ImageNet (Le and Yang 2015) from its official folders: 200 classes of 500 training images, 64x64. Its test images have no labels, so
/// that, as everywhere, the official validation images are the test set here. The images are decoded once, into a file in the
/// same folder that is made anew when the images are not those that it was made from.
/// </summary>
internal static class TinyImageNet
{
    public const string Name = "tiny-imagenet", FolderName = "tiny-imagenet-200", ClassFile = "wnids.txt";
    private const string CacheFile = "decoded.safetensors", MadeFrom = "made_from";
    private const int Side = 64, OfficialTrain = 100_000, OfficialTest = 10_000;

    /// <summary>An image file; its path is relative to the set's folder.</summary>
    internal readonly record struct Item(string Path, long Bytes, int Label);

    public static ImageSet Open(DataSpec spec, string? dataDir, Device device, IProgress<DataProgress>? progress)
    {
        var notes = new List<string>();
        var (folder, names, train, test) = Find(dataDir, notes);
        var (trainImages, testImages) = Images(folder, train, test, notes, progress);
        return ImageSet.From(spec, names, trainImages, testImages, device, notes);
    }

    /// <summary>The set's folder, its classes and its image files, none decoded; refuses what is missing, damaged or not of this data set.</summary>
    public static (string Folder, string[] ClassNames, Item[] Train, Item[] Test) Find(string? dataDir, List<string> notes)
    {
        var folder = DataFiles.Folder(Name, FolderName, ClassFile, dataDir);
        var (ids, names) = Classes(folder);
        var (train, test) = Items(folder, ids);
        if (train.Length != OfficialTrain || test.Length != OfficialTest)
            notes.Add(string.Create(CultureInfo.InvariantCulture, $"{folder} holds {train.Length:N0} training and {test.Length:N0} validation images "
                + $"instead of the official {OfficialTrain:N0} and {OfficialTest:N0}."));
        return (folder, names, train, test);
    }

    private static (string[] Ids, string[] Names) Classes(string folder)
    {
        var path = Path.Combine(folder, ClassFile);
        var ids = DataFiles.Read(Name, folder, path, File.ReadAllLines).Select(line => line.Trim()).Where(line => line.Length > 0)
            .Order(StringComparer.Ordinal).ToArray();
        if (ids.Length == 0 || ids.Distinct().Count() != ids.Length)
            throw DataFiles.Damaged(Name, folder, path, "does not name each class once");
        var words = DataFiles.Read(Name, folder, Path.Combine(folder, "words.txt"), File.ReadAllLines).Select(line => line.Split('\t', 2))
            .Where(pair => pair.Length == 2).ToLookup(pair => pair[0], pair => pair[1]);
        return (ids, [.. ids.Select(id => words[id].FirstOrDefault(id).Split(',')[0])]);
    }

    /// <summary>
    /// The image files in a fixed order: train/ID/images and val/images with its list, as published, or sorted into ID/images or ID alone; .JPEG or .jpg.
    /// </summary>
    private static (Item[] Train, Item[] Test) Items(string folder, string[] ids)
    {
        var (train, val) = (Sorted("train"), Path.Combine(folder, "val"));
        if (Directory.Exists(Path.Combine(val, ids[0])))
            return (train, InOrder(Sorted("val")));
        var labels = ids.Index().ToDictionary(pair => pair.Item, pair => pair.Index);
        var (list, files) = (Path.Combine(val, "val_annotations.txt"), Pictures(val).ToDictionary(Stem));
        var test = DataFiles.Read(Name, folder, list, File.ReadAllLines).Where(line => line.Length > 0).Select(line =>
        {
            var cells = line.Split('\t');
            if (cells.Length < 2 || !labels.TryGetValue(cells[1], out var label) || cells[0].Contains('/'))
                throw DataFiles.Damaged(Name, folder, list, $"has the line '{line}', which names no image and class of this set");
            return files.TryGetValue(Path.GetFileNameWithoutExtension(cells[0]), out var file) ? new Item(Relative(file), file.Length, label)
                : throw DataFiles.Missing(Name, folder, Path.Combine(val, "images", cells[0]));
        }).ToArray();
        return test.Length == 0 ? throw DataFiles.Damaged(Name, folder, list, "is empty") : (train, InOrder(test));

        Item[] Sorted(string part) => [.. ids.SelectMany((id, label) => Pictures(Path.Combine(folder, part, id)) is { Count: > 0 } pictures
            ? pictures.Select(file => new Item(Relative(file), file.Length, label))
            : throw DataFiles.Missing(Name, folder, Path.Combine(folder, part, id, "images")))];

        string Relative(FileInfo file) => Path.GetRelativePath(folder, file.FullName);

        static Item[] InOrder(Item[] items) => [.. items.OrderBy(item => Path.GetFileNameWithoutExtension(item.Path), StringComparer.Ordinal)];
    }

    /// <summary>The JPEG files of a folder, or of the folder "images" in it, by name.</summary>
    private static List<FileInfo> Pictures(string folder)
    {
        var images = new DirectoryInfo(Path.Combine(folder, "images"));
        var place = images.Exists ? images : new DirectoryInfo(folder);
        return !place.Exists ? [] : [.. place.EnumerateFiles().Where(file => file.Extension.ToLowerInvariant() is ".jpeg" or ".jpg")
            .OrderBy(Stem, StringComparer.Ordinal)];
    }

    private static string Stem(FileInfo file) => Path.GetFileNameWithoutExtension(file.Name);

    private static (RawImages Train, RawImages Test) Images(string folder, Item[] train, Item[] test, List<string> notes,
        IProgress<DataProgress>? progress)
    {
        var cache = Path.Combine(folder, CacheFile);
        var made = Hash(train.Concat(test));
        if (Cached(cache, made, train, test) is { } cached)
            return cached;

        var (trainImages, testImages) = (Decode(folder, train, progress), Decode(folder, test, progress));
        try
        {
            using var scope = NewDisposeScope();
            SafeTensors.Save(cache, [("train", trainImages.ToTensor()), ("test", testImages.ToTensor())],
                new Dictionary<string, string> { [MadeFrom] = made, ["content"] = Content(trainImages, testImages) });
        }
        catch (UserException e)
        {
            notes.Add($"The decoded images were not kept, so that they are decoded again next time: {e.Message}");
        }
        return (trainImages, testImages);
    }

    /// <summary>The decoded images, if the file holds just those and is whole.</summary>
    private static (RawImages Train, RawImages Test)? Cached(string cache, string made, Item[] train, Item[] test)
    {
        if (!File.Exists(cache))
            return null;
        try
        {
            using var scope = NewDisposeScope();
            var (tensors, metadata) = SafeTensors.Load(cache);
            if (metadata.GetValueOrDefault(MadeFrom) != made)
                return null;
            var (trainImages, testImages) = (Raw(tensors["train"].bytes.ToArray(), train), Raw(tensors["test"].bytes.ToArray(), test));
            return metadata.GetValueOrDefault("content") == Content(trainImages, testImages) ? (trainImages, testImages) : null;
        }
        catch (Exception e) when (e is UserException or KeyNotFoundException)
        {
            return null;        // a damaged file is made anew
        }
    }

    private static RawImages Raw(byte[] pixels, Item[] items) => new(pixels, [.. items.Select(item => item.Label)], 3, Side, Side);

    /// <exception cref="UserException">An image is missing or damaged; it is named.</exception>
    public static RawImages Decode(string folder, Item[] items, IProgress<DataProgress>? progress)
    {
        var meter = new ProgressMeter(progress, $"decoding {Name}", "images", items.Length);
        var images = Raw(new byte[(long)items.Length * 3 * Side * Side], items);
        try
        {
            Parallel.For(0, items.Length, i =>
            {
                var path = Path.Combine(folder, items[i].Path);
                if (Decode(DataFiles.Read(Name, folder, path, File.ReadAllBytes), images.Pixels.AsSpan(i * images.Stride, images.Stride)) is { } why)
                    throw DataFiles.Damaged(Name, folder, path, $"is a damaged image ({why})");
                meter.Add(1);
            });
        }
        catch (AggregateException e) when (e.InnerExceptions.OfType<UserException>().FirstOrDefault() is { } first)
        {
            ExceptionDispatchInfo.Throw(first);
        }
        return images;
    }

    /// <summary>Decodes an image to planes of red, green and blue (a grey one to three equal ones), or tells what is wrong with it.</summary>
    private static string? Decode(byte[] jpeg, Span<byte> planes)
    {
        using var codec = SKCodec.Create(new MemoryStream(jpeg));
        if (codec is null)
            return "no picture";
        if (codec.Info is not { Width: Side, Height: Side })
            return $"it has {codec.Info.Width}x{codec.Info.Height} pixels instead of {Side}x{Side}";
        var pixels = new byte[4 * Side * Side];
        if (codec.GetPixels(new SKImageInfo(Side, Side, SKColorType.Rgba8888, SKAlphaType.Opaque), pixels) is var result and not SKCodecResult.Success)
            return result == SKCodecResult.IncompleteInput ? "it ends early" : "it cannot be decoded";
        for (var i = 0; i < planes.Length; i++)
            planes[i] = pixels[4 * (i % (Side * Side)) + i / (Side * Side)];
        return null;
    }

    private static string Hash(IEnumerable<Item> items) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(
        string.Join('\n', items.Select(item => $"{item.Path}\t{item.Bytes}\t{item.Label}")))));

    private static string Content(RawImages train, RawImages test)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(train.Pixels);
        hash.AppendData(test.Pixels);
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
