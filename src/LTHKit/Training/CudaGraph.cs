using System.Collections.Concurrent;
using System.Reflection;

namespace LTHKit.Training;

/// <summary>
/// Work for a CUDA device, recorded once and then launched as a whole, which costs the host one call instead of one a kernel: libtorch's own
/// at::cuda::CUDAGraph, which TorchSharp does not bind; reached by name, so that a libtorch without these names is possible and <see cref="Serves"/> tells.
/// What was recorded reads and writes the same memory at every replay, numbers of the host are as they were, and memory that it asked for stays its own.
/// </summary>
internal sealed unsafe class CudaGraph : IDisposable
{
    private const string Library = "libtorch_cuda.so", Prefix = "_ZN2at4cuda9CUDAGraph";
    private const string Construct = Prefix + "C1Eb", Destroy = Prefix + "D1Ev", Launch = Prefix + "6replayEv";
    private const string Begin = Prefix + "13capture_beginESt4pairIyyE21cudaStreamCaptureMode", End = Prefix + "11capture_endEv";
    private const int Size = 8192;          // more than a CUDAGraph of any version has
    private const int ThreadLocal = 1;      // cudaStreamCaptureModeThreadLocal: other threads may allocate meanwhile

    private static readonly bool Available = CudaStream.Has(Library, Construct, Destroy, Launch, Begin, End);
    private static readonly Lock Recording = new();
    private void* _graph;

    /// <summary>
    /// Records what <paramref name="work"/> has the device do, and does nothing of it. It must have been done before on this thread's stream, for what libraries
    /// set up at a first use, and may neither wait for the device nor copy from memory of the host.
    /// </summary>
    public CudaGraph(Action work)
    {
        // Gradient nodes of earlier work that nobody disposed of belong to its stream.
        GC.Collect();
        GC.WaitForPendingFinalizers();
        lock (Recording)
        {
            FreeCache();
            var graph = NativeMemory.AllocZeroed(Size);
            construct(graph, 0);
            begin(graph, default, ThreadLocal);
            try
            {
                work();
            }
            catch (Exception e)
            {
                CudaStream.GiveUp();        // what was begun on it cannot be ended any more
                throw new UserException($"A step could not be recorded for the CUDA device ({e.Message.Split('\n')[0].TrimEnd('.')}): begin again in a new process, or restart the "
                    + "kernel, with fewer runs side by side where its memory is full.", e);
            }
            end(graph);
            _graph = graph;
        }
    }

    /// <summary>
    /// Gives the device back what libtorch keeps for later: memory of graphs that are gone it gives to no other, and while somebody records it frees none. TorchSharp
    /// does not bind that; a request for more than there can be does it.
    /// </summary>
    private static void FreeCache()
    {
        try
        {
            empty(1L << 50, dtype: ScalarType.Byte, device: CUDA).Dispose();
        }
        catch (ExternalException)
        {
        }
    }

    ~CudaGraph() => Free();

    /// <summary>Whether this thread can record: it has a stream of its own, and this libtorch what is needed.</summary>
    public static bool Serves => Available && CudaStream.IsOwn;

    /// <summary>Does all that was recorded, on this thread's stream; does not wait for it.</summary>
    public void Replay()
    {
        replay(_graph);
        GC.KeepAlive(this);
    }

    public void Dispose()
    {
        CudaStream.Wait();
        Free();
        GC.SuppressFinalize(this);
    }

    private void Free()
    {
        if (_graph is null)
            return;
        lock (Recording)        // libtorch's list of graphs is everyone's
            destroy(_graph);
        NativeMemory.Free(_graph);
        _graph = null;
    }

    [DllImport(Library, EntryPoint = Construct)]
    private static extern void construct(void* graph, byte keep);

    [DllImport(Library, EntryPoint = Destroy)]
    private static extern void destroy(void* graph);

    [DllImport(Library, EntryPoint = Begin)]
    private static extern void begin(void* graph, Pool pool, int strictness);

    [DllImport(Library, EntryPoint = End)]
    private static extern void end(void* graph);

    [DllImport(Library, EntryPoint = Launch)]
    private static extern void replay(void* graph);

    /// <summary>c10::MempoolId_t, a pair of numbers; zeros are for memory of its own.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private readonly struct Pool
    {
        public readonly ulong First, Second;
    }
}

/// <summary>
/// A queue of a CUDA device for the work of one thread, beside those of others: libtorch's own, which TorchSharp does not bind. Whatever one thread makes for
/// others on its queue it waits for (<see cref="Wait"/>).
/// </summary>
internal static class CudaStream
{
    private const string Library = "libc10_cuda.so", FromPool = "_ZN3c104cuda17getStreamFromPoolEba";
    private const string Current = "_ZN3c104cuda20getCurrentCUDAStreamEa", SetCurrent = "_ZN3c104cuda20setCurrentCUDAStreamENS0_10CUDAStreamE";

    // libtorch keeps memory for each queue that it gave out: the fewer they are, the less it takes.
    private static readonly ConcurrentBag<Stream> Idle = [];
    [ThreadStatic]
    private static bool _broken;
    private static readonly bool Available = Has(Library, FromPool, Current, SetCurrent);

    /// <summary>Whether this thread has one of its own.</summary>
    public static bool IsOwn => Available && get_current(-1).Id != 0;

    /// <summary>Until this is disposed of, the thread's work for CUDA has a queue of its own; null where it is for another device.</summary>
    public static IDisposable? Own(Device device)
    {
        if (device.type != DeviceType.CUDA || !Available)
            return null;
        Wait();
        var before = get_current(-1);
        var own = Idle.TryTake(out var idle) ? idle : from_pool(0, -1);
        set_current(own);
        return new Ending(() =>
        {
            try
            {
                if (!_broken)
                {
                    Wait();
                    Idle.Add(own);
                }
            }
            finally
            {
                _broken = false;
                set_current(before);
            }
        });
    }

    /// <summary>This thread's queue is beyond repair: nobody waits for it or gets it again.</summary>
    public static void GiveUp() => _broken = true;

    /// <summary>Waits for what this thread has given to the device; for that alone, since to wait for a whole device is forbidden while somebody records.</summary>
    public static void Wait()
    {
        using var last = zeros(1, device: CUDA);
        last.cpu().Dispose();
    }

    public static bool Has(string library, params string[] names) => NativeLibrary.TryLoad(library, Assembly.GetExecutingAssembly(), null, out var handle)
        && names.All(name => NativeLibrary.TryGetExport(handle, name, out _));

    [DllImport(Library, EntryPoint = FromPool)]
    private static extern Stream from_pool(byte important, sbyte device);

    [DllImport(Library, EntryPoint = Current)]
    private static extern Stream get_current(sbyte device);

    [DllImport(Library, EntryPoint = SetCurrent)]
    private static extern void set_current(Stream stream);

    /// <summary>c10::cuda::CUDAStream: kind and number of the device, and which stream; two registers, as C++ has it.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private readonly struct Stream
    {
        public readonly ulong Device;
        public readonly long Id;
    }
}
