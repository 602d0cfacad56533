using System.Reflection;
using System.Runtime.Intrinsics.X86;

namespace LTHKit;

/// <summary>
/// What must be so before TorchSharp loads libtorch: how its threads wait, how it gets memory, and which libtorch it is. Done when this assembly is
/// initialised; every program of the kit sees to that when it starts (build/Start.cs).
/// </summary>
internal static unsafe partial class Libtorch
{
    private const int TrimThreshold = -1, TopPad = -2, MmapThreshold = -3, ArenaMax = -8;       // of mallopt, from malloc.h
    private const int Most = 1 << 30, MostOfOldGlibc = 32 << 20;
    private const string Library = "libtorch_cpu.so", CudaLibrary = "libtorch_cuda.so", Properties = "_ZN2at4cuda26getCurrentDevicePropertiesEv";
    private const string GlobalContext = "_ZN2at13globalContextEv", Deterministic = "_ZN2at7Context21setDeterministicCuDNNEb";
    private const string UserMkldnn = "_ZN2at7Context20setUserEnabledMkldnnEb", UserNnpack = "_ZN2at7Context20setUserEnabledNNPACKEb";
    private const string ShowConfig = "_ZN2at11show_configB5cxx11Ev";

    /// <summary>What setup chose: "cpu" and "cuda" come with a package, anything else is the folder of another libtorch.</summary>
    public static string Choice { get; } = typeof(Libtorch).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().First(data => data.Key == "Libtorch").Value!;

    /// <summary>The folder of the libtorch that serves in place of a package's: $LIBTORCH, or what setup remembers of it; null where a package serves.</summary>
    public static string? Folder { get; } =
        Choice is "cpu" or "cuda" ? null : Environment.GetEnvironmentVariable("LIBTORCH") is { Length: > 0 } folder ? folder : Choice;

    /// <summary>Why the libtorch of that folder could not be loaded, in the dynamic linker's words; null where nothing went wrong.</summary>
    public static string? Problem { get; private set; }

    public static void Check()
    {
        if (Problem is not null)
            throw new UserException($"the libtorch of {Folder} cannot be loaded ({Problem}); let LIBTORCH name another, or run ./lthkit setup --force without it.");
    }

    [ModuleInitializer]
    [System.Diagnostics.CodeAnalysis.SuppressMessage("Usage", "CA2255", Justification = "libtorch cannot be told later")]
    internal static void Prepare()
    {
        // Threads that spin while they wait take the cores from every other training; OpenMP reads this when it is loaded.
        SetEnvironment("OMP_WAIT_POLICY", "passive", overwrite: 0);
        // Activations are given back and asked for at every step: kept by the process, they cost no page faults, 15 % of a dense step and 30 % of a sparse one.
        if (MallocOption(MmapThreshold, Most) == 0)
            MallocOption(MmapThreshold, MostOfOldGlibc);
        MallocOption(TrimThreshold, int.MaxValue);
        MallocOption(TopPad, 64 << 20);
        // A thread's memory is kept apart, and each run begins on a thread of its own: of few, that of threads that are gone serves the next.
        MallocOption(ArenaMax, 2 * Environment.ProcessorCount);
        if (Folder is not { } place)
            return;
        try
        {
            foreach (var library in (string[])["libtorch_global_deps.so", "libtorch.so"])
                NativeLibrary.Load(Path.Combine(place, "lib", library));
        }
        catch (DllNotFoundException e)
        {
            Problem = Words(e);     // an initialiser that throws ends the program
        }
    }

    /// <summary>What the dynamic linker says, without .NET's advice before it.</summary>
    public static string Words(DllNotFoundException exception) => exception.Message.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)[^1];

    /// <summary>
    /// Gives the operations of this thread so many threads, for good. libtorch gives a thread those that the process was last told at its first use of
    /// them, so that the first use must come before.
    /// </summary>
    public static void UseThreads(int count)
    {
        _ = get_num_threads();
        set_num_threads(count);
    }

    /// <summary>
    /// The CUDA device, on which cuDNN computes from now on the same bits each time, which its fastest gradients of convolutions do not, and in float32 where nothing
    /// else is asked for.
    /// </summary>
    /// <exception cref="UserException">There is none.</exception>
    public static Device Cuda()
    {
        if (!cuda.is_available())
            throw new UserException("There is no CUDA device, or this libtorch was built without CUDA: use --device cpu, or see `./lthkit doctor`.");
        if (!CudaStream.Has(Library, GlobalContext, Deterministic))
            throw new UserException($"The libtorch {Version} here has no switch for cuDNN's deterministic algorithms, without which a run cannot be repeated: take 2.10 or 2.11.");
        set_deterministic_cudnn(global_context(), 1);
        DeviceTurns.NoTf32();
        return CUDA;
    }

    /// <summary>
    /// Whether oneDNN serves convolutions on the CPU. Where a processor does not tell the sizes of its caches, as in small virtual machines, the oneDNN 3.7 of libtorch
    /// 2.10 loses a part of the weights that it lays out anew (uxlfoundation/oneDNN, issue 5313), so that gradients of inputs are wrong where outputs have fewer
    /// channels than a vector has numbers: there libtorch's own convolutions, slower, serve in this process. Whoever may be the first to compute here asks.
    /// </summary>
    public static bool HasOneDnn => OneDnn.Value;

    private static readonly Lazy<bool> OneDnn = new(() =>
    {
        _ = get_num_threads();      // TorchSharp loads libtorch, from where it finds it
        if (!CudaStream.Has(Library, GlobalContext, UserMkldnn, UserNnpack))
            return true;
        // Where oneDNN serves it computes nothing, and on such a machine it writes a warning at each convolution that asks for it.
        set_user_enabled_nnpack(global_context(), 0);
        if (!TellsCaches)
            set_user_enabled_mkldnn(global_context(), 0);
        return TellsCaches;
    });

    /// <summary>Whether CPUID has a first cache, where oneDNN looks: leaf 0x8000001D of AMD's and Hygon's processors, leaf 4 of others.</summary>
    private static bool TellsCaches => !X86Base.IsSupported
        || (X86Base.CpuId(X86Base.CpuId(0, 0).Ebx is 0x68747541 or 0x6f677948 ? unchecked((int)0x8000001D) : 4, 0).Eax & 0x1F) != 0;    // "Auth", "Hygo"

    /// <summary>What the CUDA device calls itself, for instance "NVIDIA H100 80GB HBM3".</summary>
    public static string Card => CudaStream.Has(CudaLibrary, Properties) && cuda.is_available() ? Marshal.PtrToStringUTF8(current_properties())! : "no card";

    [DllImport(CudaLibrary, EntryPoint = Properties)]
    private static extern IntPtr current_properties();      // a cudaDeviceProp, which begins with the name

    [DllImport(Library, EntryPoint = GlobalContext)]
    private static extern IntPtr global_context();

    [DllImport(Library, EntryPoint = Deterministic)]
    private static extern void set_deterministic_cudnn(IntPtr context, byte on);

    [DllImport(Library, EntryPoint = UserMkldnn)]
    private static extern void set_user_enabled_mkldnn(IntPtr context, byte on);

    [DllImport(Library, EntryPoint = UserNnpack)]
    private static extern void set_user_enabled_nnpack(IntPtr context, byte on);

    // The C library's own: what .NET sets, getenv does not see.
    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetEnvironment(string name, string value, int overwrite);

    [LibraryImport("libc", EntryPoint = "mallopt")]
    private static partial int MallocOption(int option, int value);

    /// <summary>Its version, for instance "2.10.0": what it says of itself, or else the one that TorchSharp was built for.</summary>
    // Not read before it is asked for: that loads TorchSharp's libtorch, and Prepare, which may load another, needs this class.
    public static string Version => field ??= Read();

    private static string Read()
    {
        var built = Regex.Replace(torch.__version__, @"^(\d+\.\d+\.\d+).*", "$1");
        if (!FusedSgd.Available || !CudaStream.Has(Library, ShowConfig))
            return built;
        var text = stackalloc IntPtr[4];        // a std::string: its characters, their number, and room for short ones
        show_config(text);
        var said = Regex.Match(Marshal.PtrToStringUTF8(text[0], (int)text[1]), @"TORCH_VERSION=([\w.+]+)");
        return said.Success ? said.Groups[1].Value : built;
    }

    [DllImport(Library, EntryPoint = ShowConfig)]
    private static extern void show_config(IntPtr* text);
}
