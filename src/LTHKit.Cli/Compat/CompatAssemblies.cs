using System.Text.Json;
using System.Xml.Linq;

namespace LTHKit.Cli.Compat;

/// <summary>The assemblies that the projects under compat/ build, and those that use them.</summary>
internal static class CompatAssemblies
{
    /// <param name="built">The folder that has one folder a project, as the SDK's artifacts layout does.</param>
    /// <param name="names">The wanted ones; empty for all.</param>
    /// <exception cref="UserException">A name is no project under compat/.</exception>
    public static IReadOnlyList<string> Find(string built, IReadOnlyList<string> names)
    {
        var all = Built(built, "compat").ToList();
        if (names.Count == 0)
            return all;
        var known = all.ToDictionary(file => Path.GetFileNameWithoutExtension(file));
        if (names.FirstOrDefault(name => !known.ContainsKey(name)) is { } unknown)
            throw new UserException($"there is no project {unknown} under compat/; there are {Text.And(known.Keys)}.");
        return [.. names.Select(name => known[name])];
    }

    /// <summary>What the sources and the notebooks use of the packages, and what the tests do.</summary>
    /// <exception cref="UserException">An assembly is not built.</exception>
    public static (ApiUse Sources, ApiUse Tests) FindUse(string built)
    {
        var (sources, tests) = (new ApiUse(), new ApiUse());
        foreach (var file in Built(built, "src"))
            AddProgram(sources, file);
        foreach (var file in Built(built, "tests"))
            AddProgram(tests, file);
        // The compat assemblies use one another: a figure's formatter is registered by one and run by another.
        foreach (var file in Built(built, "compat"))
            sources.AddAssembly(Require(file));
        AddText(sources, "src");
        AddText(tests, "tests");
        var notebooks = Path.Combine(Checkout.Root, "notebooks");
        if (Directory.Exists(notebooks))
        {
            foreach (var file in Directory.EnumerateFiles(notebooks, "*.ipynb", SearchOption.AllDirectories))
                AddNotebook(sources, file);
        }
        return (sources, tests);
    }

    private static IEnumerable<string> Built(string built, string folder) =>
        from project in Directory.EnumerateFiles(Path.Combine(Checkout.Root, folder), "*.csproj", SearchOption.AllDirectories)
        let name = Path.GetFileNameWithoutExtension(project)
        orderby name
        let assembly = XDocument.Load(project).Descendants("AssemblyName").FirstOrDefault()?.Value ?? name
        select Path.Combine(built, name, "release", $"{assembly}.dll");

    private static void AddProgram(ApiUse use, string file)
    {
        use.AddAssembly(Require(file));
        use.AddOverrides(file);
    }

    private static string Require(string file) =>
        File.Exists(file) ? file : throw new UserException($"{file} is not built; run ./lthkit setup --packages compat.");

    private static void AddText(ApiUse use, string folder)
    {
        foreach (var file in Directory.EnumerateFiles(Path.Combine(Checkout.Root, folder), "*.cs", SearchOption.AllDirectories))
            use.AddSource(File.ReadAllText(file));
    }

    private static void AddNotebook(ApiUse use, string file)
    {
        using var notebook = JsonDocument.Parse(File.ReadAllBytes(file));
        foreach (var cell in notebook.RootElement.GetProperty("cells").EnumerateArray())
        {
            if (cell.GetProperty("cell_type").GetString() != "code")
                continue;
            var source = cell.GetProperty("source");
            use.AddText(source.ValueKind == JsonValueKind.Array
                ? string.Concat(source.EnumerateArray().Select(line => line.GetString()))
                : source.GetString() ?? "");
        }
    }
}
