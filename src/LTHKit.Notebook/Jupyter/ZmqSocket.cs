using System.Runtime.InteropServices;

namespace LTHKit.Notebook.Jupyter;

/// <summary>A socket of libzmq, for one thread at a time.</summary>
internal sealed unsafe class ZmqSocket : IDisposable
{
    private const int TryAgain = 11, Interrupted = 4;   // errno
    private static readonly TimeSpan Linger = TimeSpan.FromSeconds(1);

    private IntPtr _handle;

    public ZmqSocket(IntPtr context, int type)
    {
        _handle = ZeroMq.NewSocket(context, type);
        if (_handle == IntPtr.Zero)
            throw new InvalidOperationException($"libzmq: {ZeroMq.LastError()}");
        // What was sent shortly before the end still leaves; nothing is dropped for being much.
        Set(ZeroMq.Linger, (int)Linger.TotalMilliseconds);
        Set(ZeroMq.SendHighWater, 0);
        Set(ZeroMq.ReceiveHighWater, 0);
    }

    public void Set(int option, int value) => Check(ZeroMq.SetOption(_handle, option, &value, sizeof(int)));

    public void SubscribeToAll() => Check(ZeroMq.SetOption(_handle, ZeroMq.Subscribe, null, 0));

    /// <exception cref="UserException">The address is taken or is none of this machine's.</exception>
    public void Bind(string endpoint)
    {
        if (ZeroMq.Bind(_handle, endpoint) != 0)
            throw new UserException($"The kernel cannot listen on {endpoint}: {ZeroMq.LastError()}.");
    }

    public void Connect(string endpoint) => Check(ZeroMq.Connect(_handle, endpoint));

    /// <summary>Sends the frames as one message. One that cannot be delivered any more, because its receiver has gone, is dropped.</summary>
    public void Send(IReadOnlyList<byte[]> frames)
    {
        for (var i = 0; i < frames.Count; i++)
        {
            var flags = ZeroMq.DontWait | (i < frames.Count - 1 ? ZeroMq.SendMore : 0);
            fixed (byte* data = frames[i])
            {
                while (ZeroMq.Send(_handle, data, (nuint)frames[i].Length, flags) < 0)
                {
                    if (Marshal.GetLastPInvokeError() != Interrupted)
                        return;
                }
            }
        }
    }

    /// <summary>The next message's frames, or null where none is waiting.</summary>
    public List<byte[]>? Receive()
    {
        var frames = new List<byte[]>();
        ZeroMq.Frame frame;
        bool more;
        do
        {
            _ = ZeroMq.FrameInit(&frame);
            while (ZeroMq.FrameReceive(&frame, _handle, ZeroMq.DontWait) < 0)
            {
                if (Marshal.GetLastPInvokeError() == Interrupted)
                    continue;
                _ = ZeroMq.FrameClose(&frame);
                return Marshal.GetLastPInvokeError() == TryAgain ? null : throw new InvalidOperationException($"libzmq: {ZeroMq.LastError()}");
            }

            frames.Add(new ReadOnlySpan<byte>(ZeroMq.FrameData(&frame), checked((int)ZeroMq.FrameSize(&frame))).ToArray());
            more = ZeroMq.FrameMore(&frame) != 0;
            _ = ZeroMq.FrameClose(&frame);
        }
        while (more);
        return frames;
    }

    /// <summary>Waits until one of the sockets has a message.</summary>
    public static void WaitAny(IReadOnlyList<ZmqSocket> sockets, int milliseconds = -1)
    {
        var items = stackalloc ZeroMq.PollItem[sockets.Count];
        for (var i = 0; i < sockets.Count; i++)
            items[i] = new ZeroMq.PollItem { Socket = sockets[i]._handle, Events = ZeroMq.PollIn };
        _ = ZeroMq.Poll(items, sockets.Count, milliseconds);
    }

    public void Dispose()
    {
        if (_handle != IntPtr.Zero)
            _ = ZeroMq.Close(_handle);
        _handle = IntPtr.Zero;
    }

    private static void Check(int result)
    {
        if (result != 0)
            throw new InvalidOperationException($"libzmq: {ZeroMq.LastError()}");
    }
}
