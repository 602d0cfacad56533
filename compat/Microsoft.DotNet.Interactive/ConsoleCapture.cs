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
    private static TextWriter s_out;
    private static TextWriter s_error;

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
            if (s_live++ == 0)
            {
                (s_out, s_error) = (Console.Out, Console.Error);
                Console.SetOut(new Router(s_out, capture => capture._out));
                Console.SetError(new Router(s_error, capture => capture._error));
            }
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
            if (--s_live == 0)
            {
                Console.SetOut(s_out);
                Console.SetError(s_error);
            }
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
