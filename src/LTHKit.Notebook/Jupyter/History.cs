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

    /// <summary>Answers a history_request.</summary>
    public JsonObject Answer(Request request)
    {
        var entries = request.Text("hist_access_type") switch
        {
            "range" => Range(request.Number("session", 0), request.Number("start", 1), request.Number("stop", int.MaxValue)),
            "search" => Last(Search(request.Text("pattern", "*"), request.Flag("unique", false)), request),
            _ => Last(_entries, request),
        };
        var withResults = request.Flag("output", false);
        return new()
        {
            ["status"] = "ok",
            ["history"] = new JsonArray([.. entries.Select(entry => new JsonArray(
                Session, entry.Number, withResults ? new JsonArray(entry.Code, entry.Result) : JsonValue.Create(entry.Code)))]),
        };
    }

    private static IEnumerable<(int Number, string Code, string? Result)> Last(
        IReadOnlyCollection<(int Number, string Code, string? Result)> entries, Request request) =>
        entries.TakeLast(Math.Max(0, request.Number("n", int.MaxValue)));

    // Sessions are counted from 1; 0 is this one, and of others nothing is known.
    private IEnumerable<(int Number, string Code, string? Result)> Range(int session, int start, int stop) =>
        session is 0 or Session ? _entries.Where(entry => entry.Number >= start && entry.Number < stop) : [];

    private List<(int Number, string Code, string? Result)> Search(string pattern, bool unique)
    {
        var found = _entries.Where(entry => FileSystemName.MatchesSimpleExpression(pattern, entry.Code, ignoreCase: false)).ToList();
        return unique ? [.. found.AsEnumerable().Reverse().DistinctBy(entry => entry.Code).Reverse()] : found;
    }
}
