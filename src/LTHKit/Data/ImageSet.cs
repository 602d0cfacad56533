using System.Security.Cryptography;
using System.Text;
using TorchSharp;
using static TorchSharp.torch;

namespace LTHKit.Data;

/// <summary>
/// A data set for image classification: three splits, each held whole as one tensor on one device, and what is known about them.
/// </summary>
public sealed class ImageSet : IDisposable
{
    /// <summary>The set's name, as in <see cref="DataSpec.Name"/>.</summary>
    public required string Name { get; init; }

    /// <summary>What the labels 0, 1, ... stand for.</summary>
    public required IReadOnlyList<string> ClassNames { get; init; }

    /// <summary>Channels of an image.</summary>
    public required int Channels { get; init; }

    /// <summary>Rows of an image.</summary>
    public required int Height { get; init; }

    /// <summary>Columns of an image.</summary>
    public required int Width { get; init; }

    /// <summary>Mean of each channel over the training part, in units of the full range (0 to 1).</summary>
    public required IReadOnlyList<double> Mean { get; init; }

    /// <summary>Standard deviation of each channel over the training part, in units of the full range.</summary>
    public required IReadOnlyList<double> Std { get; init; }

    /// <summary>What the networks are trained on.</summary>
    public required ImageSplit Train { get; init; }

    /// <summary>What decides which epoch is best (the paper: a random tenth of the training images).</summary>
    public required ImageSplit Validation { get; init; }

    /// <summary>What accuracy is reported on.</summary>
    public required ImageSplit Test { get; init; }

    /// <summary>SHA-256 over the content of all splits, labels and order included, in hexadecimal: what a run was trained on.</summary>
    public required string Fingerprint { get; init; }

    /// <summary>What a reader of results should know, such as files that hold fewer images than the official ones.</summary>
    public IReadOnlyList<string> Notes { get; init; } = [];

    /// <summary>Number of classes.</summary>
    public int Classes => ClassNames.Count;

    /// <summary>Where the images are.</summary>
    public Device Device => Train.Images.device;

    /// <summary>A copy on <paramref name="device"/>; this set stays as it is, and each is disposed by its owner.</summary>
    public ImageSet To(Device device) => new()
    {
        Name = Name,
        ClassNames = ClassNames,
        Channels = Channels,
        Height = Height,
        Width = Width,
        Mean = Mean,
        Std = Std,
        Train = Train.To(device),
        Validation = Validation.To(device),
        Test = Test.To(device),
        Fingerprint = Fingerprint,
        Notes = Notes,
    };

    /// <inheritdoc/>
    public void Dispose()
    {
        Train.Dispose();
        Validation.Dispose();
        Test.Dispose();
    }

    /// <inheritdoc/>
    public override string ToString() =>
        $"{Name}: {Classes} classes, {Channels}x{Height}x{Width}, {Train.Count:N0} training, {Validation.Count:N0} validation, " +
        $"{Test.Count:N0} test images{string.Concat(Notes.Select(note => $"; {note}"))}";

    /// <summary>Limits, splits and measures what a reader has read.</summary>
    internal static ImageSet From(DataSpec spec, IReadOnlyList<string> classNames, RawImages train, RawImages test, Device device,
        IReadOnlyList<string>? notes = null)
    {
        train = Limited(train, spec.TrainCount, "training");
        test = Limited(test, spec.TestCount, "test");

        var order = SplitMix64.Keyed(spec.SplitSeed).Permutation(train.Count);
        var held = (int)Math.Round(spec.ValidationFraction * train.Count, MidpointRounding.AwayFromZero);
        if (held >= train.Count)
            throw new UserException($"{train.Count} training images leave none to train on after the validation split; take more images or a " +
                $"smaller validation fraction than {spec.ValidationFraction}.");
        var validation = train.At(order.AsSpan(0, held));
        train = train.At(order.AsSpan(held));

        var (mean, std) = train.Statistics();
        for (var channel = 0; channel < std.Length; channel++)
            if (std[channel] == 0)
                throw new UserException($"Channel {channel} of the training images of {spec.Name} has the same value everywhere; check the " +
                    "data files.");
        return new ImageSet
        {
            Name = spec.Name,
            ClassNames = classNames,
            Channels = train.Channels,
            Height = train.Height,
            Width = train.Width,
            Mean = mean,
            Std = std,
            Train = train.ToSplit(device),
            Validation = validation.ToSplit(device),
            Test = test.ToSplit(device),
            Fingerprint = Hash(classNames, train, validation, test),
            Notes = notes ?? [],
        };

        RawImages Limited(RawImages images, int? limit, string part) =>
            limit > images.Count ? throw new UserException($"{spec.Name} has {images.Count:N0} {part} images here, fewer than the {limit:N0} asked for.")
            : images.Balanced(limit ?? images.Count, spec.SplitSeed);
    }

    private static string Hash(IReadOnlyList<string> classNames, params ReadOnlySpan<RawImages> splits)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(Encoding.UTF8.GetBytes(string.Join('\n', classNames)));
        foreach (var split in splits)
        {
            hash.AppendData(Encoding.UTF8.GetBytes($"\n{split.Count}x{split.Channels}x{split.Height}x{split.Width}\n"));
            hash.AppendData(split.Pixels);
            hash.AppendData(Encoding.UTF8.GetBytes(string.Join(',', split.Labels)));
        }
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
