using LTHKit.Data;

namespace LTHKit.Analysis;

/// <summary>One of the three parts of an <see cref="ImageSet"/>.</summary>
public enum Part
{
    /// <summary>What the networks are trained on.</summary>
    Train,

    /// <summary>What decides which epoch is best.</summary>
    Validation,

    /// <summary>What accuracy is reported on.</summary>
    Test,
}

/// <summary>Which images a measurement is taken on. They are never augmented, and the network is in eval mode.</summary>
/// <param name="Part">The part of the data set.</param>
/// <param name="Images">How many of its images, chosen at random but always the same; 0 for all.</param>
/// <param name="BatchSize">Images that go through the network together; it changes memory, time and rounding only.</param>
public sealed record Sample(Part Part = Part.Train, int Images = 0, int BatchSize = 500)
{
    /// <exception cref="UserException">The data cannot give so many images, or the batch size is out of range.</exception>
    internal Sample Validated(ImageSet data)
    {
        if (BatchSize < 1)
            throw new UserException($"A batch of {BatchSize} images is not possible; take a batch size of at least 1.");
        var count = Whole(data).Count;
        return Images >= 0 && Images <= count ? this : throw new UserException(
            $"{Images:N0} images were asked for; the {Part.ToString().ToLowerInvariant()} part of {data.Name} has {count:N0}, and 0 takes them all.");
    }

    /// <summary>Number of images that it takes of <paramref name="data"/>.</summary>
    internal int CountIn(ImageSet data) => Images == 0 ? Whole(data).Count : Images;

    /// <summary>The images in their order. Each batch is disposed by whoever receives it.</summary>
    internal IEnumerable<Batch> BatchesOf(ImageSet data)
    {
        // Channels first: libtorch 1.13 has been seen to crash in second derivatives of images laid out the other way.
        using var batches = new Batches(data, BatchSize, 0, Augmentation.None);
        using var images = Chosen(data);
        foreach (var batch in batches.Evaluation(images, BatchSize))
            yield return batch;
    }

    private ImageSplit Whole(ImageSet data) => Part switch
    {
        Part.Train => data.Train,
        Part.Validation => data.Validation,
        _ => data.Test,
    };

    private ImageSplit Chosen(ImageSet data)
    {
        var all = Whole(data);
        using var scope = NewDisposeScope();
        if (Images == 0 || Images == all.Count)
            return new ImageSplit(all.Images.alias(), all.Labels.alias());
        var order = SplitMix64.Keyed((long)Part, all.Count).Permutation(all.Count);
        var chosen = tensor(order[..Images]).to(data.Device);
        return new ImageSplit(all.Images.index_select(0, chosen), all.Labels.index_select(0, chosen));
    }
}
