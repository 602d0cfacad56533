namespace LTHKit.Cli.Compat;

/// <summary>The assemblies that the projects under compat/ build.</summary>
internal static class CompatAssemblies
{
    /// <param name="built">The folder that has one folder a project, as the SDK's artifacts layout does.</param>
    /// <param name="names">The wanted ones; empty for all.</param>
    /// <exception cref="UserException">A name is no project under compat/.</exception>
    public static IReadOnlyList<string> Find(string built, IReadOnlyList<string> names)
    {
        var projects = Directory.EnumerateFiles(Path.Combine(Checkout.Root, "compat"), "*.csproj", SearchOption.AllDirectories)
            .Select(file => Path.GetFileNameWithoutExtension(file)).Order(StringComparer.Ordinal).ToList();
        if (names.FirstOrDefault(name => !projects.Contains(name)) is { } unknown)
            throw new UserException($"there is no project {unknown} under compat/; there are {Text.And(projects)}.");
        return [.. (names.Count == 0 ? projects : names).Select(name => Path.Combine(built, name, "release", $"{name}.dll"))];
    }
}
