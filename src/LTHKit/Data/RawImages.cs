using static TorchSharp.torch;

namespace LTHKit.Data;

/// <summary>
/// Images as a reader delivers them: the bytes of [N, C, H, W], one image after the other, and one label each.
/// </summary>
internal sealed record RawImages(byte[] Pixels, int[] Labels, int Channels, int Height, int Width)
{
    public int Count => Labels.Length;

    /// <summary>Bytes an image.</summary>
    public int Stride => Channels * Height * Width;

    public ReadOnlySpan<byte> Image(long index) => Pixels.AsSpan(checked((int)(index * Stride)), Stride);

    /// <summary>The images at <paramref name="indices"/>, in that order.</summary>
    public RawImages At(ReadOnlySpan<long> indices)
    {
        var pixels = new byte[(long)indices.Length * Stride];
        var labels = new int[indices.Length];
        for (var i = 0; i < indices.Length; i++)
        {
            Image(indices[i]).CopyTo(pixels.AsSpan(i * Stride));
            labels[i] = Labels[indices[i]];
        }
        return this with { Pixels = pixels, Labels = labels };
    }

    /// <summary>
    /// <paramref name="count"/> images, as equally many a class as possible, drawn with a seed and in the order in which they stand here.
    /// </summary>
    public RawImages Balanced(int count, int seed)
    {
        if (count == Count)
            return this;
        var random = SplitMix64.Keyed(seed, count);
        var rank = new Dictionary<int, int>();
        var chosen = random.Permutation(Count)
            .Select((index, place) => (index, place, round: rank[Labels[index]] = rank.GetValueOrDefault(Labels[index]) + 1))
            .OrderBy(candidate => candidate.round).ThenBy(candidate => candidate.place)
            .Take(count).Select(candidate => candidate.index).Order().ToArray();
        return At(chosen);
    }

    /// <summary>Per-channel mean and standard deviation over all pixels, in units of the full range.</summary>
    public (double[] Mean, double[] Std) Statistics()
    {
        var mean = new double[Channels];
        var std = new double[Channels];
        var plane = Height * Width;
        for (var channel = 0; channel < Channels; channel++)
        {
            long sum = 0, squares = 0;      // integers, so that no order of summation matters
            for (long image = 0; image < Count; image++)
                foreach (int value in Image(image).Slice(channel * plane, plane))
                {
                    sum += value;
                    squares += value * value;
                }
            double pixels = (double)Count * plane, average = sum / pixels;
            mean[channel] = average / 255;
            std[channel] = Math.Sqrt(Math.Max(squares / pixels - average * average, 0)) / 255;
        }
        return (mean, std);
    }

    /// <summary>The images as one tensor on the CPU. // [N, C, H, W]</summary>
    public Tensor ToTensor()
    {
        var images = empty([Count, Channels, Height, Width], ScalarType.Byte);
        images.bytes = Pixels;
        return images;
    }

    public ImageSplit ToSplit(Device device)
    {
        using var scope = NewDisposeScope();
        var labels = tensor(Array.ConvertAll(Labels, label => (long)label));
        return new ImageSplit(ToTensor().to(device), labels.to(device));
    }
}
