using System.Globalization;
using System.Text;

namespace Deedle;

public partial class Frame<TRowKey, TColumnKey>
{
    private const int Shown = 15, LongestCell = 50;

    /// <summary>The table as text: at most the first and last 15 rows and columns.</summary>
    public string Format()
    {
        var lines = Lines();
        var widths = Enumerable.Range(0, lines[0].Length).Select(i => lines.Max(line => line[i].Length)).ToArray();
        var text = new StringBuilder();
        foreach (var line in lines)
        {
            for (var i = 0; i < line.Length; i++) text.Append(line[i].PadRight(widths[i])).Append(' ');
            text.Append(Environment.NewLine);
        }
        return text.ToString();
    }

    private List<string[]> Lines()
    {
        var shownRows = Ends(rows.Keys.Count);
        var shownColumns = Ends(data.Length);
        string[] Line(string first, string second, Func<int, string> cell) =>
            [first, second, .. shownColumns.Select(column => column is { } at ? cell(at) : "...")];

        var lines = new List<string[]> { Line("", "", column => Text(columns.Keys[column])) };
        foreach (var row in shownRows)
            lines.Add(row is { } at
                ? Line(Text(rows.Keys[at]), "->", column => Text(Cell(column, rows.Keys[at])))
                : Line(":", "", _ => "..."));
        return lines;
    }

    /// <summary>The positions of the first and last few, with a null between them where some are left out.</summary>
    private static int?[] Ends(int count)
    {
        var all = Enumerable.Range(0, count).Select(i => (int?)i);
        return count <= 2 * Shown ? [.. all] : [.. all.Take(Shown), null, .. all.TakeLast(Shown)];
    }

    private static string Text(object? value)
    {
        var text = value is null ? "<missing>" : Convert.ToString(value, CultureInfo.InvariantCulture)!;
        return text.Length <= LongestCell ? text : text[..(LongestCell - 3)] + "...";
    }
}
