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
            if (output.StreamName != _stream || _text.Length > MostGathered)
                Flush();
            if (output.StreamName is null)
            {
                _channels.Publish(output.Type, output.Content, _request);
                return;
            }
            if (_text.Length == 0)
                _timer.Change(Moment, Timeout.InfiniteTimeSpan);
            _stream = output.StreamName;
            _text.Append((string?)output.Content["text"]);
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
}
