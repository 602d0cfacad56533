namespace LTHKit.Data;

/// <summary>
/// CIFAR-10 and CIFAR-100 (Krizhevsky 2009) from the files of their official binary archives. A record is one label byte (CIFAR-100: coarse, then
/// fine) and the planes of red, green and blue of a 32x32 image.
/// </summary>
internal sealed record Cifar(string Name, string Folder, int LabelBytes, int Classes, string ClassNames, Cifar.Part[] Train, Cifar.Part Test)
{
    public sealed record Part(string File, int Count);

    public const string TenName = "cifar-10", HundredName = "cifar-100";
    public const int Side = 32, Pixels = 3 * Side * Side;
    private const int CoarseClasses = 20;

    public static readonly Cifar Ten = new(TenName, "cifar-10-batches-bin", 1, 10, "batches.meta.txt",
        [.. Enumerable.Range(1, 5).Select(i => new Part($"data_batch_{i}.bin", 10_000))], new("test_batch.bin", 10_000));

    public static readonly Cifar Hundred = new(HundredName, "cifar-100-binary", 2, 100, "fine_label_names.txt",
        [new("train.bin", 50_000)], new("test.bin", 10_000));

    public static Cifar Named(string name) => name == HundredName ? Hundred : Ten;

    private int Record => LabelBytes + Pixels;

    public ImageSet Open(DataSpec spec, string? dataDir, Device device)
    {
        var notes = new List<string>();
        var (_, names, train, test) = Load(dataDir, notes);
        return ImageSet.From(spec, names, train, test, device, notes);
    }

    /// <summary>The set's folder, its classes and all its images; refuses what is missing, damaged or not of this data set.</summary>
    public (string Folder, string[] ClassNames, RawImages Train, RawImages Test) Load(string? dataDir, List<string> notes)
    {
        var folder = DataFiles.Folder(Name, Folder, Test.File, dataDir);
        var names = DataFiles.Read(Name, folder, Path.Combine(folder, ClassNames), File.ReadAllLines).Where(line => line.Length > 0).ToArray();
        if (names.Length != Classes)
            throw DataFiles.Damaged(Name, folder, Path.Combine(folder, ClassNames), $"has {names.Length} class names instead of {Classes}");

        return (folder, names, Read(folder, Train, notes), Read(folder, [Test], notes));
    }

    private RawImages Read(string folder, Part[] parts, List<string> notes)
    {
        var contents = parts.Select(part => Records(folder, part, notes)).ToArray();
        var count = contents.Sum(content => content.Length) / Record;
        var images = new RawImages(new byte[count * Pixels], new int[count], 3, Side, Side);
        var at = 0;
        foreach (var (part, content) in parts.Zip(contents))
            for (var start = 0; start < content.Length; start += Record, at++)
            {
                images.Labels[at] = Label(content.AsSpan(start, LabelBytes), folder, part.File, start / Record);
                content.AsSpan(start + LabelBytes, Pixels).CopyTo(images.Pixels.AsSpan(at * Pixels));
            }
        return images;
    }

    private byte[] Records(string folder, Part part, List<string> notes)
    {
        var path = Path.Combine(folder, part.File);
        var content = DataFiles.Read(Name, folder, path, File.ReadAllBytes);
        if (content.Length == 0)
            throw DataFiles.Damaged(Name, folder, path, "is empty");
        if (content.Length > (long)part.Count * Record)
            throw DataFiles.Damaged(Name, folder, path, $"has {content.Length:N0} bytes, more than the official {(long)part.Count * Record:N0}");
        if (content.Length % Record != 0)
            throw DataFiles.Damaged(Name, folder, path, $"has {content.Length:N0} bytes, which is no whole number of images of {Record:N0} bytes");
        if (content.Length / Record < part.Count)
            notes.Add(FormattableString.Invariant($"{part.File} holds {content.Length / Record:N0} images instead of the official {part.Count:N0}."));
        return content;
    }

    private int Label(ReadOnlySpan<byte> label, string folder, string file, int record)
    {
        if (label[^1] >= Classes || (LabelBytes == 2 && label[0] >= CoarseClasses))
            throw DataFiles.Damaged(Name, folder, Path.Combine(folder, file),
                $"has the label {string.Join(" ", label.ToArray())} at image {record:N0}, which no class has");
        return label[^1];
    }
}
