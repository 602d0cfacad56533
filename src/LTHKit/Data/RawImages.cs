namespace LTHKit.Data;

/// <summary>Images as a reader delivers them: the bytes of [N, C, H, W], uint8 or float32, one image after the other, and one label each.</summary>
internal sealed record RawImages(byte[] Pixels, int[] Labels, int Channels, int Height, int Width, ScalarType Type = ScalarType.Byte)
{
    /// <summary>A user's own: images [N, C, H, W] of uint8 or floats, labels [N] of whole numbers from 0; others are refused.</summary>
    public static RawImages Of(Tensor images, Tensor labels, string part)
    {
        if (images is null || labels is null)
            throw new UserException($"The {part} images or labels are null; give a tensor of each.");
        using var scope = NewDisposeScope();
        if (images.shape is [0, ..])
            throw new UserException($"There are no {part} images; give at least one.");
        if (images.shape is not [> 0, > 0, > 0, var width] shape || width != shape[2])
            throw new UserException($"The {part} images are [{string.Join(", ", images.shape)}]; they must be [N, C, H, W] with H = W.");
        if (images.dtype != ScalarType.Byte && !images.is_floating_point())
            throw new UserException($"The {part} images are of {images.dtype}; they must be uint8, 0 to 255, or floats.");
        if (labels.shape is not [var count] || count != shape[0])
            throw new UserException($"The {part} labels are [{string.Join(", ", labels.shape)}] for {shape[0]} images; give one whole number for each.");
        if (labels.is_floating_point() || labels.is_complex() || labels.dtype == ScalarType.Bool)
            throw new UserException($"The {part} labels are of {labels.dtype}; they must be whole numbers, 0 for the first class.");
        var classes = labels.cpu().to(ScalarType.Int64).contiguous().data<long>().ToArray();
        if (classes.FirstOrDefault(label => label is < 0 or > 99_999) is var wrong and not 0)
            throw new UserException($"There is the label {wrong} among the {part} labels; labels are 0, 1, ... up to the number of classes.");
        var values = images.detach().cpu().to(images.dtype == ScalarType.Byte ? ScalarType.Byte : ScalarType.Float32).contiguous();
        if (values.dtype != ScalarType.Byte && !values.isfinite().all().ToBoolean())
            throw new UserException($"The {part} images hold values that are infinite or not a number.");
        if (values.numel() * values.element_size() > Array.MaxLength)
            throw new UserException($"The {part} images take {values.numel() * values.element_size() / 1e9:F1} GB; "
                + "the kit holds up to 2.1 GB: give fewer, or uint8.");
        return new(values.bytes.ToArray(), Array.ConvertAll(classes, label => (int)label), (int)shape[1], (int)shape[2], (int)width, values.dtype);
    }

    /// <summary>Black colour images of these labels, to be written.</summary>
    public static RawImages Blank(int[] labels, int side) => new(new byte[(long)labels.Length * 3 * side * side], labels, 3, side, side);

    public int Count => Labels.Length;
    public int Stride => Channels * Height * Width * (Type == ScalarType.Byte ? 1 : sizeof(float));

    public Span<byte> Image(long index) => Pixels.AsSpan(checked((int)index * Stride), Stride);

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

    /// <summary>So many of them, drawn at random, and those that are left, in the order of the draw.</summary>
    public (RawImages Drawn, RawImages Left) Parted(int count, SplitMix64 random)
    {
        var order = random.Permutation(Count);
        return (At(order.AsSpan(0, count)), At(order.AsSpan(count)));
    }

    /// <summary>As equally many a class as possible, drawn with a seed, in the order in which they stand here.</summary>
    public RawImages Balanced(int count, int seed) => count == Count ? this : At([.. SplitMix64.Keyed(seed, count).Permutation(Count)
        .Select((index, place) => (Index: index, Place: place))
        .GroupBy(drawn => Labels[drawn.Index]).SelectMany(all => all.Select((drawn, round) => (drawn.Index, drawn.Place, Round: round)))
        .OrderBy(drawn => drawn.Round).ThenBy(drawn => drawn.Place)
        .Take(count).Select(drawn => drawn.Index).Order()]);

    /// <summary>Squares of this many pixels a side averaged into one, rounded to whole bytes. // [N, C, H, W] -> [N, C, H / side, W / side]</summary>
    public RawImages Shrunk(int side)
    {
        if (side == 1)
            return this;
        if (Height % side != 0)
            throw new UserException($"Images of {Height}x{Width} cannot be shrunk {side} times: {side} does not divide {Height}.");
        using var scope = NewDisposeScope();
        var parts = ToTensor().split(1000).Select(part =>
        {
            using var inner = NewDisposeScope();
            return nn.functional.avg_pool2d(part.to(ScalarType.Float32), side).round().to(Type).MoveToOuterDisposeScope();
        });
        return this with { Pixels = cat([.. parts]).bytes.ToArray(), Height = Height / side, Width = Width / side };
    }

    /// <summary>Per-channel mean and standard deviation over all pixels, in units of the full range (of float32: 1).</summary>
    public (double[] Mean, double[] Std) Statistics()
    {
        using var scope = NewDisposeScope();
        Tensor sum = zeros(Channels, ScalarType.Float64), squares = zeros(Channels, ScalarType.Float64);        // of uint8 exact, whatever the order
        foreach (var part in ToTensor().split(1000))
        {
            using var inner = NewDisposeScope();
            var values = part.to(ScalarType.Float64);
            sum.add_(values.sum([0, 2, 3]));
            squares.add_(values.square().sum([0, 2, 3]));
        }
        var (pixels, range) = ((double)Count * Height * Width, Type == ScalarType.Byte ? 255.0 : 1);
        var mean = sum / pixels;
        var std = (squares / pixels - mean.square()).clamp_min(0).sqrt();
        return ((mean / range).data<double>().ToArray(), (std / range).data<double>().ToArray());
    }

    /// <summary>The images as one tensor on the CPU. // [N, C, H, W]</summary>
    public Tensor ToTensor()
    {
        var images = empty([Count, Channels, Height, Width], Type);
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

/// <summary>What a reader makes of a data set: what its labels stand for, its images, and how they differ from the official ones, a sentence each.</summary>
internal sealed record RawSet(IReadOnlyList<string> ClassNames, RawImages Train, RawImages Test, IReadOnlyList<string> Differences);
