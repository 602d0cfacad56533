using System.Text.Encodings.Web;
using LTHKit.Notebook.Html;

namespace LTHKit.Notebook.Jupyter;

/// <summary>The folders in which Jupyter looks for kernels, and this kit's entry in them.</summary>
internal static class KernelSpecs
{
    public const string Name = "lthkit", DisplayName = "LTHKit (C#)";
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static string UserFolder =>
        Variable("JUPYTER_DATA_DIR") ?? Path.Combine(Variable("XDG_DATA_HOME") ?? AtomicFile.Absolute("~/.local/share"), "jupyter");

    public static string FolderOf(string prefix) => Path.Combine(AtomicFile.Absolute(prefix), "share", "jupyter");

    /// <summary>Registers the kernel in a data folder; the folder that it has there.</summary>
    public static string Install(string folder, IReadOnlyList<string> command, string checkout)
    {
        var own = Of(folder);
        var json = new JsonObject
        {
            ["argv"] = new JsonArray([.. command.Append("{connection_file}").Select(word => JsonValue.Create(word))]),
            ["display_name"] = DisplayName,
            ["language"] = "C#",
            ["interrupt_mode"] = "message",
            ["metadata"] = new JsonObject { [Name] = checkout },
        };
        // Front ends serve what lies beside a kernel's description: figures take plotly.js from there.
        AtomicFile.WriteText(Path.Combine(own, WebAssets.PlotlyFile), WebAssets.Plotly);
        AtomicFile.WriteText(Path.Combine(own, "kernel.json"), json.ToJsonString(Indented) + "\n");
        return own;
    }

    /// <summary>Removes this kit's kernel from a data folder; the folder that it had there, null where there is none.</summary>
    public static string? Uninstall(string folder)
    {
        var own = Of(folder);
        if (!IsOurs(own))
            return null;
        return UserException.OfDisk(() =>
        {
            Directory.Delete(own, recursive: true);
            return own;
        }, e => $"The kernel could not be removed: {e.Message}");
    }

    private static string Of(string folder) => Path.Combine(folder, "kernels", Name);

    private static string? Variable(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;

    // Somebody else's may have the name.
    private static bool IsOurs(string kernel)
    {
        try
        {
            return JsonNode.Parse(File.ReadAllText(Path.Combine(kernel, "kernel.json")))?["metadata"]?[Name] is not null;
        }
        catch (Exception e) when (e is JsonException or IOException or UnauthorizedAccessException or InvalidOperationException)
        {
            return false;
        }
    }
}
