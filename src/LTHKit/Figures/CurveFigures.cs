using Plotly.NET;
using Plotly.NET.CSharp;
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
    /// <param name="logarithmic">Whether the vertical axis is logarithmic.</param>
    /// <exception cref="UserException">There is nothing to draw, or the sizes do not fit.</exception>
    public static GenericChart Curves(
        string title, string xTitle, string yTitle, IReadOnlyList<Curve> curves, bool logarithmic = false)
    {
        if (curves.Count == 0) throw new UserException("There are no curves to draw; give at least one.");
        var pens = FigureTheme.Pens(curves.Select(curve => curve.Name));
        var charts = new List<GenericChart>();
        foreach (var curve in curves)
        {
            if (curve.X.Count == 0 || curve.Y.Count != curve.X.Count || (curve.Spread?.Count ?? curve.X.Count) != curve.X.Count)
                throw new UserException(
                    $"The curve '{curve.Name}' has {curve.X.Count} x and {curve.Y.Count} y values; "
                    + "give as many of both, at least one, and of its spread if it has one.");
            var pen = pens[curve.Name];
            if (curve.Spread is { } spread)
                charts.Add(Band(curve, spread, pen));
            var few = curve.X.Count <= 25;
            charts.Add(Chart.Line<double, double, string>(
                    curve.X.ToArray(), curve.Y.ToArray(), ShowMarkers: few, Name: curve.Name, ShowLegend: true,
                    MarkerColor: few ? pen.Color : default(Optional<Color>),
                    MarkerSymbol: few ? pen.Symbol : default(Optional<StyleParam.MarkerSymbol>),
                    LineColor: pen.Color, LineWidth: 2.5, UseDefaults: false)
                .WithTrace(("legendgroup", curve.Name), ("hovertemplate", $"{curve.Name}<br>%{{x:.4~g}}: %{{y:.4~g}}<extra></extra>")));
        }
        return Chart.Combine(charts)
            .Styled(title)
            .WithXAxis(FigureTheme.Axis(xTitle))
            .WithYAxis(FigureTheme.Axis(yTitle, ("type", logarithmic ? "log" : null), ("dtick", logarithmic ? "D2" : null)))
            .LegendAbove(curves.Select(curve => curve.Name));
    }

    /// <summary>Bars side by side: learned scales of layers (Section 3), sparsity of layers.</summary>
    /// <param name="title">Of the figure.</param>
    /// <param name="yTitle">What the bars measure, with its unit.</param>
    /// <param name="names">One a group of bars, for instance the layers.</param>
    /// <param name="groups">One colour each.</param>
    /// <exception cref="UserException">There is nothing to draw, or the sizes do not fit.</exception>
    public static GenericChart Bars(string title, string yTitle, IReadOnlyList<string> names, params BarGroup[] groups)
        => BarsFrom(0, title, yTitle, names, groups);

    /// <summary>Bars that begin at <paramref name="start"/>.</summary>
    private static GenericChart BarsFrom(double start, string title, string yTitle, IReadOnlyList<string> names, BarGroup[] groups)
    {
        if (names.Count == 0 || groups.Length == 0)
            throw new UserException("There are no bars to draw; give at least one name and one group of values.");
        if (groups.FirstOrDefault(group => group.Values.Count != names.Count) is { } odd)
            throw new UserException($"'{odd.Name}' has {odd.Values.Count} values for {names.Count} bars; give one a bar.");
        var pens = FigureTheme.Pens(groups.Select(group => group.Name));
        var charts = groups.Select(group => Chart.Column<double, string, string>(
                group.Values.Select(value => value - start).ToArray(), Keys: names.ToArray(), Name: group.Name, ShowLegend: groups.Length > 1,
                MarkerColor: pens[group.Name].Color, UseDefaults: false)
            .WithTrace(("base", start == 0 ? null : start), ("hovertemplate", $"%{{x}}<br>{group.Name}: %{{y:.4~g}}<extra></extra>")));
        var chart = Chart.Combine(charts)
            .Styled(title)
            .WithLayout(new Layout().With(("bargap", 0.25), ("barmode", "group")))
            .WithXAxis(FigureTheme.GridlessAxis("", ("type", "category")))
            .WithYAxis(FigureTheme.Axis(yTitle));
        return groups.Length > 1 ? chart.LegendAbove(groups.Select(group => group.Name)) : chart;
    }

    private static GenericChart Band(Curve curve, IReadOnlyList<double> spread, Pen pen)
    {
        var upper = curve.Y.Zip(spread, (y, s) => y + s);
        var lower = curve.Y.Zip(spread, (y, s) => y - s);
        return Chart.Line<double, double, string>(
                curve.X.Concat(curve.X.Reverse()).ToArray(), upper.Concat(lower.Reverse()).ToArray(), Name: curve.Name, ShowLegend: false,
                LineWidth: 0, LineColor: pen.Color, Fill: StyleParam.Fill.ToSelf, FillColor: pen.Faded(0.18), UseDefaults: false)
            .WithTrace(("legendgroup", curve.Name), ("hoverinfo", "skip"));
    }
}
