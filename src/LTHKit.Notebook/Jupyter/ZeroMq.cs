using System.Runtime.InteropServices;

namespace LTHKit.Notebook.Jupyter;

/// <summary>The part of libzmq that a kernel needs.</summary>
internal static unsafe partial class ZeroMq
{
    public const int Rep = 4, Dealer = 5, Router = 6, Sub = 2, Req = 3, Pair = 0, XPub = 9;
    public const int Subscribe = 6, Linger = 17, SendHighWater = 23, ReceiveHighWater = 24, RouterHandover = 56;
    public const int DontWait = 1, SendMore = 2;
    public const short PollIn = 1;

    private const string Library = "libzmq.so.5";

    /// <exception cref="UserException">There is no libzmq on this machine.</exception>
    public static IntPtr NewContext()
    {
        try
        {
            return ContextNew();
        }
        catch (DllNotFoundException)
        {
            throw new UserException("A Jupyter kernel needs libzmq, and this machine has none; install it with: apt-get install libzmq5");
        }
    }

    [LibraryImport(Library, EntryPoint = "zmq_ctx_term")]
    public static partial int ContextTerminate(IntPtr context);

    [LibraryImport(Library, EntryPoint = "zmq_socket", SetLastError = true)]
    public static partial IntPtr NewSocket(IntPtr context, int type);

    [LibraryImport(Library, EntryPoint = "zmq_close")]
    public static partial int Close(IntPtr socket);

    [LibraryImport(Library, EntryPoint = "zmq_setsockopt", SetLastError = true)]
    public static partial int SetOption(IntPtr socket, int option, void* value, nuint size);

    [LibraryImport(Library, EntryPoint = "zmq_bind", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int Bind(IntPtr socket, string endpoint);

    [LibraryImport(Library, EntryPoint = "zmq_connect", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int Connect(IntPtr socket, string endpoint);

    [LibraryImport(Library, EntryPoint = "zmq_send", SetLastError = true)]
    public static partial int Send(IntPtr socket, byte* data, nuint size, int flags);

    [LibraryImport(Library, EntryPoint = "zmq_msg_init")]
    public static partial int FrameInit(Frame* frame);

    [LibraryImport(Library, EntryPoint = "zmq_msg_recv", SetLastError = true)]
    public static partial int FrameReceive(Frame* frame, IntPtr socket, int flags);

    [LibraryImport(Library, EntryPoint = "zmq_msg_data")]
    public static partial byte* FrameData(Frame* frame);

    [LibraryImport(Library, EntryPoint = "zmq_msg_size")]
    public static partial nuint FrameSize(Frame* frame);

    [LibraryImport(Library, EntryPoint = "zmq_msg_more")]
    public static partial int FrameMore(Frame* frame);

    [LibraryImport(Library, EntryPoint = "zmq_msg_close")]
    public static partial int FrameClose(Frame* frame);

    [LibraryImport(Library, EntryPoint = "zmq_poll", SetLastError = true)]
    public static partial int Poll(PollItem* items, int count, nint milliseconds);

    public static string LastError() => Marshal.PtrToStringUTF8(ErrorText(Marshal.GetLastPInvokeError())) ?? "unknown error";

    [LibraryImport(Library, EntryPoint = "zmq_ctx_new")]
    private static partial IntPtr ContextNew();

    [LibraryImport(Library, EntryPoint = "zmq_strerror")]
    private static partial IntPtr ErrorText(int number);

    /// <summary>zmq_msg_t.</summary>
    [StructLayout(LayoutKind.Sequential, Size = 64, Pack = 8)]
    public struct Frame;

    /// <summary>zmq_pollitem_t.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct PollItem
    {
        public IntPtr Socket;
        public int File;
        public short Events;
        public short Found;
    }
}
