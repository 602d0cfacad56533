using LTHKit.Models;
using LTHKit.Pruning;

namespace LTHKit.Kernels;

internal static class Cost
{
    public static bool Favours(Network network, Mask? mask) => Environment.GetEnvironmentVariable("LTH_TORCH") is null;
}
