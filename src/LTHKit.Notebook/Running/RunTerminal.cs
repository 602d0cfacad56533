using Microsoft.DotNet.Interactive.Formatting;

namespace LTHKit.Notebook.Running;

/// <summary>A run as a terminal shows it: a line a cell, and below it what the cell prints.</summary>
internal sealed class RunTerminal(TextWriter? writer, bool overwrites)
{
    private const string Indent = "        ";
    private const int Width = 100;
    private bool _lineOpen;
    private bool _overwritable;
    private string? _lastUpdate;

    public void Notebook(string name, int cells) => writer?.WriteLine($"{name}: {cells} cells");

    public void Begin(NotebookCell cell, int number, int count)
    {
        var lines = cell.Source.Split('\n').Select(line => line.Trim()).Where(line => line.Length > 0).ToList();
        var title = lines.FirstOrDefault(line => !line.StartsWith('#') && !line.StartsWith("using ", StringComparison.Ordinal)
            && !line.StartsWith("//", StringComparison.Ordinal)) ?? lines.FirstOrDefault() ?? "";
        Line($"[{number}/{count}]".PadRight(Indent.Length) + Cut(title));
    }

    public void Output(CellOutput output)
    {
        if (output.StreamName is not null)
            Stream((string)output.Content["text"]!);
        else if (output.Type == "error")
            foreach (var line in output.Content["traceback"]!.AsArray())
                Line(Indent + line);
        else if (output.Type == "update_display_data" && overwrites)
            Overwrite(((string?)output.Data![PlainTextFormatter.MimeType] ?? "").Split('\n')[0]);
        else if (output.Type == "update_display_data")
            _lastUpdate = OneLine(output.Data!) ?? _lastUpdate;
        else if (output.Type == "display_data" && OneLine(output.Data!) is { } text)
            Overwrite(text);
    }

    public void End(TimeSpan time)
    {
        // Where lines cannot be overwritten, of all updates the last is shown.
        if (_lastUpdate is { } text)
            Line(Indent + Cut(text));
        _lastUpdate = null;
        CloseLine();
        if (time > TimeSpan.FromSeconds(1))
            Line($"{Indent}{time.TotalSeconds:0.0} s");
    }

    // Progress is text and nothing else; of a result the notebook tells.
    private static string? OneLine(JsonObject data) =>
        data.Count == 1 && (string?)data[PlainTextFormatter.MimeType] is { } text && !text.Contains('\n') ? text : null;

    private static string Cut(string text) => text.Length <= Width ? text : text[..(Width - 1)] + "…";

    private void Stream(string text)
    {
        foreach (var (i, piece) in text.Split('\n').Index())
        {
            if (i > 0 || piece.Length > 0 && _overwritable)
                CloseLine();
            if (piece.Length == 0)
                continue;
            writer?.Write(_lineOpen ? piece : Indent + piece);
            _lineOpen = true;
        }
    }

    private void Overwrite(string text)
    {
        if (_lineOpen && !_overwritable)
            CloseLine();
        writer?.Write((_overwritable && overwrites ? "\r\e[K" : "") + Indent + Cut(text));
        (_lineOpen, _overwritable) = (true, true);
        if (!overwrites)
            CloseLine();
    }

    private void Line(string text)
    {
        CloseLine();
        writer?.WriteLine(text);
    }

    private void CloseLine()
    {
        if (_lineOpen)
            writer?.WriteLine();
        (_lineOpen, _overwritable) = (false, false);
    }
}
