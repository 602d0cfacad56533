using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using System.Text.RegularExpressions;

namespace LTHKit.Cli.Compat;

/// <summary>What an assembly's code refers to in other assemblies, and what source text names.</summary>
internal sealed partial class ApiUse
{
    private readonly HashSet<string> _types = [];
    private readonly HashSet<string> _members = []; // type::signature
    private readonly HashSet<string> _overridden = []; // names
    private readonly HashSet<string> _words = [];
    private readonly HashSet<string> _constants = [];

    /// <summary>Adds the references of a compiled assembly.</summary>
    public void AddAssembly(string file)
    {
        using var stream = File.OpenRead(file);
        using var image = new PEReader(stream);
        var reader = image.GetMetadataReader();
        foreach (var handle in reader.TypeReferences)
            _types.Add(SignatureNames.Name(reader, handle));
        foreach (var handle in reader.MemberReferences)
        {
            var member = reader.GetMemberReference(handle);
            if (Parent(reader, member.Parent) is not { } type)
                continue;
            var name = reader.GetString(member.Name);
            _members.Add($"{type}::" + (member.GetKind() == MemberReferenceKind.Method
                ? SignatureNames.Method(name, member.DecodeMethodSignature(SignatureNames.Instance, null))
                : SignatureNames.Field(name, member.DecodeFieldSignature(SignatureNames.Instance, null))));
        }
    }

    /// <summary>Adds the virtual methods of a compiled assembly, each of which may override one of those names.</summary>
    public void AddOverrides(string file)
    {
        using var stream = File.OpenRead(file);
        using var image = new PEReader(stream);
        var reader = image.GetMetadataReader();
        foreach (var handle in reader.MethodDefinitions)
        {
            var method = reader.GetMethodDefinition(handle);
            if ((method.Attributes & MethodAttributes.Virtual) != 0)
                _overridden.Add(reader.GetString(method.Name));
        }
    }

    /// <summary>Adds the words of code that is not compiled here: a notebook's cells.</summary>
    public void AddText(string code) => _words.UnionWith(Word().Matches(code).Select(match => match.Value));

    /// <summary>Adds the words of code that is compiled, for constants, which leave no trace in an assembly.</summary>
    public void AddSource(string code) => _constants.UnionWith(Word().Matches(code).Select(match => match.Value));

    public bool HasType(string fullName, string name) => _types.Contains(fullName) || _words.Contains(name);

    public bool HasMember(string type, string signature, string name) => _members.Contains($"{type}::{signature}") || _words.Contains(name);

    public bool HasConstant(string name) => _constants.Contains(name) || _words.Contains(name);

    /// <summary>Whether some class has a virtual method of that name, which then may override it.</summary>
    public bool Overrides(string name) => _overridden.Contains(name);

    // The type that declares a member; of a constructed generic type its definition.
    private static string? Parent(MetadataReader reader, EntityHandle parent) => parent.Kind switch
    {
        HandleKind.TypeReference => SignatureNames.Name(reader, (TypeReferenceHandle)parent),
        HandleKind.TypeSpecification => reader.GetTypeSpecification((TypeSpecificationHandle)parent)
            .DecodeSignature(SignatureNames.Instance, null).Split('<')[0],
        _ => null,
    };

    [GeneratedRegex(@"[\p{L}_][\p{L}\p{Nd}_]*")]
    private static partial Regex Word();
}
