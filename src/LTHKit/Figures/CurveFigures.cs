using Plotly.NET;
using Plotly.NET.CSharp;
using static LTHKit.Typed;
using static Plotly.NET.StyleParam;
using Chart = Plotly.NET.CSharp.Chart;

namespace LTHKit;

/// <summary>One line of <see cref="Figures.Curves"/>.</summary>
/// <param name="Name">As in the legend.</param>
/// <param name="X">Where.</param>
/// <param name="Y">What; as many as <paramref name="X"/>.</param>
/// <param name="Spread">Half the width of a band around the line, for instance a standard deviation; null for none.</param>
/// <param name="Runs">Whose it is, for the hover.</param>
public sealed record Curve(string Name, IReadOnlyList<double> X, IReadOnlyList<double> Y, IReadOnlyList<double>? Spread = null, IReadOnlyList<RunResult>? Runs = null)
{
    /// <summary>The mean over seeds, with their standard deviation.</summary>
    internal static Curve Of(string name, IReadOnlyList<RunResult> runs, IEnumerable<(double X, double Y)> points)
    {
        var at = points.GroupBy(point => point.X, point => point.Y).OrderBy(values => values.Key).ToList();
        return new(name, [.. at.Select(values => values.Key)], [.. at.Select(values => values.Average())],
            runs.Count > 1 ? [.. at.Select(values => values.StandardDeviation())] : null, runs);
    }
}

/// <summary>One colour of <see cref="Figures.Bars"/>.</summary>
/// <param name="Name">As in the legend.</param>
/// <param name="Values">One a bar.</param>
/// <param name="Spread">Half the length of an error bar on each, for instance a standard deviation; null for none.</param>
/// <param name="Runs">Whose they are, for the hover.</param>
public sealed record BarGroup(string Name, IReadOnlyList<double> Values, IReadOnlyList<double>? Spread = null, IReadOnlyList<RunResult>? Runs = null)
{
    /// <summary>The mean over seeds of each bar, with their standard deviation.</summary>
    internal static BarGroup Of(string name, IReadOnlyList<RunResult> runs, IReadOnlyList<IReadOnlyList<double>> bars)
        => new(name, [.. bars.Select(values => values.Average())], runs.Count > 1 ? [.. bars.Select(values => values.StandardDeviation())] : null, runs);
}

public static partial class Figures
{
    /// <summary>Lines over a common axis.</summary>
    /// <param name="title">Of the figure.</param>
    /// <param name="xTitle">What the horizontal axis is, with its unit.</param>
    /// <param name="yTitle">What the vertical axis is, with its unit.</param>
    /// <param name="curves">One colour each.</param>
    /// <param name="logarithmic">Whether the vertical axis is logarithmic; what is not above zero is a gap there, and a band ends at the lowest value.</param>
    /// <param name="subtitle">A small second line under the title.</param>
    public static GenericChart Curves(
        string title, string xTitle, string yTitle, IReadOnlyList<Curve> curves, bool logarithmic = false, string? subtitle = null)
    {
        if (curves.Count == 0) throw new UserException("There are no curves to draw; give at least one.");
        if (curves.FirstOrDefault(c => c.X.Count == 0 || c.Y.Count != c.X.Count || (c.Spread?.Count ?? c.X.Count) != c.X.Count) is { } odd)
            throw new UserException(
                $"The curve '{odd.Name}' has {odd.X.Count} x and {odd.Y.Count} y values; give as many of both, at least one, and of its spread if it has one.");
        var shown = curves.SelectMany(curve => curve.Y).Where(y => double.IsFinite(y) && (y > 0 || !logarithmic)).ToList();
        if (shown.Count == 0)
            throw new UserException(logarithmic
                ? $"No value of '{title}' is above zero, as a logarithmic axis needs; draw it on a linear one."
                : $"No value of '{title}' is a number; the network may have diverged.");
        var names = Captions.Unique(curves.Select(curve => curve.Name));
        var pens = Pen.For(names);
        return Chart.Combine(curves.Zip(names).SelectMany(pair => Drawn(pair.First, pair.Second, pens[pair.Second])))
            .Styled(title, subtitle)
            .WithAxes(FigureTheme.Axis(xTitle),
                FigureTheme.Axis(yTitle, logarithmic ? new { AxisType = AxisType.Log, DTick = shown.Max() < 1e4 * shown.Min() ? "D2" : "1" } : null))
            .LegendAbove(names);

        IEnumerable<GenericChart> Drawn(Curve curve, string name, Pen pen)
        {
            double[] y = [.. curve.Y.Select(value => logarithmic && value <= 0 ? double.NaN : value)];
            if (curve.Spread is { } spread)
                yield return Band(name, pen, curve.X,
                    [.. y.Zip(spread, (v, s) => logarithmic && v - s <= 0 ? shown.Min() : v - s)], [.. y.Zip(spread, (v, s) => v + s)], 0.18);
            yield return Scatter(name, curve.X, y, pen.Line(), curve.X.Count <= 25 ? pen.Marker(6) : null, hover: $"{name}<br>%{{x:.4~g}}: %{{y:.4~g}}{RunsOf(curve.Runs)}", legend: true);
        }
    }

    /// <summary>
    /// The time of a training step over sparsity: of the dense network through libtorch, of tickets masked through it, and of tickets over their surviving
    /// weights.
    /// </summary>
    /// <param name="times">Measured, of one network at several sparsities; the densest is the dense line.</param>
    public static GenericChart StepTimes(IReadOnlyList<StepTime> times)
    {
        var over = Captions.Given(times, "There are no times to draw; give at least one.").OrderBy(time => time.Run.Sparsity).ToList();
        double[] x = [.. over.Select(time => 100 * time.Run.Sparsity)];
        Curve Line(string name, Func<StepTime, double> seconds) => new(name, x, [.. over.Select(time => 1000 * seconds(time))]);
        return Curves("Time of a training step", "Sparsity, %", "Time, ms",
            [Line("dense, libtorch", _ => over[0].Masked), Line("masked, libtorch", time => time.Masked), Line("surviving weights", time => time.Own)],
            subtitle: Captions.Subject([.. over.Select(time => time.Run)]))
            .WithAxes(FigureTheme.Axis("Sparsity, %"), FigureTheme.Axis("Time, ms", new { RangeMode = RangeMode.ToZero })).DrawnFrom(over.Select(time => time.Run));
    }

    /// <summary>Bars side by side: sparsity of layers, gains seed by seed.</summary>
    /// <param name="title">Of the figure.</param>
    /// <param name="yTitle">What the bars measure, with its unit.</param>
    /// <param name="bars">One a group of bars, for instance the layers.</param>
    /// <param name="groups">One colour each.</param>
    public static GenericChart Bars(string title, string yTitle, IReadOnlyList<string> bars, params BarGroup[] groups)
        => BarsFrom(0, title, null, yTitle, bars, groups);

    private static string RunsOf(IReadOnlyList<RunResult>? runs) => runs is null ? "" : $"<br>{Captions.Runs(runs)}";

    private static GenericChart BarsFrom(double start, string title, string? subtitle, string yTitle, IReadOnlyList<string> bars, BarGroup[] groups)
    {
        if (bars.Count == 0 || groups.Length == 0)
            throw new UserException("There are no bars to draw; give at least one name and one group of values.");
        if (groups.FirstOrDefault(group => group.Values.Count != bars.Count || (group.Spread?.Count ?? bars.Count) != bars.Count) is { } odd)
            throw new UserException($"'{odd.Name}' has {odd.Values.Count} values for {bars.Count} bars; give one a bar, and of its spread if it has one.");
        var names = Captions.Unique(groups.Select(group => group.Name));
        var pens = Pen.For(names);
        var chart = Chart.Combine(groups.Zip(names, (group, name) => Draw("Bar",
                new { Name = name, X = bars, Y = group.Values.Select(value => value - start).ToArray(), Base = start == 0 ? (object?)null : start },
                new { Marker = pens[name].Filling, LegendGroup = name, ShowLegend = groups.Length > 1, YError = group.Spread is { } spread ? Errors(spread, FigureTheme.Ink) : null },
                new { HoverTemplate = $"%{{x}}<br>{name}: %{{y:.4~g}}{RunsOf(group.Runs)}<extra></extra>" })))
            .Styled(title, subtitle)
            .WithLayout(new { BarGap = 0.25, BarMode = BarMode.Group })
            .WithAxes(FigureTheme.Categories(), FigureTheme.Axis(yTitle));
        return groups.Length > 1 ? chart.LegendAbove(names) : chart;
    }

    /// <summary>
    /// The top eigenvalue of the Hessian over training (Figures 2 and A12), without its sign, since sharpness is what is meant: one line a way to retrain, mean
    /// over seeds with a band of one standard deviation, logarithmic.
    /// </summary>
    /// <param name="series">What <see cref="CurvatureWatch"/> saw of each run.</param>
    public static GenericChart TopEigenvalue(IEnumerable<WatchSeries> series)
    {
        var all = Captions.Given(series, "There are no series to draw; watch at least one run.");
        if (all.FirstOrDefault(s => !s.Values.ContainsKey(CurvatureWatch.TopEigenvalue)) is { } other)
            throw new UserException($"{other.Run.Spec.Label} was watched for something else than its top eigenvalue; give what a CurvatureWatch saw.");
        var runs = all.Select(s => s.Run).ToList();
        List<Curve> curves = [.. Captions.BySeed(all, s => s.Run, Captions.NamesOf).Select(way => Curve.Of(way.Name, [.. way.Seeds.Select(s => s.Run)],
            way.Seeds.SelectMany(s => s.Epochs.Zip(s.Values[CurvatureWatch.TopEigenvalue], (epoch, value) => ((double)epoch, Math.Abs(value))))))];
        var positive = curves.All(curve => curve.Y.All(value => !(value <= 0)));
        return Curves("Top Hessian eigenvalue over training", "Epoch", "Top eigenvalue, absolute", curves, positive, Captions.At(runs) + Captions.Seeds(runs)).DrawnFrom(runs);
    }

    /// <summary>The test loss along the top eigenvector of the Hessian (Figure 10), turned to where the loss is the higher: one line a way to retrain, mean over seeds with a band of one standard deviation.</summary>
    public static GenericChart AlongTopEigenvector(IEnumerable<Measured<EigenvectorLine>> lines)
    {
        var all = lines.ToList();
        var runs = all.Select(m => m.Run).ToList();
        return Curves("Test loss along the top eigenvector", "Distance along the eigenvector, t", "Test loss",
            [.. Captions.BySeed(all, m => m.Run, Captions.NamesOf).Select(way => Curve.Of(way.Name, [.. way.Seeds.Select(m => m.Run)],
                way.Seeds.SelectMany(m => Upward(m.Value.Line))))], subtitle: Captions.At(runs) + Captions.Seeds(runs)).DrawnFrom(runs);
    }

    // An eigenvector's sign means nothing: t grows to where the loss is the higher.
    private static IEnumerable<(double X, double Y)> Upward(LossLine line) => line.X.Zip(line.Y.LastOrDefault() < line.Y.FirstOrDefault() ? line.Y.Reverse() : line.Y);

    /// <summary>
    /// Densities of the Hessians' eigenvalues on a logarithmic scale. What is below 1e-5 of the highest is left out, since smoothing alone decides it, but for
    /// the lowest and the highest eigenvalue, which stand on that line.
    /// </summary>
    public static GenericChart SpectralDensities(IEnumerable<Measured<SpectralDensity>> densities)
    {
        var all = Captions.Given(densities, "There are no densities to draw; measure at least one run.");
        if (all.FirstOrDefault(m => m.Value.Values.Count == 0 || !m.Value.Values.All(double.IsFinite)) is { } odd)
            throw new UserException($"The density of {odd.Run.Spec.Label} has eigenvalues that are no numbers, or none; the network may have diverged.");
        // One width for all, so that a peak is as wide in one network as in another.
        var width = (all.Max(m => m.Value.Values[^1]) - all.Min(m => m.Value.Values[0])) / 200;
        IReadOnlyList<RunResult> runs = [.. all.Select(m => m.Run)];
        return Curves("Density of the Hessian's eigenvalues", "Eigenvalue", "Density", [.. all.Zip(Captions.NamesOf(runs), (m, name) =>
        {
            var (x, density) = m.Value.Smoothed(width);
            var (least, values) = (1e-5 * density.Max(), m.Value.Values);
            bool IsEnd(double at) => Math.Min(Math.Abs(at - values[0]), Math.Abs(at - values[^1])) <= width;
            return new Curve(name, x, [.. density.Zip(x, (d, at) => d >= least ? d : IsEnd(at) ? least : double.NaN)], Runs: [m.Run]);
        })], logarithmic: true, Captions.At(runs)).DrawnFrom(runs);
    }

    /// <summary>
    /// The share of silent activations by stage, at the lowest and the highest sparsity of each way to retrain, mean over seeds with their standard deviation
    /// (Table A1).
    /// </summary>
    public static GenericChart SilentActivations(IEnumerable<Measured<IReadOnlyList<StageSparsity>>> measured)
    {
        var tickets = SilentTicket.Of(measured);
        var shown = tickets.GroupBy(ticket => ticket.Way).SelectMany(way => new[] { way.First(), way.Last() }.Distinct()).ToList();
        var groups = shown.Select(ticket => BarGroup.Of($"{Captions.Percent(ticket.Run.Sparsity)} % sparse, {ticket.Way}", ticket.Runs,
                [.. tickets[0].Stages.Select(stage => ticket.Of(stage, s => 100 * s.Share))]));
        var runs = shown.SelectMany(ticket => ticket.Runs).ToList();
        return BarsFrom(0, "Silent activations", Captions.Of(runs), "Share of all activations, %", tickets[0].Stages, [.. groups]).DrawnFrom(runs);
    }

    /// <summary>What re-scaled initialisation made of each layer: the learned factor of every weight, the mean over seeds with their standard deviation.</summary>
    /// <param name="scales">Of the runs to compare; those that differ in their seed only share a colour.</param>
    /// <param name="norms">The BatchNorms' weights, and not those of convolutions and linear layers.</param>
    public static GenericChart Scales(IReadOnlyList<Measured<IReadOnlyList<LearnedScale>>> scales, bool norms = false)
    {
        var groups = ScaleGroup.Of(scales);
        var weights = scales[0].Value.Where(l => l.IsNorm == norms && l.Parameter.EndsWith(".weight")).Select(l => l.Parameter).ToList();
        var runs = scales.Select(s => s.Run).ToList();
        return BarsFrom(1, $"Learned scales of the initial weights, {(norms ? "BatchNorm" : "convolutions and linear layers")}", Captions.Of(runs), "scale (1 = unchanged)",
            [.. weights.Select(LayerMask.Of)], [.. groups.Select(g => BarGroup.Of(g.Name, [.. g.Seeds.Select(s => s.Run)], [.. weights.Select(g.Of)]))])
            .DrawnFrom(runs, below: 150);
    }
}

/// <summary>The silent activations of one ticket and way to retrain it, seed by seed; <paramref name="Stages"/> are those of all.</summary>
internal sealed record SilentTicket(string Way, RunResult Run, IReadOnlyList<string> Stages, IReadOnlyList<Measured<IReadOnlyList<StageSparsity>>> Seeds)
{
    public IReadOnlyList<RunResult> Runs => [.. Seeds.Select(m => m.Run)];

    public static IReadOnlyList<SilentTicket> Of(IEnumerable<Measured<IReadOnlyList<StageSparsity>>> measured)
    {
        var tickets = Captions.BySeed(Captions.Given(measured, "There is nothing to show; measure at least one run."), m => m.Run, Captions.Ways)
            .OrderBy(ticket => ticket.Seeds[0].Run.Spec.Sparsity).ToList();
        IReadOnlyList<string> stages = [.. tickets.SelectMany(ticket => ticket.Seeds).SelectMany(m => m.Value).Select(s => s.Stage).Distinct()];
        return [.. tickets.Select(ticket => new SilentTicket(ticket.Name, ticket.Seeds[0].Run, stages, ticket.Seeds))];
    }

    /// <summary>Seed by seed; NaN where one has no such stage.</summary>
    public IReadOnlyList<double> Of(string stage, Func<StageSparsity, double> share)
        => [.. Seeds.Select(m => m.Value.FirstOrDefault(s => s.Stage == stage)).Select(s => s is null ? double.NaN : share(s))];
}

/// <summary>Scales of runs that differ in their seed only.</summary>
internal sealed record ScaleGroup(string Name, IReadOnlyList<Measured<IReadOnlyList<LearnedScale>>> Seeds)
{
    public IReadOnlyList<double> Of(string parameter) => [.. Seeds.Select(s => s.Value.First(l => l.Parameter == parameter).Scale)];

    public static IReadOnlyList<ScaleGroup> Of(IReadOnlyList<Measured<IReadOnlyList<LearnedScale>>> scales)
    {
        Captions.Given(scales, "There are no learned scales to show; give those of at least one run.");
        if (scales.FirstOrDefault(s => !s.Value.Select(l => l.Parameter).SequenceEqual(scales[0].Value.Select(l => l.Parameter))) is { } other)
            throw new UserException($"{other.Run.Spec.Label} has other layers than {scales[0].Run.Spec.Label}: compare the scales of one network.");
        return [.. Captions.BySeed(scales, s => s.Run, runs => Captions.Distinguish(runs).Names).Select(group => new ScaleGroup(group.Name, group.Seeds))];
    }
}
