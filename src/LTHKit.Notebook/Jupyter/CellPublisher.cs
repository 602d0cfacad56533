using System.Text;
using System.Text.Json.Nodes;
using LTHKit.Notebook.Execution;

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
    private readonly int _number;
    private readonly Lock _gate = new();
    private readonly StringBuilder _text = new();
    private readonly Timer _timer;
    private string _stream = "";

    public CellPublisher(Channels channels, Request request, int number)
    {
        (_channels, _request, _number) = (channels, request, number);
        _timer = new Timer(_ => Flush());
    }

    public void Add(CellOutput output)
    {
        lock (_gate)
        {
            if (output is StreamOutput stream)
            {
                Gather(stream);
                return;
            }

            Flush();
            var (type, content) = Message(output);
            _channels.Publish(type, content, _request);
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

    private void Gather(StreamOutput stream)
    {
        if (stream.Name != _stream)
            Flush();
        _stream = stream.Name;
        if (_text.Length == 0)
            _timer.Change(Moment, Timeout.InfiniteTimeSpan);
        _text.Append(stream.Text);
        if (_text.Length > MostGathered)
            Flush();
    }

    private (string Type, JsonObject Content) Message(CellOutput output) => output switch
    {
        DisplayOutput o => ("display_data", Shown(o.Data, o.DisplayId)),
        DisplayUpdate o => ("update_display_data", Shown(o.Data, o.DisplayId)),
        ResultOutput o => ("execute_result", new()
        {
            ["data"] = OutputJson.Bundle(o.Data, multiline: false),
            ["execution_count"] = _number,
            ["metadata"] = new JsonObject(),
        }),
        ErrorOutput o => ("error", Error(o)),
        ClearOutput o => ("clear_output", new() { ["wait"] = o.Wait }),
        _ => throw new ArgumentOutOfRangeException(nameof(output)),
    };

    public static JsonObject Error(ErrorOutput error) => new()
    {
        ["ename"] = error.Name,
        ["evalue"] = error.Message,
        ["traceback"] = new JsonArray([.. error.Traceback.Select(line => JsonValue.Create(line))]),
    };

    private static JsonObject Shown(IReadOnlyDictionary<string, string> data, string id) => new()
    {
        ["data"] = OutputJson.Bundle(data, multiline: false),
        ["metadata"] = new JsonObject(),
        ["transient"] = new JsonObject { ["display_id"] = id },
    };
}
