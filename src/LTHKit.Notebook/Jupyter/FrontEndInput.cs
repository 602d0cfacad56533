namespace LTHKit.Notebook.Jupyter;

/// <summary>What a cell reads from the console: the front end that sent the cell asks its user for it.</summary>
internal sealed class FrontEndInput(Channels channels) : TextReader
{
    private readonly AsyncLocal<Asked?> _cell = new();
    private TaskCompletionSource<string>? _waiting;
    private string _rest = "";

    /// <summary>What is read by the calls that the caller starts from here on is asked of the sender of this request.</summary>
    public void Begin(Request request, CellPublisher publisher, CancellationToken cancellation) =>
        _cell.Value = new Asked(request, publisher, cancellation);

    /// <summary>Takes an input_reply.</summary>
    public void Answer(Request reply) => _waiting?.TrySetResult(reply.Text("value"));

    public override string ReadLine()
    {
        if (_rest.Length == 0)
            return Ask();
        var line = _rest.TrimEnd('\n');
        _rest = "";
        return line;
    }

    public override int Read()
    {
        if (_rest.Length == 0)
            _rest = Ask() + "\n";
        var next = _rest[0];
        _rest = _rest[1..];
        return next;
    }

    public override int Peek() => _rest.Length == 0 ? -1 : _rest[0];

    private string Ask()
    {
        if (_cell.Value is not { } cell || !cell.Request.Flag("allow_stdin", false))
            throw new InvalidOperationException("A cell that reads from the console needs a front end with an input line; this one has none.");

        cell.Publisher.Flush();
        _waiting = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
        channels.Send(Channel.Stdin, "input_request", new() { ["prompt"] = "", ["password"] = false }, cell.Request);
        _waiting.Task.Wait(cell.Cancellation);
        return _waiting.Task.Result;
    }

    private sealed record Asked(Request Request, CellPublisher Publisher, CancellationToken Cancellation);
}
