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
    {
        var points = Points(sweeps);
        var pens = FigureTheme.Pens(sweeps.Select(sweep => sweep.Name));
        var charts = new List<GenericChart>();
        foreach (var sweep in sweeps.Where(sweep => sweep.Points.Count > 0))
            charts.Add(Line(
                sweep.Name, pens[sweep.Name], sweep.Points, point => 100 * point.Mean, point => 100 * point.Std,
                point => FormattableString.Invariant($"{sweep.Name}: {100 * point.Mean:0.00} %")
                    + (point.Count > 1 ? FormattableString.Invariant($" ± {100 * point.Std:0.00}") : "")));

        var ends = new[] { Remaining(points.MinBy(point => point.Sparsity)!), Remaining(points.MaxBy(point => point.Sparsity)!) };
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
            .WithXAxis(SparsityAxis(points))
            .WithYAxis(FigureTheme.Axis("Test accuracy, %"))
            .LegendInside();
    }

    /// <summary>
    /// What tweaks gain over vanilla retraining of the same tickets (Figures 1 and 4): difference of mean test accuracies in
    /// percentage points, with the standard error of that difference, sqrt(s1^2/n1 + s2^2/n2).
    /// </summary>
    /// <param name="vanilla">What is compared with.</param>
    /// <param name="tweaked">One line each, at the levels it shares with vanilla.</param>
    /// <exception cref="UserException">There is nothing to draw.</exception>
    public static GenericChart GainOverVanilla(Sweep vanilla, params Sweep[] tweaked)
    {
        Points([vanilla]);
        Points(tweaked);
        var baseline = vanilla.Points.ToDictionary(point => point.Level);
        var pens = FigureTheme.Pens([vanilla.Name, .. tweaked.Select(sweep => sweep.Name)]);
        var shown = tweaked
            .Select(sweep => (Sweep: sweep, Points: sweep.Points.Where(point => baseline.ContainsKey(point.Level)).ToList()))
            .Where(entry => entry.Points.Count > 0)
            .ToList();
        if (shown.Count == 0)
            throw new UserException($"No sweep shares a sparsity level with '{vanilla.Name}'; sweep the same levels to compare them.");

        var charts = shown.Select(entry => Line(
            entry.Sweep.Name, pens[entry.Sweep.Name], entry.Points, Gain, StandardError,
            point => FormattableString.Invariant($"{entry.Sweep.Name}: {Gain(point):+0.00;-0.00;0.00} points")
                + (double.IsNaN(StandardError(point)) ? "" : FormattableString.Invariant($" ± {StandardError(point):0.00}"))));
        var seeds = shown.SelectMany(entry => entry.Sweep.Runs).Concat(vanilla.Runs).Select(run => run.Spec.Seed).Distinct().Count();
        var spread = seeds == 1 ? "one seed" : $"difference of means of {seeds} seeds and its standard error";
        return Chart.Combine(charts)
            .Styled(
                $"Gain over {vanilla.Name}",
                $"{Captions.Subject([.. vanilla.Runs, .. tweaked.SelectMany(sweep => sweep.Runs)])}, {spread}")
            .WithXAxis(SparsityAxis([.. shown.SelectMany(entry => entry.Points)]))
            .WithYAxis(FigureTheme.Axis(
                "Gain in test accuracy, points", ("rangemode", "tozero"), ("zeroline", true), ("zerolinecolor", FigureTheme.Faint), ("zerolinewidth", 1.5)))
            .LegendAbove();

        double Gain(SweepPoint point) => 100 * (point.Mean - baseline[point.Level].Mean);

        double StandardError(SweepPoint point)
        {
            var other = baseline[point.Level];
            return 100 * Math.Sqrt(point.Std * point.Std / point.Count + other.Std * other.Std / other.Count);
        }
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
            accuracy[^1].GetTraces()[0].TryGetTypedValue<Plotly.NET.TraceObjects.Marker>("marker")!.Value.SetValue("size", 13);
        }
        var left = Chart.Combine(loss).WithXAxis(FigureTheme.Axis("Epoch")).WithYAxis(FigureTheme.Axis("Loss", ("rangemode", "tozero")));
        var right = Chart.Combine(accuracy).WithXAxis(FigureTheme.Axis("Epoch")).WithYAxis(FigureTheme.Axis("Accuracy, %"));
        foreach (var trace in right.GetTraces())
            trace.SetValue("showlegend", false);
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
    private static GenericChart Line(
        string name, Pen pen, IReadOnlyList<SweepPoint> points, Func<SweepPoint, double> value, Func<SweepPoint, double> error,
        Func<SweepPoint, string> hover)
    {
        var errors = points.Select(error).ToArray();
        var chart = Chart.Line<double, double, string>(
                points.Select(Remaining).ToArray(), points.Select(value).ToArray(), ShowMarkers: true, Name: name, ShowLegend: true,
                MultiText: points.Select(point => $"{hover(point)}<br>{Hover(point)}").ToArray(), MarkerSymbol: pen.Symbol,
                MarkerColor: pen.Color, LineColor: pen.Color, LineWidth: 2.5, UseDefaults: false)
            .WithTrace(("hovertemplate", "%{text}<extra></extra>"), ("legendgroup", name));
        chart.GetTraces()[0].TryGetTypedValue<Plotly.NET.TraceObjects.Marker>("marker")!.Value.SetValue("size", 9);
        return errors.All(double.IsNaN)
            ? chart
            : chart.WithYErrorStyle<double, double>(Array: errors, Color: pen.Color, Thickness: 1.5, Width: 5.0);
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

    private static string Hover(SweepPoint point) => FormattableString.Invariant(
        $"level {point.Level}: {100 * point.Sparsity:0.0} % sparse, effectively {100 * point.EffectiveSparsity:0.0} %<br>n = {point.Count}")
        + (point.Collapsed.Count > 0 ? $"<br>nothing is left of {Captions.Layers(point.Collapsed)}" : "");

    /// <summary>Remaining weights in percent, larger first, on a logarithmic scale; ticks name the sparsity.</summary>
    private static Plotly.NET.LayoutObjects.LinearAxis SparsityAxis(IReadOnlyList<SweepPoint> points)
    {
        var levels = points.DistinctBy(point => point.Sparsity).OrderBy(point => point.Sparsity).ToList();
        var left = Math.Log10(Remaining(levels[0]));
        var right = Math.Log10(Remaining(levels[^1]));
        var margin = Math.Max(0.04 * (left - right), 0.02);
        return FigureTheme.Axis(
            "Sparsity, % of the prunable weights",
            ("type", "log"), ("range", new[] { left + margin, right - margin }),
            ("tickvals", levels.Select(Remaining).ToArray()),
            ("ticktext", levels.Select(point => Captions.Percent(point.Sparsity)).ToArray()));
    }

    private static double Remaining(SweepPoint point) => 100 * (1 - point.Sparsity);

    private static IReadOnlyList<SweepPoint> Points(IEnumerable<Sweep> sweeps)
    {
        var points = sweeps.SelectMany(sweep => sweep.Points).ToList();
        return points.Count > 0 ? points : throw new UserException("There are no sparse runs to draw; give at least one sweep with one level.");
    }
}
