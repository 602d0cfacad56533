namespace LTHKit.Data;

/// <summary>
/// Mini-batches of an <see cref="ImageSet"/>: shuffled and augmented for training, in order for evaluation. Order and augmentation of epoch e
/// are a function of the seed and e alone, so that a run can begin at any epoch and iteration without a saved generator.
/// All work is done for a whole batch at once, on the device where the images are.
/// </summary>
/// <param name="set">The images; must outlive this object.</param>
/// <param name="batchSize">
/// Images a training batch; the last of an epoch holds what is left. A single image joins the batch before it: BatchNorm can make nothing of one.
/// </param>
/// <param name="seed">Seed of order and augmentation.</param>
/// <param name="augment">
/// Whether training images are changed at random, as in the published code: zeros are put around each, an eighth of its height, of that a crop of its own size is
/// taken, and half of them are mirrored, left to right.
/// </param>
/// <param name="channelsLast">Whether images are laid out with the channels last, which suits some convolutions better.</param>
/// <exception cref="UserException">The batch size is out of range.</exception>
public sealed class Batches(ImageSet set, int batchSize, long seed, bool augment = true, bool channelsLast = false) : IDisposable
{
    public int BatchSize { get; } = batchSize >= 1 ? batchSize : throw new UserException($"The batch size is {batchSize}; it must be at least 1.");

    // Of each channel: [1, C, 1, 1].
    private readonly Tensor _scale = PerChannel(set, set.Std.Select(std => 1 / ((set.Train.Images.dtype == ScalarType.Byte ? 255 : 1) * std)));
    private readonly Tensor _shift = PerChannel(set, set.Mean.Zip(set.Std, (mean, std) => -mean / std));

    /// <summary>Training batches an epoch, the last, shorter one included.</summary>
    public int Iterations => IterationsOf(set, BatchSize);

    /// <summary>Training batches an epoch, for a set and a batch size.</summary>
    public static int IterationsOf(ImageSet set, int batchSize)
        => (set.Train.Count + batchSize - 1) / batchSize - (batchSize > 1 && set.Train.Count > batchSize && set.Train.Count % batchSize == 1 ? 1 : 0);

    /// <summary>The training batches of an epoch. Each is disposed by whoever receives it.</summary>
    /// <param name="epoch">From 0.</param>
    /// <param name="startIteration">The first batch to deliver: the rest is the same as in a whole epoch, to the bit.</param>
    /// <exception cref="ArgumentOutOfRangeException">A negative epoch, or an iteration that the epoch does not have.</exception>
    public IEnumerable<Batch> Epoch(int epoch, int startIteration = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(epoch);
        ArgumentOutOfRangeException.ThrowIfNegative(startIteration);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(startIteration, Iterations);
        return Run();

        IEnumerable<Batch> Run()
        {
            using var draw = Draw(epoch);
            for (var iteration = startIteration; iteration < Iterations; iteration++)
                yield return Gather(draw, iteration * BatchSize, iteration < Iterations - 1 ? BatchSize : set.Train.Count - iteration * BatchSize);
        }
    }

    /// <summary>Images in their order, normalised and otherwise unchanged. Each batch is disposed by whoever receives it.</summary>
    /// <param name="split">One of the splits of the set.</param>
    /// <param name="batchSize">Images a batch; the last one holds what is left.</param>
    public IEnumerable<Batch> Evaluation(ImageSplit split, int batchSize = 500)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(batchSize, 1);
        return Enumerable.Range(0, (split.Count + batchSize - 1) / batchSize).Select(i => Slice(i * batchSize));

        Batch Slice(int start)
        {
            using var scope = NewDisposeScope();
            var count = Math.Min(batchSize, split.Count - start);
            return Normalised(split.Images.narrow(0, start, count), split.Labels.narrow(0, start, count).clone());
        }
    }

    /// <summary>
    /// Training images drawn by the seed, as many of each class (all of a class that has fewer), normalised and otherwise unchanged. The classes
    /// take turns. Each batch is disposed by whoever receives it.
    /// </summary>
    /// <param name="perClass">Images of each class.</param>
    public IEnumerable<Batch> Balanced(int perClass)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(perClass, 1);
        using var labels = set.Train.Labels.to(CPU, copy: true);
        var classes = labels.data<long>().ToArray();
        return SplitMix64.Keyed(seed).Permutation(classes.Length)
            .GroupBy(image => classes[image])
            .SelectMany(all => all.Take(perClass).Select((image, turn) => (Image: image, Turn: turn, Class: all.Key)))
            .OrderBy(chosen => chosen.Turn).ThenBy(chosen => chosen.Class).Select(chosen => chosen.Image)
            .Chunk(BatchSize).Select(At);
    }

    public void Dispose()
    {
        _scale.Dispose();
        _shift.Dispose();
    }

    private Batch At(long[] images)
    {
        using var scope = NewDisposeScope();
        return At(tensor(images).to(set.Device));
    }

    private Batch At(Tensor order) => Normalised(set.Train.Images.index_select(0, order), set.Train.Labels.index_select(0, order));

    // What chance decides in one epoch: a row for each of order, vertical and horizontal offset, mirror: [4, N].
    private Tensor Draw(int epoch)
    {
        var count = set.Train.Count;
        var places = 2 * set.Train.Padding + 1;
        var random = SplitMix64.Keyed(seed, epoch);
        var rows = new long[4 * count];
        random.Permutation(count).CopyTo(rows, 0);
        for (var i = 0; i < count; i++)
        {
            rows[count + i] = random.Below(places);
            rows[2 * count + i] = random.Below(places);
            rows[3 * count + i] = random.Below(2);
        }
        using var scope = NewDisposeScope();
        return tensor(rows, [4, count]).to(set.Device).DetachFromDisposeScope();
    }

    private Batch Gather(Tensor draw, int start, int count)
    {
        using var scope = NewDisposeScope();
        var part = draw.narrow(1, start, count);
        if (!augment)
            return At(part[0]);
        var crops = set.Train.Crops()                                               // [B, C, H, W]
            [TensorIndex.Tensor(part[0]), TensorIndex.Colon, TensorIndex.Tensor(part[1]), TensorIndex.Tensor(part[2])];
        var mirrored = part[3].to(ScalarType.Bool).view(count, 1, 1, 1);
        return Normalised(where(mirrored, crops.flip(3), crops), set.Train.Labels.index_select(0, part[0]));
    }

    private Batch Normalised(Tensor images, Tensor labels)
    {
        var values = images.to(ScalarType.Float32).mul(_scale).add_(_shift);
        return new Batch(channelsLast ? values.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2) : values, labels).Detached();
    }

    private static Tensor PerChannel(ImageSet set, IEnumerable<double> values)
    {
        using var scope = NewDisposeScope();
        return tensor(values.Select(value => (float)value).ToArray(), [1, set.Channels, 1, 1]).to(set.Device).DetachFromDisposeScope();
    }
}

/// <summary>What one step sees. Whoever receives a batch disposes it; no dispose scope does.</summary>
/// <param name="Images">Normalised images, float32. // [B, C, H, W]</param>
/// <param name="Labels">Their classes, int64. // [B]</param>
public sealed record Batch(Tensor Images, Tensor Labels) : IDisposable
{
    public int Count => (int)Labels.shape[0];

    public void Dispose()
    {
        Images.Dispose();
        Labels.Dispose();
    }

    internal Batch Detached()
    {
        Images.DetachFromDisposeScope();
        Labels.DetachFromDisposeScope();
        return this;
    }
}
