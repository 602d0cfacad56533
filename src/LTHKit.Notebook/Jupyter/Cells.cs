using System.Text.Json.Nodes;
using LTHKit.Formatting;
using LTHKit.Notebook.Hosting;
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

    /// <summary>Stops the cell that runs, if one does.</summary>
    public void Interrupt()
    {
        lock (_gate)
            _running?.Cancel();
    }

    /// <summary>Runs the cell of an execute_request and gives the reply.</summary>
    public async Task<JsonObject> RunAsync(Request request)
    {
        var code = request.Text("code");
        var silent = request.Flag("silent", false);
        var stored = !silent && request.Flag("store_history", true);
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
