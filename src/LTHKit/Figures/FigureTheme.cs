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

    public static readonly Color Ink = Color.fromString("#2b2b2b"), Faint = Color.fromString(FaintHex), Grid = Color.fromString("#e6e6e6"),
        White = Color.fromString("white");

    /// <summary>Size, fonts, title and legend of a figure; a small second line under the title says what was measured on.</summary>
    public static GenericChart Styled(this GenericChart chart, string title, string? subtitle = null)
    {
        var heading = Init<Title>(
            new { Text = subtitle is null ? title : $"{title}<br><span style=\"font-size:13px;color:{FaintHex}\">{subtitle}</span>", Font = Init<Font>(new { Size = 18.0 }) },
            new { X = 0.02, XAnchor = XAnchorPosition.Left, Y = 1.0, YAnchor = YAnchorPosition.Top },
            new { Pad = Init<Plotly.NET.Padding>(new { T = subtitle is null ? 18 : 22 }) });
        var font = Init<Font>(new { Family = FontFamily.NewCustom("Helvetica, Arial, sans-serif"), Size = 14.0, Color = Ink });
        var hover = Init<Hoverlabel>(new { BgColor = White, BorderColor = Grid, Namelength = -1, Font = Init<Font>(new { Size = 13.0, Color = Ink }) });
        var styled = chart.WithLayout(
            new { Title = heading, Font = font, Margin = Margins() },
            new { PaperBGColor = White, PlotBGColor = White, HoverMode = HoverMode.Closest, Hoverlabel = hover });
        return GenericChart.addConfig(
            Init<Config>(new { Displaylogo = false, ToImageButtonOptions = Init<ToImageButtonOptions>(new { Format = ImageFormat.PNG, Scale = 2.0 }) }),
            styled.WithSize(Width: Width, Height: Height));
    }

    public static LinearAxis Axis(string title, object? more = null) => GridlessAxis(title, new { ShowGrid = true, GridColor = Grid }, more);

    public static LinearAxis GridlessAxis(string title, params object?[] more) => Plain(title, [new { ShowGrid = false, ExponentFormat = ExponentFormat.Power }, .. more]);

    public static LinearAxis Categories(params object?[] more) => Plain("", [new { ShowGrid = false, AxisType = AxisType.Category }, .. more]);

    // The kind of axis is given, lest plotly.js take numbers with many missing among them for names.
    private static LinearAxis Plain(string title, params object?[] more) => Init<LinearAxis>([
        new { Title = Init<Title>(new { Text = title, Standoff = 10 }), AxisType = AxisType.Linear, ShowLine = true, LineColor = Ink, ZeroLine = false },
        new { Ticks = TickOptions.Outside, TickColor = Ink, TickLen = 5, AutoMargin = TickAutoMargin.All },
        .. more]);

    /// <summary>Puts the legend of these names above the plot, where no curve can run under it, and makes room for as many rows as it takes.</summary>
    public static GenericChart LegendAbove(this GenericChart chart, IEnumerable<string> names)
    {
        const int room = Width - 120, aRow = 21;
        var (rows, filled) = (1, 0.0);
        foreach (var width in names.Select(name => 48 + 6.8 * name.Length))
            (rows, filled) = filled == 0 || filled + width <= room ? (rows, filled + width) : (rows + 1, width);
        var more = aRow * (rows - 1);
        return chart.WithLegend(Init<Legend>(
            new { Font = Init<Font>(new { Size = 13.0 }), Orientation = Orientation.Horizontal, TraceGroupGap = 0.0 },
            new { X = 1.0, XAnchor = XAnchorPosition.Right, Y = 1.01, YAnchor = YAnchorPosition.Bottom }), default)
                .WithLayout(new { Margin = Margins(more) }).WithSize(Width: Width, Height: Height + more);
    }

    public static Margin Margins(int more = 0) => Init<Margin>(new { Left = 72, Right = 24, Top = 78 + more, Bottom = 64 });

    /// <summary>Gives each value of a map one that the hover tells; Plotly.NET's type has room for a list only.</summary>
    public static GenericChart WithCustomData(this GenericChart chart, IReadOnlyList<IReadOnlyList<double>> rows)
    {
        chart.GetTraces()[0].SetProperty("customdata", rows);
        return chart;
    }

    public static GenericChart WithLayout(this GenericChart chart, params object?[] layout) => GenericChart.addLayout(Init<Layout>(layout), chart);

    public static GenericChart WithAxes(this GenericChart chart, LinearAxis x, LinearAxis y) =>
        Plotly.NET.Chart.withYAxis(y, null).Invoke(Plotly.NET.Chart.withXAxis(x, null).Invoke(chart));
}

/// <summary>How one series is drawn: the index of its colour, and in each further round of the colours other lines, symbols and patterns.</summary>
internal sealed record Pen(int Index, int Round)
{
    // Okabe and Ito's palette, which colour-blind readers can tell apart too, without black and its pale yellow; what tweaks are compared with is grey.
    private static readonly string[] Palette = ["#CC79A7", "#009E73", "#E69F00", "#D55E00", "#0072B2", "#56B4E9", "#4d4d4d"];

    private static readonly int Grey = Palette.Length - 1;

    // What the notebooks compare, tweaks in one figure and pruners in another, has colours of its own, in the palette's order; vanilla is grey.
    private static readonly Dictionary<string, int> Owners = new string[][]
    {
        ["AT + TRT", "synflow"], ["swish", "TRT", "imp", "omp erk"], ["label smoothing", "mish", "random", "imp, tweaked"], ["re-scaled init", "weight rewinding", "grasp"],
        ["AT", "omp"], ["skip", "snip"], ["vanilla", "vanilla LTH"],
    }.Index().SelectMany(colour => colour.Item.Select(name => (Meaning(name), colour.Index))).ToDictionary();

    // A symbol a colour, so that the first round can be told apart without colours; the grey one's is a circle.
    private static readonly MarkerSymbol[] Symbols = [MarkerSymbol.Square, MarkerSymbol.Diamond, MarkerSymbol.TriangleUp, MarkerSymbol.Cross,
        MarkerSymbol.TriangleDown, MarkerSymbol.X, MarkerSymbol.Circle];
    private static readonly DrawingStyle[] Dashes = [DrawingStyle.Solid, DrawingStyle.DashDot, DrawingStyle.LongDashDot, DrawingStyle.Dot];
    private static readonly PatternShape[] Patterns = [PatternShape.None, PatternShape.DiagonalAscending, PatternShape.Dots, PatternShape.Checked];

    /// <summary>
    /// What the notebooks compare, also on top of rewinding or at one sparsity, has the same colour in every figure; where two of one figure share it they differ
    /// in line, symbol and pattern. Other names have the colour that follows from their hash, "vanilla..." grey, or the next that is free.
    /// </summary>
    public static IReadOnlyDictionary<string, Pen> For(IEnumerable<string> names)
    {
        var (pens, rounds) = (new Dictionary<string, Pen>(), Enumerable.Range(0, Dashes.Length));
        foreach (var (name, meaning) in names.Distinct().Select(name => (name, Meaning(name))).OrderByDescending(n => Owners.ContainsKey(n.Item2)))
        {
            var first = (int)(StableHash(meaning) % (uint)Grey);
            int[] colours = [.. name.StartsWith("vanilla", StringComparison.OrdinalIgnoreCase) ? [Grey] : (int[])[], .. Enumerable.Range(first, Grey).Select(i => i % Grey)];
            List<Pen> wanted = [.. Owners.TryGetValue(meaning, out var own) ? rounds.Select(round => new Pen(own, round)) : [],
                .. rounds.SelectMany(round => colours.Select(colour => new Pen(colour, round)))];
            pens[name] = wanted.FirstOrDefault(pen => !pens.ContainsValue(pen), wanted[0]);
        }
        return pens;
    }

    public Color Color => Color.fromString(Palette[Index]);

    public Color Faded(double opacity)
    {
        var bytes = Convert.FromHexString(Palette[Index][1..]);
        return Color.fromString(FormattableString.Invariant($"rgba({bytes[0]},{bytes[1]},{bytes[2]},{opacity})"));
    }

    /// <summary>A dense network's dash.</summary>
    public DrawingStyle Dense => Round == 0 ? DrawingStyle.Dash : DrawingStyle.LongDash;

    /// <summary>A line of this pen; the training's, a dense network's have a dash of their own.</summary>
    public Line Line(double width = 2.5, DrawingStyle? dash = null) => Init<Line>(new { Color, Width = width, Dash = dash ?? Dashes[Round] });

    /// <summary>The markers on such a line, hollow in every other round.</summary>
    public Marker Marker(int size = 9) => Init<Marker>(
        new { Color, Size = size, Symbol = Symbols[(Index + 3 * (Round / 2)) % Symbols.Length] },
        Round % 2 == 0 ? null : new { Color = FigureTheme.White, Outline = Init<Line>(new { Color, Width = 2.0 }) });

    public Marker Filling => Init<Marker>(new { Color, Pattern = Init<Pattern>(new { Shape = Patterns[Round] }) });

    // A bundle is its tweaks in alphabetical order: "AT", "swish + skip" and "48.8 % sparse, skip, swish" mean the same.
    private static string Meaning(string name) => name.StartsWith("rewound to", StringComparison.Ordinal) ? "weight rewinding"
        : string.Join(" + ", Regex.Replace(name.ToLowerInvariant(), @"^[\d.]+ % sparse, |rewinding \+ ", "").Split([" + ", ", "], StringSplitOptions.None).SelectMany(part => part switch
        {
            "at" => ["skip", "swish"],
            "trt" => ["label smoothing", "re-scaled init"],
            "label smoothing 0.1" => ["label smoothing"],
            _ => (string[])[part],
        }).Order(StringComparer.Ordinal));

    // FNV-1a: the same in every process, as string.GetHashCode is not; with this start value the names that have no owner and are compared in the notebooks differ.
    private static uint StableHash(string text) => text.Aggregate(41002755u, (hash, c) => unchecked((hash ^ c) * 16777619u)) >> 16;
}
