using System.Text.Json.Nodes;
using LTHKit.Notebook.Document;

namespace LTHKit.Notebook.Execution;

/// <summary>Outputs in the form that a notebook file and a Jupyter message carry them.</summary>
internal static class OutputJson
{
    public static JsonObject Of(CellOutput output, int executionCount) => output switch
    {
        StreamOutput o => new()
        {
            ["name"] = o.Name,
            ["output_type"] = "stream",
            ["text"] = MultilineText.Split(o.Text),
        },
        DisplayOutput o => new()
        {
            ["data"] = Bundle(o.Data, multiline: true),
            ["metadata"] = new JsonObject(),
            ["output_type"] = "display_data",
        },
        DisplayUpdate o => new()
        {
            ["data"] = Bundle(o.Data, multiline: true),
            ["metadata"] = new JsonObject(),
            ["output_type"] = "display_data",
        },
        ResultOutput o => new()
        {
            ["data"] = Bundle(o.Data, multiline: true),
            ["execution_count"] = executionCount,
            ["metadata"] = new JsonObject(),
            ["output_type"] = "execute_result",
        },
        ErrorOutput o => new()
        {
            ["ename"] = o.Name,
            ["evalue"] = o.Message,
            ["output_type"] = "error",
            ["traceback"] = new JsonArray([.. o.Traceback.Select(line => JsonValue.Create(line))]),
        },
        _ => throw new ArgumentOutOfRangeException(nameof(output)),
    };

    /// <summary>A MIME bundle; text is one string, or a list of lines where <paramref name="multiline"/>.</summary>
    public static JsonObject Bundle(IReadOnlyDictionary<string, string> data, bool multiline)
    {
        var bundle = new JsonObject();
        foreach (var (mimeType, text) in data.OrderBy(entry => entry.Key, StringComparer.Ordinal))
        {
            if (IsJson(mimeType))
                bundle[mimeType] = JsonNode.Parse(text);
            else if (multiline && !mimeType.StartsWith("image/", StringComparison.Ordinal))
                bundle[mimeType] = MultilineText.Split(text);
            else
                bundle[mimeType] = text;
        }

        return bundle;
    }

    private static bool IsJson(string mimeType) => mimeType == "application/json" || mimeType.EndsWith("+json", StringComparison.Ordinal);
}
