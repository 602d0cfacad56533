using Deedle;
using LTHKit.Experiments;

namespace LTHKit;

/// <summary>
/// The tables that belong to the figures, as Deedle frames. Accuracies and sparsities are in percent. All throw a UserException where there is nothing to show.
/// </summary>
public static partial class Tables
{
    /// <summary>
    /// Accuracy over sparsity as in <see cref="Figures.AccuracyVsSparsity"/>: a row a sparsity (0 is the dense network), and for each sweep the
    /// effective sparsity and mean ± sample standard deviation over seeds. What all sweeps share stands in one column; an effective sparsity that is the
    /// nominal one beside others that are not has none. Where tickets of a sweep have lost whole layers, a last column names these.
    /// </summary>
    /// <param name="sweeps">One group of columns each.</param>
    /// <returns>Row keys are pruning levels, or counted where sweeps of different rates have others; a sparsity that a sweep lacks is missing there.</returns>
    /// <exception cref="UserException">There is nothing to show.</exception>
    public static Frame<int, string> Accuracy(params Sweep[] sweeps)
    {
        var named = Captions.Named(sweeps);
        var (levels, points) = Rows(named.Select(sweep => sweep.DensePoint is { } dense ? [dense, .. sweep.Points] : sweep.Points),
            point => (point.Level, point.Halvings));
        if (levels.Count == 0) throw new UserException("There are no runs to show; give at least one sweep with one run.");
        var columns = new FrameBuilder.Columns<int, string>
        {
            { "nominal sparsity (%)", Column(levels, level => Percent(points.First(all => all.ContainsKey(level))[level].Sparsity)) },
        };
        AddShared(columns, "effective sparsity (%)", levels, named, points, point => Percent(point.EffectiveSparsity),
            point => Percent(point.Sparsity));
        foreach (var (sweep, all) in named.Zip(points))
            columns.Add($"{sweep.Name} (%)", Column(levels, level => all.TryGetValue(level, out var point) ? Spread(point) : null));
        AddShared(columns, "seeds", levels, named, points, point => point.Count);
        foreach (var (sweep, all) in named.Zip(points).Where(s => s.Second.Values.Any(point => point.Collapsed.Count > 0)))
            columns.Add($"{sweep.Name}: collapsed layers", Column(levels,
                level => all.TryGetValue(level, out var point) && point.Collapsed.Count > 0 ? Captions.Layers(point.Collapsed) : null));
        return columns.Frame;
    }

    /// <summary>
    /// The gains of <see cref="Figures.GainOverVanilla"/>: a row a sparsity (0 is the dense network), and for each sweep the effective sparsity, mean ±
    /// standard error over seeds in percentage points and, in brackets, in how many seeds it is better.
    /// </summary>
    public static Frame<int, string> Gain(Sweep vanilla, params Sweep[] tweaked)
    {
        var named = Captions.Named([vanilla, .. tweaked]).Skip(1).ToList();
        var (levels, gains) = Rows(named.Select(sweep => sweep.GainOver(vanilla)), point => (point.Level, point.Halvings));
        if (levels.Count == 0) throw new UserException($"No sweep shares a level with '{vanilla.Name}'; sweep the same sparsities to compare them.");
        var columns = new FrameBuilder.Columns<int, string>
        {
            { "nominal sparsity (%)", Column(levels, level => Percent(gains.First(all => all.ContainsKey(level))[level].Sparsity)) },
        };
        AddShared(columns, "effective sparsity (%)", levels, named, gains, point => Percent(point.EffectiveSparsity),
            point => Percent(point.Sparsity));
        foreach (var (sweep, all) in named.Zip(gains))
            columns.Add($"{sweep.Name}: gain (points)", Column(levels,
                level => all.TryGetValue(level, out var point) ? $"{Signed(point)} ({point.Better} of {point.Count})" : null));
        return columns.Frame;
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
        var dense = SweepPoint.Of(vanilla.DenseRuns);
        return Table(Captions.Named([vanilla, .. tweaked]).Select(sweep => (sweep.Name, Sparsest: Experiments.Claims.WinningTicket(sweep, vanilla))),
            row => row.Name,
            ("sparsest winning ticket, nominal (%)", row => row.Sparsest is { } point ? Percent(point.Sparsity) : null),
            ("effective (%)", row => row.Sparsest is { } point ? Percent(point.EffectiveSparsity) : null),
            ("its accuracy (%)", row => row.Sparsest is { } point ? Spread(point) : null),
            ("to reach (%)", _ => Spread(dense)));
    }

    /// <summary>The runs behind sweeps, dense ones first, so that every figure can be traced to them.</summary>
    /// <param name="sweeps">In this order; a run that several share is shown once a sweep.</param>
    public static Frame<int, string> Runs(params Sweep[] sweeps) => Table(
        Captions.Named(sweeps).SelectMany(sweep => sweep.Dense.Concat(sweep.Runs)
            .OrderBy(run => run.Spec.Level).ThenBy(run => run.Spec.Seed).Select(run => (sweep.Name, Run: run))),
        ("sweep", row => row.Name),
        ("run", row => row.Run.Id),
        ("level", row => row.Run.Spec.Level),
        ("seed", row => row.Run.Spec.Seed),
        ("nominal sparsity (%)", row => Percent(row.Run.Sparsity)),
        ("effective sparsity (%)", row => Percent(row.Run.EffectiveSparsity)),
        ("test accuracy (%)", row => Percent(row.Run.TestAccuracy)),
        ("last epoch (%)", row => Percent(row.Run.LastTestAccuracy)),
        ("best epoch", row => row.Run.BestEpoch + 1),
        ("seconds", row => Math.Round(row.Run.Seconds, 1)));

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

    /// <summary>The same with the rows counted from 0.</summary>
    private static Frame<int, string> Table<T>(IEnumerable<T> things, params (string Name, Func<T, object?> Value)[] columns)
        => Table(things.Index(), row => row.Index,
            [.. columns.Select(column => (column.Name, (Func<(int Index, T Item), object?>)(row => column.Value(row.Item))))]);

    /// <summary>The rows of a table of sweeps, least sparse first, and each sweep's points by row: levels where these tell all sparsities, else counted.</summary>
    private static (IReadOnlyList<int> Rows, IReadOnlyList<Dictionary<int, T>> Points) Rows<T>(
        IEnumerable<IReadOnlyList<T>> sweeps, Func<T, (int Level, double Halvings)> at)
    {
        var all = sweeps.ToList();
        var places = all.SelectMany(points => points.Select(at)).Distinct().OrderBy(place => place.Halvings).ToList();
        var halvings = places.Select(place => place.Halvings).Distinct().ToList();
        var agree = places.Count == halvings.Count && places.DistinctBy(place => place.Level).Count() == places.Count;
        List<int> rows = [.. halvings.Select((_, i) => agree ? places[i].Level : i)];
        return (rows, [.. all.Select(points => points.ToDictionary(point => rows[halvings.IndexOf(at(point).Halvings)]))]);
    }

    /// <summary>
    /// Adds one column for all sweeps where they agree, else one for each of which something is to be told: <paramref name="plain"/> goes without saying.
    /// </summary>
    private static void AddShared<TPoint, T>(FrameBuilder.Columns<int, string> columns, string name, IReadOnlyList<int> levels,
        IReadOnlyList<Sweep> sweeps, IReadOnlyList<Dictionary<int, TPoint>> points, Func<TPoint, T> value, Func<TPoint, T>? plain = null)
    {
        var agree = levels.All(level => points.Where(all => all.ContainsKey(level)).Select(all => value(all[level])).Distinct().Count() == 1);
        foreach (var (sweep, all) in sweeps.Zip(points))
        {
            if (!agree && plain is not null && all.Values.All(point => Equals(value(point), plain(point)))) continue;
            columns.Add(agree ? name : $"{sweep.Name}: {name}", Column(levels, level =>
            {
                var source = agree ? points.First(any => any.ContainsKey(level)) : all;
                return source.TryGetValue(level, out var point) ? (object?)value(point) : null;
            }));
            if (agree) break;
        }
    }

    private static Series<K, T> Column<K, T>(IReadOnlyList<K> keys, Func<K, T> value) where K : notnull => new(keys, keys.Select(value));

    private static string Spread(SweepPoint point) => Captions.Spread(100 * point.Mean, 100 * point.Std);

    private static string Signed(GainPoint point) => Captions.Spread(100 * point.Mean, 100 * point.StandardError, format: "+0.00;-0.00;0.00");

    /// <summary>A share in percent with two decimals; as an object, so that it can be missing beside null.</summary>
    private static object Percent(double share) => Math.Round(100 * share, 2);
}
