using LTHKit.Models;
using LTHKit.Pruning;

namespace LTHKit.Kernels;

/// <summary>Which path is expected to be the faster for a network and its mask.</summary>
internal static class Cost
{
    public static bool Favours(Network network, Mask? mask) => true;
}
