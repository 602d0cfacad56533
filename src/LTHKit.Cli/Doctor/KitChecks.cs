using System.Runtime.InteropServices;
using System.Text.Json;

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
        var program = Tool.Find("jupyter");
        if (Registered() is { } kernel)
            return new("Jupyter", $"{program ?? "not on the PATH"}; a C# kernel is registered in {kernel}");
        return new("Jupyter", $"{program ?? "not installed"}; no C# kernel is registered, so notebooks run with ./lthkit run and ./lthkit reproduce");
    }

    // The kernel that the notebooks name: .NET Interactive's for C#.
    private static string? Registered()
    {
        var home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
        string?[] data =
        [
            .. (Environment.GetEnvironmentVariable("JUPYTER_PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries),
            Environment.GetEnvironmentVariable("JUPYTER_DATA_DIR"), Path.Combine(home, ".local", "share", "jupyter"),
            Environment.GetEnvironmentVariable("VIRTUAL_ENV") is { } environment ? Path.Combine(environment, "share", "jupyter") : null,
            Environment.GetEnvironmentVariable("CONDA_PREFIX") is { } prefix ? Path.Combine(prefix, "share", "jupyter") : null,
            "/usr/local/share/jupyter", "/usr/share/jupyter",
        ];
        return data.OfType<string>().Select(folder => Path.Combine(folder, "kernels"))
            .FirstOrDefault(folder => File.Exists(Path.Combine(folder, ".net-csharp", "kernel.json")));
    }

    private static Finding Library(string topic, string file, string problem, string package)
    {
        if (!NativeLibrary.TryLoad(file, out var library))
            return new(topic, "missing", problem, $"apt-get install {package}");
        NativeLibrary.Free(library);
        return new(topic, file);
    }
}
