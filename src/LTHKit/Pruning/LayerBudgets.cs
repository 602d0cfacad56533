namespace LTHKit.Pruning;

/// <summary>How many weights each layer may keep under a layer-wise <see cref="Distribution"/>.</summary>
internal static class LayerBudgets
{
    /// <summary>Budgets that add up to <paramref name="keep"/>; no layer gets more than it has, the rest goes to the others.</summary>
    public static IReadOnlyList<(LayerMask Layer, long Keep)> Of(IReadOnlyList<LayerMask> layers, long keep, Distribution distribution)
    {
        double[] weights = [.. layers.Select(l => distribution.Share!(l) is > 0 and < double.PositiveInfinity and var share ? share
            : throw new UserException($"The distribution '{distribution.Name}' gives {l.Name} no positive share; leave it out with the pruner's Except."))];
        return [.. layers.Zip(Share(keep, weights, [.. layers.Select(l => l.Kept)]))];
    }

    /// <summary>
    /// <paramref name="total"/> split in proportion to <paramref name="weights"/>, each part at most its capacity; what a full
    /// part cannot take is shared by the others. Whole numbers, by largest remainder.
    /// </summary>
    internal static long[] Share(long total, double[] weights, long[] capacity)
    {
        var full = new bool[weights.Length];
        double scale;
        while (true)
        {
            var free = Enumerable.Range(0, weights.Length).Where(i => !full[i]).ToArray();
            scale = free.Length == 0 ? 0 : (total - capacity.Where((_, i) => full[i]).Sum()) / free.Sum(i => weights[i]);
            var over = free.Where(i => weights[i] * scale > capacity[i]).ToArray();
            if (over.Length == 0)
                break;
            foreach (var i in over)
                full[i] = true;
        }
        var exact = weights.Select((w, i) => full[i] ? capacity[i] : w * scale).ToArray();
        var parts = exact.Select(x => (long)x).ToArray();
        foreach (var i in Enumerable.Range(0, parts.Length).OrderByDescending(i => exact[i] - parts[i]).ThenBy(i => i))
            if (parts.Sum() < total && parts[i] < capacity[i])
                parts[i]++;
        return parts;
    }
}
