using LTHKit.Models;
using LTHKit.Pruning;
using TorchSharp.Modules;

namespace LTHKit.Training;

/// <summary>
/// SGD with momentum and weight decay that holds a mask: a pruned weight gets no gradient, no decay and no momentum, and so stays
/// exactly zero. On survivors the step is torch.optim.SGD's: g += decay * w, m = momentum * m + g, w -= rate * m.
/// </summary>
internal sealed class MaskedSgd : MaskedOptimiser
{
    private readonly List<Slot> _slots = [];
    private readonly double _momentum, _decay;

    /// <summary>An optimiser of all of the network's parameters, momentum zero.</summary>
    public MaskedSgd(Network network, Mask? mask, Recipe recipe, bool fused = true) : base(network)
    {
        using var scope = NewDisposeScope();
        (_momentum, _decay) = (recipe.Momentum, recipe.WeightDecay);
        IsFused = fused && FusedSgd.Available && network.parameters().All(p => p.is_contiguous() && p.dtype == ScalarType.Float32);
        foreach (var (name, weight) in network.named_parameters())
        {
            var kept = mask is not null && mask.Covers(name) ? mask[name] : null;
            // A pruned weight's gradient is clamped to [0, 0], a survivor's to what any number lies in.
            var high = kept is null || !IsFused ? null : where(kept, float.PositiveInfinity, 0f).DetachFromDisposeScope();
            var momentum = zeros_like(weight, requires_grad: false).DetachFromDisposeScope();
            _slots.Add(new(name, recipe.RateOf?.Invoke(name) ?? 1, weight, momentum, kept, high?.neg().DetachFromDisposeScope(), high));
        }
    }

    /// <summary>Whether libtorch's fused update serves.</summary>
    public bool IsFused { get; }

    public override IEnumerable<(string Name, Tensor Value)> State => _slots.Select(s => ("momentum." + s.Name, s.Momentum));

    public override void Load(IReadOnlyDictionary<string, Tensor> stored)
    {
        foreach (var (name, momentum) in State)
            if (!stored.TryGetValue(name, out var value) || !value.shape.SequenceEqual(momentum.shape))
                throw new InvalidDataException($"{name} is missing there or has another shape");
        foreach (var (name, momentum) in State)
            momentum.copy_(stored[name]);
    }

    public override void Step(double learningRate)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var active = _slots.Where(s => s.Weight.grad is not null).ToList();
        if (!IsFused)
        {
            active.ForEach(slot => StepTensors(slot, learningRate));
            return;
        }
        var gradients = active.Select(s => s.Weight.grad!.contiguous()).ToArray();
        var masked = active.Zip(gradients).Where(p => p.First.High is not null).ToList();
        FusedSgd.Clamp([.. masked.Select(p => p.Second)], [.. masked.Select(p => p.First.Low!)], [.. masked.Select(p => p.First.High!)]);
        foreach (var group in active.Zip(gradients).GroupBy(p => p.First.Rate))
            FusedSgd.Step([.. group.Select(p => p.First.Weight)], [.. group.Select(p => p.Second)], [.. group.Select(p => p.First.Momentum)],
                _decay, _momentum, learningRate * group.Key);
    }

    public override void Dispose()
    {
        foreach (var tensor in _slots.SelectMany(s => new[] { s.Momentum, s.Low, s.High }))
            tensor?.Dispose();
    }

    private void StepTensors(Slot slot, double rate)
    {
        var g = slot.Weight.grad!.add(slot.Weight, alpha: _decay);
        if (slot.Kept is not null)
            g.masked_fill_(slot.Kept.logical_not(), 0);
        slot.Momentum.mul_(_momentum).add_(g);
        slot.Weight.add_(slot.Momentum, alpha: -rate * slot.Rate);
    }

    private sealed record Slot(string Name, double Rate, Parameter Weight, Tensor Momentum, Tensor? Kept, Tensor? Low, Tensor? High);
}
