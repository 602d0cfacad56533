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
public sealed record Sample
{
    /// <summary>The part of the data set.</summary>
    public Part Part { get; init; } = Part.Train;

    /// <summary>How many of its images, chosen at random but always the same; 0 for all.</summary>
    public int Images { get; init; }

    /// <summary>Images that go through the network together; it changes memory, time and rounding only.</summary>
    public int BatchSize { get; init; } = 500;

    /// <summary>Refuses a sample that <paramref name="data"/> cannot give.</summary>
    /// <exception cref="UserException">The number of images or the batch size is out of range.</exception>
    internal void Validate(ImageSet data)
    {
        if (BatchSize < 1)
            throw new UserException($"A batch of {BatchSize} images is not possible; take a batch size of at least 1.");
        var count = Of(data).Count;
        if (Images < 0 || Images > count)
            throw new UserException($"{Images:N0} images were asked for; the {Part.ToString().ToLowerInvariant()} part of {data.Name} has {count:N0}, and 0 takes them all.");
    }

    /// <summary>The whole part.</summary>
    internal ImageSplit Of(ImageSet data) => Part switch
    {
        Part.Train => data.Train,
        Part.Validation => data.Validation,
        _ => data.Test,
    };
}
