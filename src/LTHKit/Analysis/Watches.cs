namespace LTHKit.Analysis;

/// <summary>
/// Watches the top eigenvalue of the Hessian while a network trains (Figures 2 and A12): the largest in absolute value, with its sign, of the
/// sub-network that the mask leaves, and how far the power iteration came.
/// </summary>
public sealed record CurvatureWatch : Watch
{
    /// <summary>The name of the eigenvalue among the numbers.</summary>
    public const string TopEigenvalue = "top eigenvalue";

    /// <summary>The name of the error bound among the numbers: an eigenvalue lies within this distance.</summary>
    public const string Residual = "residual";

    public override string Name => "curvature";

    /// <summary>The images that the loss is a mean over.</summary>
    public Sample Sample { get; init; } = new();

    /// <summary>How it is measured; the seed is the run's.</summary>
    public HessianOptions Hessian { get; init; } = new();

    public override IReadOnlyDictionary<string, double> Measure(Network network, Mask? mask, ImageSet data, ulong seed, CancellationToken cancel)
    {
        using var scope = NewDisposeScope();
        using var hessian = new Hessian(new Objective(network, data, Sample), mask, Hessian with { Seed = seed });
        var top = hessian.Top(cancel: cancel)[0];
        return new Dictionary<string, double> { [TopEigenvalue] = top.Value, [Residual] = top.Residual };
    }

    public override void Validate(ModelSpec model, ImageSet data)
    {
        Hessian.Validated();
        Sample.Validated(data);
    }
}

/// <summary>
/// Watches how much gradient reaches each layer while a network trains (Tessera et al. 2021): the Euclidean norm of the loss's gradient with respect
/// to the layer's surviving weights, in eval mode, so that watching changes nothing. A layer that gets none is 0.
/// </summary>
public sealed record GradientFlow : Watch
{
    public override string Name => "gradient-flow";

    /// <summary>The images that the loss is a mean over.</summary>
    public Sample Sample { get; init; } = new();

    /// <summary>Names of the weights, as in <see cref="Network.Prunable"/>; empty for all of those.</summary>
    public IReadOnlyList<string> Layers { get; init; } = [];

    /// <summary>The gradient that reaches each parameter, as a Euclidean norm, by the parameters' names in their order.</summary>
    /// <param name="objective">A module, its loss and the batches that this is a mean over.</param>
    /// <param name="mask">Only surviving weights count; null for all.</param>
    /// <param name="parameters">Which parameters, by their names; null for all that are trained.</param>
    /// <param name="cancel">Ends it between batches.</param>
    public static IReadOnlyDictionary<string, double> Of(Objective objective, Mask? mask = null, Func<string, bool>? parameters = null,
        CancellationToken cancel = default)
    {
        using var scope = NewDisposeScope();
        using var space = new WeightSpace(objective.Module, mask, parameters);
        using var mode = new EvalMode(objective.Module);
        var sum = zeros(space.Size, dtype: space.Type, device: space.Device);
        using (var first = objective.Read().First())
            space.Require(objective, first, cancel);
        objective.Each(batch =>
        {
            using var record = enable_grad();
            space.Add(sum, space.Gradient(objective.LossOn(batch)), batch.Count / (double)objective.Count);
        }, cancel);
        return space.Names.Zip(space.Split(space.Project(sum)), (name, part) => (name, norm: part.norm().ToDouble())).ToDictionary(p => p.name, p => p.norm);
    }

    /// <inheritdoc/>
    /// <exception cref="UserException">There is no such layer, or the sample is out of range.</exception>
    public override IReadOnlyDictionary<string, double> Measure(Network network, Mask? mask, ImageSet data, ulong seed, CancellationToken cancel)
    {
        Require(network);
        return Of(new Objective(network, data, Sample), mask, (Layers.Count == 0 ? network.Prunable : Layers).Contains, cancel);
    }

    public override void Validate(ModelSpec model, ImageSet data)
    {
        Sample.Validated(data);
        if (Layers.Count == 0)
            return;
        using var network = Networks.Build(model, new InputSpec(data.ClassNames.Count, data.Height, data.Channels), 0);
        Require(network);
    }

    private void Require(Network network)
    {
        if (Layers.FirstOrDefault(layer => !network.Prunable.Contains(layer)) is { } unknown)
            throw new UserException($"{network.Model.Name} has no prunable layer '{unknown}'; the known ones are {string.Join(", ", network.Prunable)}.");
    }
}
