namespace LTHKit.Notebook.Running;

/// <summary>Writes outputs into a notebook's cells, and updates those that were displayed under an id wherever they stand.</summary>
internal sealed class CellRecorder
{
    private readonly Dictionary<string, List<JsonObject>> _displayed = [];
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
        var (lines, last, open) = _stream ?? default;
        if (lines is null || last != name)
        {
            (lines, open) = ([], "");
            _cell!.Outputs.Add(new JsonObject { ["name"] = name, ["output_type"] = "stream", ["text"] = lines });
        }
        if (open.Length > 0)
            lines.RemoveAt(lines.Count - 1);
        var text = Overwrite(open + written);
        foreach (var line in MultilineText.Lines(text))
            lines.Add((JsonNode)line);
        _stream = (lines, name, text[(text.LastIndexOf('\n') + 1)..]);
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
