using static TorchSharp.torch;

namespace LTHKit.Data;

/// <summary>The data sets that the kit knows.</summary>
public static class DataSets
{
    /// <summary>Names that <see cref="Open"/> takes.</summary>
    public static IReadOnlyList<string> Names { get; } = [Synthetic.Name, Cifar.TenName, Cifar.HundredName, TinyImageNet.Name];

    /// <summary>Reads or renders a data set, splits it and puts it on a device.</summary>
    /// <param name="spec">Which set and which part of it.</param>
    /// <param name="dataDir">The folder with the files, or its parent; not used by the synthetic set.</param>
    /// <param name="device">Where the images shall be; null: the CPU.</param>
    /// <param name="progress">Told how far the decoding of images is, where there is some.</param>
    /// <exception cref="UserException">
    /// The name is unknown, a setting is out of range or has no meaning for this set, or a file is missing or damaged.
    /// </exception>
    public static ImageSet Open(DataSpec spec, string? dataDir = null, Device? device = null, IProgress<DataProgress>? progress = null)
    {
        Check(spec);
        device ??= CPU;
        return spec.Name switch
        {
            Synthetic.Name => Synthetic.Open(spec, device),
            Cifar.TenName => Cifar.Ten.Open(spec, dataDir, device),
            Cifar.HundredName => Cifar.Hundred.Open(spec, dataDir, device),
            TinyImageNet.Name => TinyImageNet.Open(spec, dataDir, device, progress),
            _ when spec.Content is not null => throw new UserException(
                $"The images of '{spec.Name}' are your own: make them with ImageSet.From and give them to Lab.Open(..., data: ...)."),
            _ => throw new UserException($"There is no data set '{spec.Name}'; choose one of {string.Join(", ", Names)}, or make one of your own with ImageSet.From."),
        };
    }

    private static void Check(DataSpec spec)
    {
        if (spec.TrainCount is < 2)
            throw new UserException($"{spec.TrainCount} training images are too few; take at least 2, or leave the limit out.");
        if (spec.TestCount is < 1)
            throw new UserException($"{spec.TestCount} test images are too few; take at least 1, or leave the limit out.");
        if (!(spec.ValidationFraction is >= 0 and < 1))
            throw new UserException($"A validation fraction of {spec.ValidationFraction} is not in [0, 1); the paper's is 0.1.");
        var plain = new DataSpec();
        var real = spec with { Size = plain.Size, Classes = plain.Classes, Noise = plain.Noise, Clutter = plain.Clutter, Seed = plain.Seed };
        if (spec.Name != plain.Name && spec != real)
            throw new UserException($"Size, classes, noise, clutter and seed belong to the synthetic data only; leave them out for {spec.Name}.");
    }
}
