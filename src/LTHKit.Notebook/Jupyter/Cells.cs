using System.IO.Enumeration;
using LTHKit.Notebook.Html;
using Microsoft.DotNet.Interactive.Formatting;

namespace LTHKit.Notebook.Jupyter;

/// <summary>Runs the cells that front ends send, one at a time, and remembers them.</summary>
internal sealed class Cells(Channels channels, NotebookHost kernels, FrontEndInput input, string folder)
{
    private const int Session = 1;

    private readonly List<(int Number, string Code, string? Result)> _history = [];
    private int _count;
    private CancellationTokenSource? _running;
    private bool _hasPlotly;

    /// <summary>Stops the cell that runs, if one does.</summary>
    public void Interrupt() => _running?.Cancel();

    public async Task<JsonObject> RunAsync(Request request)
    {
        var code = request.Value("code", "");
        var silent = request.Value("silent", false);
        var stored = !silent && request.Value("store_history", true);
        var number = _count + 1;
        if (stored)
        {
            _count = number;
            _history.Add((number, code, null));
        }
        if (!silent)
            channels.Publish("execute_input", new() { ["code"] = code, ["execution_count"] = number }, request);

        _running = new();
        using var over = new Ending(() => _running = null);
        CellError? error;
        using (var publisher = new CellPublisher(channels, request))
        {
            input.Begin(request, publisher, _running.Token);
            error = await kernels.RunAsync(code, number, output => Put(output, publisher), _running.Token).ConfigureAwait(false);
        }
        var reply = error is not null
            ? CellOutput.Of(error).Content
            : new JsonObject { ["user_expressions"] = new JsonObject(), ["payload"] = new JsonArray() };
        reply["status"] = error is null ? "ok" : "error";
        reply["execution_count"] = number;
        return reply;

        void Put(CellOutput output, CellPublisher publisher)
        {
            if (output.Type == "execute_result")
            {
                output.Content["execution_count"] = number;
                output.Content.Remove("transient");
                if (stored)
                    _history[^1] = _history[^1] with { Result = (string?)output.Data![PlainTextFormatter.MimeType] };
            }
            if (silent)
                return;
            if (!_hasPlotly && output.Data?.ContainsKey(NotebookFormatters.Plotly) is true)
                ProvidePlotly();
            publisher.Add(output);
        }
    }

    /// <summary>Answers a history_request. Sessions are counted from 1; 0 is this one, and of others nothing is known.</summary>
    public JsonObject History(Request request)
    {
        var (start, stop) = (request.Value("start", 1), request.Value("stop", int.MaxValue));
        var entries = request.Value("hist_access_type", "") switch
        {
            "range" => request.Value("session", 0) is 0 or Session ? _history.Where(entry => entry.Number >= start && entry.Number < stop) : [],
            "search" => Last(Unique(_history.Where(entry => FileSystemName.MatchesSimpleExpression(request.Value("pattern", "*"), entry.Code, ignoreCase: false)))),
            _ => Last(_history),
        };
        var withResults = request.Value("output", false);
        return new()
        {
            ["status"] = "ok",
            ["history"] = new JsonArray([.. entries.Select(entry => new JsonArray(
                Session, entry.Number, withResults ? new JsonArray(entry.Code, entry.Result) : JsonValue.Create(entry.Code)))]),
        };

        IEnumerable<(int Number, string Code, string? Result)> Last(IEnumerable<(int, string, string?)> all) => all.TakeLast(request.Value("n", int.MaxValue));

        IEnumerable<(int, string Code, string?)> Unique(IEnumerable<(int, string Code, string?)> all)
            => request.Value("unique", false) ? all.Reverse().DistinctBy(entry => entry.Code).Reverse() : all;
    }

    // nbconvert makes a page beside the notebook, and its figures look for plotly.js there.
    private void ProvidePlotly()
    {
        _hasPlotly = true;
        try
        {
            WebAssets.PutPlotlyInto(folder);
        }
        catch (UserException)
        {
            // Front ends that are served the kernel's own copy draw without it.
        }
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
