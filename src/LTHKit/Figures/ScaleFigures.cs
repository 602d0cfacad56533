using LTHKit.Experiments;
using Plotly.NET;

namespace LTHKit;

public static partial class Figures
{
    /// <summary>What re-scaled initialisation made of each layer: the learned factor of every weight, the mean over seeds.</summary>
    /// <param name="scales">Of the runs to compare; those that differ in their seed only share a colour.</param>
    /// <param name="norms">The BatchNorms' weights, and not those of convolutions and linear layers.</param>
    /// <exception cref="UserException">There is nothing to draw, or the runs are of different networks.</exception>
    public static GenericChart Scales(IReadOnlyList<LearnedScales> scales, bool norms = false)
    {
        var groups = ScaleGroup.Of(scales);
        var weights = groups[0].Layers.Where(l => l.IsNorm == norms && l.Parameter.EndsWith(".weight")).Select(l => l.Parameter).ToList();
        return BarsFrom(1, $"Learned scales of the initial weights, {(norms ? "BatchNorm" : "convolutions and linear layers")}", "scale (1 = unchanged)",
            [.. weights.Select(Captions.Layer)], [.. groups.Select(g => new BarGroup(g.Name, [.. weights.Select(w => g.Of(w).Average())]))]);
    }
}

/// <summary>Scales of runs that differ in their seed only.</summary>
internal sealed record ScaleGroup(string Name, IReadOnlyList<LearnedScales> Seeds)
{
    /// <summary>Those of the first seed.</summary>
    public IReadOnlyList<LearnedScale> Layers => Seeds[0].Layers;

    /// <summary>The factors of a parameter, one a seed.</summary>
    public IReadOnlyList<double> Of(string parameter) => [.. Seeds.Select(s => s.Layers.First(l => l.Parameter == parameter).Scale)];

    /// <summary>The groups, named by what distinguishes them.</summary>
    public static IReadOnlyList<ScaleGroup> Of(IReadOnlyList<LearnedScales> scales)
    {
        if (scales.Count == 0)
            throw new UserException("There are no learned scales to show; give those of at least one run.");
        if (scales.FirstOrDefault(s => !s.Layers.Select(l => l.Parameter).SequenceEqual(scales[0].Layers.Select(l => l.Parameter))) is { } other)
            throw new UserException($"{other.Run.Spec.Label} has other layers than {scales[0].Run.Spec.Label}: compare the scales of one network.");
        var groups = Captions.BySeed(scales, s => s.Run);
        var names = Captions.Distinguish([.. groups.Select(g => g[0].Run)]).Names;
        return [.. groups.Zip(names, (group, name) => new ScaleGroup(name, group))];
    }
}
