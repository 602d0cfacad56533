using NetMQ;
using NetMQ.Sockets;

namespace LTHKit.Notebook.Jupyter;

internal enum Channel { Heartbeat, Shell, Control, Stdin, Iopub }

/// <summary>
/// The five sockets of a kernel. A thread of their own reads and writes them, answers the heartbeat whatever a cell does, and hands
/// on what comes in.
/// </summary>
internal sealed class Channels : IDisposable
{
    private const int MostBytes = 1 << 30;
    private static readonly TimeSpan Linger = TimeSpan.FromSeconds(1);

    private readonly MessageCodec _codec;
    private readonly Action<Channel, Request> _received;
    private readonly Action<string> _log;
    private readonly Dictionary<Channel, NetMQSocket> _sockets = [];
    private readonly NetMQQueue<(Channel Channel, NetMQMessage Message)> _outgoing = new();
    private readonly NetMQPoller _poller;
    private bool _closed;

    public Channels(ConnectionFile connection, Action<Channel, Request> received, Action<string> log)
    {
        (_codec, _received, _log) = (new MessageCodec(connection.Key), received, log);
        _poller = [_outgoing];
        Open(Channel.Heartbeat, new ResponseSocket(), connection.HbPort);
        Open(Channel.Shell, new RouterSocket(), connection.ShellPort);
        Open(Channel.Control, new RouterSocket(), connection.ControlPort);
        Open(Channel.Stdin, new RouterSocket(), connection.StdinPort);
        Open(Channel.Iopub, new XPublisherSocket { Options = { XPubVerbose = true } }, connection.IopubPort);       // each subscriber is welcomed
        _outgoing.ReceiveReady += (_, _) => SendWaiting();

        void Open(Channel channel, NetMQSocket socket, int port)
        {
            if (socket is RouterSocket)
                socket.Options.RouterHandover = true;
            // What was sent shortly before the end still leaves; nothing is dropped for being much.
            (socket.Options.Linger, socket.Options.SendHighWatermark, socket.Options.ReceiveHighWatermark, socket.Options.MaxMsgSize) = (Linger, 0, 0, MostBytes);
            try
            {
                socket.Bind(connection.Endpoint(port));
            }
            catch (NetMQException e)
            {
                throw new UserException($"The kernel cannot listen on {connection.Endpoint(port)}: {e.Message}.", e);
            }
            socket.ReceiveReady += (_, _) => Receive(channel, socket);
            _sockets[channel] = socket;
            _poller.Add(socket);
        }
    }

    public void Start() => _poller.RunAsync("Jupyter sockets", isBackgroundThread: true);

    public void Publish(string type, JsonObject content, Request? parent) =>
        Enqueue(Channel.Iopub, _codec.Write([Encoding.UTF8.GetBytes(type)], type, content, parent));

    public void Send(Channel channel, string type, JsonObject content, Request to) =>
        Enqueue(channel, _codec.Write(to.Identities, type, content, to));

    /// <summary>Sends what is waiting and closes the sockets.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _closed, true))
            return;
        if (_poller.IsRunning)
            _poller.Stop();
        SendWaiting();
        _poller.Dispose();
        foreach (var socket in _sockets.Values)
            socket.Dispose();
        _outgoing.Dispose();
    }

    private void Enqueue(Channel channel, NetMQMessage message)
    {
        if (_closed)
            return;     // a cell that goes on after the end has nobody to talk to
        try
        {
            _outgoing.Enqueue((channel, message));
        }
        catch (ObjectDisposedException)
        {
            // Closed in between.
        }
    }

    private void SendWaiting()
    {
        while (_outgoing.TryDequeue(out var next, TimeSpan.Zero))
            _sockets[next.Channel].TrySendMultipartMessage(next.Message);
    }

    private void Receive(Channel channel, NetMQSocket socket)
    {
        List<byte[]>? frames = null;
        if (!socket.TryReceiveMultipartBytes(ref frames!))
            return;     // what came was no message: waiting for one would keep all sockets waiting
        if (channel == Channel.Heartbeat)
            socket.SendMultipartBytes(frames);
        else if (channel == Channel.Iopub)
        {
            // A new subscriber: from here on it misses nothing, and is told so.
            if (frames is [[1, .. var topic]])
                socket.SendMultipartMessage(_codec.Write([topic], "iopub_welcome", new() { ["subscription"] = Encoding.UTF8.GetString(topic) }, null));
        }
        else if (_codec.Read(frames, out var problem) is { } request)
            _received(channel, request);
        else
            _log($"a message on {channel.ToString().ToLowerInvariant()} was dropped: {problem}.");
    }
}
