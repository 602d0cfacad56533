namespace LTHKit.Notebook.Hosting;

/// <summary>What stopped a cell.</summary>
internal sealed record CellError(string Name, string Message, IReadOnlyList<string> Traceback);

/// <summary>Something that a cell put out while it ran, as Jupyter's messages carry it.</summary>
internal sealed record CellOutput(string Type, JsonObject Content, object? Value = null)
{
    public static CellOutput Stream(string name, string text) => new("stream", new() { ["name"] = name, ["text"] = text });

    public static CellOutput Of(CellError error) => new("error", new()
    {
        ["ename"] = error.Name,
        ["evalue"] = error.Message,
        ["traceback"] = new JsonArray([.. error.Traceback.Select(line => JsonValue.Create(line))]),
    });

    public string? StreamName => Type == "stream" ? (string?)Content["name"] : null;
    public JsonObject? Data => Content["data"] as JsonObject;
    public string? DisplayId => (string?)Content["transient"]?["display_id"];
}
