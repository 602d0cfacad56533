using System.Security.Cryptography;
using System.Text;
using TorchSharp;
using static TorchSharp.torch;

namespace LTHKit.Data;

/// <summary>
/// A data set for image classification: three splits, each held whole as one tensor on one device, and what is known about them.
/// </summary>
public sealed record ImageSet : IDisposable
{
    /// <summary>What it was made from, and the identity of its content for a user's own.</summary>
    public required DataSpec Spec { get; init; }

    /// <summary>The set's name, as in <see cref="DataSpec.Name"/>.</summary>
    public string Name => Spec.Name;

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
    public ImageSet To(Device device) => this with { Train = Train.To(device), Validation = Validation.To(device), Test = Test.To(device) };

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

    /// <summary>
    /// A data set of a user's own, for <c>Lab.Open(..., data: set)</c>. Runs know it by its content. Images are copied; networks see them with mean 0 and
    /// standard deviation 1 in each channel.
    /// </summary>
    /// <param name="name">As figures call it; none of <see cref="DataSets.Names"/>.</param>
    /// <param name="images">Images to train and validate on, uint8 or float. // [N, C, H, W], H = W</param>
    /// <param name="labels">Their classes, whole numbers from 0. // [N]</param>
    /// <param name="test">Images and labels to test on; null: a fifth of <paramref name="images"/>, drawn with <paramref name="seed"/>.</param>
    /// <param name="classNames">What the labels stand for; null: "class 0", "class 1", ...</param>
    /// <param name="validation">The share of the training images that is kept for validation, in (0, 1).</param>
    /// <param name="seed">Of the splits.</param>
    /// <exception cref="UserException">A shape, type, label or share is wrong, or there are too few images.</exception>
    public static ImageSet From(string name, Tensor images, Tensor labels, (Tensor Images, Tensor Labels)? test = null, IReadOnlyList<string>? classNames = null,
        double validation = 0.1, int seed = 0)
    {
        if (string.IsNullOrWhiteSpace(name) || DataSets.Names.Contains(name))
            throw new UserException($"A data set of your own needs a name of its own; '{name}' is none.");
        if (validation is not (> 0 and < 1))
            throw new UserException(FormattableString.Invariant($"The validation share is {validation}; it must lie in (0, 1), the paper's is 0.1."));
        var all = RawImages.Of(images, labels, "training");
        RawImages held;
        if (test is { } given)
        {
            held = RawImages.Of(given.Images, given.Labels, "test");
            if ((held.Channels, held.Height, held.Type) != (all.Channels, all.Height, all.Type))
                throw new UserException($"The test images are {held.Channels}x{held.Height}x{held.Width} of {held.Type} and the training images "
                    + $"{all.Channels}x{all.Height}x{all.Width} of {all.Type}; give both alike.");
        }
        else
        {
            var order = SplitMix64.Keyed(seed, 1).Permutation(all.Count);
            held = all.At(order.AsSpan(0, all.Count / 5));
            all = all.At(order.AsSpan(all.Count / 5));
        }
        if (all.Count < 2 || held.Count < 1)
            throw new UserException($"{all.Count} training and {held.Count} test images are too few; give at least two and one.");
        var highest = all.Labels.Concat(held.Labels).Max();
        classNames ??= [.. Enumerable.Range(0, highest + 1).Select(i => $"class {i}")];
        if (classNames.Count < 2 || highest >= classNames.Count)
            throw new UserException($"The labels reach {highest} and there are {classNames.Count} classes; labels are 0, 1, ... for at least two classes, "
                + "each below their number.");
        var set = From(new DataSpec { Name = name, ValidationFraction = validation, SplitSeed = seed }, classNames, all, held, CPU);
        return set with { Spec = set.Spec with { Content = set.Fingerprint } };
    }

    /// <summary>The same from arrays, such as byte[,,,] or float[,,,] and int[].</summary>
    /// <exception cref="UserException">As there.</exception>
    public static ImageSet From(string name, Array images, Array labels, (Array Images, Array Labels)? test = null, IReadOnlyList<string>? classNames = null,
        double validation = 0.1, int seed = 0)
    {
        using var scope = NewDisposeScope();
        (Tensor, Tensor)? held = test is { } given ? (from_array(given.Images), from_array(given.Labels)) : null;
        return From(name, from_array(images), from_array(labels), held, classNames, validation, seed);
    }

    /// <summary>Limits, splits and measures what a reader has read.</summary>
    internal static ImageSet From(DataSpec spec, IReadOnlyList<string> classNames, RawImages train, RawImages test, Device device,
        IReadOnlyList<string>? notes = null)
    {
        train = Limited(train, spec.TrainCount, "training");
        test = Limited(test, spec.TestCount, "test");

        var order = SplitMix64.Keyed(spec.SplitSeed).Permutation(train.Count);
        var held = (int)Math.Round(spec.ValidationFraction * train.Count, MidpointRounding.AwayFromZero);
        if (held > train.Count - 2 || (held == 0 && spec.ValidationFraction > 0))
            throw new UserException($"{train.Count} training images leave {train.Count - held} to train on and {held} for validation; take more images, or "
                + FormattableString.Invariant($"another validation fraction than {spec.ValidationFraction}."));
        var validation = train.At(order.AsSpan(0, held));
        train = train.At(order.AsSpan(held));

        var (mean, std) = train.Statistics();
        for (var channel = 0; channel < std.Length; channel++)
            if (std[channel] == 0)
                throw new UserException($"Channel {channel} of the training images of {spec.Name} has the same value everywhere; check the " +
                    "data files.");
        return new ImageSet
        {
            Spec = spec,
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
            hash.AppendData(Encoding.UTF8.GetBytes($"\n{split.Count}x{split.Channels}x{split.Height}x{split.Width}{(split.Type == ScalarType.Byte ? "" : split.Type)}\n"));
            hash.AppendData(split.Pixels);
            hash.AppendData(Encoding.UTF8.GetBytes(string.Join(',', split.Labels)));
        }
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
