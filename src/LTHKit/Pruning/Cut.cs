namespace LTHKit.Pruning;

/// <summary>Turns scores into a mask: the only place where weights are cut, whatever the pruner.</summary>
internal static class Cut
{
    /// <summary>
    /// The mask that keeps exactly <paramref name="keep"/> of the weights that <paramref name="mask"/> keeps: those of the highest
    /// score. Ties go by position, the earlier weight is cut first.
    /// </summary>
    public static Mask To(
        IReadOnlyDictionary<string, Tensor> scores, Mask mask, long keep, Distribution? distribution = null, IReadOnlyList<string>? except = null)
    {
        if (keep < 0 || keep > mask.Kept)
            throw new UserException($"{keep:N0} weights cannot be kept of {mask.Kept:N0}: a sparsity lies in [0, 1) and only grows from level to level.");
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var left = LeftOut(mask, except ?? []);
        LayerMask[] open = [.. mask.Layers.Where(l => !left.Contains(l.Name))];
        var room = keep - (mask.Kept - open.Sum(l => l.Kept));
        if (room < 0)
            throw new UserException($"The layers to leave out hold {keep - room:N0} weights, more than the {keep:N0} to keep: leave out fewer or prune less.");
        var whole = mask.Layers.Except(open).Select(l => (Layers: (LayerMask[])[l], Keep: l.Kept));
        var cut = Budgets(open, room, distribution).Concat(whole).SelectMany(g => Ranked(scores, mask, g.Layers, g.Keep)).ToDictionary();
        return new Mask(mask.Layers.Select(l => (l.Name, cut[l.Name])));
    }

    /// <summary>The layers of the names that are given, or below them.</summary>
    internal static IReadOnlySet<string> LeftOut(Mask mask, IReadOnlyList<string> except)
    {
        var names = mask.Layers.Select(l => l.Name).ToList();
        return except.SelectMany(start => names.Where(name => name == start || name.StartsWith(start + ".")).ToList() is { Count: > 0 } found ? found
            : throw new UserException($"There is no layer '{start}' to leave out; the network's are {string.Join(", ", names)}.")).ToHashSet();
    }

    /// <summary>
    /// Layers that are ranked together and how many weights they keep: all at once, or under a layer-wise distribution each by itself; no layer
    /// gets more than it has, the rest goes to the others.
    /// </summary>
    private static IEnumerable<(LayerMask[] Layers, long Keep)> Budgets(LayerMask[] layers, long keep, Distribution? distribution)
    {
        if (distribution?.Share is not { } share)
            return [(layers, keep)];
        double[] weights = [.. layers.Select(l => share(l) is > 0 and < double.PositiveInfinity and var weight ? weight
            : throw new UserException($"The distribution '{distribution.Name}' gives {l.Name} no positive share; leave it out with the pruner's Except."))];
        return layers.Zip(Split(keep, weights, [.. layers.Select(l => l.Kept)]), (layer, part) => ((LayerMask[])[layer], part));
    }

    /// <summary>What is left of some layers when only so many of their weights, those of the highest scores, are kept.</summary>
    private static IEnumerable<(string, Tensor)> Ranked(IReadOnlyDictionary<string, Tensor> scores, Mask mask, LayerMask[] layers, long keep)
    {
        if (layers.Length == 0)
            return [];
        var kept = cat([.. layers.Select(l => mask[l.Name].flatten())]);                                    // [W]
        var surviving = cat([.. layers.Select(l => scores[l.Name].detach().flatten())]).masked_select(kept); // [S]
        var cut = surviving.numel() - keep;
        if (cut > 0)
        {
            var threshold = surviving.kthvalue(cut, 0).values;
            var below = surviving < threshold;
            var ties = surviving == threshold;
            var room = cut - below.sum();
            var cutHere = below.logical_or(ties.logical_and(ties.to_type(ScalarType.Int64).cumsum(0) <= room));
            kept = kept.masked_scatter(kept, cutHere.logical_not());
        }
        return layers.Zip(kept.split([.. layers.Select(l => l.Total)]),
            (layer, part) => (layer.Name, part.reshape(mask[layer.Name].shape).clone()));
    }

    /// <summary>
    /// <paramref name="total"/> split in proportion to <paramref name="weights"/>, each part at most its capacity; what a full
    /// part cannot take is shared by the others. Whole numbers, by largest remainder.
    /// </summary>
    private static long[] Split(long total, double[] weights, long[] capacity)
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
