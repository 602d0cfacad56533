namespace LTHKit.Data;

/// <summary>
/// CIFAR-10 and CIFAR-100 (Krizhevsky 2009) from the files of their official binary archives. A record is one label byte (CIFAR-100: coarse, then
/// fine) and the planes of red, green and blue of a 32x32 image.
/// </summary>
internal sealed record Cifar(int LabelBytes, int Classes, string ClassFile, string[] Train, string Test)
{
    private const int Side = 32, Pixels = 3 * Side * Side, CoarseClasses = 20, OfficialTrain = 50_000, OfficialTest = 10_000;

    public static readonly Cifar Ten = new(1, 10, "batches.meta.txt", [.. Enumerable.Range(1, 5).Select(i => $"data_batch_{i}.bin")], "test_batch.bin");
    public static readonly Cifar Hundred = new(2, 100, "fine_label_names.txt", ["train.bin"], "test.bin");

    private int Record => LabelBytes + Pixels;

    public RawSet Read(DataFolder folder)
    {
        var differences = new List<string>();
        var names = folder.Lines(ClassFile);
        if (names.Length != Classes)
            throw folder.Damaged(ClassFile, $"has {names.Length} class names instead of {Classes}");
        var (train, test) = RecordOrder.Of(folder.Set, Read(folder, Train, OfficialTrain, differences), Read(folder, [Test], OfficialTest, differences));
        return new(names, train, test, differences);
    }

    private RawImages Read(DataFolder folder, string[] files, int official, List<string> differences)
    {
        var contents = files.Select(file => Records(folder, file, official / files.Length, differences)).ToArray();
        var images = RawImages.Blank(new int[contents.Sum(content => content.Length) / Record], Side);
        var at = 0;
        foreach (var (file, content) in files.Zip(contents))
            for (var start = 0; start < content.Length; start += Record, at++)
            {
                var label = content.AsSpan(start, LabelBytes);
                if (label[^1] >= Classes || (LabelBytes == 2 && label[0] >= CoarseClasses))
                    throw folder.Damaged(file, $"has the label {string.Join(" ", label.ToArray())} at image {start / Record:N0}, which no class has");
                images.Labels[at] = label[^1];
                content.AsSpan(start + LabelBytes, Pixels).CopyTo(images.Image(at));
            }
        return images;
    }

    private byte[] Records(DataFolder folder, string file, int count, List<string> differences)
    {
        var content = folder.Bytes(file);
        long bytes = content.Length, official = (long)count * Record;
        if (bytes == 0)
            throw folder.Damaged(file, "is empty");
        if (bytes > official)
            throw folder.Damaged(file, $"has {bytes:N0} bytes, more than the official {official:N0}");
        if (bytes % Record != 0)
            throw folder.Damaged(file, $"has {bytes:N0} bytes, which is no whole number of images of {Record:N0} bytes");
        if (bytes < official)
            differences.Add(FormattableString.Invariant($"{file} holds {bytes / Record:N0} images instead of the official {count:N0}."));
        return content;
    }
}
