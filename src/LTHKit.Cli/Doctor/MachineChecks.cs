using System.Globalization;
using System.Runtime.InteropServices;

namespace LTHKit.Cli.Doctor;

/// <summary>The machine and its system.</summary>
internal static class MachineChecks
{
    private const double Gibi = 1 << 30;

    public static IEnumerable<Finding> Run()
    {
        yield return Machine();
        yield return new("system", $"{Distribution() ?? RuntimeInformation.OSDescription}, {RuntimeInformation.OSArchitecture}",
            OperatingSystem.IsLinux() ? null : "LTHKit is made for Linux", "use a Linux machine, a container or WSL2");
        yield return new(".NET", RuntimeInformation.FrameworkDescription);
        yield return Disk();
    }

    private static Finding Machine()
    {
        var model = Field("/proc/cpuinfo", "model name") ?? RuntimeInformation.ProcessArchitecture.ToString();
        // What this process may use: a container or a batch job has less than the machine.
        var memory = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / Gibi;
        return new("machine", string.Create(CultureInfo.InvariantCulture, $"{model}, {Text.Count(Environment.ProcessorCount, "core")}, {memory:0.0} GiB of memory"),
            memory < 3 ? "less than 3 GiB of memory: building the native library may fail" : null, "run setup on a machine with more, over a shared folder for one");
    }

    private static Finding Disk()
    {
        var drive = new DriveInfo(Checkout.Root);
        var free = drive.AvailableFreeSpace / Gibi;
        return new("disk", string.Create(CultureInfo.InvariantCulture, $"{free:0.0} GiB free for {Checkout.Root}"),
            free < 1 ? "less than 1 GiB is left for builds and runs" : null, "free some space, or clone the repository onto another disk", Needed: true);
    }

    private static string? Distribution() =>
        Field("/etc/os-release", "PRETTY_NAME", '=')?.Trim('"') is { } name ? $"{name}, Linux {Environment.OSVersion.Version.ToString(2)}" : null;

    private static string? Field(string file, string name, char separator = ':') =>
        File.Exists(file)
            ? File.ReadLines(file).Select(line => line.Split(separator, 2)).FirstOrDefault(parts => parts.Length == 2 && parts[0].Trim() == name)?[1].Trim()
            : null;
}
