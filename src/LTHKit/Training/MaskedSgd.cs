namespace LTHKit.Training;

/// <summary>
/// SGD with momentum and weight decay that holds a mask: a pruned weight gets no gradient, no decay and no momentum, and so stays
/// exactly zero. On survivors the step is torch.optim.SGD's, g += decay * w, m = momentum * m + g, w -= rate * m, by libtorch's fused update.
/// </summary>
internal sealed class MaskedSgd : MaskedOptimiser
{
    private readonly List<Slot> _slots = [];
    private readonly double _momentum, _decay;
    private readonly Dictionary<double, Tensor> _rates = [];        // on CUDA the learning rate for each factor, where a recorded step reads it
    private double _rate;

    public MaskedSgd(Network network, Mask? mask, Recipe recipe) : base(network)
    {
        using var scope = NewDisposeScope();
        (_momentum, _decay) = (recipe.Momentum, recipe.WeightDecay);
        foreach (var (name, weight) in network.named_parameters())
        {
            // A pruned weight's gradient is clamped to [0, 0], a survivor's to what any number lies in.
            var high = mask is null || !mask.Covers(name) ? null : where(mask[name], float.PositiveInfinity, 0f).DetachFromDisposeScope();
            var momentum = zeros_like(weight, requires_grad: false).DetachFromDisposeScope();
            _slots.Add(new(name, recipe.RateFor(name), weight, momentum, high?.neg().DetachFromDisposeScope(), high, [.. weight.shape]));
        }
        foreach (var factor in _slots.Where(s => s.Weight.device_type == DeviceType.CUDA).Select(s => s.Rate).Distinct())
            _rates[factor] = zeros(1, device: _slots[0].Weight.device).DetachFromDisposeScope();
    }

    /// <summary>Whether libtorch's fused update serves; that for CUDA takes no momentum of 0.</summary>
    public static bool Serves(Network network, Recipe recipe) => FusedSgd.Available && (recipe.Momentum > 0 || network.parameters().First().device_type == DeviceType.CPU)
        && network.parameters().All(p => p.is_contiguous() && p.dtype == ScalarType.Float32 && (p.device_type is DeviceType.CPU or DeviceType.CUDA));

    public override IEnumerable<(string Name, Tensor Value)> State => _slots.Select(s => ("momentum." + s.Name, s.Momentum));

    public override void Load(IReadOnlyDictionary<string, Tensor> stored)
    {
        foreach (var (name, momentum) in State)
            if (!stored.TryGetValue(name, out var value) || !value.shape.SequenceEqual(momentum.shape))
                throw new InvalidDataException($"{name} is missing there or has another shape");
        foreach (var (name, momentum) in State)
            momentum.copy_(stored[name]);
    }

    public override double LearningRate
    {
        set
        {
            _rate = value;
            foreach (var (factor, rate) in _rates)
                rate.fill_(value * factor);
        }
    }

    public override void Step()
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var active = (from slot in _slots
                      let gradient = slot.Weight.grad
                      where gradient is not null
                      select (Slot: slot, Gradient: Plain(gradient, slot))).ToList();
        var masked = active.Where(a => a.Slot.High is not null).ToList();
        FusedSgd.Clamp([.. masked.Select(a => a.Gradient)], [.. masked.Select(a => a.Slot.Low!)], [.. masked.Select(a => a.Slot.High!)]);
        foreach (var group in active.GroupBy(a => a.Slot.Rate))
            FusedSgd.Step([.. group.Select(a => a.Slot.Weight)], [.. group.Select(a => a.Gradient)], [.. group.Select(a => a.Slot.Momentum)],
                _decay, _momentum, _rate * group.Key, _rates.GetValueOrDefault(group.Key));
    }

    // With the channels last the gradient of a 1x1 convolution is contiguous too, but strides of dimensions of size 1 are others, which CUDA's update refuses.
    private static Tensor Plain(Tensor gradient, Slot slot) => slot.Shape.Contains(1) ? gradient.contiguous().flatten().view(slot.Shape) : gradient.contiguous();

    public override void Dispose()
    {
        foreach (var tensor in _slots.SelectMany(s => new[] { s.Momentum, s.Low, s.High }).Concat(_rates.Values))
            tensor?.Dispose();
    }

    private sealed record Slot(string Name, double Rate, Parameter Weight, Tensor Momentum, Tensor? Low, Tensor? High, long[] Shape);
}
