namespace LTHKit.Analysis;

/// <summary>
/// What analyses look at: the mean loss of any module over batches, as a function of its weights. Measurements put the module in eval mode,
/// BatchNorm included, and give it back as it was: mode, weights, buffers and gradients.
/// </summary>
public sealed class Objective
{
    private readonly Func<IEnumerable<Batch>> _batches;

    /// <summary>Over batches of one's own.</summary>
    /// <param name="module">[B, ...] -> outputs, for instance logits [B, classes]; it must outlive this object.</param>
    /// <param name="batches">Inputs and targets; owned by the caller, and must outlive this object. The loss is a mean over all their images.</param>
    /// <param name="loss">A mean over a batch; null for cross-entropy.</param>
    /// <exception cref="UserException">There is no image.</exception>
    public Objective(nn.Module<Tensor, Tensor> module, IReadOnlyList<Batch> batches, Loss? loss = null)
        : this(module, () => batches.Select(batch => new Batch(batch.Images.alias(), batch.Labels.alias()).Detached()),
            batches.Sum(batch => batch.Count), loss)
    {
    }

    /// <summary>Over images of a data set.</summary>
    /// <param name="module">On the data's device; it must outlive this object.</param>
    /// <param name="data">Where the sample is taken from; it must outlive this object.</param>
    /// <param name="sample">Which images; null for all training images.</param>
    /// <param name="loss">Null for cross-entropy, whatever the network was trained with, so that networks can be compared.</param>
    /// <exception cref="UserException">The sample is out of range.</exception>
    public Objective(nn.Module<Tensor, Tensor> module, ImageSet data, Sample? sample = null, Loss? loss = null)
        : this(module, () => (sample ?? new()).BatchesOf(data), (sample ?? new()).Validated(data).CountIn(data), loss)
    {
    }

    private Objective(nn.Module<Tensor, Tensor> module, Func<IEnumerable<Batch>> batches, int count, Loss? loss)
    {
        if (count == 0)
            throw new UserException($"There is no image to measure {module.GetName()} on; give at least one batch.");
        (Module, _batches, Count, Loss) = (module, batches, count, loss ?? Losses.CrossEntropy);
    }

    public nn.Module<Tensor, Tensor> Module { get; }
    public int Count { get; }
    internal Loss Loss { get; }

    /// <summary>The images in the module's number type, in order. Each batch is disposed by whoever receives it.</summary>
    internal IEnumerable<Batch> Read()
    {
        var dtype = Module.parameters().FirstOrDefault()?.dtype ?? ScalarType.Float32;
        return _batches().Select(batch => batch.Images.dtype == dtype || !batch.Images.is_floating_point() ? batch : Converted(batch, dtype));
    }

    internal void Each(Action<Batch> action, CancellationToken cancel)
    {
        foreach (var batch in Read())
        {
            using var scope = NewDisposeScope();
            using var held = batch;
            cancel.ThrowIfCancellationRequested();
            action(batch);
        }
    }

    /// <summary>The mean loss over one batch, a scalar tensor that gradients flow through.</summary>
    internal Tensor LossOn(Batch batch) => LossOn(Module.call(batch.Images), batch);

    internal Tensor LossOn(Tensor outputs, Batch batch) => Loss(outputs, new Target(batch.Images, batch.Labels));

    /// <summary>The mean loss.</summary>
    public double Mean(CancellationToken cancel = default)
    {
        using var mode = new EvalMode(Module);
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        Tensor? sum = null;
        Each(batch =>
        {
            var part = LossOn(batch).to(ScalarType.Float64) * batch.Count;
            sum = (sum is null ? part : sum + part).MoveToOuterDisposeScope();
        }, cancel);
        return sum!.ToDouble() / Count;
    }

    private static Batch Converted(Batch batch, ScalarType dtype)
    {
        using var scope = NewDisposeScope();
        using var single = batch;
        return new Batch(batch.Images.to(dtype), batch.Labels.alias()).Detached();
    }
}

/// <summary>A part of an <see cref="ImageSet"/>. The numbers are its own for good: a sample of its images is drawn with them.</summary>
public enum Part
{
    /// <summary>What the networks are trained on.</summary>
    Train = 0,

    /// <summary>What accuracy is reported on.</summary>
    Test = 2,
}

/// <summary>Which images a measurement is taken on. They are never augmented, and the network is in eval mode.</summary>
/// <param name="Part">The part of the data set.</param>
/// <param name="Images">How many of its images, chosen at random but always the same; 0 for all.</param>
/// <param name="BatchSize">Images that go through the network together; it changes memory, time and rounding only.</param>
public sealed record Sample(Part Part = Part.Train, int Images = 0, int BatchSize = 500)
{
    internal Sample Validated(ImageSet data)
    {
        UserException.Require(BatchSize >= 1, "The batch size of a sample", BatchSize, "at least 1");
        UserException.Require(Images >= 0 && Images <= Whole(data).Count, "The number of images of a sample", Images,
            $"0 for all, or up to the {Whole(data).Count} of the {Part.ToString().ToLowerInvariant()} part of {data.Name}");
        return this;
    }

    internal int CountIn(ImageSet data) => Images == 0 ? Whole(data).Count : Images;

    /// <summary>The images in their order. Each batch is disposed by whoever receives it.</summary>
    internal IEnumerable<Batch> BatchesOf(ImageSet data)
    {
        using var batches = new Batches(data, BatchSize, 0, augment: false);
        using var images = Chosen(data);
        foreach (var batch in batches.Evaluation(images, BatchSize))
            yield return batch;
    }

    private ImageSplit Whole(ImageSet data) => Part == Part.Train ? data.Train : data.Test;

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
