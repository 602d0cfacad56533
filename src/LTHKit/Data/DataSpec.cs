namespace LTHKit.Data;

/// <summary>
/// Which images, and which part of them: everything that decides the content of an <see cref="ImageSet"/>. The defaults describe
/// the synthetic set; <see cref="Size"/>, <see cref="Classes"/>, <see cref="Noise"/>, <see cref="Clutter"/> and <see cref="Seed"/>
/// have a meaning for that set only.
/// </summary>
public sealed record DataSpec
{
    /// <summary>The set's name, one of <see cref="DataSets.Names"/>, or that of a user's own.</summary>
    public string Name { get; init; } = "synthetic";

    /// <summary>Of a user's own images their <see cref="ImageSet.Fingerprint"/>, by which runs know them; null for the kit's sets.</summary>
    public string? Content { get; init; }

    /// <summary>Images to train and validate on, equally many a class; null takes all that the set has (synthetic: 2,500).</summary>
    public int? TrainCount { get; init; }

    /// <summary>Images to test on, equally many a class; null takes all that the set has (synthetic: 2,000).</summary>
    public int? TestCount { get; init; }

    /// <summary>The share of the training images that is kept for validation, in [0, 1); the paper's split is 9:1.</summary>
    public double ValidationFraction { get; init; } = 0.1;

    /// <summary>
    /// Seed of the validation split and of the choice made by <see cref="TrainCount"/> and <see cref="TestCount"/>. The split belongs to the
    /// data: every run has the same, whatever the run's own seed.
    /// </summary>
    public int SplitSeed { get; init; }

    /// <summary>Synthetic: height and width in pixels.</summary>
    public int Size { get; init; } = 16;

    /// <summary>Synthetic: number of classes, 2 to 20.</summary>
    public int Classes { get; init; } = 20;

    /// <summary>Synthetic: standard deviation of the pixel noise, as a share of the full range.</summary>
    public double Noise { get; init; } = 0.08;

    /// <summary>Synthetic: the most small things before the object, and the most behind it.</summary>
    public int Clutter { get; init; } = 2;

    /// <summary>Synthetic: the seed that everything is drawn from.</summary>
    public int Seed { get; init; }

    /// <summary>As figures call it: the name, and of another synthetic set than the usual one its seed.</summary>
    internal string Label => Seed == 0 ? Name : $"{Name} (seed {Seed})";
}
