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
    private readonly string _notes;
    private DisplayedValue? _display;
    private bool _open;

    public ProgressLine(string name = "", string notes = "")
    {
        _notes = notes;
        if (notes == "")
            return;
        if (_notebook is null)
            Console.Error.WriteLine(name + notes);
        else
            Display(name);
    }

    /// <summary>Shows <paramref name="text"/> in place of what was shown; calls in quick succession are dropped.</summary>
    public void Show(string text)
    {
        if (_since.IsRunning && _since.Elapsed < Interval)
            return;
        _since.Restart();
        if (_notebook is not null)
            Display(text);
        else if (!Console.IsErrorRedirected)
            Write(text[..Math.Min(text.Length, Math.Max(20, Console.WindowWidth - 1))]);
    }

    /// <summary>Shows the last text, in full, with what is to be said below it.</summary>
    public void Finish(string text, string warning = "")
    {
        if (_notebook is not null)
            Display(text, warning);
        else if (Console.IsErrorRedirected)
            Console.Error.WriteLine(text + warning);
        else
            Write(text + warning);
    }

    public void Dispose()
    {
        if (_open)
            Console.Error.WriteLine();
        _open = false;
    }

    private void Display(string text, string warning = "")
    {
        text += _notes + warning;
        if (_display is null)
            _display = _notebook!.Display((object)text, PlainTextFormatter.MimeType);   // text.Display(...) gives .NET Interactive nothing to update
        else
            _display.Update(text);
    }

    private void Write(string text)
    {
        Console.Error.Write("\r\e[K" + text);
        _open = true;
    }
}
