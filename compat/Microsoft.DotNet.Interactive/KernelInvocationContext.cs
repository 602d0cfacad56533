using System.Collections.Concurrent;
using Microsoft.DotNet.Interactive.Commands;
using Microsoft.DotNet.Interactive.Events;

namespace Microsoft.DotNet.Interactive;

/// <summary>
/// The command that is being carried out, as seen from the code that it runs: it flows with the asynchronous call, its
/// threads included, gathers what that call displays and prints, and tells it when it is cancelled.
/// </summary>
public class KernelInvocationContext : IDisposable
{
    private static readonly AsyncLocal<KernelInvocationContext> s_current = new();

    private readonly ReplayedEvents _events = new();
    private readonly CancellationTokenSource _cancellation = new();
    private readonly ConsoleCapture _console;
    private readonly Lock _gate = new();

    private KernelInvocationContext(KernelCommand command)
    {
        Command = command;
        CancellationToken = _cancellation.Token;
        _console = ConsoleCapture.Begin(
            text => Publish(new StandardOutputValueProduced(Command, [new(Formatting.PlainTextFormatter.MimeType, text)])),
            text => Publish(new StandardErrorValueProduced(Command, [new(Formatting.PlainTextFormatter.MimeType, text)])));
    }

    public static KernelInvocationContext Current => s_current.Value;

    public KernelCommand Command { get; }

    public bool IsComplete { get; private set; }

    public CancellationToken CancellationToken { get; }

    public IObservable<KernelEvent> KernelEvents => _events;

    /// <summary>The context of the surrounding call, or a new one, which then surrounds what this call starts.</summary>
    public static KernelInvocationContext GetOrCreateAmbientContext(
        KernelCommand command,
        ConcurrentDictionary<string, KernelInvocationContext> contextsByRootToken = null)
    {
        if (s_current.Value is { } current)
            return current;

        return s_current.Value = contextsByRootToken is null
            ? new KernelInvocationContext(command)
            : contextsByRootToken.GetOrAdd(command.GetOrCreateToken(), _ => new KernelInvocationContext(command));
    }

    public void Publish(KernelEvent @event)
    {
        if (!IsComplete && Command.Equals(@event.Command))
            _events.Add(@event);
    }

    public void Complete(KernelCommand command) => End(command, new CommandSucceeded(Command), cancel: false);

    /// <summary>Ends the command and cancels <see cref="CancellationToken"/>; what is published later is dropped.</summary>
    public void Fail(KernelCommand command, Exception exception = null, string message = null) =>
        End(command, new CommandFailed(exception, Command, message), cancel: true);

    public void Dispose()
    {
        if (s_current.Value == this)
            s_current.Value = null;

        Complete(Command);
        _console.Dispose();
        _cancellation.Dispose();
    }

    private void End(KernelCommand command, KernelCommandCompletionEvent last, bool cancel)
    {
        lock (_gate)
        {
            if (IsComplete || !Command.Equals(command))
                return;

            Publish(last);
            _events.Complete();
            if (cancel)
                _cancellation.Cancel();
            IsComplete = true;
        }
    }
}
