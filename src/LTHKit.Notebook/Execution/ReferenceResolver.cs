using System.Collections.Immutable;
using LTHKit.Notebook.Packages;
using Microsoft.CodeAnalysis;

namespace LTHKit.Notebook.Execution;

/// <summary>What <c>#r</c> means: a file beside the notebook, an assembly that is loaded already, or a package of the feed.</summary>
internal sealed class ReferenceResolver(string folder, PackageRestorer packages) : MetadataReferenceResolver
{
    private const string Package = "nuget:";

    private readonly Dictionary<string, ImmutableArray<PortableExecutableReference>> _resolved = [];
    private readonly Dictionary<string, PortableExecutableReference> _files = [];

    /// <summary>Why a package could not be had, by what stands behind <c>#r</c>.</summary>
    public Dictionary<string, string> Failures { get; } = [];

    /// <summary>Files outside this process's own that cells have asked for.</summary>
    public IEnumerable<string> Foreign => _files.Keys.Where(path => HostAssemblies.PathOf(Path.GetFileNameWithoutExtension(path)) != path);

    public override bool ResolveMissingAssemblies => true;

    public override ImmutableArray<PortableExecutableReference> ResolveReference(
        string reference, string? baseFilePath, MetadataReferenceProperties properties)
    {
        var key = $"{baseFilePath}|{reference}";
        if (_resolved.TryGetValue(key, out var known))
            return known;

        var found = reference.StartsWith(Package, StringComparison.OrdinalIgnoreCase)
            ? FromFeed(reference)
            : FromFile(reference, baseFilePath) is { } path ? [Reference(path)] : [];
        if (!found.IsEmpty)
            _resolved[key] = found;
        return found;
    }

    public override PortableExecutableReference? ResolveMissingAssembly(MetadataReference definition, AssemblyIdentity identity)
    {
        var beside = (definition as PortableExecutableReference)?.FilePath is { } from
            ? Path.Combine(Path.GetDirectoryName(from)!, identity.Name + ".dll")
            : "";
        var path = HostAssemblies.PathOf(identity.Name) ?? (File.Exists(beside) ? beside : null);
        return path is null ? null : Reference(path);
    }

    public override bool Equals(object? other) => ReferenceEquals(this, other);

    public override int GetHashCode() => System.Runtime.CompilerServices.RuntimeHelpers.GetHashCode(this);

    private ImmutableArray<PortableExecutableReference> FromFeed(string reference)
    {
        var parts = reference[Package.Length..].Split(',', 2, StringSplitOptions.TrimEntries);
        try
        {
            return [.. packages.Restore(parts[0], parts.ElementAtOrDefault(1)).Select(Reference)];
        }
        catch (UserException e)
        {
            Failures[reference] = e.Message;
            return [];
        }
    }

    private string? FromFile(string reference, string? baseFilePath)
    {
        var isPath = reference.EndsWith(".dll", StringComparison.OrdinalIgnoreCase) || reference.Contains('/');
        var name = isPath ? Path.GetFileNameWithoutExtension(reference) : reference.Split(',')[0].Trim();
        if (HostAssemblies.PathOf(name) is { } own)
            return own;

        string?[] folders = [Path.GetDirectoryName(Path.Combine(folder, baseFilePath ?? "")), folder];
        return folders.Select(from => Path.GetFullPath(Path.Combine(from ?? folder, reference))).FirstOrDefault(File.Exists);
    }

    /// <summary>The reference to a file: one for all who ask.</summary>
    public PortableExecutableReference Reference(string path)
    {
        if (!_files.TryGetValue(path, out var reference))
            _files[path] = reference = MetadataReference.CreateFromFile(path);
        return reference;
    }
}
