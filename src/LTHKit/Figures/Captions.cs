namespace LTHKit;

/// <summary>The words of figures that follow from the runs they show.</summary>
internal static class Captions
{
    /// <summary>For instance "resnet18 on cifar-100, mean and standard deviation of 3 seeds".</summary>
    public static string Of(IReadOnlyCollection<RunResult> runs) => Subject(runs) + Seeds(runs);

    /// <summary>For instance ", mean and standard deviation of 3 seeds".</summary>
    public static string Seeds(IReadOnlyCollection<RunResult> runs)
        => (runs.DistinctBy(run => run.Spec.Seed).Count() is > 1 and var seeds ? $", mean and standard deviation of {seeds} seeds" : ", one seed");

    public static string Subject(IReadOnlyCollection<RunResult> runs) =>
        $"{List(runs.Select(run => run.Spec.Model.Name), "networks")} on {List(runs.Select(run => run.Spec.Data.Label), "data sets")}";

    /// <summary>
    /// For instance "36 runs of 3 seeds, 48.8 to 96.5 % sparse (of all weights 48.1 to 95.1 %, with new skips 43.8 to 85.9 %)" and, on a second line, "resnet18 on
    /// cifar-100 (images 3f1c5a7d); kit 5, ...".
    /// </summary>
    public static string DrawnFrom(IReadOnlyCollection<RunResult> runs)
    {
        var sparse = runs.Where(run => run.Spec.Level > 0).ToLookup(run => run.Spec.Tweaks.Any(tweak => tweak is SkipInjection));
        string[] effective = [.. sparse.OrderBy(way => way.Key).Select(way => (way.Key ? "with new skips " : "") + Range(way.Select(run => run.EffectiveSparsity)))];
        var seeds = runs.Select(run => run.Spec.Seed).Distinct().Count();
        return $"{runs.Count} {(runs.Count == 1 ? "run" : "runs")} of {seeds} {(seeds == 1 ? "seed" : "seeds")}, "
            + (effective.Length == 0 ? "dense" : $"{Range(sparse.SelectMany(way => way).Select(run => run.Sparsity))} sparse (of all weights {string.Join(", ", effective)})")
            + "<br>" + Wrapped($"{Subject(runs)} (images {List(runs.Select(run => run.DataFingerprint[..Math.Min(8, run.DataFingerprint.Length)]))}); {List(runs.Select(run => run.Made))}", " ", 150);
    }

    // "48.8 to 96.5 %"
    private static string Range(IEnumerable<double> shares)
        => string.Join(" to ", new[] { Percent(shares.Min()), Percent(shares.Max()) }.Distinct()) + " %";

    /// <summary>For instance "resnet18 on cifar-100, 91.4 % sparse".</summary>
    public static string At(IReadOnlyCollection<RunResult> runs)
        => $"{Subject(runs)}, {List(runs.Select(run => run.Spec.Level == 0 ? "dense" : $"{Percent(run.Sparsity)} % sparse"))}";

    /// <summary>A name for each run, of what distinguishes it from the others, and what they share.</summary>
    public static (IReadOnlyList<string> Names, string Shared) Distinguish(IReadOnlyList<RunResult> runs)
    {
        var parts = runs.Select(run => run.Spec.Label.Split(", ")).ToList();
        var shared = parts.SelectMany(all => all).Distinct().Where(part => parts.All(other => other.Contains(part))).ToList();
        var names = parts.Select(all => string.Join(", ", all.Except(shared).DefaultIfEmpty("vanilla"))).ToList();
        return (Unique(names.Select((name, i) => names.Count(other => other == name) > 1 ? $"{name}, {runs[i].Id}" : name)), string.Join(", ", shared));
    }

    /// <summary>All that is to be shown; a sentence where that is nothing.</summary>
    public static IReadOnlyList<T> Given<T>(IEnumerable<T> all, string otherwise) => all.ToList() is { Count: > 0 } given ? given : throw new UserException(otherwise);

    /// <summary>Why there is nothing to show: that runs have no result, where that is so.</summary>
    public static UserException Nothing(IEnumerable<Sweep> sweeps, string otherwise) => new(sweeps.Where(sweep => sweep.Runs.Count == 0).SelectMany(sweep => sweep.Holes).FirstOrDefault() is { } hole
        ? $"There is nothing to show, since runs have no result. {hole.Reason}" : otherwise);

    /// <summary>The sweeps with a name each: those of one name get what distinguishes their networks, data or tickets, or else a number.</summary>
    public static IReadOnlyList<Sweep> Named(IReadOnlyList<Sweep> sweeps)
    {
        var names = Told([.. sweeps.Select(sweep => (sweep.Name, sweep.Runs.Concat(sweep.Dense).FirstOrDefault()))]);
        return [.. sweeps.Zip(Unique(names), (sweep, name) => sweep with { Name = name })];
    }

    /// <summary>The names, and behind those that several runs have what distinguishes their networks, data or tickets.</summary>
    private static IReadOnlyList<string> Told(IReadOnlyList<(string Name, RunResult? Run)> all)
    {
        var circumstances = all.Select(a => a.Run is null ? [] : a.Run.Spec.Ticket.Prepend(Subject([a.Run])).ToArray()).ToList();
        return [.. all.Zip(circumstances, (a, mine) =>
        {
            var others = all.Zip(circumstances).Where(other => other.First.Name == a.Name).Select(other => other.Second).ToList();
            return string.Join(", ", mine.Where(part => !others.All(other => other.Contains(part))).Prepend(a.Name));
        })];
    }

    /// <summary>The names, with a number behind each that came before: "swish", "swish (2)".</summary>
    public static IReadOnlyList<string> Unique(IEnumerable<string> names)
    {
        var unique = new List<string>();
        foreach (var name in names)
            unique.Add(Enumerable.Range(1, unique.Count + 1).Select(i => i == 1 ? name : $"{name} ({i})").First(candidate => !unique.Contains(candidate)));
        return unique;
    }

    /// <summary>"71.00 % ± 1.41", without the spread where it is no number.</summary>
    public static string Spread(double mean, double spread, string unit = "", string format = "0.00")
        => mean.ToString(format, CultureInfo.InvariantCulture) + unit
            + (double.IsFinite(spread) ? " ± " + spread.ToString(format.Split(';')[^1], CultureInfo.InvariantCulture) : "");

    /// <summary>"n = 2, runs 3f1c5a7d9e0b, 7a2e4c6b8d1f", some three on a line.</summary>
    public static string Runs(IReadOnlyCollection<RunResult> runs)
        => Wrapped($"n = {runs.Count}, {(runs.Count == 1 ? "run" : "runs")} {string.Join(", ", runs.Select(run => run.Id))}", " ", 60);

    /// <summary>Text on lines of at most <paramref name="length"/> characters, where it can be broken before a separator: " + " or a space.</summary>
    public static string Wrapped(string text, string separator, int length)
    {
        var lines = new List<string>();
        foreach (var part in text.Split(separator))
            if (lines.Count > 0 && lines[^1].Length + separator.Length + part.Length <= length)
                lines[^1] += separator + part;
            else
                lines.Add(lines.Count == 0 ? part : separator.TrimStart() + part);
        return string.Join("<br>", lines);
    }

    /// <summary>A name for each run: its tweaks, where these tell the runs apart.</summary>
    public static IReadOnlyList<string> NamesOf(IReadOnlyList<RunResult> runs)
    {
        IReadOnlyList<string> names = [.. runs.Select(run => RunSpec.NameOf(run.Spec.Tweaks))];
        return names.Distinct().Count() == names.Count ? names : Distinguish(runs).Names;
    }

    /// <summary>What was measured of runs that differ in their seed only, named by the first of each, in the order in which these come.</summary>
    public static IEnumerable<(string Name, List<T> Seeds)> BySeed<T>(
        IEnumerable<T> measured, Func<T, RunResult> run, Func<IReadOnlyList<RunResult>, IReadOnlyList<string>> names)
    {
        var groups = measured.GroupBy(m => run(m).Spec.ButSeed).Select(group => group.ToList()).ToList();
        return names([.. groups.Select(group => run(group[0]))]).Zip(groups);
    }

    /// <summary>
    /// A name for how each run was retrained, beside columns for sparsity and seed: its tweaks and, where needed, what else tells the ways apart.
    /// </summary>
    public static IReadOnlyList<string> Ways(IReadOnlyList<RunResult> runs)
    {
        var names = Told([.. runs.Select(run => (RunSpec.NameOf(run.Spec.Tweaks), (RunResult?)run))]);
        var rows = names.Zip(runs, (name, run) => (name, run.Spec.Level, run.Spec.Seed)).ToList();
        return [.. names.Select((name, i) => rows.Count(row => row == rows[i]) > 1 ? $"{name}, {runs[i].Id}" : name)];
    }

    /// <summary>A share in percent with one decimal, without it where it is whole, as the paper writes sparsities: 20, 59.0.</summary>
    public static string Percent(double share)
    {
        var percent = 100 * share;
        return percent.ToString(Math.Abs(percent - Math.Round(percent)) < 1e-6 ? "0" : "0.0", CultureInfo.InvariantCulture);
    }

    /// <summary>Which points rest on fewer seeds than others: "; of fewer seeds: swish at 96.5 % (4)"; empty where none does.</summary>
    public static string Fewer(IReadOnlyList<(string Name, List<SweepPoint> Points)> lines)
    {
        var most = lines.SelectMany(line => line.Points).Max(point => point.Count);
        string[] fewer = [.. from line in lines
                             from point in line.Points
                             where point.Count < most
                             select $"{line.Name}{(point.Level == 0 ? ", dense" : $" at {Percent(point.Sparsity)} %")} ({point.Count})"];
        return fewer.Length == 0 ? "" : $"; of fewer seeds: {string.Join(", ", fewer.Take(3))}{(fewer.Length > 3 ? ", ..." : "")}";
    }

    /// <summary>Where tickets have lost whole layers: "; layers collapsed: snip at 98.4 %"; empty where none has.</summary>
    public static string Collapse(IEnumerable<Sweep> sweeps)
    {
        var collapsed = string.Join(", ", from sweep in sweeps
                                          let points = sweep.Points.Where(point => point.Collapsed.Count > 0).ToList()
                                          where points.Count > 0
                                          select $"{sweep.Name} at {string.Join(", ", points.Select(point => $"{Percent(point.Sparsity)} %"))}");
        return collapsed == "" ? "" : $"; layers collapsed: {collapsed}";
    }

    private static string List(IEnumerable<string> names, string? many = null)
        => names.Distinct().ToList() is var all && all.Count > 2 && many is not null ? $"{all.Count} {many}" : string.Join(" and ", all);
}
