using Deedle;
using LTHKit.Experiments;

namespace LTHKit;

/// <summary>The tables that belong to the figures, as Deedle frames. Accuracies and sparsities are in percent.</summary>
public static partial class Tables
{
    /// <summary>
    /// Accuracy over sparsity as in <see cref="Figures.AccuracyVsSparsity"/>: a row a level (0 is the dense network), and for each sweep the
    /// effective sparsity and mean ± sample standard deviation over seeds. What all sweeps share stands in one column. Where tickets of a sweep have
    /// lost whole layers, a last column names these.
    /// </summary>
    /// <param name="sweeps">One group of columns each.</param>
    /// <returns>Row keys are pruning levels; a level that a sweep lacks is missing there.</returns>
    /// <exception cref="UserException">There is nothing to show.</exception>
    public static Frame<int, string> Accuracy(params Sweep[] sweeps)
    {
        var named = Captions.Named(sweeps);
        var points = named.Select(Points).ToList();
        var levels = points.SelectMany(all => all.Keys).Distinct().Order().ToList();
        if (levels.Count == 0) throw new UserException("There are no runs to show; give at least one sweep with one run.");
        var columns = new FrameBuilder.Columns<int, string>
        {
            { "nominal sparsity (%)", Column(levels, level => Round(100 * points.First(all => all.ContainsKey(level))[level].Sparsity)) },
        };
        AddShared(columns, "effective sparsity (%)", levels, named, points, point => Round(100 * point.EffectiveSparsity));
        foreach (var (sweep, all) in named.Zip(points))
            columns.Add($"{sweep.Name} (%)", Column(levels, level => all.TryGetValue(level, out var point) ? Spread(point) : null));
        AddShared(columns, "seeds", levels, named, points, point => point.Count);
        foreach (var (sweep, all) in named.Zip(points).Where(s => s.Second.Values.Any(point => point.Collapsed.Count > 0)))
            columns.Add($"{sweep.Name}: collapsed layers", Column(levels,
                level => all.TryGetValue(level, out var point) && point.Collapsed.Count > 0 ? Captions.Layers(point.Collapsed) : null));
        return columns.Frame;
    }

    /// <summary>
    /// The gains of <see cref="Figures.GainOverVanilla"/>: a row a level (0 is the dense network), and for each sweep the effective sparsity, mean ±
    /// standard error over seeds in percentage points, and in how many seeds it is better.
    /// </summary>
    /// <param name="vanilla">What is compared with.</param>
    /// <param name="tweaked">One group of columns each.</param>
    /// <exception cref="UserException">There is nothing to show.</exception>
    public static Frame<int, string> Gain(Sweep vanilla, params Sweep[] tweaked)
    {
        var named = Captions.Named([vanilla, .. tweaked]).Skip(1).ToList();
        var gains = named.Select(sweep => sweep.GainOver(vanilla).ToDictionary(point => point.Level)).ToList();
        var levels = gains.SelectMany(all => all.Keys).Distinct().Order().ToList();
        if (levels.Count == 0) throw new UserException($"No sweep shares a level with '{vanilla.Name}'; sweep the same levels to compare them.");
        var columns = new FrameBuilder.Columns<int, string>
        {
            { "nominal sparsity (%)", Column(levels, level => Round(100 * gains.First(all => all.ContainsKey(level))[level].Sparsity)) },
        };
        AddShared(columns, "effective sparsity (%)", levels, named, gains, point => Round(100 * point.EffectiveSparsity));
        foreach (var (sweep, all) in named.Zip(gains))
        {
            columns.Add($"{sweep.Name}: gain (points)", Column(levels, level => all.TryGetValue(level, out var point) ? Signed(point) : null));
            columns.Add($"{sweep.Name}: better in", Column(levels, level => all.TryGetValue(level, out var point) ? $"{point.Better} of {point.Count}" : null));
        }
        return columns.Frame;
    }

    /// <summary>
    /// The sparsest winning ticket of each way to retrain (claim C7): the highest sparsity whose tickets are, in the mean over seeds, at least as
    /// accurate as the dense network that was trained without tweaks. A row a sweep; nothing in its columns where there is none.
    /// </summary>
    /// <param name="vanilla">Whose dense network is to be reached.</param>
    /// <param name="tweaked">One row each, after vanilla's own.</param>
    /// <exception cref="UserException">Vanilla has no dense network.</exception>
    public static Frame<string, string> WinningTickets(Sweep vanilla, params Sweep[] tweaked)
    {
        var dense = SweepPoint.Of(0, vanilla.DenseRuns);
        var sweeps = Captions.Named([vanilla, .. tweaked]).ToDictionary(sweep => sweep.Name, sweep => Experiments.Claims.WinningTicket(sweep, vanilla));
        List<string> names = [.. sweeps.Keys];
        return new FrameBuilder.Columns<string, string>
        {
            { "sparsest winning ticket, nominal (%)", Column(names, name => sweeps[name] is { } point ? (object)Round(100 * point.Sparsity) : null) },
            { "effective (%)", Column(names, name => sweeps[name] is { } point ? (object)Round(100 * point.EffectiveSparsity) : null) },
            { "its accuracy (%)", Column(names, name => sweeps[name] is { } point ? Spread(point) : null) },
            { "to reach (%)", Column(names, _ => Spread(dense)) },
        }.Frame;
    }

    /// <summary>The runs behind sweeps, dense ones first, so that every figure can be traced to them.</summary>
    /// <param name="sweeps">In this order; a run that several share is shown once a sweep.</param>
    public static Frame<int, string> Runs(params Sweep[] sweeps)
    {
        var rows = Captions.Named(sweeps).SelectMany(sweep => sweep.Dense.Concat(sweep.Runs)
            .OrderBy(run => run.Spec.Level).ThenBy(run => run.Spec.Seed).Select(run => (sweep.Name, Run: run))).ToList();
        var keys = Enumerable.Range(0, rows.Count).ToList();
        return new FrameBuilder.Columns<int, string>
        {
            { "sweep", Column(keys, i => rows[i].Name) },
            { "run", Column(keys, i => rows[i].Run.Id) },
            { "level", Column(keys, i => rows[i].Run.Spec.Level) },
            { "seed", Column(keys, i => rows[i].Run.Spec.Seed) },
            { "nominal sparsity (%)", Column(keys, i => Round(100 * rows[i].Run.Sparsity)) },
            { "effective sparsity (%)", Column(keys, i => Round(100 * rows[i].Run.EffectiveSparsity)) },
            { "test accuracy (%)", Column(keys, i => Round(100 * rows[i].Run.TestAccuracy)) },
            { "last epoch (%)", Column(keys, i => Round(100 * rows[i].Run.LastTestAccuracy)) },
            { "best epoch", Column(keys, i => rows[i].Run.BestEpoch + 1) },
            { "seconds", Column(keys, i => Math.Round(rows[i].Run.Seconds, 1)) },
        }.Frame;
    }

    private static Dictionary<int, SweepPoint> Points(Sweep sweep)
    {
        var points = sweep.Points.ToDictionary(point => point.Level);
        if (sweep.DensePoint is { } dense) points[0] = dense;
        return points;
    }

    /// <summary>Adds one column for all sweeps where they agree, else one for each.</summary>
    private static void AddShared<TPoint, T>(FrameBuilder.Columns<int, string> columns, string name, IReadOnlyList<int> levels,
        IReadOnlyList<Sweep> sweeps, IReadOnlyList<Dictionary<int, TPoint>> points, Func<TPoint, T> value)
    {
        var agree = levels.All(level => points.Where(all => all.ContainsKey(level)).Select(all => value(all[level])).Distinct().Count() == 1);
        foreach (var (sweep, all) in sweeps.Zip(points))
        {
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

    private static double Round(double value) => Math.Round(value, 2);
}
