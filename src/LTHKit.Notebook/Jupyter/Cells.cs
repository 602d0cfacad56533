using System.Text.Json.Nodes;
using LTHKit.Formatting;
using LTHKit.Notebook.Execution;
using LTHKit.Notebook.Html;
using Microsoft.DotNet.Interactive.Formatting;

namespace LTHKit.Notebook.Jupyter;

/// <summary>Runs the cells that front ends send, one at a time.</summary>
internal sealed class Cells(Channels channels, CSharpEngine engine, History history, FrontEndInput input, string folder)
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
            var reply = error is null
                ? new JsonObject
                {
                    ["user_expressions"] = await Evaluate(request, cancellation.Token).ConfigureAwait(false),
                    ["payload"] = new JsonArray(),
                }
                : CellPublisher.Error(error);
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

    private async Task<ErrorOutput?> Run(string code, int number, Request request, bool silent, bool stored, CancellationToken cancellation)
    {
        using var publisher = new CellPublisher(channels, request, number);
        input.Begin(request, publisher, cancellation);
        return await engine.ExecuteAsync(
            code,
            number,
            output =>
            {
                if (!silent)
                {
                    Provide(output);
                    publisher.Add(output);
                }

                if (stored && output is ResultOutput result)
                    history.SetResult(result.Data.GetValueOrDefault(PlainTextFormatter.MimeType));
            },
            cancellation).ConfigureAwait(false);
    }

    // nbconvert makes a page beside the notebook, and its figures look for plotly.js there.
    private void Provide(CellOutput output)
    {
        var data = (output as DisplayOutput)?.Data ?? (output as ResultOutput)?.Data;
        if (_hasFigures || data?.ContainsKey(NotebookFormatters.Plotly) is not true)
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

    private async Task<JsonObject> Evaluate(Request request, CancellationToken cancellation)
    {
        var values = new JsonObject();
        foreach (var (name, expression) in request.Content["user_expressions"] as JsonObject ?? [])
        {
            var value = await engine.EvaluateAsync(expression?.ToString() ?? "", cancellation).ConfigureAwait(false);
            var content = value is ResultOutput result
                ? new JsonObject { ["data"] = OutputJson.Bundle(result.Data, multiline: false), ["metadata"] = new JsonObject() }
                : CellPublisher.Error((ErrorOutput)value);
            content["status"] = value is ResultOutput ? "ok" : "error";
            values[name] = content;
        }

        return values;
    }
}
