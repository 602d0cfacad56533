namespace LTHKit.Data;

/// <summary>
/// The order of a set's images in which the committed results know them, whatever the order of its files. Which of them a smaller set takes, and how they are
/// split, follows from their order: whoever has the same images trains the same runs.
/// </summary>
internal static class RecordOrder
{
    /// <summary>Puts a whole set into its order; images that are not exactly those that the order is of stay as they are.</summary>
    /// <param name="set">Its name, which the resource has too. That holds for the training, then for the test images: their number (int32); the SHA-256 of all, sorted
    /// by pixels and then label, first all pixels, then a byte a label; and for each in turn its place among the sorted ones (uint16). Little-endian.</param>
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
