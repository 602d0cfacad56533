using LTHKit.Models;
using LTHKit.Pruning;

namespace LTHKit.Kernels;

/// <summary>
/// Which path is expected to be the faster. Both take time for multiply-adds and for every number that passes from unit to unit; libtorch's multiplies
/// faster, and its fixed costs tell where there is little to multiply for a number. `bench --sparse` shows where the rule is right; the constants are from
/// a Zen 4 core with AVX-512, and at width 16 they chose the faster path with AVX2 alone too.
/// </summary>
internal static class Cost
{
    /// <summary>Of a unit, in ns for a number that it puts out: for each multiply-add of a training step, and for the number itself.</summary>
    private const double SparseMultiply = 0.085, SparseNumber = 4.5, TorchMultiply = 0.057, TorchNumber = 3, TorchFixed = 560;

    /// <summary>Whether a step over the surviving weights is expected to be shorter than libtorch's dense one.</summary>
    public static bool Favours(Network network, Mask? mask)
    {
        var flops = Flops.Of(network, mask).Layers.ToDictionary(layer => layer.Name);
        double numbers = 0, dense = 0, effective = 0;
        foreach (var (name, module) in network.named_modules().DistinctBy(m => m.module))
            if (network.Convolutions.FirstOrDefault(unit => unit.Convolution == module) is { Convolution: var convolution })
            {
                numbers += flops[name].Dense * (double)convolution.out_channels / convolution.weight!.numel();
                (dense, effective) = (dense + flops[name].Dense, effective + flops[name].Effective);
            }
        return SparseMultiply * effective + SparseNumber * numbers < TorchMultiply * dense + (TorchNumber + TorchFixed * numbers / dense) * numbers;
    }
}
