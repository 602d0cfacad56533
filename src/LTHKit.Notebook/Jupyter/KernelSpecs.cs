using System.Text.Encodings.Web;
using LTHKit.Notebook.Html;

namespace LTHKit.Notebook.Jupyter;

/// <summary>A kernel of this kit's name that Jupyter knows of; without a checkout it is somebody else's.</summary>
internal sealed record KernelSpec(string Folder, string DisplayName, string? Checkout);

/// <summary>The folders in which Jupyter looks for kernels, and this kit's entry in them.</summary>
internal static class KernelSpecs
{
    public const string Name = "lthkit";
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static string UserFolder =>
        Variable("JUPYTER_DATA_DIR") ?? Path.Combine(Variable("XDG_DATA_HOME") ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".local", "share"), "jupyter");

    public static string FolderOf(string prefix) => Path.Combine(AtomicFile.Absolute(prefix), "share", "jupyter");

    /// <summary>This kit's kernels in the folders that Jupyter looks in and in <paramref name="more"/>, in Jupyter's order.</summary>
    public static IReadOnlyList<KernelSpec> Find(params IEnumerable<string> more)
    {
        IEnumerable<string> folders =
        [
            .. (Variable("JUPYTER_PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries), UserFolder, .. more,
            .. new[] { Variable("VIRTUAL_ENV"), Variable("CONDA_PREFIX"), "/usr/local", "/usr" }.OfType<string>().Select(FolderOf),
        ];
        return [.. folders.Distinct().Select(folder => Read(Path.Combine(folder, "kernels", Name))).OfType<KernelSpec>()];
    }

    public static KernelSpec Install(string folder, IReadOnlyList<string> command, string checkout)
    {
        var spec = new KernelSpec(Path.Combine(folder, "kernels", Name), "LTHKit (C#)", checkout);
        var json = new JsonObject
        {
            ["argv"] = new JsonArray([.. command.Append("{connection_file}").Select(word => JsonValue.Create(word))]),
            ["display_name"] = spec.DisplayName,
            ["language"] = "C#",
            ["interrupt_mode"] = "message",
            ["metadata"] = new JsonObject { [Name] = checkout },
        };
        // Front ends serve what lies beside a kernel's description: figures take plotly.js from there.
        AtomicFile.WriteText(Path.Combine(spec.Folder, WebAssets.PlotlyFile), WebAssets.Plotly);
        AtomicFile.WriteText(Path.Combine(spec.Folder, "kernel.json"), json.ToJsonString(Indented) + "\n");
        return spec;
    }

    /// <summary>Removes this kit's kernel from a data folder; null where there is none.</summary>
    public static KernelSpec? Uninstall(string folder)
    {
        if (Read(Path.Combine(folder, "kernels", Name)) is not { Checkout: not null } own)
            return null;
        try
        {
            Directory.Delete(own.Folder, recursive: true);
            return own;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserException($"The kernel could not be removed: {e.Message}", e);
        }
    }

    private static string? Variable(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;

    private static KernelSpec? Read(string folder)
    {
        var file = Path.Combine(folder, "kernel.json");
        if (!File.Exists(file))
            return null;
        try
        {
            var json = JsonNode.Parse(File.ReadAllText(file));
            return new(folder, json?["display_name"]?.ToString() ?? "", json?["metadata"]?[Name]?.ToString());
        }
        catch (Exception e) when (e is JsonException or IOException or UnauthorizedAccessException or InvalidOperationException)
        {
            return new(folder, "(unreadable)", null);
        }
    }
}
