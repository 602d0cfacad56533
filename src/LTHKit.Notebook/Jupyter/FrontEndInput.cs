namespace LTHKit.Notebook.Jupyter;

/// <summary>What a cell reads from the console: the front end that sent the cell asks its user for it.</summary>
internal sealed class FrontEndInput(Channels channels) : TextReader
{
    private (Request Request, CellPublisher Publisher, CancellationToken Cancellation)? _cell;
    private TaskCompletionSource<string>? _waiting;

    /// <summary>What is read from here on is asked of the sender of this request.</summary>
    public void Begin(Request request, CellPublisher publisher, CancellationToken cancellation) => _cell = (request, publisher, cancellation);

    /// <summary>Takes an input_reply.</summary>
    public void Answer(Request reply) => _waiting?.TrySetResult(reply.Text("value"));

    /// <summary>Asks the user.</summary>
    public string Ask(string prompt, bool isSecret)
    {
        if (_cell is not { } cell || !cell.Request.Flag("allow_stdin", false))
            throw new InvalidOperationException("A cell that reads from the console needs a front end with an input line; this one has none.");

        cell.Publisher.Flush();
        _waiting = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
        channels.Send(Channel.Stdin, "input_request", new() { ["prompt"] = prompt, ["password"] = isSecret }, cell.Request);
        _waiting.Task.Wait(cell.Cancellation);
        return _waiting.Task.Result;
    }

    public override string ReadLine() => Ask("", isSecret: false);
}
