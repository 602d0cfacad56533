using System.Net;
using Deedle;

namespace LTHKit.Formatting;

/// <summary>A frame as a table that a person wants to read: numbers aligned and rounded, missing values marked, any theme's colours.</summary>
internal static partial class TableHtml
{
    private const int MostRows = 80, ShownAtStart = 40, ShownAtEnd = 10, SignificantDigits = 4, MostDecimals = 6, LongestLine = 32;

    // :nth-child(n), which is every row, outranks the front ends' own stripes.
    private const string Style =
        """
        <style>
        table.lthkit.lthkit { border-collapse: collapse; font-size: 0.92em; font-variant-numeric: tabular-nums; margin: 0.4em 0; border: 0; color: inherit; }
        table.lthkit.lthkit th, table.lthkit.lthkit td { padding: 0.28em 0.8em; text-align: left; border: 0; background: none; white-space: nowrap; color: inherit; }
        table.lthkit.lthkit th { font-weight: 600; }
        table.lthkit.lthkit thead th { border-bottom: 1.5px solid rgba(128,128,128,0.7); white-space: normal; vertical-align: bottom; }
        table.lthkit.lthkit tbody tr:nth-child(n) { background: none; border-bottom: 1px solid rgba(128,128,128,0.22); }
        table.lthkit.lthkit tbody tr:nth-child(n):hover { background: rgba(128,128,128,0.12); }
        table.lthkit.lthkit tbody th { opacity: 0.65; font-weight: 400; white-space: normal; }
        table.lthkit.lthkit .n { text-align: right; }
        table.lthkit.lthkit .m { opacity: 0.45; }
        table.lthkit.lthkit tbody td.w { white-space: normal; min-width: 12em; }
        </style>
        """;

    public static string Of(IFrame frame) => frame.Apply(new Write());

    /// <summary>Texts of a column of numbers, all with as many decimals as its largest value needs for four significant digits.</summary>
    public static IReadOnlyList<string?> Numbers(IReadOnlyList<double?> values)
    {
        var sizes = values.Where(v => v is { } x && double.IsFinite(x) && x != 0).Select(v => Math.Abs(v!.Value)).ToList();
        if (sizes.Count > 0 && (sizes.Max() >= 1e9 || sizes.Max() < 1e-4 || sizes.Max() / sizes.Min() >= 1e7))
            return [.. values.Select(v => v?.ToString("0.###e0", CultureInfo.InvariantCulture))];

        var decimals = sizes.Count == 0 ? 0 : Math.Clamp(SignificantDigits - 1 - (int)Math.Floor(Math.Log10(sizes.Max())), 0, MostDecimals);
        while (decimals > 0 && sizes.All(v => Text(v, decimals)[^1] == '0'))
            decimals--;
        return [.. values.Select(v => v is { } x ? Text(x, decimals) : null)];
    }

    private static string Text(double value, int decimals) => value.ToString("F" + decimals, CultureInfo.InvariantCulture).Replace('-', '\u2212');

    private static string Encode(object? value) => WebUtility.HtmlEncode(Convert.ToString(value, CultureInfo.InvariantCulture) ?? "");

    [GeneratedRegex(@"^[-+\u2212]?\d")]
    private static partial Regex StartsAsNumber();

    private sealed record Column(string Name, bool Right, IReadOnlyList<string?> Cells);

    private sealed class Write : IFrameOperation<string>
    {
        public string Invoke<R, C>(Frame<R, C> frame)
            where R : notnull
            where C : notnull
        {
            var keys = frame.RowKeys.ToList();
            var columns = frame.ColumnKeys.Select(column => Read(frame, column, keys)).ToList();
            var head = string.Concat(columns.Select(column => $"<th{(column.Right ? " class=\"n\"" : "")}>{Encode(column.Name)}</th>"));
            var rows = keys.Select((key, i) => $"<tr><th>{Encode(key)}</th>{string.Concat(columns.Select(column => Cell(column, column.Cells[i])))}</tr>\n");
            if (keys.Count > MostRows)
                rows = [.. rows.Take(ShownAtStart),
                    $"<tr><th>⋮</th><td colspan=\"{columns.Count}\" class=\"m\">{keys.Count - ShownAtStart - ShownAtEnd} more rows</td></tr>\n",
                    .. rows.TakeLast(ShownAtEnd)];
            return $"{Style}\n<table class=\"lthkit\"><thead><tr><th></th>{head}</tr></thead><tbody>\n{string.Concat(rows)}</tbody></table>";
        }

        private static string Cell(Column column, string? cell) => cell is null ? $"<td class=\"m{(column.Right ? " n" : "")}\">–</td>"
            : $"<td{Class(column, cell)}>{Encode(cell)}</td>";

        // Sentences take as many lines as the page's width asks for.
        private static string Class(Column column, string cell) => column.Right ? " class=\"n\"" : cell.Length > LongestLine ? " class=\"w\"" : "";

        private static Column Read<R, C>(Frame<R, C> frame, C name, List<R> keys)
            where R : notnull
            where C : notnull
        {
            var title = Convert.ToString(name, CultureInfo.InvariantCulture) ?? "";
            var series = frame.GetColumn<object>(name);
            var cells = keys.Select(key => series.TryGet(key) is { HasValue: true } found ? found.Value : null).ToList();
            var present = cells.OfType<object>().ToList();
            if (present.Any(cell => cell is double or float or decimal) && present.All(cell => cell is double or float or decimal or int or long))
                return new Column(title, Right: true,
                    Numbers([.. cells.Select(cell => cell is null ? (double?)null : Convert.ToDouble(cell, CultureInfo.InvariantCulture))]));

            var texts = cells.Select(cell => cell is null ? null : Convert.ToString(cell, CultureInfo.InvariantCulture)).ToList();
            return new Column(title, Right: texts.OfType<string>().All(text => StartsAsNumber().IsMatch(text) && text.Length <= LongestLine), texts);
        }
    }
}
