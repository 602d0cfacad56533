using System.Reflection;
using System.Runtime.InteropServices;

namespace LTHKit.Training;

/// <summary>The kit's own CPU kernels (src/LTHKit/native), over raw pointers; each has a plain tensor form that serves without them.</summary>
internal static unsafe partial class NativeKernels
{
    private const string Library = "lthkit_kernels";

    /// <summary>Whether the library has been built and loads.</summary>
    public static bool Available { get; } =
        NativeLibrary.TryLoad(Library, Assembly.GetExecutingAssembly(), DllImportSearchPath.AssemblyDirectory, out _);

    /// <summary>One step over <paramref name="count"/> contiguous floats; <paramref name="mask"/> may be null.</summary>
    [LibraryImport(Library, EntryPoint = "lthkit_masked_sgd")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.AssemblyDirectory)]
    public static partial void MaskedSgd(float* weights, float* gradient, float* momentum, byte* mask, long count, float rate,
        float mu, float decay, int threads);
}
