using LTHKit.Experiments;
using LTHKit.Pruning;
using Plotly.NET;
using Plotly.NET.CSharp;
using Chart = Plotly.NET.CSharp.Chart;

namespace LTHKit;

public static partial class Figures
{
    /// <summary>
    /// Where masks leave weights: the share of each layer that is kept, from the input to the output, on a logarithmic axis. A layer of which nothing is
    /// left has no point; the line under the title names it.
    /// </summary>
    /// <exception cref="UserException">There is nothing to draw, or the masks are of different networks.</exception>
    public static GenericChart LayerDensity(params (string Name, Mask Mask)[] masks)
    {
        var layers = LayersOf(masks).ToArray();
        var names = Captions.Unique([.. masks.Select(mask => mask.Name)]);
        var pens = Pen.For(names);
        var sparsity = $"{string.Join(" and ", masks.Select(mask => Captions.Percent(mask.Mask.Sparsity)).Distinct())} % sparse in all";
        var collapsed = masks.Zip(names).Where(mask => mask.First.Mask.Collapsed.Count > 0)
            .Select(mask => $"{mask.Second} has nothing left of {Captions.Layers(mask.First.Mask.Collapsed)}");
        return Chart.Combine(masks.Zip(names, (mask, name) => Chart.Scatter<string, double, string>(
                    layers, mask.Mask.Layers.Select(l => l.Kept == 0 ? double.NaN : 100 * (1 - l.Sparsity)).ToArray(), StyleParam.Mode.Lines_Markers,
                    Name: name, ShowLegend: true,
                        MultiText: mask.Mask.Layers.Select(l => FormattableString.Invariant($"{name}: {l.Kept:N0} of {l.Total:N0} weights")).ToArray(),
                    Marker: pens[name].Marker(7), Line: pens[name].Line(2), UseDefaults: false)
                .Trace(new { LegendGroup = name, HoverTemplate = "%{x}<br>%{text}, %{y:.3~g} %<extra></extra>" })))
            .Styled("Weights kept in each layer", string.Join("; ", collapsed.Prepend(sparsity)))
            .WithAxes(
                FigureTheme.Categories(angle: -60),
                FigureTheme.Axis("Weights kept, % of the layer", new { AxisType = StyleParam.AxisType.Log, TickVals = DensityTicks, TickText = DensityTicks }))
            .LegendAbove(names);
    }

    /// <summary>How alike masks are: the Jaccard overlap of each two in percent, weights kept by both over weights kept by either.</summary>
    /// <exception cref="UserException">There are fewer than two, or they are of different networks.</exception>
    public static GenericChart MaskOverlap(params (string Name, Mask Mask)[] masks)
    {
        LayersOf(masks);
        if (masks.Length < 2)
            throw new UserException("There is only one mask; give at least two to compare.");
        var names = Captions.Unique([.. masks.Select(mask => mask.Name)]).ToArray();
        var compared = masks.Select(row => masks.Select(column => row.Mask.Compare(column.Mask)).ToList()).ToList();
        double[][] OfAll(Func<IReadOnlyList<LayerOverlap>, double> overlap)
            => [.. compared.Select(row => row.Select(layers => 100 * overlap(layers)).ToArray())];
        return Chart.Heatmap<double, string, string, string>(
                OfAll(LayerOverlap.OfAll), X: names, Y: names, XGap: 2, YGap: 2,
                    ColorScale: StyleParam.Colorscale.Viridis, ShowScale: false, ReverseYAxis: true, UseDefaults: false)
            .Trace(new { ZMin = 0, ZMax = 100, TextTemplate = "%{z:.1f}" })
            .Trace(new { HoverTemplate = "%{y} and %{x}: %{z:.2f} %<br>by chance, with as many weights of each layer: %{customdata:.2f} %<extra></extra>" })
            .WithCustomData(OfAll(LayerOverlap.ByChanceOfAll))
            .Styled("Overlap of the masks, %", "kept by both over kept by either")
            .WithAxes(FigureTheme.Categories(), FigureTheme.Categories())
            .WithSize(Width: 240 + 70 * masks.Length, Height: 190 + 55 * masks.Length);
    }

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

    private static readonly double[] DensityTicks = [100, 50, 20, 10, 5, 2, 1, 0.5, 0.2, 0.1, 0.01, 0.001];

    private static IReadOnlyList<string> LayersOf((string Name, Mask Mask)[] masks)
    {
        if (masks.Length == 0)
            throw new UserException("There are no masks to draw; give at least one.");
        var layers = masks[0].Mask.Layers.Select(l => Captions.Layer(l.Name)).ToList();
        if (masks.FirstOrDefault(mask => !mask.Mask.Layers.Select(l => Captions.Layer(l.Name)).SequenceEqual(layers)) is { Mask: not null } odd)
            throw new UserException($"'{odd.Name}' and '{masks[0].Name}' are masks of different networks: their layers differ.");
        return layers;
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
