using System.Diagnostics;
using Microsoft.DotNet.Interactive;
using Microsoft.DotNet.Interactive.Formatting;

namespace LTHKit.Experiments;

/// <summary>One line of text that updates in place: a display in a notebook, a line on standard error elsewhere.</summary>
internal sealed class ProgressLine : IDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(0.5);

    private readonly KernelInvocationContext? _notebook = KernelInvocationContext.Current;
    private readonly Stopwatch _since = new();
    private DisplayedValue? _display;
    private bool _open;

    /// <summary>Shows <paramref name="text"/> in place of what was shown; calls in quick succession are dropped unless it is the last.</summary>
    public void Show(string text, bool last = false)
    {
        if (!last && _since.IsRunning && _since.Elapsed < Interval)
            return;
        _since.Restart();
        if (_notebook is null)
            Write(text, last);
        else if (_display is null)
            _display = _notebook.Display((object)text, PlainTextFormatter.MimeType);   // text.Display(...) gives .NET Interactive nothing to update
        else
            _display.Update(text);
    }

    /// <summary>Leaves the last text standing.</summary>
    public void Dispose()
    {
        if (_open)
            Console.Error.WriteLine();
        _open = false;
    }

    private void Write(string text, bool last)
    {
        if (Console.IsErrorRedirected)
        {
            if (last)
                Console.Error.WriteLine(text);
            return;
        }
        var width = Math.Max(20, Console.WindowWidth - 1);
        Console.Error.Write("\r\e[K" + (text.Length > width && !last ? text[..width] : text));
        _open = true;
    }
}
