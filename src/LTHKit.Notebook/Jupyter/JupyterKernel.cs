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
        _cells = new Cells(_channels, _kernels, _input, folder);
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
        var behind = 0;     // of the next, those that came before the reply to a cell that failed: no cell among them is run, for what it builds on is not there
        await foreach (var request in requests.Reader.ReadAllAsync().ConfigureAwait(false))
        {
            Status("busy", request);
            var isCell = request.Type == "execute_request";
            var reply = isCell && behind > 0 ? new() { ["status"] = "aborted" } : await Answer(request).ConfigureAwait(false);
            behind = isCell && (string?)reply!["status"] == "error" && request.Value("stop_on_error", true) ? requests.Reader.Count : Math.Max(0, behind - 1);

            if (reply is not null)
                _channels.Send(channel, request.Type.Replace("_request", "_reply", StringComparison.Ordinal), reply, request);
            if (request.Type == "shutdown_request")
                _channels.Publish("shutdown_reply", reply!.DeepClone().AsObject(), request);
            Status("idle", request);
            if (request.Type == "shutdown_request")
                _ended.TrySetResult();
        }
    }

    private async Task<JsonObject?> Answer(Request request)
    {
        try
        {
            if (request.Type == "interrupt_request")
                Interrupt();
            if (request.Type == "comm_open")        // there is nothing on this side that a comm could talk to
                _channels.Publish("comm_close", new() { ["comm_id"] = request.Value("comm_id", ""), ["data"] = new JsonObject() }, request);
            JsonObject? answer = request.Type switch
            {
                "kernel_info_request" => Info(),
                "execute_request" => await _cells.RunAsync(request).ConfigureAwait(false),
                "complete_request" => await _assistant.CompleteAsync(request).ConfigureAwait(false),
                "inspect_request" => await _assistant.InspectAsync(request).ConfigureAwait(false),
                "is_complete_request" => Assistant.IsComplete(request),
                "history_request" => _cells.History(request),
                "comm_info_request" => new() { ["status"] = "ok", ["comms"] = new JsonObject() },
                "interrupt_request" => new() { ["status"] = "ok" },
                "shutdown_request" => new() { ["status"] = "ok", ["restart"] = request.Value("restart", false) },
                _ => null,
            };
            if (answer is null && request.Type is not ("comm_open" or "comm_msg" or "comm_close"))
                _log($"a message of the unknown type {request.Type} was left unanswered.");
            return answer;
        }
        catch (Exception e)
        {
            // One request that the kernel fails at must not end it.
            _log($"{request.Type} failed: {e}");
            return new() { ["status"] = "error", ["ename"] = e.GetType().Name, ["evalue"] = e.Message, ["traceback"] = new JsonArray() };
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
