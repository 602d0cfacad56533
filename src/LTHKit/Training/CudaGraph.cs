using System.Collections.Concurrent;

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
    private static readonly Lock Recording = new();         // libtorch's list of graphs is everyone's
    private static readonly ConcurrentBag<nint> Left = [];      // to be freed; a finaliser may not wait for the lock, since who records waits for finalisers
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
            FreeLeft();
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

    ~CudaGraph() => Leave();

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
        Leave();
        GC.SuppressFinalize(this);
        lock (Recording)
            FreeLeft();
    }

    private void Leave()
    {
        if (_graph is not null)
            Left.Add((nint)_graph);
        _graph = null;
    }

    private static void FreeLeft()
    {
        while (Left.TryTake(out var graph))
        {
            destroy((void*)graph);
            NativeMemory.Free((void*)graph);
        }
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
