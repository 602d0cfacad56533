using System.IO.Enumeration;
using System.Text.Json.Nodes;

namespace LTHKit.Notebook.Jupyter;

/// <summary>The cells of this session and their results, as front ends ask for them.</summary>
internal sealed class History
{
    private const int Session = 1;

    private readonly List<(int Number, string Code, string? Result)> _entries = [];

    public void Add(int number, string code) => _entries.Add((number, code, null));

    /// <summary>The text of the last cell's result.</summary>
    public void SetResult(string? text) => _entries[^1] = _entries[^1] with { Result = text };

    /// <summary>Answers a history_request. Sessions are counted from 1; 0 is this one, and of others nothing is known.</summary>
    public JsonObject Answer(Request request)
    {
        var (start, stop, last) = (request.Number("start", 1), request.Number("stop", int.MaxValue), Math.Max(0, request.Number("n", int.MaxValue)));
        var entries = request.Text("hist_access_type") switch
        {
            "range" => request.Number("session", 0) is 0 or Session ? _entries.Where(entry => entry.Number >= start && entry.Number < stop) : [],
            "search" => Search(request.Text("pattern", "*"), request.Flag("unique", false)).TakeLast(last),
            _ => _entries.TakeLast(last),
        };
        var withResults = request.Flag("output", false);
        return new()
        {
            ["status"] = "ok",
            ["history"] = new JsonArray([.. entries.Select(entry => new JsonArray(
                Session, entry.Number, withResults ? new JsonArray(entry.Code, entry.Result) : JsonValue.Create(entry.Code)))]),
        };
    }

    private IEnumerable<(int Number, string Code, string? Result)> Search(string pattern, bool unique)
    {
        var found = _entries.Where(entry => FileSystemName.MatchesSimpleExpression(pattern, entry.Code, ignoreCase: false));
        return unique ? found.Reverse().DistinctBy(entry => entry.Code).Reverse() : found;
    }
}
