namespace LTHKit.Data;

/// <summary>A data set for image classification: three splits, each held whole as one tensor on one device, and what is known about them.</summary>
/// <param name="Spec">What it was made from, and the identity of its content for a user's own.</param>
/// <param name="ClassNames">What the labels 0, 1, ... stand for.</param>
/// <param name="Channels">Channels of an image.</param>
/// <param name="Height">Rows of an image.</param>
/// <param name="Width">Columns of an image.</param>
/// <param name="Mean">Mean of each channel over the training part, in units of the full range (0 to 1).</param>
/// <param name="Std">Standard deviation of each channel over the training part, in units of the full range.</param>
/// <param name="Train">What the networks are trained on.</param>
/// <param name="Validation">What decides which epoch is best (the paper: a random tenth of the training images).</param>
/// <param name="Test">What accuracy is reported on.</param>
/// <param name="Fingerprint">SHA-256 over the content of all splits, labels and order included, in hexadecimal: what a run was trained on.</param>
/// <param name="Notes">What a reader of results should know, such as files that hold fewer images than the official ones.</param>
public sealed record ImageSet(DataSpec Spec, IReadOnlyList<string> ClassNames, int Channels, int Height, int Width,
    IReadOnlyList<double> Mean, IReadOnlyList<double> Std, ImageSplit Train, ImageSplit Validation, ImageSplit Test, string Fingerprint,
    IReadOnlyList<string> Notes) : IDisposable
{
    /// <summary>The set's name, as in <see cref="DataSpec.Name"/>.</summary>
    public string Name => Spec.Name;

    public int Classes => ClassNames.Count;
    public Device Device => Train.Images.device;

    /// <summary>A copy on <paramref name="device"/>; this set stays as it is, and each is disposed by its owner.</summary>
    public ImageSet To(Device device) => this with { Train = Train.To(device), Validation = Validation.To(device), Test = Test.To(device) };

    public void Dispose()
    {
        Train.Dispose();
        Validation.Dispose();
        Test.Dispose();
    }

    public override string ToString() => string.Create(CultureInfo.InvariantCulture,
        $"{Name}: {Classes} classes, {Channels}x{Height}x{Width}, {Train.Count:N0} training, {Validation.Count:N0} validation, " +
        $"{Test.Count:N0} test images{string.Concat(Notes.Select(note => $"; {note}"))}");

    /// <summary>
    /// A data set of a user's own, for <c>Lab.Open(..., data: set)</c>. Runs know it by its content. Images are copied; networks see them with mean 0 and
    /// standard deviation 1 in each channel.
    /// </summary>
    /// <param name="name">As figures call it; none of the kit's names.</param>
    /// <param name="images">Images to train and validate on, uint8 or float. // [N, C, H, W], H = W</param>
    /// <param name="labels">Their classes, whole numbers from 0. // [N]</param>
    /// <param name="test">Images and labels to test on; null: a fifth of <paramref name="images"/>, drawn with <paramref name="seed"/>.</param>
    /// <param name="classNames">What the labels stand for; null: "class 0", "class 1", ...</param>
    /// <param name="validation">The share of the training images that is kept for validation, in (0, 1).</param>
    /// <param name="seed">Of the splits.</param>
    /// <exception cref="UserException">A shape, type, label or share is wrong, or there are too few images.</exception>
    public static ImageSet From(string name, Tensor images, Tensor labels, (Tensor Images, Tensor Labels)? test = null,
        IReadOnlyList<string>? classNames = null, double validation = 0.1, int seed = 0)
    {
        if (string.IsNullOrWhiteSpace(name) || DataSets.Names.Contains(name))
            throw new UserException($"A data set of your own needs a name of its own; '{name}' is none.");
        UserException.Require(validation is > 0 and < 1, "The validation share", validation, "in (0, 1), the paper's is 0.1");
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
            (held, all) = all.Parted(all.Count / 5, SplitMix64.Keyed(seed, 1));
        if (all.Count < 2 || held.Count < 1)
            throw new UserException($"{all.Count} training and {held.Count} test images are too few; give at least two and one.");
        var highest = all.Labels.Concat(held.Labels).Max();
        classNames ??= [.. Enumerable.Range(0, highest + 1).Select(i => $"class {i}")];
        if (classNames.Count < 2 || highest >= classNames.Count)
            throw new UserException($"The labels reach {highest} and there are {classNames.Count} classes; labels are 0, 1, ... for at least two classes, "
                + "each below their number.");
        var set = From(new DataSpec { Name = name, ValidationFraction = validation, SplitSeed = seed }, new(classNames, all, held, []), CPU);
        return set with { Spec = set.Spec with { Content = set.Fingerprint } };
    }

    /// <summary>Limits, splits and measures what a reader has read.</summary>
    internal static ImageSet From(DataSpec spec, RawSet raw, Device device)
    {
        var (train, test) = (Limited(raw.Train, spec.TrainCount, "training"), Limited(raw.Test, spec.TestCount, "test"));
        var held = (int)Math.Round(spec.ValidationFraction * train.Count, MidpointRounding.AwayFromZero);
        if (held > train.Count - 2 || (held == 0 && spec.ValidationFraction > 0))
            throw new UserException($"{train.Count} training images leave {train.Count - held} to train on and {held} for validation; take more images, or "
                + FormattableString.Invariant($"another validation fraction than {spec.ValidationFraction}."));
        (var validation, train) = train.Parted(held, SplitMix64.Keyed(spec.SplitSeed));
        var (mean, std) = train.Statistics();
        for (var channel = 0; channel < std.Length; channel++)
            if (std[channel] == 0)
                throw new UserException($"Channel {channel} of the training images of {spec.Name} has the same value everywhere; check the data files.");
        return new(spec, raw.ClassNames, train.Channels, train.Height, train.Width, mean, std, train.ToSplit(device), validation.ToSplit(device),
            test.ToSplit(device), Hash(raw.ClassNames, train, validation, test), raw.Differences);

        RawImages Limited(RawImages images, int? limit, string part) =>
            limit > images.Count ? throw new UserException($"{spec.Name} has {images.Count:N0} {part} images here, fewer than the {limit:N0} asked for.")
            : images.Balanced(limit ?? images.Count, spec.SplitSeed).Shrunk(spec.Shrink);
    }

    private static string Hash(IReadOnlyList<string> classNames, params ReadOnlySpan<RawImages> splits)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(Encoding.UTF8.GetBytes(string.Join('\n', classNames)));
        foreach (var split in splits)
        {
            var type = split.Type == ScalarType.Byte ? "" : $"{split.Type}";
            hash.AppendData(Encoding.UTF8.GetBytes($"\n{split.Count}x{split.Channels}x{split.Height}x{split.Width}{type}\n"));
            hash.AppendData(split.Pixels);
            hash.AppendData(Encoding.UTF8.GetBytes(string.Join(',', split.Labels)));
        }
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}

/// <summary>One part of a data set, whole and on one device.</summary>
public sealed class ImageSplit : IDisposable
{
    private readonly Lock _cropping = new();
    private Tensor? _crops;

    internal ImageSplit(Tensor images, Tensor labels)
    {
        Images = images.DetachFromDisposeScope();
        Labels = labels.DetachFromDisposeScope();
        Count = checked((int)images.shape[0]);
    }

    /// <summary>The images, uint8 or float32. // [N, C, H, W]</summary>
    public Tensor Images { get; }

    /// <summary>The classes, int64, from 0. // [N]</summary>
    public Tensor Labels { get; }

    public int Count { get; }

    /// <summary>The zeros that augmentation puts on each side of an image: an eighth of its height.</summary>
    internal int Padding => (int)Images.shape[2] / 8;

    /// <summary>Every crop of the padded images, as a view by image, top and left, made once. // [N, C, 2p+1, 2p+1, H, W], p = Padding</summary>
    internal Tensor Crops()
    {
        lock (_cropping)
            return _crops ??= Cropped();
    }

    private Tensor Cropped()
    {
        using var scope = NewDisposeScope();
        var padded = nn.functional.pad(Images, [Padding, Padding, Padding, Padding]);
        var crops = padded.unfold(2, Images.shape[2], 1).unfold(3, Images.shape[3], 1).DetachFromDisposeScope();
        if (crops.device_type == DeviceType.CUDA)
            CudaStream.Wait();      // others read it too
        return crops;
    }

    public void Dispose()
    {
        _crops?.Dispose();
        Images.Dispose();
        Labels.Dispose();
    }

    internal ImageSplit To(Device device) =>
        new(Images.to(device, copy: true), Labels.to(device, copy: true));
}
