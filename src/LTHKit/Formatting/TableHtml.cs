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

    private sealed record Column(object Name, bool Right, IReadOnlyList<string?> Texts)
    {
        public static Column Of(object name, IReadOnlyList<object?> cells)
        {
            var present = cells.OfType<object>().ToList();
            if (present.Any(cell => cell is double or float or decimal) && present.All(cell => cell is double or float or decimal or int or long))
                return new Column(name, Right: true,
                    Numbers([.. cells.Select(cell => cell is null ? (double?)null : Convert.ToDouble(cell, CultureInfo.InvariantCulture))]));

            var texts = cells.Select(cell => cell is null ? null : Convert.ToString(cell, CultureInfo.InvariantCulture)).ToList();
            return new Column(name, Right: texts.OfType<string>().All(text => StartsAsNumber().IsMatch(text) && text.Length <= LongestLine), texts);
        }

        public string Head => $"<th{(Right ? " class=\"n\"" : "")}>{Encode(Name)}</th>";

        // Sentences take as many lines as the page's width asks for.
        public string Cell(int row) => Texts[row] is not { } text ? $"<td class=\"m{(Right ? " n" : "")}\">–</td>"
            : $"<td{(Right ? " class=\"n\"" : text.Length > LongestLine ? " class=\"w\"" : "")}>{Encode(text)}</td>";
    }

    private sealed class Write : IFrameOperation<string>
    {
        public string Invoke<R, C>(Frame<R, C> frame)
            where R : notnull
            where C : notnull
        {
            var keys = frame.RowKeys.ToList();
            var columns = frame.ColumnKeys.Select(name => Column.Of(name, Cells(frame.GetColumn<object>(name)))).ToList();
            var rows = keys.Select((key, i) => $"<tr><th>{Encode(key)}</th>{string.Concat(columns.Select(column => column.Cell(i)))}</tr>\n");
            if (keys.Count > MostRows)
                rows = [.. rows.Take(ShownAtStart),
                    $"<tr><th>⋮</th><td colspan=\"{columns.Count}\" class=\"m\">{keys.Count - ShownAtStart - ShownAtEnd} more rows</td></tr>\n",
                    .. rows.TakeLast(ShownAtEnd)];
            var head = string.Concat(columns.Select(column => column.Head));
            return $"{Style}\n<table class=\"lthkit\"><thead><tr><th></th>{head}</tr></thead><tbody>\n{string.Concat(rows)}</tbody></table>";

            List<object?> Cells(Series<R, object> series) => [.. keys.Select(key => series.TryGet(key) is { HasValue: true } found ? found.Value : null)];
        }
    }
}
