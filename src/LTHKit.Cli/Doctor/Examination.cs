using System.Xml.Linq;
using TorchSharp;

namespace LTHKit.Cli.Doctor;

/// <summary>What the doctor saw of one thing.</summary>
internal sealed record Finding(string Topic, string State, string? Problem = null, bool Needed = false);

/// <summary>Looks at the machine and at libtorch. libtorch is tried in a child process: one that does not fit takes its process along.</summary>
internal static class Examination
{
    private const double Gibi = 1 << 30;
    private const string Done = "trained";

    public static IEnumerable<Finding> Machine()
    {
        // What this process may use: a container or a batch job has less than the machine.
        var memory = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / Gibi;
        var free = new DriveInfo(Checkout.Root).AvailableFreeSpace / Gibi;
        yield return new("machine",
            $"{RuntimeInformation.OSDescription}, {RuntimeInformation.FrameworkDescription}, {Text.Count(Environment.ProcessorCount, "core")}, {memory:0.0} GiB of memory");
        yield return new("disk", $"{free:0.0} GiB free for {Checkout.Root}",
            free < 1 ? "less than 1 GiB is left for builds and runs: free some space, or clone the repository onto another disk" : null, Needed: true);
    }

    /// <summary>Which libtorch serves and why, whether it fits TorchSharp and trains, its threads, CUDA.</summary>
    public static IEnumerable<Finding> Torch()
    {
        var settings = Path.Combine(Checkout.Root, "LTHKit.local.props");
        var reason = File.Exists(settings) ? XDocument.Load(settings).Descendants("LTHKitLibtorchReason").FirstOrDefault()?.Value : null;
        var place = Libtorch.Folder ?? $"of the package for {(Libtorch.Choice == "cuda" ? "CUDA" : "the CPU")}";
        var (trained, output) = TrainInChild();
        if (!trained)
        {
            var cure = Libtorch.Folder is null ? "run ./lthkit setup --force" : "let LIBTORCH name another, or run ./lthkit setup --force without it";
            var wanted = XDocument.Load(Path.Combine(Checkout.Root, "Directory.Packages.props")).Descendants("PackageVersion")
                .First(package => (string?)package.Attribute("Include") == "libtorch-cpu-linux-x64").Attribute("Version")!.Value;
            yield return new("libtorch", place, $"it does not fit TorchSharp, which was made for {wanted} ({output}): {cure}", Needed: true);
            yield break;
        }
        var (threads, devices, oneDnn) = output.Split(' ') is [var first, var second, var third] ? (int.Parse(first), int.Parse(second), bool.Parse(third)) : default;
        yield return new("libtorch", $"{place} ({reason ?? "setup has not run"}); a small network learns",
            oneDnn ? null : "oneDNN is left out, which computes wrong gradients where a processor does not tell the sizes of its caches, as this one: where no kernel of the kit serves, convolutions are slower");
        yield return new("threads", $"{threads} for {Text.Count(Environment.ProcessorCount, "core")}",
            threads < Environment.ProcessorCount ? "libtorch leaves cores idle: unset OMP_NUM_THREADS" : null);
        var cards = Tool.Output("nvidia-smi", "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader")?.ReplaceLineEndings("; ");
        var driver = File.Exists("/proc/driver/nvidia/version") || File.Exists("/dev/nvidiactl") || (File.Exists("/dev/dxg") && cards is not null);
        yield return devices > 0 ? new("CUDA", $"{Text.Count(devices, "device")}: {cards}")
            : !driver ? new("CUDA", "no NVIDIA driver: training runs on the CPU")
            : new("CUDA", $"no device for this libtorch ({cards ?? "nvidia-smi does not answer"})", Libtorch.Choice == "cpu"
                ? "it was built without CUDA: see CUDA in environment.md"
                : "look at CUDA_VISIBLE_DEVICES; the driver must be as new as this libtorch's CUDA");
    }

    /// <summary>Trains a small network and says so on standard output, with the number of threads, of CUDA devices and whether oneDNN serves: what the child does.</summary>
    public static void Train()
    {
        if (Libtorch.Problem is { } problem)
            throw new UserException(problem);
        try
        {
            // Before TorchSharp does: where it fails, it copies libtorch from the package folder and goes on with that.
            NativeLibrary.Load(Path.Combine(AppContext.BaseDirectory, "libLibTorchSharp.so"));
        }
        catch (DllNotFoundException e)
        {
            throw new UserException(Libtorch.Words(e), e);
        }
        var oneDnn = Libtorch.HasOneDnn;
        manual_seed(0);
        using var network = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 6 * 6, 2));
        var device = cuda.is_available() ? CUDA : CPU;
        network.to(device);
        using var optimiser = optim.SGD(network.parameters(), 0.1);
        using var labels = arange(16, device: device).remainder(2);
        using var images = randn(16, 1, 8, 8, device: device) + labels.view(16, 1, 1, 1);       // the second class is brighter
        double Step()
        {
            optimiser.zero_grad();
            using var loss = nn.functional.cross_entropy(network.call(images), labels);
            loss.backward();
            optimiser.step();
            return loss.item<float>();
        }
        var (before, after) = (Step(), Enumerable.Range(0, 30).Select(_ => Step()).Last());
        if (!(after < before / 2))
            throw new InvalidOperationException($"a small network does not learn: its loss goes from {before} to {after}");
        Console.WriteLine($"{Done} {get_num_threads()} {(device.type == DeviceType.CUDA ? cuda.device_count() : 0)} {oneDnn}");
    }

    private static (bool Trained, string Output) TrainInChild()
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!, ["doctor", "--train"]);
        start.Environment["LD_BIND_NOW"] = "1";     // every symbol is looked for when a library is loaded, not when it is first called
        var (code, output, error) = Tool.Run(start, Timeout.InfiniteTimeSpan);
        if (code == 0 && output.StartsWith(Done))
            return (true, output[Done.Length..].Trim());
        var words = error.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        return (false, words.Length > 0 ? words[^1].Replace("lthkit: ", "").TrimEnd('.') : $"it ends with {code}");
    }
}
