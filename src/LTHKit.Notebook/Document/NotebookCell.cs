using System.Text.RegularExpressions;

namespace LTHKit.Notebook.Document;

/// <summary>One cell of a notebook, a view on its JSON.</summary>
internal sealed record NotebookCell(JsonObject Json)
{
    public string Id => (string)Json["id"]!;

    /// <summary>NAME, NAME-2, NAME-3, ... for files: the id, of which stays what nbformat allows in ids, letters, digits, - and _.</summary>
    public IEnumerable<string> FileNames => Enumerable.Range(1, int.MaxValue)
        .Select(i => string.Concat(Id.Select(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' ? c : '_')) + (i == 1 ? "" : $"-{i}"));

    public string Kind => (string)Json["cell_type"]!;
    public bool IsCode => Kind == "code";

    public string Source
    {
        get => MultilineText.Join(Json["source"]);
        set => Json["source"] = MultilineText.Split(value);
    }

    public IReadOnlyList<string> Tags =>
        Json["metadata"]?["tags"] is JsonArray tags ? [.. tags.OfType<JsonValue>().Select(tag => tag.ToString())] : [];

    /// <summary>Whether it asks for an answer and tries it: a point where its result begins with "right".</summary>
    public bool IsExercise => IsCode && Tags.Contains("exercise");

    /// <summary>Whether the next cells run though it ends in an error: an exercise, or one that is to raise it, by nbclient's convention.</summary>
    public bool MayFail => IsExercise || Tags.Contains("raises-exception");

    /// <summary>Whether an exercise's answer was right when it was last run.</summary>
    public bool IsRight => Outputs.Any(output => MultilineText.Join(output?["data"]?["text/plain"]).StartsWith("right", StringComparison.Ordinal));

    public int? ExecutionCount
    {
        get => (int?)Json["execution_count"];
        set => Json["execution_count"] = value;
    }

    /// <summary>What the cell has put out, as nbformat objects.</summary>
    public JsonArray Outputs => Json["outputs"] as JsonArray ?? (JsonArray)(Json["outputs"] = new JsonArray());

    public void Clear()
    {
        Outputs.Clear();
        ExecutionCount = null;
    }

    /// <summary>A code cell with one tag.</summary>
    public static NotebookCell Create(string id, string source, string tag) => new(new JsonObject
    {
        ["cell_type"] = "code",
        ["id"] = id,
        ["metadata"] = new JsonObject { ["tags"] = new JsonArray(tag) },
        ["source"] = MultilineText.Split(source),
        ["execution_count"] = null,
        ["outputs"] = new JsonArray(),
    });
}

/// <summary>nbformat's text: one string, or a list of lines that keep their line ends.</summary>
internal static class MultilineText
{
    public static string Join(JsonNode? node) => node switch
    {
        null => "",
        JsonArray lines => string.Concat(lines.Select(Join)),
        JsonValue value when value.TryGetValue<string>(out var text) => text,
        _ => node.ToJsonString(),
    };

    public static JsonArray Split(string text) => [.. Lines(text).Select(line => (JsonNode)line)];

    public static IEnumerable<string> Lines(string text) => Regex.Matches(text, @".*\n|.+").Select(line => line.Value);
}
