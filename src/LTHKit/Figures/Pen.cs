using Plotly.NET;
using Plotly.NET.TraceObjects;
using static LTHKit.Typed;
using static Plotly.NET.StyleParam;

namespace LTHKit;

/// <summary>How one series is drawn: the index of its colour, and in each further round of the colours other lines, symbols and patterns.</summary>
internal sealed record Pen(int Index, int Round)
{
    private const int Rounds = 4;

    // Okabe and Ito's palette, which colour-blind readers can tell apart too, without black and its pale yellow; what tweaks are compared with is grey.
    private static readonly string[] Palette = ["#CC79A7", "#009E73", "#E69F00", "#D55E00", "#0072B2", "#56B4E9", "#4d4d4d"];
    private static readonly int Grey = Palette.Length - 1;

    // A symbol a colour, so that the first round can be told apart without colours; the grey one's is a circle.
    private static readonly MarkerSymbol[] Symbols =
        [MarkerSymbol.Square, MarkerSymbol.Diamond, MarkerSymbol.TriangleUp, MarkerSymbol.Cross, MarkerSymbol.TriangleDown,
            MarkerSymbol.X, MarkerSymbol.Circle];
    private static readonly DrawingStyle[] Dashes = [DrawingStyle.Solid, DrawingStyle.Dot, DrawingStyle.DashDot, DrawingStyle.LongDashDot];
    private static readonly PatternShape[] Patterns = [PatternShape.None, PatternShape.DiagonalAscending, PatternShape.Dots, PatternShape.Checked];

    /// <summary>
    /// The first "vanilla..." is grey; any other name has the same colour in every figure, unless two of one figure want it: then the later takes the next.
    /// </summary>
    public static IReadOnlyDictionary<string, Pen> For(IEnumerable<string> names)
    {
        var pens = new Dictionary<string, Pen>();
        foreach (var name in names.Distinct())
        {
            var wanted = Enumerable.Range((int)(StableHash(name) % (uint)(Grey - 1)), Grey).Select(i => i % Grey);
            if (name.StartsWith("vanilla", StringComparison.OrdinalIgnoreCase))
                wanted = wanted.Prepend(Grey);
            var all = Enumerable.Range(0, Rounds).SelectMany(round => wanted.Select(index => new Pen(index, round))).ToList();
            pens[name] = all.FirstOrDefault(pen => !pens.ContainsValue(pen), all[0]);
        }
        return pens;
    }

    /// <summary>Of lines, markers and bars.</summary>
    public Color Color => Color.fromString(Palette[Index]);

    /// <summary>The colour with an opacity in [0, 1].</summary>
    public Color Faded(double opacity)
    {
        var bytes = Convert.FromHexString(Palette[Index][1..]);
        return Color.fromString(string.Create(CultureInfo.InvariantCulture, $"rgba({bytes[0]},{bytes[1]},{bytes[2]},{opacity})"));
    }

    /// <summary>A line of this pen; the training's, a dense network's have a dash of their own.</summary>
    public Line Line(double width = 2.5, DrawingStyle? dash = null) => Init<Line>(new { Color, Width = width, Dash = dash ?? Dashes[Round] });

    /// <summary>The markers on such a line, hollow in every other round.</summary>
    public Marker Marker(int size = 9) => Init<Marker>(
        new { Color, Size = size, Symbol = Symbols[(Index + 3 * (Round / 2)) % Symbols.Length] },
        Round % 2 == 0 ? null : new { Color = FigureTheme.White, Outline = Init<Line>(new { Color, Width = 2.0 }) });

    /// <summary>What a bar of this pen is filled with.</summary>
    public PatternShape Pattern => Patterns[Round];

    // FNV-1a: the same in every process, as string.GetHashCode is not; with this start value the kit's own tweaks and bundles differ.
    private static uint StableHash(string text) => text.Aggregate(555u, (hash, c) => unchecked((hash ^ c) * 16777619u));
}
