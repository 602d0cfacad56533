using LTHKit.Models;
using LTHKit.Pruning;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace LTHKit.Analysis;

/// <summary>
/// The space of a network's weights: all parameters, one after the other, as one vector [P]. With a mask the pruned weights are no part of it;
/// their entries are zero in every vector.
/// </summary>
internal sealed class WeightSpace : IDisposable
{
    private readonly Tensor? _pruned;       // [P], boolean

    /// <exception cref="UserException">The mask does not fit the network.</exception>
    public WeightSpace(Network network, Mask? mask = null)
    {
        mask?.Validate(network);
        Parameters = [.. network.parameters()];
        Size = Parameters.Sum(p => p.numel());
        Dimension = Size - (mask is null ? 0 : mask.Total - mask.Kept);
        if (mask is null)
            return;
        using var scope = NewDisposeScope();
        var parts = network.named_parameters().Select(p => mask.Covers(p.name)
            ? mask[p.name].to(p.parameter.device).logical_not().flatten()
            : zeros(p.parameter.numel(), dtype: ScalarType.Bool, device: p.parameter.device));
        _pruned = cat(parts.ToArray()).DetachFromDisposeScope();
    }

    /// <summary>The parameters, in order.</summary>
    public IReadOnlyList<Parameter> Parameters { get; }

    /// <summary>P, the length of a vector.</summary>
    public long Size { get; }

    /// <summary>Number of weights that are not pruned.</summary>
    public long Dimension { get; }

    /// <summary>Sets the entries of pruned weights to zero, in place.</summary>
    public Tensor Project(Tensor vector) => _pruned is null ? vector : vector.masked_fill_(_pruned, 0);

    /// <summary>Views of a vector in the shapes of the parameters.</summary>
    public Tensor[] Split(Tensor vector)
    {
        long start = 0;
        return [.. Parameters.Select(p =>
        {
            var part = vector.narrow(0, start, p.numel()).view(p.shape);
            start += p.numel();
            return part;
        })];
    }

    /// <summary>A random vector of independent entries with mean 0 and variance 1. // [P]</summary>
    /// <param name="draw">Draws it on the CPU, in the type that it is given.</param>
    /// <param name="keys">What it is for; the same keys give the same vector.</param>
    public Tensor Random(Func<long, ScalarType, Generator, Tensor> draw, params ReadOnlySpan<long> keys)
    {
        using var generator = new Generator(Data.SplitMix64.Keyed(keys).Next());
        return Project(draw(Size, Parameters[0].dtype, generator).to(Parameters[0].device));
    }

    public void Dispose() => _pruned?.Dispose();
}
