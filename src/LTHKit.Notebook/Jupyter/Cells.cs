using System.IO.Enumeration;
using LTHKit.Notebook.Html;
using Microsoft.DotNet.Interactive.Formatting;

namespace LTHKit.Notebook.Jupyter;

/// <summary>Runs the cells that front ends send, one at a time.</summary>
internal sealed class Cells(Channels channels, NotebookHost kernels, History history, FrontEndInput input, string folder)
{
    private readonly Lock _gate = new();
    private int _count;
    private bool _hasFigures;
    private CancellationTokenSource? _running;

    public void Interrupt()
    {
        lock (_gate)
            _running?.Cancel();
    }

    public async Task<JsonObject> RunAsync(Request request)
    {
        var code = request.Value("code", "");
        var silent = request.Value("silent", false);
        var stored = !silent && request.Value("store_history", true);
        var number = _count + 1;
        if (stored)
        {
            _count = number;
            history.Add(number, code);
        }
        if (!silent)
            channels.Publish("execute_input", new() { ["code"] = code, ["execution_count"] = number }, request);

        using var cancellation = new CancellationTokenSource();
        lock (_gate)
            _running = cancellation;
        try
        {
            var error = await Run(code, number, request, silent, stored, cancellation.Token).ConfigureAwait(false);
            var reply = error is not null
                ? CellOutput.Of(error).Content
                : new JsonObject { ["user_expressions"] = await Evaluate(request, number, cancellation.Token).ConfigureAwait(false), ["payload"] = new JsonArray() };
            reply["status"] = error is null ? "ok" : "error";
            reply["execution_count"] = number;
            return reply;
        }
        finally
        {
            lock (_gate)
                _running = null;
        }
    }

    private async Task<CellError?> Run(string code, int number, Request request, bool silent, bool stored, CancellationToken cancellation)
    {
        using var publisher = new CellPublisher(channels, request);
        input.Begin(request, publisher, cancellation);
        return await kernels.RunAsync(
            code,
            number,
            output =>
            {
                if (output.Type == "execute_result")
                {
                    output.Content["execution_count"] = number;
                    output.Content.Remove("transient");
                    if (stored)
                        history.SetResult((string?)output.Data![PlainTextFormatter.MimeType]);
                }
                if (silent)
                    return;
                Provide(output);
                publisher.Add(output);
            },
            cancellation).ConfigureAwait(false);
    }

    // nbconvert makes a page beside the notebook, and its figures look for plotly.js there.
    private void Provide(CellOutput output)
    {
        if (_hasFigures || output.Data?.ContainsKey(NotebookFormatters.Plotly) is not true)
            return;
        _hasFigures = true;
        try
        {
            WebAssets.PutPlotlyInto(folder);
        }
        catch (UserException)
        {
            // Front ends that are served the kernel's own copy draw without it.
        }
    }

    private async Task<JsonObject> Evaluate(Request request, int number, CancellationToken cancellation)
    {
        var values = new JsonObject();
        foreach (var (name, expression) in request.Content["user_expressions"] as JsonObject ?? [])
        {
            var content = new JsonObject { ["data"] = new JsonObject(), ["metadata"] = new JsonObject() };
            var error = await kernels.RunAsync(
                expression?.ToString() ?? "", number, output => content = output.Type is "execute_result" or "error" ? output.Content : content, cancellation).ConfigureAwait(false);
            content["status"] = error is null ? "ok" : "error";
            values[name] = content;
        }
        return values;
    }
}

/// <summary>The cells of this session and their results, as front ends ask for them.</summary>
internal sealed class History
{
    private const int Session = 1;

    private readonly List<(int Number, string Code, string? Result)> _entries = [];

    public void Add(int number, string code) => _entries.Add((number, code, null));

    public void SetResult(string? text) => _entries[^1] = _entries[^1] with { Result = text };

    /// <summary>Answers a history_request. Sessions are counted from 1; 0 is this one, and of others nothing is known.</summary>
    public JsonObject Answer(Request request)
    {
        var (start, stop, last) = (request.Value("start", 1), request.Value("stop", int.MaxValue), Math.Max(0, request.Value("n", int.MaxValue)));
        var entries = request.Value("hist_access_type", "") switch
        {
            "range" => request.Value("session", 0) is 0 or Session ? _entries.Where(entry => entry.Number >= start && entry.Number < stop) : [],
            "search" => Search(request.Value("pattern", "*"), request.Value("unique", false)).TakeLast(last),
            _ => _entries.TakeLast(last),
        };
        var withResults = request.Value("output", false);
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

/// <summary>What a cell reads from the console: the front end that sent the cell asks its user for it.</summary>
internal sealed class FrontEndInput(Channels channels) : TextReader
{
    private (Request Request, CellPublisher Publisher, CancellationToken Cancellation)? _cell;
    private TaskCompletionSource<string>? _waiting;

    public void Begin(Request request, CellPublisher publisher, CancellationToken cancellation) => _cell = (request, publisher, cancellation);

    public void Answer(Request reply) => _waiting?.TrySetResult(reply.Value("value", ""));

    public string Ask(string prompt, bool isSecret)
    {
        if (_cell is not { } cell || !cell.Request.Value("allow_stdin", false))
            throw new InvalidOperationException("A cell that reads from the console needs a front end with an input line; this one has none.");

        cell.Publisher.Flush();
        _waiting = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
        channels.Send(Channel.Stdin, "input_request", new() { ["prompt"] = prompt, ["password"] = isSecret }, cell.Request);
        _waiting.Task.Wait(cell.Cancellation);
        return _waiting.Task.Result;
    }

    public override string ReadLine() => Ask("", isSecret: false);
}
