using System.Collections.Concurrent;
using System.Text;
using System.Text.Json.Nodes;

namespace LTHKit.Notebook.Jupyter;

internal enum Channel
{
    Shell,
    Control,
    Stdin,
    Iopub,
}

/// <summary>
/// The five sockets of a kernel. A thread of their own reads and writes them, answers the heartbeat whatever a cell does, and hands
/// on what comes in.
/// </summary>
internal sealed class Channels : IDisposable
{
    private const string Wake = "inproc://wake";
    private const int MostWaiting = 4096, Portion = 256;

    private readonly MessageCodec _codec;
    private readonly Action<Channel, Request> _received;
    private readonly Action<string> _log;
    private readonly IntPtr _context = ZeroMq.NewContext();
    private readonly ZmqSocket _waker;
    private readonly ZmqSocket _woken;
    private readonly ZmqSocket _heartbeat;
    private readonly Dictionary<Channel, ZmqSocket> _sockets;
    private readonly BlockingCollection<(Channel Channel, List<byte[]> Frames)> _outgoing = new(MostWaiting);
    private readonly Lock _wakerGate = new();
    private readonly Thread _thread;
    private int _wakeSent;

    /// <param name="received">Called on the sockets' thread with every message that is what it should be; must return at once.</param>
    /// <param name="log">Told of messages that were refused.</param>
    public Channels(ConnectionFile connection, Action<Channel, Request> received, Action<string> log)
    {
        (_codec, _received, _log) = (new MessageCodec(connection.Key), received, log);
        _woken = new ZmqSocket(_context, ZeroMq.Pair);
        _woken.Bind(Wake);
        _waker = new ZmqSocket(_context, ZeroMq.Pair);
        _waker.Connect(Wake);
        _heartbeat = Bound(ZeroMq.Rep, connection.Heartbeat);
        _sockets = new()
        {
            [Channel.Shell] = Bound(ZeroMq.Router, connection.Shell),
            [Channel.Control] = Bound(ZeroMq.Router, connection.Control),
            [Channel.Stdin] = Bound(ZeroMq.Router, connection.Stdin),
            [Channel.Iopub] = Bound(ZeroMq.XPub, connection.Iopub),
        };
        _thread = new Thread(Loop) { IsBackground = true, Name = "Jupyter sockets" };

        ZmqSocket Bound(int type, int port)
        {
            var socket = new ZmqSocket(_context, type);
            if (type == ZeroMq.Router)
                socket.Set(ZeroMq.RouterHandover, 1);
            socket.Bind(connection.Endpoint(port));
            return socket;
        }
    }

    public void Start() => _thread.Start();

    /// <summary>Publishes to every front end.</summary>
    public void Publish(string type, JsonObject content, Request? parent) =>
        Enqueue(Channel.Iopub, _codec.Write([Encoding.UTF8.GetBytes(type)], type, content, parent));

    /// <summary>Sends to the front end that a request came from.</summary>
    public void Send(Channel channel, string type, JsonObject content, Request to) =>
        Enqueue(channel, _codec.Write(to.Identities, type, content, to));

    /// <summary>Sends what is waiting and closes the sockets.</summary>
    public void Dispose()
    {
        if (_outgoing.IsAddingCompleted)
            return;
        _outgoing.CompleteAdding();
        WakeUp();
        if (_thread.IsAlive)
            _thread.Join();
        foreach (var socket in (IEnumerable<ZmqSocket>)[_waker, _woken, _heartbeat, .. _sockets.Values])
            socket.Dispose();
        _ = ZeroMq.ContextTerminate(_context);
    }

    private void Enqueue(Channel channel, List<byte[]> frames)
    {
        try
        {
            _outgoing.Add((channel, frames));
            WakeUp();
        }
        catch (InvalidOperationException)
        {
            // Closed: a cell that goes on after the end has nobody to talk to.
        }
    }

    private void WakeUp()
    {
        if (Interlocked.Exchange(ref _wakeSent, 1) == 1)
            return;
        lock (_wakerGate)
            _waker.Send([[]]);
    }

    private void Loop()
    {
        ZmqSocket[] all = [_woken, _heartbeat, .. _sockets.Values];
        while (!_outgoing.IsCompleted)
        {
            ZmqSocket.WaitAny(all, _outgoing.Count == 0 ? Timeout.Infinite : 0);
            while (_woken.Receive() is not null)
                Interlocked.Exchange(ref _wakeSent, 0);
            // In portions, so that a cell that prints without end can be interrupted.
            for (var i = 0; i < Portion && _outgoing.TryTake(out var message); i++)
                _sockets[message.Channel].Send(message.Frames);
            while (_heartbeat.Receive() is { } beat)
                _heartbeat.Send(beat);
            foreach (var (channel, socket) in _sockets)
            {
                while (socket.Receive() is { } frames)
                    Receive(channel, socket, frames);
            }
        }
    }

    private void Receive(Channel channel, ZmqSocket socket, List<byte[]> frames)
    {
        if (channel == Channel.Iopub)
        {
            // A new subscriber: from here on it misses nothing, and is told so.
            if (frames is [[1, .. var topic]])
                socket.Send(_codec.Write([topic], "iopub_welcome", new() { ["subscription"] = Encoding.UTF8.GetString(topic) }, null));
        }
        else if (_codec.TryRead(frames, out var request, out var problem))
        {
            _received(channel, request);
        }
        else
        {
            _log($"a message on {channel.ToString().ToLowerInvariant()} was dropped: {problem}.");
        }
    }
}
