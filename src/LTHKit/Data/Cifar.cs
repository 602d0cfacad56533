namespace LTHKit.Data;

/// <summary>
/// CIFAR-10 and CIFAR-100 (Krizhevsky 2009) from the files of their official binary archives. A record is one label byte (CIFAR-100: coarse, then
/// fine) and the planes of red, green and blue of a 32x32 image.
/// </summary>
internal sealed record Cifar(string Name, string Folder, int LabelBytes, int Classes, string ClassFile, Cifar.Part[] Train, Cifar.Part Test)
{
    public sealed record Part(string File, int Count);

    public const string TenName = "cifar-10", HundredName = "cifar-100";
    private const int Side = 32, Pixels = 3 * Side * Side, CoarseClasses = 20;

    public static readonly Cifar Ten = new(TenName, "cifar-10-batches-bin", 1, 10, "batches.meta.txt",
        [.. Enumerable.Range(1, 5).Select(i => new Part($"data_batch_{i}.bin", 10_000))], new("test_batch.bin", 10_000));

    public static readonly Cifar Hundred = new(HundredName, "cifar-100-binary", 2, 100, "fine_label_names.txt",
        [new("train.bin", 50_000)], new("test.bin", 10_000));

    private int Record => LabelBytes + Pixels;

    /// <summary>All its images; refuses what is missing, damaged or not of this data set.</summary>
    public RawSet Read(string? dataDir)
    {
        var (folder, notes) = (new DataFolder(Name, Folder, Test.File, dataDir), new List<string>());
        var names = folder.Lines(ClassFile);
        if (names.Length != Classes)
            throw folder.Damaged(ClassFile, $"has {names.Length} class names instead of {Classes}");
        var (train, test) = RecordOrder.Of(Name, Read(folder, Train, notes), Read(folder, [Test], notes));
        return new(folder.Root, names, train, test, notes);
    }

    private RawImages Read(DataFolder folder, Part[] parts, List<string> notes)
    {
        var contents = parts.Select(part => Records(folder, part, notes)).ToArray();
        var count = contents.Sum(content => content.Length) / Record;
        var images = new RawImages(new byte[count * Pixels], new int[count], 3, Side, Side);
        var at = 0;
        foreach (var (part, content) in parts.Zip(contents))
            for (var start = 0; start < content.Length; start += Record, at++)
            {
                var label = content.AsSpan(start, LabelBytes);
                if (label[^1] >= Classes || (LabelBytes == 2 && label[0] >= CoarseClasses))
                    throw folder.Damaged(part.File, $"has the label {string.Join(" ", label.ToArray())} at image {start / Record:N0}, which no class has");
                images.Labels[at] = label[^1];
                content.AsSpan(start + LabelBytes, Pixels).CopyTo(images.Pixels.AsSpan(at * Pixels));
            }
        return images;
    }

    private byte[] Records(DataFolder folder, Part part, List<string> notes)
    {
        var content = folder.Bytes(part.File);
        long bytes = content.Length, official = (long)part.Count * Record;
        if (bytes == 0)
            throw folder.Damaged(part.File, "is empty");
        if (bytes > official)
            throw folder.Damaged(part.File, $"has {bytes:N0} bytes, more than the official {official:N0}");
        if (bytes % Record != 0)
            throw folder.Damaged(part.File, $"has {bytes:N0} bytes, which is no whole number of images of {Record:N0} bytes");
        if (bytes < official)
            notes.Add(FormattableString.Invariant($"{part.File} holds {bytes / Record:N0} images instead of the official {part.Count:N0}."));
        return content;
    }
}
