using System.Reflection;
using System.Runtime.Loader;

namespace LTHKit.Notebook.Execution;

/// <summary>The assemblies that cells refer to: those of this process wherever it has them, else the files that <c>#r</c> named.
/// Of an assembly's versions the first that is loaded stays for the session, as in any process.</summary>
internal sealed class ReferencedAssemblies(ReferenceResolver references) : AssemblyLoadContext("references of cells")
{
    public Assembly? Find(AssemblyName wanted)
    {
        var name = wanted.Name!;
        if (HostAssemblies.PathOf(name) is not null)
            return HostAssemblies.Load(name);

        if (Assemblies.FirstOrDefault(assembly => assembly.GetName().Name == name) is { } loaded)
            return loaded;

        var files = references.Foreign.ToList();
        var beside = files.Select(file => Path.Combine(Path.GetDirectoryName(file)!, name + ".dll"));
        var path = files.LastOrDefault(file => Path.GetFileNameWithoutExtension(file) == name) ?? beside.FirstOrDefault(File.Exists);
        return path is null ? null : LoadFromAssemblyPath(path);
    }

    protected override Assembly? Load(AssemblyName assemblyName) => Find(assemblyName);
}

/// <summary>Holds one cell's code. It goes when nothing uses the code any more.</summary>
/// <param name="references">What is no cell's.</param>
/// <param name="cells">The code of the earlier cells that this one refers to.</param>
internal sealed class CellAssembly(ReferencedAssemblies references, IReadOnlyDictionary<string, Assembly> cells)
    : AssemblyLoadContext(isCollectible: true)
{
    protected override Assembly? Load(AssemblyName assemblyName) =>
        cells.GetValueOrDefault(assemblyName.Name!) ?? references.Find(assemblyName);
}
