using System.Text.Json.Nodes;
using LTHKit.Notebook.Document;
using LTHKit.Notebook.Execution;

namespace LTHKit.Notebook.Running;

/// <summary>Writes outputs into a notebook's cells, and updates those that were displayed under an id wherever they stand.</summary>
internal sealed class CellRecorder
{
    private readonly Dictionary<string, List<JsonObject>> _displayed = [];
    private NotebookCell? _cell;
    private (JsonObject Output, string Name, string Text)? _stream;

    public void Begin(NotebookCell cell, int number)
    {
        _cell = cell;
        _stream = null;
        cell.Clear();
        cell.ExecutionCount = number;
    }

    public void Add(CellOutput output)
    {
        if (output is StreamOutput stream)
        {
            AddStream(stream);
            return;
        }

        if (output is ClearOutput)
        {
            _cell!.Outputs.Clear();
            _stream = null;
            return;
        }

        var json = OutputJson.Of(output, _cell!.ExecutionCount ?? 0);
        var id = output switch
        {
            DisplayOutput display => display.DisplayId,
            DisplayUpdate update => update.DisplayId,
            _ => null,
        };
        if (output is DisplayUpdate && _displayed.TryGetValue(id!, out var shown))
        {
            foreach (var earlier in shown)
                earlier["data"] = json["data"]!.DeepClone();
            return;
        }

        _stream = null;
        _cell.Outputs.Add(json);
        if (id is not null)
        {
            if (!_displayed.TryGetValue(id, out var places))
                _displayed[id] = places = [];
            places.Add(json);
        }
    }

    private void AddStream(StreamOutput stream)
    {
        var (json, name, text) = _stream ?? default;
        if (json is null || name != stream.Name)
        {
            (json, name, text) = (OutputJson.Of(stream with { Text = "" }, 0), stream.Name, "");
            _cell!.Outputs.Add(json);
        }

        text = Overwrite(text + stream.Text);
        json["text"] = MultilineText.Split(text);
        _stream = (json, name, text);
    }

    // A carriage return starts the line again, so that a progress bar stays one line.
    private static string Overwrite(string text)
    {
        if (!text.Contains('\r'))
            return text;

        var lines = text.Replace("\r\n", "\n").Split('\n');
        for (var i = 0; i < lines.Length; i++)
        {
            var end = i == lines.Length - 1 ? lines[i].TrimEnd('\r') : lines[i];
            lines[i] = end[(end.LastIndexOf('\r') + 1)..] + lines[i][end.Length..];
        }

        return string.Join('\n', lines);
    }
}
