using System.Text.Json.Nodes;
using LTHKit.Notebook.Document;
using LTHKit.Notebook.Hosting;

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
        if (output.StreamName is { } name)
        {
            AddStream(name, (string)output.Content["text"]!);
            return;
        }

        var json = InNotebook(output);
        if (output.Type == "update_display_data" && _displayed.TryGetValue(output.DisplayId!, out var shown))
        {
            foreach (var earlier in shown)
                earlier["data"] = json["data"]!.DeepClone();
            return;
        }

        _stream = null;
        _cell!.Outputs.Add(json);
        if (output.DisplayId is { } id)
        {
            if (!_displayed.TryGetValue(id, out var places))
                _displayed[id] = places = [];
            places.Add(json);
        }
    }

    // Text of several lines is a list of them.
    private JsonObject InNotebook(CellOutput output)
    {
        var json = output.Content.DeepClone().AsObject();
        json.Remove("transient");
        json["output_type"] = output.Type == "update_display_data" ? "display_data" : output.Type;
        if (output.Type == "execute_result")
            json["execution_count"] = _cell!.ExecutionCount;
        foreach (var (type, content) in (json["data"] as JsonObject ?? []).ToList())
        {
            if (content is JsonValue value && !type.StartsWith("image/", StringComparison.Ordinal) && value.TryGetValue<string>(out var text))
                json["data"]![type] = MultilineText.Split(text);
        }

        return json;
    }

    private void AddStream(string name, string written)
    {
        var (json, last, text) = _stream ?? default;
        if (json is null || last != name)
        {
            (json, text) = (new() { ["name"] = name, ["output_type"] = "stream" }, "");
            _cell!.Outputs.Add(json);
        }

        text = Overwrite(text + written);
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
