namespace LTHKit.Data;

/// <summary>
/// An order of a set's images that is not that of its files: the one in which the committed results know them. Which images a number of them means, and how
/// they are split, follows from the order, so that whoever has the same images, in files of whatever order, trains the same runs.
/// </summary>
internal static class RecordOrder
{
    /// <summary>Puts a whole set into its order; images that are not exactly those that the order is of stay as they are.</summary>
    /// <param name="set">Its name: the resource of that name holds of its training and then of its test images the SHA-256 of all, sorted by pixels and
    /// label, pixels first, then a byte a label; and for each image in turn its rank among them, a 16-bit number, the low byte first.</param>
    /// <param name="train">Its training images.</param>
    /// <param name="test">Its test images.</param>
    public static (RawImages Train, RawImages Test) Of(string set, RawImages train, RawImages test)
    {
        using var resource = typeof(RecordOrder).Assembly.GetManifestResourceStream($"LTHKit.{set}.order");
        if (resource is null)
            return (train, test);
        using var reader = new BinaryReader(resource);
        return (Next(reader, train), Next(reader, test));
    }

    private static RawImages Next(BinaryReader reader, RawImages images)
    {
        var count = reader.ReadInt32();
        var hash = reader.ReadBytes(SHA256.HashSizeInBytes);
        long[] ranks = [.. Enumerable.Range(0, count).Select(_ => (long)reader.ReadUInt16())];
        return images.Count == count && Sorted(images) is var sorted && Hash(sorted).AsSpan().SequenceEqual(hash) ? sorted.At(ranks) : images;
    }

    /// <summary>By pixels, then by label.</summary>
    public static RawImages Sorted(RawImages images) => images.At([.. Enumerable.Range(0, images.Count).Select(i => (long)i).Order(Comparer<long>.Create((a, b)
        => images.Image(a).SequenceCompareTo(images.Image(b)) is var pixels and not 0 ? pixels : images.Labels[a] - images.Labels[b]))]);

    private static byte[] Hash(RawImages images)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(images.Pixels);
        hash.AppendData(Array.ConvertAll(images.Labels, label => (byte)label));
        return hash.GetHashAndReset();
    }
}
