using System.Text.Json.Nodes;

namespace LTHKit.Notebook.Document;

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

    public static IEnumerable<string> Lines(string text)
    {
        for (int start = 0, end; start < text.Length; start = end)
        {
            end = text.IndexOf('\n', start) + 1;
            if (end == 0)
                end = text.Length;
            yield return text[start..end];
        }
    }
}
