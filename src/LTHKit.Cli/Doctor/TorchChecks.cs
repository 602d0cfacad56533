using static TorchSharp.torch;

namespace LTHKit.Cli.Doctor;

/// <summary>libtorch as this process sees it: its version, its threads, CUDA.</summary>
internal static class TorchChecks
{
    public static IEnumerable<Finding> Run(LocalProps local)
    {
        string? failure = null;
        var threads = 0;
        var devices = 0;
        try
        {
            using var one = ones(1); // loads libtorch
            threads = get_num_threads();
            devices = cuda.is_available() ? cuda.device_count() : 0;
        }
        catch (Exception exception)
        {
            failure = exception.GetBaseException().Message.ReplaceLineEndings(" ").Trim();
        }
        if (failure is not null)
        {
            yield return new("libtorch", "not loaded", failure, "run ./lthkit setup --force", Needed: true);
            yield break;
        }

        var place = local.Packages == "compat" ? $"in {local.Libtorch} ({local.LibtorchSource})" : "of the TorchSharp package";
        yield return new("libtorch", $"{__version__} {place}");
        yield return Threads(threads);
        yield return Blas();
        yield return Cuda(devices);
    }

    private static Finding Threads(int threads)
    {
        var cores = Environment.ProcessorCount;
        var limit = Environment.GetEnvironmentVariable("OMP_NUM_THREADS");
        var state = $"{threads} for {Text.Count(cores, "core")}{(limit is null ? "" : $" (OMP_NUM_THREADS={limit})")}";
        return new("threads", state, threads == 1 && cores > 1 ? "libtorch computes on one core only" : null, "unset OMP_NUM_THREADS");
    }

    // Debian's libtorch takes its BLAS from the system, whose default is the slow reference implementation.
    private static Finding Blas()
    {
        var mapped = File.ReadLines("/proc/self/maps").Select(line => Path.GetFileName(line)).Distinct().ToList();
        var fast = mapped.FirstOrDefault(file => file.StartsWith("libopenblas") || file.StartsWith("libmkl_") || file.StartsWith("libblis"));
        var reference = mapped.Any(file => file.StartsWith("libblas.so"));
        return fast is null && reference
            ? new("BLAS", "the reference implementation", "matrix products are slow and use one core", "apt-get install libopenblas0-pthread")
            : new("BLAS", fast ?? "part of libtorch");
    }

    private static Finding Cuda(int devices)
    {
        var driver = File.Exists("/proc/driver/nvidia/version") || File.Exists("/dev/nvidiactl") || File.Exists("/dev/dxg");
        var cards = Tool.Output("nvidia-smi", "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader")?.ReplaceLineEndings("; ");
        if (devices > 0)
            return new("CUDA", $"{Text.Count(devices, "device")}{(cards is null ? "" : $": {cards}")}");
        if (!driver)
            return new("CUDA", "no NVIDIA driver: training runs on the CPU");
        var built = File.ReadLines("/proc/self/maps").Any(line => line.Contains("libtorch_cuda"));
        return built
            ? new("CUDA", $"not available{(cards is null ? "" : $" ({cards})")}", "libtorch finds no device",
                "look at nvidia-smi and CUDA_VISIBLE_DEVICES; the driver must be as new as this libtorch's CUDA")
            : new("CUDA", $"not available{(cards is null ? "" : $" ({cards})")}", "there is an NVIDIA driver, but this libtorch was built without CUDA",
                "set LIBTORCH to one with CUDA, or activate a Python with such a torch, and run ./lthkit setup");
    }
}
