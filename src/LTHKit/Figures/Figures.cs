using Plotly.NET;
using Plotly.NET.CSharp;
using Plotly.NET.LayoutObjects;
using Plotly.NET.TraceObjects;
using static LTHKit.Typed;
using static Plotly.NET.StyleParam;
using Chart = Plotly.NET.CSharp.Chart;

namespace LTHKit;

/// <summary>
/// The figures of the paper, one function each, as Plotly charts. A name has the same colour in all. All throw a UserException where there is nothing to draw,
/// sizes do not fit, or networks differ.
/// </summary>
public static partial class Figures
{
    /// <summary>
    /// Test accuracy over sparsity (Figures 1, 4, 6 to 9): mean over seeds with a band of one standard deviation, the dense network trained the same way
    /// as a dashed line with its own band. The axis is logarithmic in the remaining weights, so that every pruning round is one step.
    /// </summary>
    public static GenericChart AccuracyVsSparsity(params Sweep[] sweeps) => Accuracy(sweeps, effective: false);

    /// <summary>
    /// The same over effective sparsity, each sweep at its own: equally many weights that are not zero stand one above the other, those that a
    /// tweak injected included.
    /// </summary>
    public static GenericChart AccuracyVsEffectiveSparsity(params Sweep[] sweeps) => Accuracy(sweeps, effective: true);

    private static GenericChart Accuracy(Sweep[] sweeps, bool effective)
    {
        var named = Captions.Named(sweeps);
        double Sparsity(SweepPoint point) => effective ? point.EffectiveSparsity : point.Sparsity;
        var lines = named.Select(sweep => (sweep.Name, Points: sweep.Points.Where(point => Sparsity(point) < 1).ToList())).ToList();
        if (lines.All(line => line.Points.Count == 0))
            throw Captions.Nothing(sweeps, "There are no sparse runs to draw; give at least one sweep with one level at which weights are left.");
        var pens = Pen.For(named.Select(sweep => sweep.Name));
        var (axis, ends) = SparsityAxis([.. lines.SelectMany(line => line.Points).Select(Sparsity)], effective);
        var dense = named.Where(sweep => sweep.Dense.Count > 0).ToList();
        var charts = dense.SelectMany(sweep => DenseLine(sweep, pens[sweep.Name], ends)).Concat(lines.SelectMany(line => OverSparsity(
            line.Name, pens[line.Name], line.Points, Sparsity, point => point.Std,
            point => $"{line.Name}: {Captions.Spread(100 * point.Mean, 100 * point.Std, " %")}{Hover(point)}"
                + (point.Collapsed.Count > 0 ? $"<br>nothing is left of {LayerMask.Of(point.Collapsed)}" : "")))).ToList();
        if (dense.Count > 0)
            charts.Add(Scatter(dense.Count == 1 ? "dense network" : "dense networks", [ends[0]], [double.NaN],
                Init<Line>(new { Color = FigureTheme.Faint, Width = 1.5, Dash = DrawingStyle.Dash }), legend: true));
        return Chart.Combine(charts)
            .Styled("Test accuracy of sparse networks", Captions.Of([.. sweeps.SelectMany(sweep => sweep.Runs)]) + Captions.Fewer(lines) + Captions.Collapse(named))
            .WithAxes(axis, FigureTheme.Axis("Test accuracy, %"))
            .LegendAbove([.. named.Select(sweep => sweep.Name), "dense networks"])
            .DrawnFrom(sweeps.SelectMany(sweep => sweep.Dense.Concat(sweep.Runs)));
    }

    /// <summary>
    /// What tweaks gain over vanilla retraining of the same tickets (Figures 1 and 4): the difference of test accuracies in percentage points, seed by
    /// seed, as <see cref="Sweep.GainOver"/> has it; mean with a band of the standard error, the dense networks at the left.
    /// </summary>
    public static GenericChart GainOverVanilla(Sweep vanilla, params Sweep[] tweaked)
        => Gain($"Gain over {vanilla.Name}", [.. Captions.Named([vanilla, .. tweaked]).Skip(1).Select(sweep => (sweep.Name, vanilla, sweep))]);

    /// <summary>
    /// Gains as in <see cref="GainOverVanilla"/>, each over a sweep of its own (Figure A13: over the same pruner's tickets, retrained as they were found).
    /// </summary>
    /// <param name="title">Of the figure.</param>
    /// <param name="pairs">One line each, at the levels that its two sweeps share.</param>
    public static GenericChart Gain(string title, params (string Name, Sweep Vanilla, Sweep Tweaked)[] pairs)
    {
        Sweep[] both = [.. pairs.SelectMany(pair => new[] { pair.Vanilla, pair.Tweaked })];
        if (pairs.All(pair => pair.Tweaked.Runs.Count == 0 || pair.Vanilla.Runs.Count == 0))
            throw Captions.Nothing(both, "There are no sparse runs to draw; give at least one pair of sweeps with one level.");
        var shown = pairs.Zip(Captions.Unique(pairs.Select(pair => pair.Name)), (pair, name) => (Name: name,
            Points: pair.Tweaked.GainOver(pair.Vanilla).Where(point => point.Sparsity < 1).ToList())).Where(line => line.Points.Any(p => p.Level > 0)).ToList();
        if (shown.Count == 0)
            throw Captions.Nothing(both, $"No sweep shares a sparsity level with '{pairs[0].Vanilla.Name}'; sweep the same sparsities to compare them.");
        var pens = Pen.For(pairs.Select(pair => pair.Vanilla.Name).Concat(shown.Select(line => line.Name)));
        var points = shown.SelectMany(line => line.Points).ToList();
        var seeds = points.Max(point => point.Count);
        return Chart.Combine(shown.SelectMany(line => OverSparsity(
                line.Name, pens[line.Name], line.Points, point => point.Sparsity, point => point.StandardError,
                point => $"{line.Name}: {Captions.Spread(100 * point.Mean, 100 * point.StandardError, " points", "+0.00;-0.00;0.00")}{Hover(point)}"
                    + $"<br>better in {point.Better} of {point.Count}")))
            .Styled(title, $"{Captions.Subject([.. pairs.SelectMany(pair => pair.Vanilla.Runs.Concat(pair.Tweaked.Runs))])}, "
                + (seeds == 1 ? "one seed" : $"mean difference of {seeds} seeds, ticket by ticket, and its standard error") + Captions.Fewer(shown))
            .WithAxes(SparsityAxis([.. points.Select(point => point.Sparsity)]).Axis, FigureTheme.Axis("Gain in test accuracy, points",
                new { RangeMode = RangeMode.ToZero, ZeroLine = true, ZeroLineColor = FigureTheme.Faint, ZeroLineWidth = 1.5 }))
            .LegendAbove(shown.Select(line => line.Name))
            .DrawnFrom(both.SelectMany(sweep => sweep.Dense.Concat(sweep.Runs)).Where(run => points.Any(point => point.Halvings == run.Spec.Halvings)));
    }

    /// <summary>
    /// Loss and accuracy epoch by epoch: training thin and dotted, test thick, and a mark at the epoch of best validation accuracy, whose test
    /// accuracy is the one reported. A rewound run begins at its rewind point.
    /// </summary>
    public static GenericChart TrainingCurves(params RunResult[] runs)
    {
        if (runs.Length == 0 || runs.Any(run => run.Epochs.Count == 0))
            throw new UserException("There are no epochs to draw; give at least one finished run.");
        var (names, shared) = Captions.Distinguish(runs);
        var pens = Pen.For(names);
        var loss = runs.Zip(names).SelectMany(pair => Both(pair, epoch => epoch.TrainLoss, epoch => epoch.TestLoss, legend: true));
        var accuracy = runs.Zip(names).SelectMany(pair
            => Both(pair, epoch => 100 * epoch.TrainAccuracy, epoch => 100 * epoch.TestAccuracy, legend: false).Append(Reported(pair.First, pair.Second)));
        var left = Chart.Combine(loss).WithAxes(FigureTheme.Axis("Epoch"), FigureTheme.Axis("Loss", new { RangeMode = RangeMode.ToZero }));
        var right = Chart.Combine(accuracy).WithAxes(FigureTheme.Axis("Epoch"), FigureTheme.Axis("Accuracy, %"));
        return Chart.Grid([left, right], 1, 2, XGap: 0.2)
            .Styled("Training curves", $"{shared}; training thin and dotted, test thick, a star at the reported epoch")
            .LegendAbove(names)
            .DrawnFrom(runs);

        GenericChart[] Both((RunResult, string) run, Func<EpochMetrics, double> train, Func<EpochMetrics, double> test, bool legend)
            => [Part(run, train, "training", 1.5, DrawingStyle.Dot, false), Part(run, test, "test", 2.5, null, legend)];

        GenericChart Part((RunResult Of, string Name) run, Func<EpochMetrics, double> value, string part, double width, DrawingStyle? dash, bool legend)
            => Scatter(run.Name, run.Of.Epochs.Select(epoch => epoch.Epoch + 1.0), run.Of.Epochs.Select(value), pens[run.Name].Line(width, dash),
                hover: $"{run.Name}, {part}<br>epoch %{{x}}: %{{y:.4~g}}<br>run {run.Of.Id}", legend: legend);

        GenericChart Reported(RunResult run, string name) => Scatter($"{name}, reported", [run.BestEpoch + 1.0], [100 * run.TestAccuracy], null,
            Init<Marker>(new { pens[name].Color, Symbol = MarkerSymbol.Star, Size = 13 }), name,
            $"{name}<br>epoch %{{x}}, reported: %{{y:.2f}} %<br>run {run.Id}");
    }

    /// <summary>
    /// Says under a figure which runs it shows: how many, of which network, images and seeds, how sparse, and on what they were trained. The figures
    /// of runs say so by themselves; of masks, bars and curves only you know.
    /// </summary>
    /// <param name="chart">One of these figures, or another of Plotly.NET's.</param>
    /// <param name="runs">What it was drawn from.</param>
    /// <param name="below">How many pixels under the plot, where the labels of its axis end.</param>
    /// <returns>The same chart, higher by two lines.</returns>
    public static GenericChart DrawnFrom(this GenericChart chart, IEnumerable<RunResult> runs, int below = 60)
    {
        const int aLine = 16;
        var all = Captions.Given(runs.DistinctBy(run => run.Id), "There are no runs that the figure could be drawn from; give at least one.");
        var text = Captions.DrawnFrom(all);
        var lines = aLine * text.Split("<br>").Length;
        var layout = chart.GetLayout();
        var margin = layout.TryGetTypedPropertyValue<Margin>("margin")?.Value ?? FigureTheme.Margins();
        var more = below + lines - (margin.TryGetTypedPropertyValue<int>("b")?.Value ?? 80);     // plotly.js's own, here and below
        margin.SetProperty("b", below + lines);
        layout.SetProperty("margin", margin);
        layout.SetProperty("height", (layout.TryGetTypedPropertyValue<int>("height")?.Value ?? FigureTheme.Height) + more);
        var note = Init<Annotation>(
            new { X = 0.0, Y = 0.0, XRef = "paper", YRef = "paper", XAnchor = XAnchorPosition.Left, YAnchor = YAnchorPosition.Top, Align = AnnotationAlignment.Left },
            new { XShift = 12 - (margin.TryGetTypedPropertyValue<int>("l")?.Value ?? 80), YShift = -below, ShowArrow = false, Text = text },
            new { Font = Init<Font>(new { Size = 10.5, Color = FigureTheme.Faint }) });
        return Plotly.NET.Chart.withAnnotation(note, true).Invoke(chart);
    }

    /// <summary>A line over sparsity with markers, its band, and error bars where the band has no width to be seen.</summary>
    private static IEnumerable<GenericChart> OverSparsity(string name, Pen pen, IReadOnlyList<SweepPoint> points, Func<SweepPoint, double> sparsity,
        Func<SweepPoint, double> error, Func<SweepPoint, string> hover)
    {
        double[] x = [.. points.Select(point => Remaining(sparsity(point)))], y = [.. points.Select(point => 100 * point.Mean)];
        double[] errors = [.. points.Select(point => 100 * error(point))];
        var spread = errors.Any(double.IsFinite);
        if (spread)
            yield return Band(name, pen, x, [.. y.Zip(errors, (mean, e) => mean - e)], [.. y.Zip(errors, (mean, e) => mean + e)], 0.16);
        yield return Scatter(name, x, y, pen.Line(), pen.Marker(), hover: "%{text}", legend: true, more: new
        {
            MultiText = points.Select(hover).ToArray(),
            YError = spread ? Errors(errors, pen.Color) : null,
        });
    }

    private static Error Errors(IReadOnlyList<double> half, Color color) => Init<Error>(new { Type = ErrorType.Data, Array = half.ToArray(), Color = color, Thickness = 1.0, Width = 3.0 });

    /// <summary>The dense network of a sweep from one end of the axis to the other.</summary>
    private static IEnumerable<GenericChart> DenseLine(Sweep sweep, Pen pen, double[] ends)
    {
        var (mean, deviation) = (100 * sweep.DensePoint!.Mean, 100 * sweep.DensePoint.Std);
        if (double.IsFinite(deviation))
            yield return Band(sweep.Name, pen, ends, [mean - deviation, mean - deviation], [mean + deviation, mean + deviation], 0.08);
        var text = $"dense network, trained as {sweep.Name}: {Captions.Spread(mean, deviation, " %")}<br>{Captions.Runs(sweep.Dense)}";
        yield return Scatter($"dense, {sweep.Name}", ends, [mean, mean], pen.Line(1.5, pen.Dense), null, sweep.Name, "%{text}", more: new { Text = text });
    }

    /// <summary>A line, with markers where there are some, or markers alone, hidden and shown with its <paramref name="group"/>; silent without a hover.</summary>
    private static GenericChart Scatter(string? name, IEnumerable<double> x, IEnumerable<double> y, Line? line, Marker? marker = null, string? group = null,
        string? hover = null, bool legend = false, object? more = null) => Draw("Scatter",
            new { Name = name, X = x.ToArray(), Y = y.ToArray(), Line = line, Marker = marker, LegendGroup = group ?? name, ShowLegend = legend },
            new { Mode = line is null ? Mode.Markers : marker is null ? Mode.Lines : Mode.Lines_Markers },
            hover is null ? new { HoverInfo = HoverInfo.Skip } : new { HoverTemplate = hover + "<extra></extra>" }, more);

    /// <summary>The area between two lines, in pieces where one of them has no value.</summary>
    private static GenericChart Band(string group, Pen pen, IReadOnlyList<double> x, double[] lower, double[] upper, double opacity)
    {
        var outline = new List<(double X, double Y)>();
        var drawn = Enumerable.Range(0, x.Count).Where(i => double.IsFinite(x[i]) && double.IsFinite(lower[i]) && double.IsFinite(upper[i]));
        foreach (var piece in drawn.Index().GroupBy(point => point.Item - point.Index, point => point.Item))     // by how many are missing before
        {
            if (outline.Count > 0)
                outline.Add((double.NaN, double.NaN));
            outline.AddRange(piece.Select(i => (x[i], upper[i])));
            outline.AddRange(piece.Reverse().Select(i => (x[i], lower[i])));
        }
        return Scatter(null, outline.Select(p => p.X), outline.Select(p => p.Y), Init<Line>(new { Width = 0.0, pen.Color }), null, group,
            more: new { Fill = Fill.ToSelf, FillColor = pen.Faded(opacity) });
    }

    private static string Hover(SweepPoint point) => FormattableString.Invariant(
        $"<br>level {point.Level}: {100 * point.Sparsity:0.0} % sparse, effectively {100 * point.EffectiveSparsity:0.0} %<br>{Captions.Runs(point.Runs)}");

    /// <summary>
    /// Remaining weights in percent, larger first, on a logarithmic scale; ticks name the sparsity: those that are shown, or round ones where each sweep has
    /// effective sparsities of its own.
    /// </summary>
    private static (LinearAxis Axis, double[] Ends) SparsityAxis(IReadOnlyList<double> sparsities, bool effective = false)
    {
        var (left, right) = (Math.Log10(Remaining(sparsities.Min())), Math.Log10(Remaining(sparsities.Max())));
        var margin = Math.Max(0.04 * (left - right), 0.02);
        (left, right) = (left + margin, right - margin);
        var ticks = effective ? [0, 0.2, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.97, 0.98, 0.99, 0.995, 0.998, 0.999] : sparsities;
        var shown = new List<double>();
        foreach (var tick in ticks.Distinct().Order())       // one that its neighbour leaves no room for is left out
            if (shown.Count == 0 || Math.Log10(Remaining(shown[^1])) - Math.Log10(Remaining(tick)) > 0.03 * (left - right))
                shown.Add(tick);
        var axis = FigureTheme.Axis(effective ? "Effective sparsity, % of all weights" : "Sparsity, % of the prunable weights", new
        {
            AxisType = AxisType.Log,
            Range = StyleParam.Range.NewMinMax(left, right),
            TickVals = shown.Select(Remaining).ToArray(),
            TickText = shown.Select(sparsity => sparsity == 0 ? "dense" : Captions.Percent(sparsity)).ToArray(),
        });
        return (axis, [Math.Pow(10, left), Math.Pow(10, right)]);
    }

    private static double Remaining(double sparsity) => 100 * (1 - sparsity);
}
