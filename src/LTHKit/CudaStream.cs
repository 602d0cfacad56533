using System.Collections.Concurrent;
using System.Reflection;

namespace LTHKit;

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
