using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;

namespace LTHKit.Cli.Compat;

/// <summary>
/// Lists what a compat assembly shows and nobody uses. Overrides and implementations of interfaces belong to what they override or
/// implement, and constructors without parameters come by themselves: none of these is listed.
/// </summary>
internal static class UnusedApi
{
    /// <returns>The members' names; the flag tells those that the tests alone use.</returns>
    public static IEnumerable<(string Member, bool TestsOnly)> List(string file, ApiUse use, ApiUse tests)
    {
        using var stream = File.OpenRead(file);
        using var image = new PEReader(stream);
        var reader = image.GetMetadataReader();
        foreach (var handle in reader.TypeDefinitions.Where(handle => IsVisible(reader, handle)))
        {
            var type = reader.GetTypeDefinition(handle);
            var (fullName, name) = (SignatureNames.Name(reader, handle), reader.GetString(type.Name).Split('`')[0]);
            var members = Members(reader, type, fullName).ToList();
            bool Used(ApiUse by) => by.HasType(fullName, name) || members.Any(member => member.UsedBy(by));
            if (!Used(use))
            {
                // A static class that only holds types is used when they are.
                if (members.Count > 0 || !type.GetNestedTypes().Any(nested => IsVisible(reader, nested)))
                    yield return (SignatureNames.Shorten(fullName), Used(tests));
                continue;
            }
            foreach (var member in members.Where(member => !member.UsedBy(use)))
                yield return ($"{SignatureNames.Shorten(fullName)}.{SignatureNames.Shorten(member.Shown)}", member.UsedBy(tests));
        }
    }

    private readonly record struct Member(string Shown, Func<ApiUse, bool> UsedBy);

    private static IEnumerable<Member> Members(MetadataReader reader, TypeDefinition type, string typeName)
    {
        if (BaseName(reader, type) == "System.MulticastDelegate")
            yield break;
        var accessors = new HashSet<MethodDefinitionHandle>();
        foreach (var handle in type.GetProperties())
        {
            var property = reader.GetPropertyDefinition(handle);
            var pair = property.GetAccessors();
            MethodDefinitionHandle[] both = [.. new[] { pair.Getter, pair.Setter }.Where(accessor => !accessor.IsNil)];
            accessors.UnionWith(both);
            var name = reader.GetString(property.Name);
            var index = property.DecodeSignature(SignatureNames.Instance, null).ParameterTypes;
            var visible = both.Where(accessor => IsOwn(reader.GetMethodDefinition(accessor))).ToList();
            if (visible.Count > 0)
            {
                yield return new(index.IsEmpty ? name : $"{name}[{string.Join(", ", index)}]",
                    use => visible.Any(accessor => IsUsed(reader, typeName, accessor, name, use)));
            }
        }
        foreach (var handle in type.GetEvents())
        {
            var @event = reader.GetEventDefinition(handle);
            var pair = @event.GetAccessors();
            accessors.UnionWith([pair.Adder, pair.Remover]);
            if (IsOwn(reader.GetMethodDefinition(pair.Adder)))
                yield return new(reader.GetString(@event.Name), use => IsUsed(reader, typeName, pair.Adder, reader.GetString(@event.Name), use));
        }
        foreach (var handle in type.GetMethods().Where(handle => !accessors.Contains(handle)))
        {
            var method = reader.GetMethodDefinition(handle);
            var name = reader.GetString(method.Name);
            var signature = method.DecodeSignature(SignatureNames.Instance, null);
            if (!IsOwn(method) || name.Contains('<') || (name == ".ctor" && signature.ParameterTypes.IsEmpty))
                continue;
            var word = name == ".ctor" ? reader.GetString(type.Name).Split('`')[0] : name;
            yield return new(SignatureNames.Method(word, signature), use => IsUsed(reader, typeName, handle, word, use));
        }
        foreach (var handle in type.GetFields())
        {
            var field = reader.GetFieldDefinition(handle);
            var name = reader.GetString(field.Name);
            if (!IsVisible(field.Attributes & FieldAttributes.FieldAccessMask) || (field.Attributes & FieldAttributes.SpecialName) != 0)
                continue;
            var signature = SignatureNames.Field(name, field.DecodeSignature(SignatureNames.Instance, null));
            var literal = (field.Attributes & FieldAttributes.Literal) != 0;
            yield return new(name, use => literal ? use.HasConstant(name) : use.HasMember(typeName, signature, name));
        }
    }

    private static bool IsUsed(MetadataReader reader, string type, MethodDefinitionHandle handle, string word, ApiUse use)
    {
        var method = reader.GetMethodDefinition(handle);
        var name = reader.GetString(method.Name);
        return use.HasMember(type, SignatureNames.Method(name, method.DecodeSignature(SignatureNames.Instance, null)), word)
            || ((method.Attributes & MethodAttributes.Virtual) != 0 && use.Overrides(name));
    }

    // Visible, and neither an override nor the implementation of an interface.
    private static bool IsOwn(MethodDefinition method)
    {
        var slot = method.Attributes & (MethodAttributes.Virtual | MethodAttributes.NewSlot | MethodAttributes.Final);
        return (method.Attributes & MethodAttributes.MemberAccessMask) is MethodAttributes.Public or MethodAttributes.Family or MethodAttributes.FamORAssem
            && slot is 0 or MethodAttributes.NewSlot or (MethodAttributes.Virtual | MethodAttributes.NewSlot);
    }

    private static bool IsVisible(FieldAttributes access) =>
        access is FieldAttributes.Public or FieldAttributes.Family or FieldAttributes.FamORAssem;

    private static bool IsVisible(MetadataReader reader, TypeDefinitionHandle handle)
    {
        var type = reader.GetTypeDefinition(handle);
        return (type.Attributes & TypeAttributes.VisibilityMask) switch
        {
            TypeAttributes.Public => true,
            TypeAttributes.NestedPublic or TypeAttributes.NestedFamily or TypeAttributes.NestedFamORAssem => IsVisible(reader, type.GetDeclaringType()),
            _ => false,
        };
    }

    private static string? BaseName(MetadataReader reader, TypeDefinition type) =>
        type.BaseType is { IsNil: false, Kind: HandleKind.TypeReference } parent ? SignatureNames.Name(reader, (TypeReferenceHandle)parent) : null;
}
