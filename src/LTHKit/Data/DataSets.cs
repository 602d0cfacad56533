namespace LTHKit.Data;

/// <summary>
/// Which images, and which part of them: everything that decides the content of an <see cref="ImageSet"/>. The defaults describe
/// the synthetic set; <paramref name="Size"/>, <paramref name="Classes"/>, <paramref name="Noise"/>, <paramref name="Clutter"/> and
/// <paramref name="Seed"/> have a meaning for that set only.
/// </summary>
/// <param name="Name">The set's name, one of synthetic, cifar-10, cifar-100, tiny-imagenet, or that of a user's own.</param>
/// <param name="Content">Of a user's own images their <see cref="ImageSet.Fingerprint"/>, by which runs know them; null for the kit's sets.</param>
/// <param name="TrainCount">Images to train and validate on, equally many a class; null takes all that the set has (synthetic: 2,500).</param>
/// <param name="TestCount">Images to test on, equally many a class; null takes all that the set has (synthetic: 2,000).</param>
/// <param name="ValidationFraction">The share of the training images that is kept for validation, in [0, 1); the paper's split is 9:1.</param>
/// <param name="SplitSeed">
/// Seed of the validation split and of the choice made by the counts. The split belongs to the data: every run has the same, whatever its own seed.
/// </param>
/// <param name="Size">Synthetic: height and width in pixels.</param>
/// <param name="Classes">Synthetic: number of classes, 2 to 20.</param>
/// <param name="Noise">Synthetic: standard deviation of the pixel noise, as a share of the full range.</param>
/// <param name="Clutter">Synthetic: the most small things before the object, and the most behind it.</param>
/// <param name="Seed">Synthetic: the seed that everything is drawn from.</param>
/// <param name="Shrink">Not synthetic: the side of the squares of pixels that are averaged into one; 2 makes CIFAR 16x16, as Chrabaszcz et al. 2017 did ImageNet.</param>
public sealed record DataSpec(string Name = "synthetic", string? Content = null, int? TrainCount = null, int? TestCount = null,
    double ValidationFraction = 0.1, int SplitSeed = 0, int Size = 16, int Classes = 20, double Noise = 0.08, int Clutter = 2, int Seed = 0, int Shrink = 1)
{
    /// <summary>As figures call it: the name, of another synthetic set than the usual one its seed, and by how much images are shrunk.</summary>
    [System.Text.Json.Serialization.JsonIgnore]
    public string Label => (Seed == 0 ? Name : $"{Name} (seed {Seed})") + (Shrink == 1 ? "" : $" at 1/{Shrink} size");
}

internal static class DataSets
{
    public static IReadOnlyList<string> Names { get; } = [Synthetic.Name, .. DataArchives.All.Select(archive => archive.Set)];

    /// <summary>Reads or renders a data set, splits it and puts it on a device.</summary>
    /// <param name="spec">Which set and which part of it.</param>
    /// <param name="dataDir">The folder with the files, or its parent; not used by the synthetic set.</param>
    /// <param name="device">Where the images shall be; null: the CPU.</param>
    public static ImageSet Open(DataSpec spec, string? dataDir = null, Device? device = null)
    {
        Check(spec);
        var raw = spec.Name == Synthetic.Name ? Synthetic.Render(spec)
            : DataArchives.All.FirstOrDefault(archive => archive.Set == spec.Name) is { } real ? real.Read(dataDir)
            : throw new UserException(spec.Content is not null
                ? $"The images of '{spec.Name}' are your own: make them with ImageSet.From and give them to Lab.Open(..., data: ...)."
                : $"There is no data set '{spec.Name}'; choose one of {string.Join(", ", Names)}, or make one of your own with ImageSet.From.");
        return ImageSet.From(spec, raw, device ?? CPU);
    }

    private static void Check(DataSpec spec)
    {
        UserException.Require(spec.TrainCount is not < 2, "The number of training images", spec.TrainCount ?? 0, "at least 2, or left out");
        UserException.Require(spec.TestCount is not < 1, "The number of test images", spec.TestCount ?? 0, "at least 1, or left out");
        UserException.Require(spec.ValidationFraction is >= 0 and < 1, "The validation fraction", spec.ValidationFraction, "in [0, 1), the paper's is 0.1");
        if (spec.Shrink < 1 || (spec.Shrink > 1 && spec.Name == Synthetic.Name))
            throw new UserException($"Images cannot be shrunk {spec.Shrink} times; give a whole number from 1, and for synthetic ones their size.");
        var plain = new DataSpec();
        var real = spec with { Size = plain.Size, Classes = plain.Classes, Noise = plain.Noise, Clutter = plain.Clutter, Seed = plain.Seed };
        if (spec.Name != plain.Name && spec != real)
            throw new UserException($"Size, classes, noise, clutter and seed belong to the synthetic data only; leave them out for {spec.Name}.");
    }
}
