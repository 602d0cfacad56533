namespace LTHKit.Notebook.Jupyter;

/// <summary>
/// Publishes what a cell puts out while it runs. Text written in small pieces is gathered for a moment: front ends drop what comes in
/// thousands of messages a second.
/// </summary>
internal sealed class CellPublisher : IDisposable
{
    private const int MostGathered = 1 << 16;
    private static readonly TimeSpan Moment = TimeSpan.FromMilliseconds(40);

    private readonly Channels _channels;
    private readonly Request _request;
    private readonly Lock _gate = new();
    private readonly StringBuilder _text = new();
    private readonly Timer _timer;
    private string _stream = "";

    public CellPublisher(Channels channels, Request request)
    {
        (_channels, _request) = (channels, request);
        _timer = new Timer(_ => Flush());
    }

    public void Add(CellOutput output)
    {
        lock (_gate)
        {
            if (output.StreamName is { } stream)
            {
                Gather(stream, (string)output.Content["text"]!);
                return;
            }
            Flush();
            _channels.Publish(output.Type, output.Content, _request);
        }
    }

    public void Flush()
    {
        lock (_gate)
        {
            if (_text.Length == 0)
                return;
            _channels.Publish("stream", new() { ["name"] = _stream, ["text"] = _text.ToString() }, _request);
            _text.Clear();
        }
    }

    public void Dispose()
    {
        _timer.Dispose();
        Flush();
    }

    private void Gather(string stream, string text)
    {
        if (stream != _stream)
            Flush();
        _stream = stream;
        if (_text.Length == 0)
            _timer.Change(Moment, Timeout.InfiniteTimeSpan);
        _text.Append(text);
        if (_text.Length > MostGathered)
            Flush();
    }
}
