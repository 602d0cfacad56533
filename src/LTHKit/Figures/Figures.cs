using LTHKit.Experiments;
using Plotly.NET;
using Plotly.NET.CSharp;
using Chart = Plotly.NET.CSharp.Chart;

namespace LTHKit;

/// <summary>The figures of the paper, one function each, as Plotly charts.</summary>
public static partial class Figures
{
    /// <summary>
    /// Test accuracy over sparsity (Figures 1, 4, 6 to 9): mean over seeds, error bars of one standard deviation, the dense network
    /// trained the same way as a dashed line. The axis is logarithmic in the remaining weights, so that every pruning round is one step.
    /// </summary>
    /// <param name="sweeps">One line each; a name has the same colour in every figure.</param>
    /// <exception cref="UserException">There is nothing to draw.</exception>
    public static GenericChart AccuracyVsSparsity(params Sweep[] sweeps)
        => Accuracy(sweeps, point => point.Sparsity, SparsityAxis(Points(sweeps).Select(point => point.Sparsity)));

    /// <summary>
    /// The same over effective sparsity, each sweep at its own: equally many weights that are not zero stand one above the other, those that a
    /// tweak injected included.
    /// </summary>
    /// <param name="sweeps">One line each; a name has the same colour in every figure.</param>
    /// <exception cref="UserException">There is nothing to draw.</exception>
    public static GenericChart AccuracyVsEffectiveSparsity(params Sweep[] sweeps)
        => Accuracy(sweeps, point => point.EffectiveSparsity, EffectiveSparsityAxis(Points(sweeps).Select(point => point.EffectiveSparsity)));

    private static GenericChart Accuracy(Sweep[] sweeps, Func<SweepPoint, double> sparsity, Plotly.NET.LayoutObjects.LinearAxis axis)
    {
        var points = Points(sweeps);
        var pens = FigureTheme.Pens(sweeps.Select(sweep => sweep.Name));
        var charts = new List<GenericChart>();
        foreach (var sweep in sweeps.Where(sweep => sweep.Points.Count > 0))
            charts.Add(Line(
                sweep.Name, pens[sweep.Name], sweep.Points, sparsity, point => 100 * point.Mean, point => 100 * point.Std,
                point => FormattableString.Invariant($"{sweep.Name}: {100 * point.Mean:0.00} %")
                    + (point.Count > 1 ? FormattableString.Invariant($" ± {100 * point.Std:0.00}") : "")
                    + Hover(point.Level, point.Sparsity, point.EffectiveSparsity, point.Count)
                    + (point.Collapsed.Count > 0 ? $"<br>nothing is left of {Captions.Layers(point.Collapsed)}" : "")));

        var ends = new[] { Remaining(points.Min(sparsity)), Remaining(points.Max(sparsity)) };
        var dense = sweeps.Where(sweep => sweep.DensePoint is not null).DistinctBy(sweep => (sweep.Name, sweep.DensePoint)).ToList();
        foreach (var sweep in dense)
            charts.Add(DenseLine(sweep, pens[sweep.Name], ends));
        if (dense.Count > 0)
            charts.Add(Chart.Line<double, double, string>(
                    ends.Take(1), [double.NaN], Name: dense.Count == 1 ? "dense network" : "dense networks", ShowLegend: true,
                    LineColor: Color.fromString(FigureTheme.Faint), LineDash: StyleParam.DrawingStyle.Dash, LineWidth: 1.5, UseDefaults: false)
                .WithTrace(("hoverinfo", "skip")));

        return Chart.Combine(charts)
            .Styled("Test accuracy of sparse networks", Captions.Of([.. sweeps.SelectMany(sweep => sweep.Runs)]) + Captions.Collapse(sweeps))
            .WithXAxis(axis)
            .WithYAxis(FigureTheme.Axis("Test accuracy, %"))
            .LegendAbove([.. sweeps.Select(sweep => sweep.Name), "dense networks"]);
    }

    /// <summary>
    /// What tweaks gain over vanilla retraining of the same tickets (Figures 1 and 4): the difference of test accuracies in percentage points, seed by
    /// seed, as <see cref="Sweep.GainOver"/> has it; mean and standard error, the dense networks at the left.
    /// </summary>
    /// <param name="vanilla">What is compared with.</param>
    /// <param name="tweaked">One line each, at the levels it shares with vanilla.</param>
    /// <exception cref="UserException">There is nothing to draw.</exception>
    public static GenericChart GainOverVanilla(Sweep vanilla, params Sweep[] tweaked)
    {
        Points([vanilla]);
        return Gain($"Gain over {vanilla.Name}", [.. tweaked.Select(sweep => (sweep.Name, vanilla, sweep))]);
    }

    /// <summary>
    /// Gains as in <see cref="GainOverVanilla"/>, each over a sweep of its own (Figure A13: over the same pruner's tickets, retrained as they were found).
    /// </summary>
    /// <param name="title">Of the figure.</param>
    /// <param name="pairs">One line each, at the levels that its two sweeps share.</param>
    /// <exception cref="UserException">There is nothing to draw.</exception>
    public static GenericChart Gain(string title, params (string Name, Sweep Vanilla, Sweep Tweaked)[] pairs)
    {
        Points(pairs.Select(pair => pair.Tweaked));
        var pens = FigureTheme.Pens(pairs.SelectMany(pair => new[] { pair.Vanilla.Name, pair.Name }));
        var shown = pairs.Select(pair => (pair.Name, Points: pair.Tweaked.GainOver(pair.Vanilla))).Where(line => line.Points.Any(p => p.Level > 0)).ToList();
        if (shown.Count == 0)
            throw new UserException($"No sweep shares a sparsity level with '{pairs[0].Vanilla.Name}'; sweep the same levels to compare them.");
        var seeds = shown.Max(line => line.Points.Max(point => point.Count));
        return Chart.Combine(shown.Select(line => Line(
                line.Name, pens[line.Name], line.Points, point => point.Sparsity, point => 100 * point.Mean, point => 100 * point.StandardError,
                point => FormattableString.Invariant($"{line.Name}: {100 * point.Mean:+0.00;-0.00;0.00} points")
                    + (point.Count > 1 ? FormattableString.Invariant($" ± {100 * point.StandardError:0.00}") : "")
                    + Hover(point.Level, point.Sparsity, point.EffectiveSparsity, point.Count) + $", better in {point.Better}")))
            .Styled(
                title,
                $"{Captions.Subject([.. pairs.SelectMany(pair => pair.Vanilla.Runs.Concat(pair.Tweaked.Runs))])}, "
                    + (seeds == 1 ? "one seed" : $"mean difference of {seeds} seeds, ticket by ticket, and its standard error"))
            .WithXAxis(SparsityAxis([.. shown.SelectMany(line => line.Points).Select(point => point.Sparsity)]))
            .WithYAxis(FigureTheme.Axis(
                "Gain in test accuracy, points", ("rangemode", "tozero"), ("zeroline", true), ("zerolinecolor", FigureTheme.Faint), ("zerolinewidth", 1.5)))
            .LegendAbove();
    }

    /// <summary>
    /// Loss and accuracy epoch by epoch: training dotted, test solid, and a mark at the epoch of best validation accuracy, whose test
    /// accuracy is the one reported. A rewound run begins at its rewind point.
    /// </summary>
    /// <param name="runs">One colour each.</param>
    /// <exception cref="UserException">There is nothing to draw.</exception>
    public static GenericChart TrainingCurves(params RunResult[] runs)
    {
        if (runs.Length == 0 || runs.Any(run => run.Epochs.Count == 0))
            throw new UserException("There are no epochs to draw; give at least one finished run.");
        var (names, shared) = Captions.Distinguish(runs);
        var pens = FigureTheme.Pens(names);
        var loss = new List<GenericChart>();
        var accuracy = new List<GenericChart>();
        foreach (var (run, name) in runs.Zip(names))
        {
            var epochs = run.Epochs.Select(epoch => epoch.Epoch + 1.0).ToArray();
            loss.Add(Curve(epochs, run.Epochs.Select(epoch => epoch.TrainLoss), name, pens[name], training: true));
            loss.Add(Curve(epochs, run.Epochs.Select(epoch => epoch.TestLoss), name, pens[name], training: false));
            accuracy.Add(Curve(epochs, run.Epochs.Select(epoch => 100 * epoch.TrainAccuracy), name, pens[name], training: true));
            accuracy.Add(Curve(epochs, run.Epochs.Select(epoch => 100 * epoch.TestAccuracy), name, pens[name], training: false));
            accuracy.Add(Chart.Line<double, double, string>(
                    [run.BestEpoch + 1.0], [100 * run.TestAccuracy], ShowMarkers: true, Name: $"{name}, reported", ShowLegend: false,
                    MarkerColor: pens[name].Color, MarkerSymbol: StyleParam.MarkerSymbol.Star, UseDefaults: false)
                .WithTrace(("legendgroup", name), ("hovertemplate", $"{name}<br>epoch %{{x}}, reported: %{{y:.2f}} %<extra></extra>")));
            accuracy[^1].GetTraces()[0].TryGetTypedPropertyValue<Plotly.NET.TraceObjects.Marker>("marker")!.Value.SetProperty("size", 13);
        }
        var left = Chart.Combine(loss).WithXAxis(FigureTheme.Axis("Epoch")).WithYAxis(FigureTheme.Axis("Loss", ("rangemode", "tozero")));
        var right = Chart.Combine(accuracy).WithXAxis(FigureTheme.Axis("Epoch")).WithYAxis(FigureTheme.Axis("Accuracy, %"));
        foreach (var trace in right.GetTraces())
            trace.SetProperty("showlegend", false);
        return Chart.Grid([left, right], 1, 2, XGap: 0.16)
            .Styled("Training curves", $"{shared}; training dotted, test solid, a star at the reported epoch")
            .LegendAbove();
    }

    private static GenericChart Curve(double[] epochs, IEnumerable<double> values, string name, Pen pen, bool training) =>
        Chart.Line<double, double, string>(
                epochs, values.ToArray(), Name: name, ShowLegend: !training, LineColor: pen.Color, LineWidth: training ? 1.5 : 2.5,
                LineDash: training ? StyleParam.DrawingStyle.Dot : StyleParam.DrawingStyle.Solid, UseDefaults: false)
            .WithTrace(
                ("legendgroup", name),
                ("hovertemplate", $"{name}, {(training ? "training" : "test")}<br>epoch %{{x}}: %{{y:.4~g}}<extra></extra>"));

    /// <summary>A line over sparsity with markers and error bars.</summary>
    private static GenericChart Line<T>(
        string name, Pen pen, IReadOnlyList<T> points, Func<T, double> sparsity, Func<T, double> value, Func<T, double> error, Func<T, string> hover)
    {
        var errors = points.Select(error).ToArray();
        var chart = Chart.Line<double, double, string>(
                points.Select(point => Remaining(sparsity(point))).ToArray(), points.Select(value).ToArray(), ShowMarkers: true, Name: name, ShowLegend: true,
                MultiText: points.Select(hover).ToArray(), MarkerSymbol: pen.Symbol,
                MarkerColor: pen.Color, LineColor: pen.Color, LineWidth: 2.5, UseDefaults: false)
            .WithTrace(("hovertemplate", "%{text}<extra></extra>"), ("legendgroup", name));
        chart.GetTraces()[0].TryGetTypedPropertyValue<Plotly.NET.TraceObjects.Marker>("marker")!.Value.SetProperty("size", 9);
        return errors.All(double.IsNaN)
            ? chart
            : chart.WithTrace(("error_y", FigureTheme.Object(("type", "data"), ("array", errors), ("color", pen.Hex), ("thickness", 1.5), ("width", 5.0))));
    }

    private static GenericChart DenseLine(Sweep sweep, Pen pen, double[] ends)
    {
        var dense = sweep.DensePoint!;
        var text = FormattableString.Invariant($"dense network, trained as {sweep.Name}: {100 * dense.Mean:0.00} %")
            + (dense.Count > 1 ? FormattableString.Invariant($" ± {100 * dense.Std:0.00}") : "")
            + $"<br>n = {dense.Count}";
        return Chart.Line<double, double, string>(
                ends, [100 * dense.Mean, 100 * dense.Mean], Name: $"dense, {sweep.Name}", ShowLegend: false, Text: text,
                LineColor: pen.Color, LineDash: StyleParam.DrawingStyle.Dash, LineWidth: 1.5, UseDefaults: false)
            .WithTrace(("hovertemplate", "%{text}<extra></extra>"), ("legendgroup", sweep.Name));
    }

    private static string Hover(int level, double sparsity, double effectiveSparsity, int count) => FormattableString.Invariant(
        $"<br>level {level}: {100 * sparsity:0.0} % sparse, effectively {100 * effectiveSparsity:0.0} %<br>n = {count}");

    /// <summary>Remaining weights in percent, larger first, on a logarithmic scale; ticks name the sparsity.</summary>
    private static Plotly.NET.LayoutObjects.LinearAxis SparsityAxis(IEnumerable<double> sparsities)
    {
        var levels = sparsities.Distinct().Order().ToArray();
        return LogarithmicAxis("Sparsity, % of the prunable weights", levels, levels);
    }

    /// <summary>As the nominal one, with ticks at round numbers: each sweep has sparsities of its own.</summary>
    private static Plotly.NET.LayoutObjects.LinearAxis EffectiveSparsityAxis(IEnumerable<double> sparsities)
        => LogarithmicAxis("Effective sparsity, % of all convolution weights, injected ones included", [.. sparsities],
            [0, 0.2, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.97, 0.98, 0.99, 0.995, 0.998, 0.999]);

    private static Plotly.NET.LayoutObjects.LinearAxis LogarithmicAxis(string title, double[] sparsities, double[] ticks)
    {
        var left = Math.Log10(Remaining(sparsities.Min()));
        var right = Math.Log10(Remaining(sparsities.Max()));
        var margin = Math.Max(0.04 * (left - right), 0.02);
        return FigureTheme.Axis(
            title,
            ("type", "log"), ("range", new[] { left + margin, right - margin }),
            ("tickvals", ticks.Select(Remaining).ToArray()),
            ("ticktext", ticks.Select(sparsity => sparsity == 0 ? "dense" : Captions.Percent(sparsity)).ToArray()));
    }

    private static double Remaining(double sparsity) => 100 * (1 - sparsity);

    private static IReadOnlyList<SweepPoint> Points(IEnumerable<Sweep> sweeps)
    {
        var points = sweeps.SelectMany(sweep => sweep.Points).ToList();
        return points.Count > 0 ? points : throw new UserException("There are no sparse runs to draw; give at least one sweep with one level.");
    }
}
