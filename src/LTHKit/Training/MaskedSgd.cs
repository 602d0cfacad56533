using LTHKit.Models;
using LTHKit.Pruning;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace LTHKit.Training;

/// <summary>
/// SGD with momentum and weight decay that holds a mask: a pruned weight gets no gradient, no decay and no momentum, and so stays
/// exactly zero. On survivors the step is torch.optim.SGD's: g += decay * w, m = momentum * m + g, w -= rate * m.
/// </summary>
public sealed class MaskedSgd : IDisposable
{
    private readonly List<(string Name, Parameter Weight, Tensor Momentum, Tensor? Kept)> _slots = [];
    private readonly double _momentum, _decay;

    /// <summary>An optimiser of all of the network's parameters, momentum zero.</summary>
    /// <param name="network">The network, on its device.</param>
    /// <param name="mask">Its mask on the same device, already applied; null for a dense network.</param>
    /// <param name="recipe">Momentum and weight decay.</param>
    /// <param name="useNative">Whether the fused CPU kernel may serve; both forms agree to rounding.</param>
    public MaskedSgd(Network network, Mask? mask, Recipe recipe, bool useNative = true)
    {
        (_momentum, _decay) = (recipe.Momentum, recipe.WeightDecay);
        foreach (var (name, weight) in network.named_parameters())
        {
            var kept = mask is not null && mask.Covers(name) ? mask[name] : null;
            _slots.Add((name, weight, zeros_like(weight, requires_grad: false).DetachFromDisposeScope(), kept));
        }
        IsNative = useNative && NativeKernels.Available && _slots.All(s => s.Weight.device_type == DeviceType.CPU && s.Weight.dtype == ScalarType.Float32);
    }

    /// <summary>Whether the fused CPU kernel serves.</summary>
    public bool IsNative { get; }

    /// <summary>The momentum by parameter name; what a checkpoint must hold beside the network.</summary>
    public IEnumerable<(string Name, Tensor Momentum)> State => _slots.Select(s => (s.Name, s.Momentum));

    /// <summary>Applies the gradients that the parameters hold, with this learning rate.</summary>
    public void Step(double learningRate)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        foreach (var (_, weight, momentum, kept) in _slots)
        {
            if (weight.grad is not { } gradient)
                continue;
            if (IsNative)
                StepNative(weight, gradient.contiguous(), momentum, kept, (float)learningRate);
            else
                StepTensors(weight, gradient, momentum, kept, learningRate);
        }
    }

    /// <summary>Forgets the gradients.</summary>
    public void ZeroGradients()
    {
        foreach (var (_, weight, _, _) in _slots)
            weight.grad = null;
    }

    /// <summary>Frees the momentum.</summary>
    public void Dispose()
    {
        foreach (var (_, _, momentum, _) in _slots)
            momentum.Dispose();
    }

    private void StepTensors(Tensor weight, Tensor gradient, Tensor momentum, Tensor? kept, double rate)
    {
        var g = gradient.add(weight, alpha: _decay);
        if (kept is not null)
            g.masked_fill_(kept.logical_not(), 0);
        momentum.mul_(_momentum).add_(g);
        weight.add_(momentum, alpha: -rate);
    }

    private unsafe void StepNative(Tensor weight, Tensor gradient, Tensor momentum, Tensor? kept, float rate)
    {
        fixed (byte* w = weight.bytes, g = gradient.bytes, m = momentum.bytes, mask = kept is null ? default : kept.bytes)
            NativeKernels.MaskedSgd((float*)w, (float*)g, (float*)m, mask, weight.numel(), rate, (float)_momentum, (float)_decay, get_num_threads());
    }
}
