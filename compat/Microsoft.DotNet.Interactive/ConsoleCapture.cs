using System.Text;

namespace Microsoft.DotNet.Interactive;

/// <summary>
/// While it lives, what the surrounding asynchronous call writes to the console goes to a delegate instead. Calls outside of
/// it, on other threads, still reach the console.
/// </summary>
internal sealed class ConsoleCapture : IDisposable
{
    private static readonly Lock Gate = new();
    private static readonly AsyncLocal<ConsoleCapture> Ambient = new();
    private static int s_live;
    private static Redirection s_out;
    private static Redirection s_error;

    private readonly Action<string> _out;
    private readonly Action<string> _error;
    private bool _disposed;

    private ConsoleCapture(Action<string> @out, Action<string> error)
    {
        _out = @out;
        _error = error;
    }

    public static ConsoleCapture Begin(Action<string> @out, Action<string> error)
    {
        lock (Gate)
        {
            s_live++;
            // Someone else may have set the console since, while an earlier call still lives.
            if (s_out?.Installed != Console.Out)
                s_out = Redirection.Of(Console.Out, Console.SetOut, () => Console.Out, capture => capture._out);
            if (s_error?.Installed != Console.Error)
                s_error = Redirection.Of(Console.Error, Console.SetError, () => Console.Error, capture => capture._error);
        }

        return Ambient.Value = new ConsoleCapture(@out, error);
    }

    public void Dispose()
    {
        lock (Gate)
        {
            if (_disposed)
                return;

            _disposed = true;
            if (--s_live > 0)
                return;

            if (s_out.Installed == Console.Out)
                Console.SetOut(s_out.Console);
            if (s_error.Installed == Console.Error)
                Console.SetError(s_error.Console);
            (s_out, s_error) = (null, null);
        }
    }

    /// <summary>A console's writer, and what stands in its place.</summary>
    private sealed record Redirection(TextWriter Console, TextWriter Installed)
    {
        public static Redirection Of(
            TextWriter console, Action<TextWriter> set, Func<TextWriter> get, Func<ConsoleCapture, Action<string>> target)
        {
            set(new Router(console, target));
            return new Redirection(console, get());     // the console wraps what it is given
        }
    }

    private sealed class Router(TextWriter console, Func<ConsoleCapture, Action<string>> target) : TextWriter
    {
        public override Encoding Encoding => console.Encoding;

        public override void Write(char value) => Write(value.ToString());

        public override void Write(char[] buffer, int index, int count) => Write(new string(buffer, index, count));

        public override void Write(string value)
        {
            if (string.IsNullOrEmpty(value))
                return;

            if (Ambient.Value is { _disposed: false } capture)
                target(capture)(value);
            else
                console.Write(value);
        }

        public override void WriteLine(string value) => Write(value + CoreNewLineText);

        public override void WriteLine() => Write(CoreNewLineText);

        public override void Flush() => console.Flush();

        private string CoreNewLineText => new(CoreNewLine);
    }
}
