namespace Microsoft.DotNet.Interactive.Formatting;

/// <summary>Where a value is written, and how deep in an object graph the writing is.</summary>
public class FormatContext : IDisposable
{
    private bool _needsStyles;

    public FormatContext(TextWriter writer) => Writer = writer;

    public int Depth { get; internal set; }

    public TextWriter Writer { get; }

    internal void RequireStyles() => _needsStyles = true;

    public void Dispose()
    {
        if (_needsStyles)
            Writer.Write(HtmlDefaults.Styles);
        _needsStyles = false;
    }
}
