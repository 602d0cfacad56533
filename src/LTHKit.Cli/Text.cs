using System.Text.RegularExpressions;
using Spectre.Console;

namespace LTHKit.Cli;

/// <summary>Lists and numbers in sentences.</summary>
internal static partial class Text
{
    /// <summary>"no thing", "1 thing", "2 things".</summary>
    public static string Count(int count, string thing) => count switch { 0 => $"no {thing}", 1 => $"1 {thing}", _ => $"{count} {thing}s" };

    /// <summary>The cells of one line of CSV, quotation marks removed.</summary>
    public static string[] CsvRow(string line)
        => [.. CsvCell().Matches(line).Select(cell => cell.Groups[1].Success ? cell.Groups[1].Value.Replace("\"\"", "\"") : cell.Groups[2].Value)];

    /// <summary>Rows of cells as aligned columns, the first row as heading; numbers to the right. A terminal's width wraps cells; elsewhere a row is a line.</summary>
    public static void Table(TextWriter writer, IReadOnlyList<string[]> rows)
    {
        var terminal = writer == Console.Out && !Console.IsOutputRedirected;
        var console = AnsiConsole.Create(new()
        {
            Out = new AnsiConsoleOutput(writer),
            Ansi = terminal ? AnsiSupport.Detect : AnsiSupport.No,
            Enrichment = new() { UseDefaultEnrichers = false },
        });
        if (!terminal)
            console.Profile.Width = int.MaxValue;
        var table = new Table { Border = terminal ? TableBorder.Simple : TableBorder.None };
        foreach (var (c, name) in rows[0].Index())
            table.AddColumn(new TableColumn(new Paragraph(name, new Style(decoration: Decoration.Bold)))
            {
                Alignment = rows.Skip(1).All(row => c >= row.Length || row[c] == "" || double.TryParse(row[c], out _)) ? Justify.Right : Justify.Left,
                Padding = new(0, 0, 2, 0),
            });
        foreach (var row in rows.Skip(1))
            table.AddRow(row.Take(rows[0].Length).Select(cell => new Paragraph(cell)));
        console.Write(table);
    }

    // A cell in quotation marks, or one without, each at the line's beginning or after a comma.
    [GeneratedRegex("(?:^|(?<=,))(?:\"((?:[^\"]|\"\")*)\"|([^,]*))")]
    private static partial Regex CsvCell();
}
