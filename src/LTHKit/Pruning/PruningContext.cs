namespace LTHKit.Pruning;

/// <summary>What a score sees of one layer. All tensors are of the weight's shape, on its device, without gradients, and belong to the score.</summary>
/// <param name="Name">The weight's name, for instance "layer1.0.conv1.weight".</param>
/// <param name="Weight">The weights, pruned ones zero.</param>
/// <param name="Context">The network as a whole.</param>
public sealed record ScoredLayer(string Name, Tensor Weight, PruningContext Context)
{
    /// <summary>g: of the cross-entropy, summed over <see cref="PruningContext.Images"/>; BatchNorm normalises with batch statistics.</summary>
    public Tensor Gradient => Context.Gradient[Name];

    /// <summary>
    /// Hg, H the Hessian of that loss in the weights of all convolutions and linear layers, its logits divided by 200 as in GraSP's code. Pruned weights have
    /// no part in g: nothing flows through them.
    /// </summary>
    public Tensor HessianGradient => Context.HessianGradient[Name];

    /// <summary>dR/d|w|, R = 1' |W_L| ... |W_1| 1 the flow of ones through the absolute weights (SynFlow), in double precision.</summary>
    public Tensor Flow => Context.Flow[Name];

    /// <summary>Uniform in [0, 1), from the run's seed.</summary>
    public Tensor Random => Context.Random[Name];
}

/// <summary>What scores look at. What takes long is computed when it is asked for, once for all layers.</summary>
/// <param name="Network">
/// A copy of the network with its mask applied, in training mode, which a score may do with as it likes: one for all layers of a round, and none of what
/// layers are given is computed from it.
/// </param>
/// <param name="Data">The data set, on the network's device.</param>
/// <param name="Seed">For scores that draw random numbers or images.</param>
public sealed record PruningContext(Network Network, ImageSet Data, ulong Seed)
{
    /// <summary>Training images of each class that <see cref="Images"/> gives, as in the published code of GraSP; fewer where a class has fewer.</summary>
    public const int ImagesPerClass = 10;

    private const int BatchSize = 100;
    private IReadOnlyDictionary<string, Tensor>? _gradient, _hessianGradient, _flow, _random;

    /// <summary>Stops a score that takes long, between two batches.</summary>
    public CancellationToken Cancel { get; init; }

    /// <summary>What layers are computed from.</summary>
    internal Network Source { get; init; } = Network;

    /// <summary>The mask that the network has; null for none.</summary>
    internal Mask? Mask { get; init; }

    internal IReadOnlyDictionary<string, Tensor> Gradient => _gradient ??= Scores.Gradient(this);
    internal IReadOnlyDictionary<string, Tensor> HessianGradient => _hessianGradient ??= Scores.HessianGradient(this);
    internal IReadOnlyDictionary<string, Tensor> Flow => _flow ??= Scores.Flow(this);
    internal IReadOnlyDictionary<string, Tensor> Random => _random ??= Scores.Uniform(this);

    /// <summary>The prunable layers, in the network's order.</summary>
    public IEnumerable<ScoredLayer> Layers() => Source.PrunableWeights().ToList().Select(w => new ScoredLayer(w.Name, w.Weight.detach().clone(), this));

    /// <summary>
    /// The training images for scores that look at a loss: <see cref="ImagesPerClass"/> of each class, drawn by the seed, not augmented, in batches of
    /// 100 in which the classes take turns. Whoever receives a batch disposes it.
    /// </summary>
    public IEnumerable<Batch> Images()
    {
        using var batches = new Batches(Data, BatchSize, unchecked((long)Seed), augment: false);
        foreach (var batch in batches.Balanced(ImagesPerClass))
            yield return batch;
    }
}
