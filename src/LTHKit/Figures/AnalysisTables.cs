using Deedle;
using LTHKit.Analysis;
using LTHKit.Experiments;
using LTHKit.Pruning;

namespace LTHKit;

public static partial class Tables
{
    /// <summary>
    /// The share of silent activations by stage (Table A1): a row a ticket and way to retrain it, mean over seeds, in percent.
    /// </summary>
    /// <param name="measured">One a run.</param>
    /// <param name="published">Whether to count as the paper's published code does: <see cref="StageSparsity.PublishedShare"/>.</param>
    public static Frame<int, string> ActivationSparsity(IEnumerable<Measured<IReadOnlyList<StageSparsity>>> measured, bool published = false)
    {
        var tickets = Captions.BySeed(measured, m => m.Run).OrderBy(ticket => ticket[0].Run.Spec.Sparsity).ToList();
        if (tickets.Count == 0) throw new UserException("There is nothing to show; measure at least one run.");
        var ways = Captions.Ways([.. tickets.Select(ticket => ticket[0].Run)]);
        var stages = tickets.SelectMany(ticket => ticket).SelectMany(m => m.Value).Select(s => s.Stage).Distinct().ToList();
        return Table<int>(Enumerable.Range(0, tickets.Count), [
            ("nominal sparsity (%)", i => Percent(tickets[i][0].Run.Sparsity)),
            ("effective sparsity (%)", i => Percent(tickets[i][0].Run.EffectiveSparsity)),
            ("network", i => ways[i]),
            .. stages.Select(stage => ($"{stage} (%)", (Func<int, object?>)(i =>
                tickets[i].Select(m => m.Value.FirstOrDefault(s => s.Stage == stage)).ToList() is var found && found.TrueForAll(s => s is not null)
                    ? Percent(found.Average(s => published ? s!.PublishedShare : s!.Share)) : null))),
            ("seeds", i => tickets[i].Count)]);
    }

    /// <summary>Multiply-adds for one image, of the dense architecture and of the network as it is, in millions.</summary>
    public static Frame<int, string> Flops(IEnumerable<Measured<Flops>> measured) => OfRuns(measured,
        ("dense multiply-adds (million)", flops => Math.Round(flops.Dense / 1e6, 3)),
        ("effective multiply-adds (million)", flops => Math.Round(flops.Effective / 1e6, 3)),
        ("share (%)", flops => Percent(flops.Effective / (double)flops.Dense)));

    /// <summary>Multiply-adds of every layer for one image.</summary>
    public static Frame<string, string> FlopsByLayer(Flops flops) => Table(flops.Layers, layer => layer.Name,
        ("dense", layer => layer.Dense), ("effective", layer => layer.Effective), ("injected", layer => layer.Injected ? "yes" : ""));

    /// <summary>The top eigenvalue of each network, how far it can be from an exact one, and how the test loss rises along its eigenvector.</summary>
    /// <exception cref="UserException">A line has no points.</exception>
    public static Frame<int, string> TopEigenvectors(IEnumerable<Measured<EigenvectorLine>> measured)
    {
        var rows = measured.ToList();
        if (rows.FirstOrDefault(row => row.Value.Line.Y.Count == 0) is { } odd)
            throw new UserException($"The line of {odd.Run.Spec.Label} has no points; measure it with at least one.");
        return OfRuns(rows,
            ("top eigenvalue", top => Significant(top.Eigenvalue)),
            ("within", top => Significant(top.Residual)),
            ("converged", top => top.Converged ? "yes" : "no"),
            ("test loss at the network", top => Significant(top.Line.Y[top.Line.Y.Count / 2])),
            ("mean rise along it", top => Significant(top.Line.Rise)));
    }

    /// <summary>
    /// Claims and what the runs at hand say to them, judged together (<see cref="Judgement.Of"/>): mean over seeds with its 95 % interval, p, p after Holm
    /// over the primary claims of this table, and the verdict. Secondary rows have no verdict.
    /// </summary>
    /// <param name="claims">One a row; those of one id are one claim.</param>
    public static Frame<string, string> Claims(params IReadOnlyList<Claim> claims)
    {
        var rows = Judgement.Of(claims).GroupBy(row => row.Claim.Id)
            .SelectMany(parts => parts.Select((row, i) => (Key: parts.Count() > 1 ? $"{parts.Key} ({i + 1})" : parts.Key, Row: row)));
        return Table(rows, row => row.Key,
            ("claim", row => row.Row.Claim.Sentence),
            ("here", row => row.Row.Says),
            ("mean [95 %]", row => row.Row.Numbers),
            ("p", row => P(row.Row.P) + (double.IsNaN(row.Row.SignFlip) ? "" : $" (sign-flip {P(row.Row.SignFlip)})")),
            ("p (Holm)", row => P(row.Row.Adjusted)));

        static string P(double p) => double.IsNaN(p) ? "" : p < 0.001 ? "< 0.001" : FormattableString.Invariant($"{p:0.000}");
    }

    /// <summary>The learned factors of re-scaled initialisation: a row a weight or bias, a column a way to train, mean ± deviation over seeds.</summary>
    /// <exception cref="UserException">There is nothing to show, or the runs are of different networks.</exception>
    public static Frame<string, string> Scales(IReadOnlyList<LearnedScales> scales)
    {
        var groups = ScaleGroup.Of(scales);
        return Table(groups[0].Layers.Select(l => l.Parameter), parameter => parameter, [.. groups.Select(group => (group.Name,
            (Func<string, object?>)(parameter => Captions.Spread(group.Of(parameter).Average(),
                Statistics.Deviation(group.Of(parameter)), format: "0.000"))))]);
    }

    /// <summary>What a mask leaves of each layer, in the network's order, and in all.</summary>
    public static Frame<string, string> Mask(Mask mask) => Table(
        mask.Layers.Select(l => (Name: Captions.Layer(l.Name), Shape: string.Join("×", l.Shape), l.Total, l.Kept, l.Sparsity))
            .Append((Name: All, Shape: "", mask.Total, mask.Kept, mask.Sparsity)),
        row => row.Name, ("shape", row => row.Shape), ("weights", row => row.Total), ("kept", row => row.Kept), ("sparsity (%)", row => Percent(row.Sparsity)));

    /// <summary>
    /// What two masks of one network have in common, layer by layer and in all: weights kept by each and by both, and the Jaccard overlap, kept by both
    /// over kept by either, beside what chance gives two masks that keep as many weights of each layer.
    /// </summary>
    /// <exception cref="UserException">The masks are of different networks.</exception>
    public static Frame<string, string> MaskOverlap((string Name, Mask Mask) first, (string Name, Mask Mask) second)
    {
        var layers = first.Mask.Compare(second.Mask);
        var names = Captions.Unique([first.Name, second.Name]);
        var rows = layers.Select(l => (Name: Captions.Layer(l.First.Name), First: l.First.Kept, Second: l.Second.Kept, l.Both, l.Overlap, l.ByChance))
            .Append((Name: All, First: first.Mask.Kept, Second: second.Mask.Kept, Both: layers.Sum(l => l.Both),
                Overlap: LayerOverlap.OfAll(layers), ByChance: LayerOverlap.ByChanceOfAll(layers)));
        return Table(rows, row => row.Name,
            ($"kept by {names[0]}", row => row.First), ($"kept by {names[1]}", row => row.Second), ("kept by both", row => row.Both),
            ("overlap (%)", row => Percent(row.Overlap)), ("by chance (%)", row => Percent(row.ByChance)));
    }

    private const string All = "all";

    /// <summary>A table with a row a run: how it was retrained, how sparse it is, its seed, and what was measured.</summary>
    private static Frame<int, string> OfRuns<T>(IEnumerable<Measured<T>> measured, params (string Name, Func<T, object?> Value)[] columns)
    {
        var all = measured.ToList();
        var ways = Captions.Ways([.. all.Select(m => m.Run)]);
        return Table<int>(Enumerable.Range(0, all.Count), [
            ("network", i => ways[i]),
            ("nominal sparsity (%)", i => Percent(all[i].Run.Sparsity)),
            ("effective sparsity (%)", i => Percent(all[i].Run.EffectiveSparsity)),
            ("seed", i => all[i].Run.Spec.Seed),
            .. columns.Select(column => (column.Name, (Func<int, object?>)(i => column.Value(all[i].Value))))]);
    }

    private static double Significant(double value)
    {
        if (value == 0 || !double.IsFinite(value)) return value;
        var digits = 3 - (int)Math.Floor(Math.Log10(Math.Abs(value)));
        return digits is >= 0 and <= 15 ? Math.Round(value, digits) : value;
    }
}
