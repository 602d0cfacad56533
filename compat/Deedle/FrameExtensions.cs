using System.Globalization;
using System.Runtime.InteropServices;

namespace Deedle;

/// <summary>Saving frames.</summary>
public static class FrameExtensions
{
    /// <summary>Writes the table as comma-separated values, a missing value as nothing.</summary>
    /// <param name="frame">The table.</param>
    /// <param name="writer">Where to.</param>
    /// <param name="includeRowKeys">Whether the row keys become the first column.</param>
    /// <param name="keyNames">That column's name.</param>
    /// <param name="separator">A comma if left out.</param>
    /// <param name="culture">Of the numbers; the invariant one if left out.</param>
    public static void SaveCsv<R, C>(
        this Frame<R, C> frame, TextWriter writer, [Optional] bool includeRowKeys, [Optional] IEnumerable<string>? keyNames,
        [Optional] char separator, [Optional] CultureInfo? culture)
        where R : notnull
        where C : notnull
    {
        if (separator == '\0') separator = ',';
        culture ??= CultureInfo.InvariantCulture;
        string Text(object? cell) => Convert.ToString(cell, culture) ?? "";
        void Line(Func<IEnumerable<string>> keys, IEnumerable<string> cells) =>
            writer.Write(string.Join(separator, (includeRowKeys ? keys() : []).Concat(cells).Select(cell => Quoted(cell, separator))) + "\n");

        Line(() => keyNames ?? ["Key"], frame.ColumnKeys.Select(name => Text(name)));
        foreach (var row in frame.RowKeys)
            Line(() => [Text(row)], Enumerable.Range(0, frame.ColumnCount).Select(column => Text(frame.Cell(column, row))));
    }

    /// <summary>Writes a file of comma-separated values, of tab-separated ones where its name ends with .tsv.</summary>
    public static void SaveCsv<R, C>(
        this Frame<R, C> frame, string path, [Optional] bool includeRowKeys, [Optional] IEnumerable<string>? keyNames,
        [Optional] char separator, [Optional] CultureInfo? culture)
        where R : notnull
        where C : notnull
    {
        if (separator == '\0' && path.EndsWith(".tsv", StringComparison.OrdinalIgnoreCase)) separator = '\t';
        using var writer = new StreamWriter(path);
        frame.SaveCsv(writer, includeRowKeys, keyNames, separator, culture);
    }

    private static string Quoted(string cell, char separator) =>
        cell.AsSpan().IndexOfAny(['"', ',', ';', '\t', ' ', '\r', '\n', separator]) < 0 ? cell : $"\"{cell.Replace("\"", "\"\"")}\"";
}
