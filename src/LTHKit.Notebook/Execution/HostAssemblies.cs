using System.Reflection;

namespace LTHKit.Notebook.Execution;

/// <summary>
/// The assemblies this process came with. A notebook that asks for one of them gets the one that is loaded, wherever its own
/// copy lies, so that a type in a cell and in the library is one type.
/// </summary>
internal static class HostAssemblies
{
    private static readonly Dictionary<string, string> Paths = Trusted();

    private static readonly HashSet<string> FrameworkFolders =
        [FolderOf(typeof(object)), FolderOf(typeof(Microsoft.AspNetCore.Html.IHtmlContent))];

    /// <summary>.NET itself.</summary>
    public static IEnumerable<string> Framework => Paths.Values.Where(IsFramework);

    public static string? PathOf(string simpleName) => Paths.GetValueOrDefault(simpleName);

    public static bool IsFramework(string path) => FrameworkFolders.Contains(Path.GetDirectoryName(path)!);

    public static Assembly? Load(string simpleName)
    {
        try
        {
            return Assembly.Load(new AssemblyName(simpleName));
        }
        catch (Exception e) when (e is IOException or BadImageFormatException)
        {
            return null;
        }
    }

    private static Dictionary<string, string> Trusted()
    {
        var paths = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        var trusted = ((string?)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries);
        foreach (var path in trusted)
            paths.TryAdd(Path.GetFileNameWithoutExtension(path), path);
        return paths;
    }

    private static string FolderOf(Type type) => Path.GetDirectoryName(type.Assembly.Location)!;
}
