using Plotly.NET;
using Plotly.NET.ConfigObjects;
using Plotly.NET.CSharp;
using Plotly.NET.LayoutObjects;
using Plotly.NET.TraceObjects;
using static LTHKit.Typed;
using static Plotly.NET.StyleParam;

namespace LTHKit;

/// <summary>The look of every figure, in one place: size, fonts, axes and colours.</summary>
internal static class FigureTheme
{
    /// <summary>Pixels; read well in a notebook's cell and, at twice the scale, in print.</summary>
    public const int Width = 900, Height = 520;

    private const string FaintHex = "#6b6b6b";

    /// <summary>Text and axes.</summary>
    public static readonly Color Ink = Color.fromString("#2b2b2b"), Faint = Color.fromString(FaintHex), Grid = Color.fromString("#e6e6e6"),
        White = Color.fromString("white");

    /// <summary>Size, fonts, title and legend of a figure; a small second line under the title says what was measured on.</summary>
    public static GenericChart Styled(this GenericChart chart, string title, string? subtitle = null)
    {
        var heading = subtitle is null ? title : $"{title}<br><span style=\"font-size:13px;color:{FaintHex}\">{subtitle}</span>";
        // Plotly.NET gives each trace an object for its markers and one for its line, needed or not; plotly.js's validator calls them unused.
        foreach (var trace in chart.GetTraces())
            foreach (var part in new[] { "marker", "line" })
                if (trace.TryGetTypedPropertyValue<DynamicObj.DynamicObj>(part) is { Value: var empty } && !empty.GetProperties(false).Any())
                    trace.RemoveProperty(part);
        return GenericChart.addConfig(
            Init<Config>(new { Displaylogo = false, ToImageButtonOptions = Init<ToImageButtonOptions>(new { Format = ImageFormat.PNG, Scale = 2.0 }) }),
            chart.WithLayout(new
            {
                Font = Init<Font>(new { Family = FontFamily.NewCustom("Helvetica, Arial, sans-serif"), Size = 14.0, Color = Ink }),
                PaperBGColor = White,
                PlotBGColor = White,
                HoverMode = HoverMode.Closest,
                Hoverlabel = Init<Hoverlabel>(
                    new { BgColor = White, BorderColor = Grid, Namelength = -1, Font = Init<Font>(new { Size = 13.0, Color = Ink }) }),
                Title = Init<Title>(
                    new { Text = heading, X = 0.02, XAnchor = XAnchorPosition.Left, Y = 1.0, YAnchor = YAnchorPosition.Top },
                    new { Pad = Init<Plotly.NET.Padding>(new { T = 18 }), Font = Init<Font>(new { Size = 18.0 }) }),
                Margin = Margins(),
            }).WithSize(Width: Width, Height: Height));
    }

    /// <summary>An axis with a title, a line, ticks and a faint grid.</summary>
    public static LinearAxis Axis(string title, object? more = null) => Plain(title, new { ShowGrid = true, GridColor = Grid, ExponentFormat = ExponentFormat.Power }, more);

    /// <summary>An axis with a title, a line and ticks.</summary>
    public static LinearAxis GridlessAxis(string title, object? more = null)
        => Plain(title, new { ShowGrid = false, ExponentFormat = ExponentFormat.Power }, more);

    /// <summary>An axis of names.</summary>
    public static LinearAxis Categories(int? angle = null) => Plain("", new { ShowGrid = false, AxisType = AxisType.Category, TickAngle = angle });

    // The kind of axis is given, lest plotly.js take numbers with many missing among them for names.
    private static LinearAxis Plain(string title, params object?[] more) => Init<LinearAxis>([
        new { Title = Init<Title>(new { Text = title, Standoff = 10 }), AxisType = AxisType.Linear, ShowLine = true, LineColor = Ink, ZeroLine = false },
        new { Ticks = TickOptions.Outside, TickColor = Ink, TickLen = 5, AutoMargin = TickAutoMargin.All },
        .. more]);

    /// <summary>Puts the legend of these names above the plot, where no curve can run under it, and makes room for as many rows as it takes.</summary>
    public static GenericChart LegendAbove(this GenericChart chart, IEnumerable<string> names)
    {
        const int room = Width - 120, aRow = 21;
        var widths = names.Select(name => 48 + 6.8 * name.Length).ToList();
        // In several rows plotly.js gives all entries the width of the longest.
        var rows = widths.Sum() <= room ? 1 : (int)Math.Ceiling(widths.Count / Math.Max(1, Math.Floor(room / widths.Max())));
        var more = aRow * (rows - 1);
        return chart.WithLegend(Init<Legend>(
            new { Font = Init<Font>(new { Size = 13.0 }), Orientation = Orientation.Horizontal, TraceGroupGap = 0.0 },
            new { X = 1.0, XAnchor = XAnchorPosition.Right, Y = 1.01, YAnchor = YAnchorPosition.Bottom }), default)
                .WithLayout(new { Margin = Margins(more) }).WithSize(Width: Width, Height: Height + more);
    }

    private static Margin Margins(int more = 0) => Init<Margin>(new { Left = 72, Right = 24, Top = 78 + more, Bottom = 64 });

    /// <summary>Gives each value of a map one that the hover tells; Plotly.NET's type has room for a list only.</summary>
    public static GenericChart WithCustomData(this GenericChart chart, IReadOnlyList<IReadOnlyList<double>> rows)
    {
        chart.GetTraces()[0].With("customdata", rows);
        return chart;
    }

    /// <summary>Puts these attributes over the chart's layout.</summary>
    public static GenericChart WithLayout(this GenericChart chart, object layout) => GenericChart.addLayout(Init<Layout>(layout), chart);

    /// <summary>Gives a chart its axes.</summary>
    public static GenericChart WithAxes(this GenericChart chart, LinearAxis x, LinearAxis y) =>
        Plotly.NET.Chart.withYAxis(y, null).Invoke(Plotly.NET.Chart.withXAxis(x, null).Invoke(chart));

    /// <summary>From one end of an axis to the other; on a logarithmic one, powers of ten.</summary>
    public static StyleParam.Range Between(double first, double last) => StyleParam.Range.NewMinMax(first, last);
}
