namespace LTHKit.Analysis;

/// <summary>
/// The space of a module's weights: its parameters, or some of them, one after the other, as one vector [P]. With a mask the pruned weights are no part
/// of it; their entries are zero in every vector.
/// </summary>
internal sealed class WeightSpace : IDisposable
{
    private readonly string _module;
    private readonly Tensor? _pruned;       // [P], boolean
    private bool _tried;

    public WeightSpace(nn.Module module, Mask? mask = null, Func<string, bool>? taken = null)
    {
        _module = module.GetName();
        mask?.Fit(module);
        var all = module.named_parameters().Where(p => p.parameter.requires_grad).ToList();
        var mine = all.Where(p => taken is null || taken(p.name)).ToList();
        if (mine.Count == 0)
            throw new UserException($"No parameter of {_module} was chosen; their names are {string.Join(", ", all.Select(p => p.name))}.");
        (Names, Parameters) = ([.. mine.Select(p => p.name)], [.. mine.Select(p => p.parameter)]);
        Size = Parameters.Sum(p => p.numel());
        Dimension = Size;
        if (mask is null)
            return;
        Dimension -= mask.Layers.Where(layer => Names.Contains(layer.Name)).Sum(layer => layer.Total - layer.Kept);
        using var scope = NewDisposeScope();
        _pruned = cat([.. mine.Select(p => mask.Covers(p.name)
            ? mask[p.name].to(p.parameter.device).logical_not().flatten()
            : zeros(p.parameter.numel(), dtype: ScalarType.Bool, device: p.parameter.device))]).DetachFromDisposeScope();
    }

    public IReadOnlyList<string> Names { get; }
    public IReadOnlyList<Parameter> Parameters { get; }
    public long Size { get; }
    public long Dimension { get; }
    public ScalarType Type => Parameters[0].dtype;
    public Device Device => Parameters[0].device;

    /// <summary>Sets the entries of pruned weights to zero, in place.</summary>
    public Tensor Project(Tensor vector) => _pruned is null ? vector : vector.masked_fill_(_pruned, 0);

    public Tensor[] Split(Tensor vector)
        => [.. vector.split([.. Parameters.Select(p => p.numel())]).Zip(Parameters, (part, p) => part.view(p.shape))];

    /// <summary>sum += weight * parts; parts as <see cref="Gradient"/> gives them, null for zeros. // [P]</summary>
    public void Add(Tensor sum, IList<Tensor>? parts, double weight)
    {
        using var noGrad = no_grad();
        foreach (var (slot, part) in Split(sum).Zip(parts ?? []))
            if (IsThere(part))
                slot.add_(part, alpha: weight);
    }

    /// <summary>The gradient of a scalar, or of a tensor times another, by parameter; not there where it does not depend on one.</summary>
    public IList<Tensor> Gradient(Tensor of, Tensor? times = null, bool keepGraph = false, bool createGraph = false) => of.requires_grad
        ? autograd.grad([of], [.. Parameters], times is null ? null : [times], retain_graph: keepGraph, create_graph: createGraph, allow_unused: true)
        : throw new UserException($"What {_module} computes does not depend on its weights; is something in it detached?");

    /// <summary>Refuses, when first asked, an objective that cannot be differentiated, by a batch of it.</summary>
    public void Require(Objective objective, Batch batch, CancellationToken cancel, bool twice = false)
    {
        if (_tried)
            return;
        Differentiation.Require(objective.Module, Parameters, () => objective.LossOn(batch), twice, objective.Loss);
        cancel.ThrowIfCancellationRequested();
        _tried = true;
    }

    public static bool IsThere(Tensor? gradient) => gradient is { IsInvalid: false };

    public void Require(Tensor vector)
    {
        if (vector.dim() != 1 || vector.numel() != Size)
            throw new UserException($"The vector is [{string.Join(", ", vector.shape)}]; it needs one entry for each of the {Size:N0} weights of {_module}.");
    }

    public void Dispose() => _pruned?.Dispose();
}

/// <summary>Moves weights along directions; when disposed, they are what they were, to the bit.</summary>
internal sealed class DisplacedWeights : IDisposable
{
    private readonly List<(Parameter Weight, Tensor Origin)> _weights;

    public DisplacedWeights(IEnumerable<Parameter> weights)
    {
        using var scope = NewDisposeScope();
        _weights = [.. weights.Select(w => (w, w.detach().clone().DetachFromDisposeScope()))];
    }

    /// <summary>Sets the weights to their origin plus the sum of the steps. A direction has one entry a parameter, null where it is zero.</summary>
    public void MoveTo(params ReadOnlySpan<(IReadOnlyList<Tensor?> Direction, double Length)> steps)
    {
        using var noGrad = no_grad();
        for (var i = 0; i < _weights.Count; i++)
        {
            var (weight, origin) = _weights[i];
            weight.copy_(origin);
            foreach (var (direction, length) in steps)
                if (direction[i] is { } part)
                    weight.add_(part, alpha: length);
        }
    }

    public void Dispose()
    {
        MoveTo();
        foreach (var (_, origin) in _weights)
            origin.Dispose();
    }
}
