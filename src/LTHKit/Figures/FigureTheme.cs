using Plotly.NET;
using Plotly.NET.CSharp;
using Plotly.NET.LayoutObjects;
using Plotly.NET.TraceObjects;

namespace LTHKit;

/// <summary>The look of every figure, in one place: size, fonts, axes and colours.</summary>
internal static class FigureTheme
{
    /// <summary>Pixels; read well in a notebook's cell and, at twice the scale, in print.</summary>
    public const int Width = 900, Height = 520;

    /// <summary>Text and axes.</summary>
    public const string Ink = "#2b2b2b", Faint = "#6b6b6b", Grid = "#e6e6e6";

    /// <summary>What the tweaks are compared with has a colour of its own.</summary>
    private const string Baseline = "#4d4d4d";

    /// <summary>Okabe and Ito's palette, which colour-blind readers can tell apart too, without black and its pale yellow.</summary>
    private static readonly string[] Palette = ["#CC79A7", "#009E73", "#E69F00", "#D55E00", "#0072B2", "#56B4E9"];

    private static readonly StyleParam.MarkerSymbol[] Symbols =
        [StyleParam.MarkerSymbol.Square, StyleParam.MarkerSymbol.Diamond, StyleParam.MarkerSymbol.TriangleUp,
         StyleParam.MarkerSymbol.Cross, StyleParam.MarkerSymbol.TriangleDown, StyleParam.MarkerSymbol.X];

    /// <summary>
    /// A colour and a symbol for each name: "vanilla..." is grey, any other name has the same colour in every figure unless two names of one
    /// figure want the same one, when the later takes the next that is free.
    /// </summary>
    public static IReadOnlyDictionary<string, Pen> Pens(IEnumerable<string> names)
    {
        var pens = new Dictionary<string, Pen>();
        var taken = new HashSet<int>();
        foreach (var name in names.Distinct())
        {
            if (name.StartsWith("vanilla", StringComparison.OrdinalIgnoreCase))
            {
                pens[name] = new(Baseline, StyleParam.MarkerSymbol.Circle);
                continue;
            }
            var wanted = (int)(StableHash(name) % (uint)(Palette.Length - 1));
            var free = Enumerable.Range(wanted, Palette.Length).Select(i => i % Palette.Length).Where(i => !taken.Contains(i));
            var chosen = free.FirstOrDefault(wanted);
            taken.Add(chosen);
            pens[name] = new(Palette[chosen], Symbols[chosen]);
        }
        return pens;
    }

    /// <summary>Size, fonts, title and legend of a figure; a small second line under the title says what was measured on.</summary>
    public static GenericChart Styled(this GenericChart chart, string title, string? subtitle = null)
    {
        var heading = subtitle is null ? title : $"{title}<br><span style=\"font-size:13px;color:{Faint}\">{subtitle}</span>";
        var layout = new Layout().With(
            ("font", new Font().With(("family", "Helvetica, Arial, sans-serif"), ("size", 14), ("color", Ink))),
            ("paper_bgcolor", "white"),
            ("plot_bgcolor", "white"),
            ("hovermode", "closest"),
            ("hoverlabel", Object(("bgcolor", "white"), ("bordercolor", Grid), ("font", new Font().With(("size", 13), ("color", Ink))))),
            ("title", new Title().With(
                ("text", heading), ("x", 0.02), ("xanchor", "left"), ("y", 0.965), ("yanchor", "top"),
                ("font", new Font().With(("size", 18))))),
            ("margin", Object(("l", 72), ("r", 24), ("t", 78), ("b", 64))));
        var config = new Config().With(
            ("displaylogo", false),
            ("toImageButtonOptions", Object(("format", "png"), ("scale", 2))));
        // A line without markers still has an object for them, which plotly.js's validator reports as unused.
        foreach (var trace in chart.GetTraces())
            if (trace.TryGetTypedPropertyValue<Marker>("marker") is { Value: var marker } && !marker.GetProperties(false).Any())
                trace.RemoveProperty("marker");
        return chart.WithLayout(layout).WithSize(Width: Width, Height: Height).AddConfig(config);
    }

    /// <summary>An axis with a title, a line, ticks and a faint grid.</summary>
    public static LinearAxis Axis(string title, params (string Name, object? Value)[] more) =>
        GridlessAxis(title, [("gridcolor", Grid), .. more]);

    /// <summary>An axis with a title, a line and ticks.</summary>
    public static LinearAxis GridlessAxis(string title, params (string Name, object? Value)[] more) => new LinearAxis().With([
        ("title", new Title().With(("text", title), ("standoff", 10))),
        ("showline", true), ("linecolor", Ink), ("ticks", "outside"), ("tickcolor", Ink), ("ticklen", 5),
        ("showgrid", more.Any(attribute => attribute.Name == "gridcolor")), ("zeroline", false), ("automargin", true),
        .. more]);

    /// <summary>Puts the legend in a row above the plot, where no curve can run under it.</summary>
    public static GenericChart LegendAbove(this GenericChart chart) => chart.WithLegend(
        ("orientation", "h"), ("x", 1), ("xanchor", "right"), ("y", 1.01), ("yanchor", "bottom"));

    /// <summary>Puts the legend of these names above the plot, and makes room for as many rows as it takes.</summary>
    public static GenericChart LegendAbove(this GenericChart chart, IEnumerable<string> names)
    {
        const double aCharacter = 6.8, aSymbol = 48, aRow = 21;
        var rows = Math.Ceiling(names.Sum(name => aSymbol + aCharacter * name.Length) / (Width - 120));
        return rows <= 1 ? chart.LegendAbove() : chart.LegendAbove()
            .WithLayout(new Layout().With(("margin", Object(("l", 72), ("r", 24), ("t", 78 + aRow * (rows - 1)), ("b", 64)))))
            .WithSize(Width: Width, Height: Height + (int)(aRow * (rows - 1)));
    }

    private static GenericChart WithLegend(this GenericChart chart, params (string Name, object? Value)[] attributes) => chart.WithLayout(
        new Layout().With(("legend", Object([("font", new Font().With(("size", 13))), .. attributes]))));

    /// <summary>Sets plotly.js attributes by name, leaving out those that are null, and returns the same object.</summary>
    public static T With<T>(this T target, params (string Name, object? Value)[] attributes) where T : DynamicObj.DynamicObj
    {
        foreach (var (name, value) in attributes)
            if (value is not null)
                target.SetProperty(name, value);
        return target;
    }

    /// <summary>Sets plotly.js attributes on every trace of a chart.</summary>
    public static GenericChart WithTrace(this GenericChart chart, params (string Name, object? Value)[] attributes)
    {
        foreach (var trace in chart.GetTraces())
            trace.With(attributes);
        return chart;
    }

    /// <summary>Puts these attributes over the chart's layout.</summary>
    public static GenericChart WithLayout(this GenericChart chart, Layout layout) => GenericChart.addLayout(layout, chart);

    private static GenericChart AddConfig(this GenericChart chart, Config config) => GenericChart.addConfig(config, chart);

    public static GenericChart WithXAxis(this GenericChart chart, LinearAxis axis) => Plotly.NET.Chart.withXAxis(axis, null).Invoke(chart);

    public static GenericChart WithYAxis(this GenericChart chart, LinearAxis axis) => Plotly.NET.Chart.withYAxis(axis, null).Invoke(chart);

    /// <summary>A plotly.js object that has no class of its own.</summary>
    public static DynamicObj.DynamicObj Object(params (string Name, object? Value)[] attributes) =>
        new DynamicObj.DynamicObj().With(attributes);

    /// <summary>
    /// FNV-1a: the same on every machine and in every process, as string.GetHashCode is not. With this start value the kit's own tweaks
    /// have different colours.
    /// </summary>
    private static uint StableHash(string text) => text.Aggregate(67u, (hash, c) => unchecked((hash ^ c) * 16777619u));
}

/// <summary>How one series is drawn.</summary>
/// <param name="Hex">Colour, "#rrggbb".</param>
/// <param name="Symbol">Marker.</param>
internal sealed record Pen(string Hex, StyleParam.MarkerSymbol Symbol)
{
    public Color Color => Color.fromString(Hex);

    /// <summary>The colour with an opacity in [0, 1].</summary>
    public Color Faded(double opacity)
    {
        var bytes = Convert.FromHexString(Hex[1..]);
        return Color.fromString(FormattableString.Invariant($"rgba({bytes[0]},{bytes[1]},{bytes[2]},{opacity})"));
    }
}
