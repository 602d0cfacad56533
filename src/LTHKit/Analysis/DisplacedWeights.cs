using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace LTHKit.Analysis;

/// <summary>Moves a network's weights along directions; when disposed, they are what they were, to the bit.</summary>
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
