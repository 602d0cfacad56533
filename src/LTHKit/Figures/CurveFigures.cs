using LTHKit.Experiments;
using Plotly.NET;
using Plotly.NET.CSharp;
using static Plotly.NET.StyleParam;
using Chart = Plotly.NET.CSharp.Chart;

namespace LTHKit;

/// <summary>One line of <see cref="Figures.Curves"/>.</summary>
/// <param name="Name">As in the legend.</param>
/// <param name="X">Where.</param>
/// <param name="Y">What; as many as <paramref name="X"/>.</param>
/// <param name="Spread">Half the width of a band around the line, for instance a standard deviation; null for none.</param>
public sealed record Curve(string Name, IReadOnlyList<double> X, IReadOnlyList<double> Y, IReadOnlyList<double>? Spread = null);

/// <summary>One colour of <see cref="Figures.Bars"/>.</summary>
/// <param name="Name">As in the legend.</param>
/// <param name="Values">One a bar.</param>
public sealed record BarGroup(string Name, IReadOnlyList<double> Values);

public static partial class Figures
{
    /// <summary>
    /// Lines over a common axis: the loss along an eigenvector (Figure 10), the top eigenvalue over training (Figures 2 and A12).
    /// </summary>
    /// <param name="title">Of the figure.</param>
    /// <param name="xTitle">What the horizontal axis is, with its unit.</param>
    /// <param name="yTitle">What the vertical axis is, with its unit.</param>
    /// <param name="curves">One colour each.</param>
    /// <param name="logarithmic">Whether the vertical axis is logarithmic; what is not above zero is a gap there, and a band ends at the lowest value.</param>
    /// <param name="subtitle">A small second line under the title.</param>
    /// <exception cref="UserException">There is nothing to draw, or the sizes do not fit.</exception>
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
        var names = Captions.Unique([.. curves.Select(curve => curve.Name)]);
        var pens = Pen.For(names);
        var charts = new List<GenericChart>();
        foreach (var (curve, name) in curves.Zip(names))
        {
            double[] y = [.. curve.Y.Select(value => logarithmic && value <= 0 ? double.NaN : value)];
            if (curve.Spread is { } spread)
                charts.Add(Band(name, pens[name], curve.X,
                    [.. y.Zip(spread, (v, s) => logarithmic && v - s <= 0 ? shown.Min() : v - s)], [.. y.Zip(spread, (v, s) => v + s)], 0.18));
            charts.Add(Scatter([.. curve.X], y, name, pens[name].Line(),
                curve.X.Count <= 25 ? pens[name].Marker(6) : default(Optional<Plotly.NET.TraceObjects.Marker>), legend: true)
                .Trace(new { LegendGroup = name, HoverTemplate = $"{name}<br>%{{x:.4~g}}: %{{y:.4~g}}<extra></extra>" }));
        }
        return Chart.Combine(charts)
            .Styled(title, subtitle)
            .WithAxes(FigureTheme.Axis(xTitle),
                FigureTheme.Axis(yTitle, logarithmic ? new { AxisType = AxisType.Log, DTick = shown.Max() < 1e4 * shown.Min() ? "D2" : "1" } : null))
            .LegendAbove(names);
    }

    /// <summary>
    /// The time of a training step over sparsity: of the dense network through libtorch, of tickets masked through it, and of tickets over their surviving
    /// weights.
    /// </summary>
    /// <param name="times">Measured, of one network at several sparsities; the densest is the dense line.</param>
    /// <exception cref="UserException">There is nothing to draw.</exception>
    public static GenericChart StepTimes(IReadOnlyList<StepTime> times)
    {
        if (times.Count == 0)
            throw new UserException("There are no times to draw; give at least one.");
        StepTime[] over = [.. times.OrderBy(time => time.Run.Sparsity)];
        double[] x = [.. over.Select(time => 100 * time.Run.Sparsity)];
        Curve Line(string name, Func<StepTime, double> seconds) => new(name, x, [.. over.Select(time => 1000 * seconds(time))]);
        return Curves("Time of a training step", "Sparsity, %", "Time, ms",
            [Line("dense, libtorch", _ => over[0].Masked), Line("masked, libtorch", time => time.Masked), Line("surviving weights", time => time.Own)],
            subtitle: Captions.Subject([.. over.Select(time => time.Run)]));
    }

    /// <summary>Bars side by side: learned scales of layers (Section 3), sparsity of layers.</summary>
    /// <param name="title">Of the figure.</param>
    /// <param name="yTitle">What the bars measure, with its unit.</param>
    /// <param name="bars">One a group of bars, for instance the layers.</param>
    /// <param name="groups">One colour each.</param>
    /// <exception cref="UserException">There is nothing to draw, or the sizes do not fit.</exception>
    public static GenericChart Bars(string title, string yTitle, IReadOnlyList<string> bars, params BarGroup[] groups)
        => BarsFrom(0, title, yTitle, bars, groups);

    /// <summary>Bars that begin at <paramref name="start"/>.</summary>
    private static GenericChart BarsFrom(double start, string title, string yTitle, IReadOnlyList<string> bars, BarGroup[] groups)
    {
        if (bars.Count == 0 || groups.Length == 0)
            throw new UserException("There are no bars to draw; give at least one name and one group of values.");
        if (groups.FirstOrDefault(group => group.Values.Count != bars.Count) is { } odd)
            throw new UserException($"'{odd.Name}' has {odd.Values.Count} values for {bars.Count} bars; give one a bar.");
        var names = Captions.Unique([.. groups.Select(group => group.Name)]);
        var pens = Pen.For(names);
        var chart = Chart.Combine(groups.Zip(names, (group, name) => Chart.Column<double, string, string>(
                    group.Values.Select(value => value - start).ToArray(), Keys: bars.ToArray(), Name: name, ShowLegend: groups.Length > 1,
                    MarkerColor: pens[name].Color, MarkerPatternShape: pens[name].Pattern,
                        Base: start == 0 ? default(Optional<double>) : start, UseDefaults: false)
                .Trace(new { LegendGroup = name, HoverTemplate = $"%{{x}}<br>{name}: %{{y:.4~g}}<extra></extra>" })))
            .Styled(title)
            .WithLayout(new { BarGap = 0.25, BarMode = BarMode.Group })
            .WithAxes(FigureTheme.Categories(), FigureTheme.Axis(yTitle));
        return groups.Length > 1 ? chart.LegendAbove(names) : chart;
    }
}
