namespace LTHKit.Tests;

internal static class Leaks
{
    /// <summary>The layers in which a pruned weight is not exactly zero.</summary>
    public static IReadOnlyList<string> In(Network network, Mask mask)
    {
        using var scope = NewDisposeScope();
        return [.. network.PrunableWeights().Where(w => w.Weight.masked_select(mask[w.Name].logical_not()).count_nonzero().ToInt64() > 0).Select(w => w.Name)];
    }
}
