using System.Runtime.InteropServices;
using System.Threading.Channels;

namespace LTHKit.Notebook.Jupyter;

/// <summary>A Jupyter kernel for C#: carries out what front ends ask, over the wire protocol 5.4.</summary>
internal sealed class JupyterKernel : IDisposable
{
    private readonly TextReader _console = Console.In;
    private readonly Action<string> _log;
    private readonly Channels _channels;
    private readonly NotebookHost _kernels;
    private readonly Assistant _assistant;
    private readonly FrontEndInput _input;
    private readonly History _history = new();
    private readonly Cells _cells;
    private readonly Channel<Request> _shell = System.Threading.Channels.Channel.CreateUnbounded<Request>();
    private readonly Channel<Request> _control = System.Threading.Channels.Channel.CreateUnbounded<Request>();
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public JupyterKernel(string connectionFile, string folder, Action<string> log)
    {
        _log = log;
        _channels = new Channels(ConnectionFile.Read(connectionFile), Receive, log);
        _input = new FrontEndInput(_channels);
        _kernels = new NotebookHost { Input = _input.Ask };
        _assistant = new Assistant(_kernels);
        _cells = new Cells(_channels, _kernels, _history, _input, folder);
    }

    /// <summary>Serves until a front end asks for the end, or <paramref name="stop"/> does; a running cell is interrupted then.</summary>
    public async Task RunAsync(CancellationToken stop = default)
    {
        Console.SetIn(_input);
        _channels.Publish("status", new() { ["execution_state"] = "starting" }, null);
        _channels.Start();
        var served = Task.WhenAll(Task.Run(() => Serve(Channel.Shell, _shell), CancellationToken.None), Task.Run(() => Serve(Channel.Control, _control), CancellationToken.None));
        await using var registration = stop.Register(() => _ended.TrySetResult());
        await _ended.Task.ConfigureAwait(false);

        _shell.Writer.TryComplete();
        _control.Writer.TryComplete();
        _cells.Interrupt();
        // A training writes down what it has; front ends wait a few seconds before they kill.
        await Task.WhenAny(served, Task.Delay(TimeSpan.FromSeconds(3), CancellationToken.None)).ConfigureAwait(false);
        _channels.Dispose();
    }

    public void Interrupt() => _cells.Interrupt();

    public void Dispose()
    {
        _channels.Dispose();
        _kernels.Dispose();
        Console.SetIn(_console);
    }

    private void Receive(Channel channel, Request request)
    {
        if (channel == Channel.Stdin)
            _input.Answer(request);
        else
            (channel == Channel.Control ? _control : _shell).Writer.TryWrite(request);
    }

    private async Task Serve(Channel channel, Channel<Request> requests)
    {
        await foreach (var request in requests.Reader.ReadAllAsync().ConfigureAwait(false))
            foreach (var aborted in await Serve(channel, request).ConfigureAwait(false))
                await Abort(aborted).ConfigureAwait(false);
    }

    // A cell that was sent along with one that failed is not run: what it builds on is not there.
    private async Task Abort(Request request)
    {
        if (request.Type != "execute_request")
        {
            await Serve(Channel.Shell, request).ConfigureAwait(false);
            return;
        }
        Status("busy", request);
        _channels.Send(Channel.Shell, "execute_reply", new() { ["status"] = "aborted" }, request);
        Status("idle", request);
    }

    // Answers a request; the requests to abort on account of it, which are those that came before its reply left.
    private async Task<IReadOnlyList<Request>> Serve(Channel channel, Request request)
    {
        Status("busy", request);
        JsonObject? reply = null;
        try
        {
            reply = await Answer(request).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            // One request that the kernel fails at must not end it.
            _log($"{request.Type} failed: {e}");
            reply = new() { ["status"] = "error", ["ename"] = e.GetType().Name, ["evalue"] = e.Message, ["traceback"] = new JsonArray() };
        }
        var waiting = new List<Request>();
        var failed = request.Type == "execute_request" && reply?["status"]?.GetValue<string>() == "error";
        while (failed && request.Value("stop_on_error", true) && _shell.Reader.TryRead(out var next))
            waiting.Add(next);

        if (reply is not null)
            _channels.Send(channel, request.Type.Replace("_request", "_reply", StringComparison.Ordinal), reply, request);
        if (request.Type == "shutdown_request")
            _channels.Publish("shutdown_reply", reply!.DeepClone().AsObject(), request);
        Status("idle", request);
        if (request.Type == "shutdown_request")
            _ended.TrySetResult();
        return waiting;
    }

    private async Task<JsonObject?> Answer(Request request)
    {
        switch (request.Type)
        {
            case "interrupt_request":
                Interrupt();
                break;
            case "comm_open":
                // There is nothing on this side that a comm could talk to.
                _channels.Publish("comm_close", new() { ["comm_id"] = request.Value("comm_id", ""), ["data"] = new JsonObject() }, request);
                break;
        }
        return request.Type switch
        {
            "kernel_info_request" => Info(),
            "execute_request" => await _cells.RunAsync(request).ConfigureAwait(false),
            "complete_request" => await _assistant.CompleteAsync(request).ConfigureAwait(false),
            "inspect_request" => await _assistant.InspectAsync(request).ConfigureAwait(false),
            "is_complete_request" => Assistant.IsComplete(request),
            "history_request" => _history.Answer(request),
            "comm_info_request" => new() { ["status"] = "ok", ["comms"] = new JsonObject() },
            "interrupt_request" => new() { ["status"] = "ok" },
            "shutdown_request" => new() { ["status"] = "ok", ["restart"] = request.Value("restart", false) },
            "comm_open" or "comm_msg" or "comm_close" => null,
            _ => Unknown(),
        };

        JsonObject? Unknown()
        {
            _log($"a message of the unknown type {request.Type} was left unanswered.");
            return null;
        }
    }

    private void Status(string state, Request request) => _channels.Publish("status", new() { ["execution_state"] = state }, request);

    private static JsonObject Info() => new()
    {
        ["status"] = "ok",
        ["protocol_version"] = MessageCodec.Version,
        ["implementation"] = "lthkit",
        ["implementation_version"] = typeof(JupyterKernel).Assembly.GetName().Version!.ToString(3),
        ["language_info"] = new JsonObject
        {
            ["name"] = "C#",
            ["version"] = "14.0",
            ["mimetype"] = "text/x-csharp",
            ["file_extension"] = ".cs",
            ["pygments_lexer"] = "csharp",
            ["codemirror_mode"] = "text/x-csharp",
        },
        ["banner"] = $"LTHKit's C# kernel, {RuntimeInformation.FrameworkDescription}",
        ["help_links"] = new JsonArray(),
    };
}
