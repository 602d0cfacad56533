using System.Runtime.InteropServices;

namespace LTHKit.Kernels;

/// <summary>
/// The C library's allocator. As it comes it gives large tensors back to the kernel when they are freed and takes them anew, zeroed page by page, at the next
/// step: 15 % of a dense step and 30 % of a sparse one.
/// </summary>
internal static partial class Allocator
{
    private const int TrimThreshold = -1, TopPad = -2, MmapThreshold = -3;

    /// <summary>Has freed memory kept for the next step. Does nothing where the C library is not glibc.</summary>
    public static void Keep()
    {
        try
        {
            if (MallOpt(MmapThreshold, 1 << 30) == 0)
                MallOpt(MmapThreshold, 32 << 20);       // the most that some versions allow
            MallOpt(TrimThreshold, int.MaxValue);
            MallOpt(TopPad, 64 << 20);
        }
        catch (Exception e) when (e is DllNotFoundException or EntryPointNotFoundException)
        {
        }
    }

    [LibraryImport("libc", EntryPoint = "mallopt")]
    private static partial int MallOpt(int parameter, int value);
}
