using System.Runtime.InteropServices;
using System.Text.Json;
using LTHKit.Notebook.Jupyter;

namespace LTHKit.Cli.Doctor;

/// <summary>What setup chose and fetched, and where notebooks can be opened.</summary>
internal static class KitChecks
{
    public static IEnumerable<Finding> Run(LocalProps local)
    {
        yield return local.Packages.Length > 0
            ? new("packages", $"{local.Packages}: {local.PackagesReason}")
            : new("packages", "not chosen", "setup has not run in this checkout", "run ./lthkit setup", Needed: true);
        yield return Kernels();
        yield return Plotly();
        yield return Jupyter();
        yield return Library("libzmq", "libzmq.so.5", "a Jupyter kernel cannot start", "libzmq5");
        yield return Library("JPEG", "libturbojpeg.so.0", "Tiny-ImageNet's images cannot be decoded", "libturbojpeg0");
    }

    private static Finding Kernels() =>
        File.Exists(Path.Combine(AppContext.BaseDirectory, "liblthkit_kernels.so"))
            ? new("kernels", "LTHKit's own, built for this machine")
            : new("kernels", "missing", "training uses the slower tensor form", "run ./lthkit setup --force");

    private static Finding Plotly()
    {
        var manifest = Path.Combine(Checkout.Root, "node_modules", "plotly.js-dist-min", "package.json");
        if (!File.Exists(manifest))
            return new("plotly.js", "missing", "figures cannot be drawn offline", "run ./lthkit setup", Needed: true);
        using var json = JsonDocument.Parse(File.ReadAllBytes(manifest));
        return new("plotly.js", json.RootElement.GetProperty("version").GetString()!);
    }

    private static Finding Jupyter()
    {
        var program = Tool.Find("jupyter") ?? "not on the PATH";
        return KernelSpecs.Find().FirstOrDefault() is { } spec
            ? new("Jupyter", $"{program}; a C# kernel is registered in {spec.Folder}")
            : new("Jupyter", $"{program}; no C# kernel is registered: ./lthkit kernel install does it, ./lthkit run and ./lthkit reproduce need none");
    }

    private static Finding Library(string topic, string file, string problem, string package)
    {
        if (!NativeLibrary.TryLoad(file, out var library))
            return new(topic, "missing", problem, $"apt-get install {package}");
        NativeLibrary.Free(library);
        return new(topic, file);
    }
}
