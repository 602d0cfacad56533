using System.Text.RegularExpressions;

namespace LTHKit.Cli;

/// <summary>Lists and numbers in sentences.</summary>
internal static partial class Text
{
    /// <summary>"no thing", "1 thing", "2 things".</summary>
    public static string Count(int count, string thing) => count switch { 0 => $"no {thing}", 1 => $"1 {thing}", _ => $"{count} {thing}s" };

    /// <summary>The cells of one line of CSV, quotation marks removed.</summary>
    public static string[] CsvRow(string line)
        => [.. CsvCell().Matches(line).Select(cell => cell.Groups[1].Success ? cell.Groups[1].Value.Replace("\"\"", "\"") : cell.Groups[2].Value)];

    /// <summary>Rows of cells as aligned columns, the first row as heading; numbers to the right.</summary>
    public static void Table(TextWriter writer, IReadOnlyList<string[]> rows)
    {
        var columns = rows.Max(row => row.Length);
        var width = Enumerable.Range(0, columns).Select(c => rows.Max(row => c < row.Length ? row[c].Length : 0)).ToArray();
        foreach (var row in rows)
            writer.WriteLine("  " + string.Join("  ", row.Select((cell, c) =>
                double.TryParse(cell, out _) || row == rows[0] ? cell.PadLeft(width[c]) : cell.PadRight(width[c]))).TrimEnd());
    }

    // A cell in quotation marks, or one without, each at the line's beginning or after a comma.
    [GeneratedRegex("(?:^|,)(?:\"((?:[^\"]|\"\")*)\"|([^,]*))")]
    private static partial Regex CsvCell();
}
