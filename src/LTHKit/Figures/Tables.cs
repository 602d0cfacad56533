using Deedle;

namespace LTHKit;

/// <summary>
/// The tables that belong to the figures, as Deedle frames. Accuracies and sparsities are in percent. All throw a UserException where there is nothing to show
/// or networks differ.
/// </summary>
public static class Tables
{
    private const string Nominal = "nominal sparsity (%)", Effective = "effective sparsity (%)", All = "all";

    /// <summary>
    /// Accuracy over sparsity as in <see cref="Figures.AccuracyVsSparsity"/>: a row a sparsity (0 is the dense network), and for each sweep the
    /// effective sparsity and mean ± sample standard deviation over seeds. What all sweeps share stands in one column. Where tickets of a sweep have lost whole layers, a last
    /// column names these.
    /// </summary>
    /// <param name="sweeps">One group of columns each.</param>
    /// <returns>Row keys are pruning levels, or counted where sweeps of different rates have others; a sparsity that a sweep lacks is missing there.</returns>
    public static Frame<int, string> Accuracy(params Sweep[] sweeps)
    {
        var named = Captions.Named(sweeps);
        var points = named.Select(sweep => sweep.DensePoint is { } dense ? [dense, .. sweep.Points] : sweep.Points).ToList();
        if (points.All(all => all.Count == 0)) throw Captions.Nothing(sweeps, "There are no runs to show; give at least one sweep with one run.");
        return OverSparsity(named, points, " (%)", Spread, accuracy: true);
    }

    /// <summary>
    /// The gains of <see cref="Figures.GainOverVanilla"/>: a row a sparsity (0 is the dense network), and for each sweep the effective sparsity, mean ±
    /// standard error over seeds in percentage points and, in brackets, in how many seeds it is better.
    /// </summary>
    public static Frame<int, string> Gain(Sweep vanilla, params Sweep[] tweaked)
    {
        var named = Captions.Named([vanilla, .. tweaked]).Skip(1).ToList();
        var gains = named.Select(sweep => sweep.GainOver(vanilla)).ToList();
        if (gains.All(all => all.Count == 0)) throw Captions.Nothing([vanilla, .. tweaked], $"No sweep shares a level with '{vanilla.Name}'; sweep the same sparsities to compare them.");
        return OverSparsity(named, gains, ": gain (points)", point => Captions.Spread(100 * point.Mean, 100 * point.StandardError, format: "+0.00;-0.00;0.00")
            + $" ({point.Better} of {point.Count})", accuracy: false);
    }

    /// <summary>
    /// The sparsest winning ticket of each way to retrain (claim C7): the highest sparsity whose mean over seeds is not below the dense network's that was
    /// trained without tweaks. A row a sweep; nothing in its columns where there is none.
    /// </summary>
    /// <param name="vanilla">Whose dense network is to be reached.</param>
    /// <param name="tweaked">One row each, after vanilla's own.</param>
    /// <exception cref="UserException">Vanilla has no dense network.</exception>
    public static Frame<string, string> WinningTickets(Sweep vanilla, params Sweep[] tweaked)
    {
        var dense = vanilla.DenseRuns.Count == 0 ? null : SweepPoint.Of(vanilla.DenseRuns);
        return Table(Captions.Named([vanilla, .. tweaked]).Select(sweep => (sweep.Name, Sparsest: Experiments.Claims.WinningTicket(sweep, vanilla))),
            row => row.Name,
            ("sparsest winning ticket, nominal (%)", row => row.Sparsest is { } point ? Percent(point.Sparsity) : null),
            ("effective (%)", row => row.Sparsest is { } point ? Percent(point.EffectiveSparsity) : null),
            ("its accuracy (%)", row => row.Sparsest is { } point ? Spread(point) : null),
            ("to reach (%)", _ => dense is null ? null : Spread(dense)));
    }

    /// <summary>The runs behind sweeps, dense ones first, so that every figure can be traced to them.</summary>
    /// <param name="sweeps">In this order; a run that several share is shown once a sweep.</param>
    public static Frame<int, string> Runs(params Sweep[] sweeps) => Counted(
        Captions.Named(sweeps).SelectMany(sweep => sweep.All
            .OrderBy(run => run.Spec.Level).ThenBy(run => run.Spec.Seed).Select(run => (sweep.Name, Run: run))),
        ("sweep", row => row.Name),
        ("run", row => row.Run.Id),
        ("level", row => row.Run.Spec.Level),
        ("seed", row => row.Run.Spec.Seed),
        (Nominal, row => Percent(row.Run.Sparsity)),
        (Effective, row => Percent(row.Run.EffectiveSparsity)),
        ("test accuracy (%)", row => Percent(row.Run.TestAccuracy)),
        ("last epoch (%)", row => Percent(row.Run.LastTestAccuracy)),
        ("best epoch", row => row.Run.BestEpoch + 1),
        ("seconds", row => Math.Round(row.Run.Seconds, 1)));

    /// <summary>The share of silent activations by stage (Table A1): a row a ticket and way to retrain it, mean over seeds, in percent.</summary>
    /// <param name="measured">One a run.</param>
    /// <param name="published">Whether to count as the paper's published code does: <see cref="StageSparsity.PublishedShare"/>.</param>
    public static Frame<int, string> SilentActivations(IEnumerable<Measured<IReadOnlyList<StageSparsity>>> measured, bool published = false)
    {
        var tickets = SilentTicket.Of(measured);
        return Counted(tickets, [
            (Nominal, ticket => Percent(ticket.Run.Sparsity)),
            (Effective, ticket => Percent(ticket.Run.EffectiveSparsity)),
            ("network", ticket => ticket.Way),
            .. tickets[0].Stages.Select(stage => ($"{stage} (%)", (Func<SilentTicket, object?>)(ticket
                => ticket.Of(stage, s => published ? s.PublishedShare : s.Share).Average() is var share && double.IsNaN(share) ? null : Percent(share)))),
            ("seeds", ticket => ticket.Seeds.Count)]);
    }

    /// <summary>Multiply-adds for one image, of the dense architecture and of the network as it is, in millions.</summary>
    public static Frame<int, string> MultiplyAdds(IEnumerable<Measured<Flops>> measured) => OfRuns(measured,
        ("dense multiply-adds (million)", flops => Math.Round(flops.Dense / 1e6, 3)),
        ("effective multiply-adds (million)", flops => Math.Round(flops.Effective / 1e6, 3)),
        ("share (%)", flops => Percent(flops.Effective / (double)flops.Dense)));

    /// <summary>Multiply-adds of every layer for one image.</summary>
    public static Frame<string, string> MultiplyAddsByLayer(Flops flops) => Table(flops.Layers, layer => layer.Name,
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
    /// over the primary claims of this table that have numbers, and the verdict. Secondary rows have no verdict.
    /// </summary>
    /// <param name="claims">One a row; those of one id are one claim.</param>
    public static Frame<string, string> Verdicts(params IReadOnlyList<Claim> claims)
    {
        var rows = Judgement.Of(claims).GroupBy(row => row.Claim.Id)
            .SelectMany(parts => parts.Select((row, i) => (Key: parts.Count() > 1 ? $"{parts.Key} ({i + 1})" : parts.Key, Row: row)));
        return Table(rows, row => row.Key,
            ("claim", row => row.Row.Claim.Sentence),
            ("rule", row => row.Row.Rule),
            ("here", row => row.Row.Says),
            ("mean [95 %]", row => row.Row.Numbers),
            ("p", row => row.Row.Chance),
            ("p (Holm)", row => row.Row.Corrected),
            ("runs", row => row.Row.Runs));
    }

    /// <summary>The learned factors of re-scaled initialisation: a row a weight or bias, a column a way to train, mean ± deviation over seeds.</summary>
    public static Frame<string, string> Scales(IReadOnlyList<Measured<IReadOnlyList<LearnedScale>>> scales)
    {
        var groups = ScaleGroup.Of(scales);
        return Table(scales[0].Value.Select(l => l.Parameter), parameter => parameter, [.. groups.Select(group => (group.Name, (Func<string, object?>)(parameter
            => Captions.Spread(group.Of(parameter).Average(), group.Of(parameter).StandardDeviation(), format: "0.000"))))]);
    }

    /// <summary>What a mask leaves of each layer, in the network's order, and in all.</summary>
    public static Frame<string, string> LayerDensity(Mask mask) => Table(
        mask.Layers.Select(l => (Name: LayerMask.Of(l.Name), Shape: string.Join("×", l.Shape), l.Total, l.Kept, l.Sparsity))
            .Append((Name: All, Shape: "", mask.Total, mask.Kept, mask.Sparsity)),
        row => row.Name, ("shape", row => row.Shape), ("weights", row => row.Total), ("kept", row => row.Kept), ("sparsity (%)", row => Percent(row.Sparsity)));

    /// <summary>
    /// What two masks of one network have in common, layer by layer and in all: weights kept by each and by both, and the Jaccard overlap, kept by both
    /// over kept by either, beside what chance gives two masks that keep as many weights of each layer.
    /// </summary>
    public static Frame<string, string> MaskOverlap((string Name, Mask Mask) first, (string Name, Mask Mask) second)
    {
        var layers = first.Mask.Compare(second.Mask);
        var names = Captions.Unique([first.Name, second.Name]);
        var rows = layers.Select(l => (Name: LayerMask.Of(l.First.Name), First: l.First.Kept, Second: l.Second.Kept, l.Both, l.Overlap, l.ByChance))
            .Append((Name: All, First: first.Mask.Kept, Second: second.Mask.Kept, Both: layers.Sum(l => l.Both),
                Overlap: LayerOverlap.OfAll(layers), ByChance: LayerOverlap.ByChanceOfAll(layers)));
        return Table(rows, row => row.Name,
            ($"kept by {names[0]}", row => row.First), ($"kept by {names[1]}", row => row.Second), ("kept by both", row => row.Both),
            ("overlap (%)", row => Percent(row.Overlap)), ("by chance (%)", row => Percent(row.ByChance)));
    }

    /// <summary>A frame with a row a thing; a value that is null is missing.</summary>
    private static Frame<K, string> Table<K, T>(IEnumerable<T> things, Func<T, K> key, params (string Name, Func<T, object?> Value)[] columns) where K : notnull
    {
        var rows = things.ToList();
        var keys = rows.Select(key).ToList();
        var builder = new FrameBuilder.Columns<K, string>();
        foreach (var (name, value) in columns)
            builder.Add(name, new Series<K, object?>(keys, rows.Select(value)));
        return builder.Frame;
    }

    private static Frame<int, string> Counted<T>(IEnumerable<T> things, params (string Name, Func<T, object?> Value)[] columns)
        => Table(things.Index(), row => row.Index,
            [.. columns.Select(column => (column.Name, (Func<(int Index, T Item), object?>)(row => column.Value(row.Item))))]);

    /// <summary>A table with a row a run: how it was retrained, how sparse it is, its seed, and what was measured.</summary>
    private static Frame<int, string> OfRuns<T>(IEnumerable<Measured<T>> measured, params (string Name, Func<T, object?> Value)[] columns)
    {
        var all = measured.ToList();
        return Counted(all.Zip(Captions.Ways([.. all.Select(m => m.Run)]), (m, way) => (m.Run, m.Value, Way: way)), [
            ("network", row => row.Way),
            (Nominal, row => Percent(row.Run.Sparsity)),
            (Effective, row => Percent(row.Run.EffectiveSparsity)),
            ("seed", row => row.Run.Spec.Seed),
            .. columns.Select(column => (column.Name, (Func<(RunResult Run, T Value, string Way), object?>)(row => column.Value(row.Value))))]);
    }

    /// <summary>A table with a row a sparsity and a column a sweep, least sparse first; rows are levels where these tell all sparsities, else counted.</summary>
    private static Frame<int, string> OverSparsity(IReadOnlyList<Sweep> sweeps, IReadOnlyList<IReadOnlyList<SweepPoint>> points, string title,
        Func<SweepPoint, object?> cell, bool accuracy)
    {
        var places = points.SelectMany(all => all).Select(point => (point.Level, point.Halvings)).Distinct().OrderBy(place => place.Halvings).ToList();
        var rows = places.Select(place => place.Halvings).Distinct().ToList();
        var agree = places.Count == rows.Count && places.DistinctBy(place => place.Level).Count() == places.Count;
        var columns = sweeps.Zip(points, (sweep, all) => (sweep.Name, Points: all.ToDictionary(point => point.Halvings))).ToList();
        var merged = points.SelectMany(all => all).GroupBy(point => point.Halvings).ToDictionary(group => group.Key, group => group.First());
        return Table(rows, row => agree ? places[rows.IndexOf(row)].Level : rows.IndexOf(row), [
            Column(Nominal, merged, point => Percent(point.Sparsity)),
            .. Shared(Effective, point => Percent(point.EffectiveSparsity)),
            .. columns.Select(sweep => Column(sweep.Name + title, sweep.Points, cell)),
            .. accuracy ? Shared("seeds", point => point.Count) : [],
            .. columns.Where(sweep => accuracy && sweep.Points.Values.Any(point => point.Collapsed.Count > 0)).Select(sweep => Column(
                $"{sweep.Name}: collapsed layers", sweep.Points, point => point.Collapsed.Count > 0 ? LayerMask.Of(point.Collapsed) : null))]);

        (string, Func<double, object?>) Column(string name, Dictionary<double, SweepPoint> all, Func<SweepPoint, object?> value)
            => (name, row => all.TryGetValue(row, out var point) ? value(point) : null);

        // Sweeps that agree share a column; those that agree with the first are not named in it.
        IEnumerable<(string, Func<double, object?>)> Shared(string name, Func<SweepPoint, object> value)
        {
            var groups = new List<(List<string> Names, Dictionary<double, SweepPoint> Points)>();
            foreach (var (sweep, all) in columns)
            {
                var (names, shared) = groups.FirstOrDefault(group => all.Keys.Intersect(group.Points.Keys).All(at => Equals(value(all[at]), value(group.Points[at]))));
                if (names is null)
                    groups.Add((names, shared) = ([], []));
                names.Add(sweep);
                foreach (var (at, point) in all)
                    shared.TryAdd(at, point);
            }
            return groups.Select((group, i) => Column(i == 0 ? name : $"{string.Join(", ", group.Names)}: {name}", group.Points, value));
        }
    }

    private static string Spread(SweepPoint point) => Captions.Spread(100 * point.Mean, 100 * point.Std);

    /// <summary>A share in percent with two decimals; as an object, so that it can be missing beside null.</summary>
    private static object Percent(double share) => Math.Round(100 * share, 2);

    private static double Significant(double value)
    {
        if (value == 0 || !double.IsFinite(value)) return value;
        var digits = 3 - (int)Math.Floor(Math.Log10(Math.Abs(value)));
        return digits is >= 0 and <= 15 ? Math.Round(value, digits) : value;
    }
}
