using System.Text.RegularExpressions;

namespace LTHKit.Notebook.Running;

/// <summary>Writes outputs into a notebook's cells, and updates what was displayed under an id wherever it stands.</summary>
internal sealed partial class CellRecorder
{
    private readonly Dictionary<string, JsonObject> _displayed = [];
    private NotebookCell? _cell;
    private (JsonArray Lines, string Name, string Open)? _stream;     // the last line while it has no end

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
            shown["data"] = json["data"]!.DeepClone();
            return;
        }
        _stream = null;
        _cell!.Outputs.Add(json);
        if (output.DisplayId is { } id)
            _displayed[id] = json;
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
        var (lines, last, open) = _stream ?? default;
        if (lines is null || last != name)
        {
            (lines, open) = ([], "");
            _cell!.Outputs.Add(new JsonObject { ["name"] = name, ["output_type"] = "stream", ["text"] = lines });
        }
        if (open.Length > 0)
            lines.RemoveAt(lines.Count - 1);
        var text = Overwritten().Replace((open + written).Replace("\r\n", "\n"), "");
        foreach (var line in MultilineText.Lines(text))
            lines.Add((JsonNode)line);
        _stream = (lines, name, text[(text.LastIndexOf('\n') + 1)..]);
    }

    // A carriage return starts the line again, so that a progress bar stays one line.
    [GeneratedRegex(@"^[^\n]*\r(?!\r*\z)", RegexOptions.Multiline)]
    private static partial Regex Overwritten();
}
