using System.Collections.Immutable;
using System.Reflection.Metadata;
using System.Text.RegularExpressions;

namespace LTHKit.Cli.Compat;

/// <summary>
/// Writes signatures as text in which a reference to a member and the member's own definition look the same, whatever assembly they
/// stand in.
/// </summary>
internal sealed partial class SignatureNames : ISignatureTypeProvider<string, object?>
{
    public static readonly SignatureNames Instance = new();

    private SignatureNames() { }

    public static string Name(MetadataReader reader, TypeDefinitionHandle handle)
    {
        var type = reader.GetTypeDefinition(handle);
        var name = reader.GetString(type.Name);
        if (type.GetDeclaringType() is { IsNil: false } outer)
            return $"{Name(reader, outer)}+{name}";
        return Qualify(reader.GetString(type.Namespace), name);
    }

    public static string Name(MetadataReader reader, TypeReferenceHandle handle)
    {
        var type = reader.GetTypeReference(handle);
        var name = reader.GetString(type.Name);
        if (type.ResolutionScope.Kind == HandleKind.TypeReference)
            return $"{Name(reader, (TypeReferenceHandle)type.ResolutionScope)}+{name}";
        return Qualify(reader.GetString(type.Namespace), name);
    }

    public static string Method(string name, MethodSignature<string> signature) =>
        $"{name}`{signature.GenericParameterCount}({string.Join(", ", signature.ParameterTypes)}): {signature.ReturnType}";

    public static string Field(string name, string type) => $"{name}: {type}";

    /// <summary>A name or signature for people: without namespaces and arities.</summary>
    public static string Shorten(string name) => Arity().Replace(Namespace().Replace(name, ""), "").Replace('+', '.');

    public string GetTypeFromDefinition(MetadataReader reader, TypeDefinitionHandle handle, byte rawTypeKind) => Name(reader, handle);

    public string GetTypeFromReference(MetadataReader reader, TypeReferenceHandle handle, byte rawTypeKind) => Name(reader, handle);

    public string GetTypeFromSpecification(MetadataReader reader, object? context, TypeSpecificationHandle handle, byte rawTypeKind) =>
        reader.GetTypeSpecification(handle).DecodeSignature(this, context);

    public string GetGenericInstantiation(string genericType, ImmutableArray<string> typeArguments) =>
        $"{genericType}<{string.Join(", ", typeArguments)}>";

    public string GetPrimitiveType(PrimitiveTypeCode typeCode) => typeCode.ToString();

    public string GetArrayType(string elementType, ArrayShape shape) => $"{elementType}[{new string(',', shape.Rank - 1)}]";

    public string GetSZArrayType(string elementType) => $"{elementType}[]";

    public string GetByReferenceType(string elementType) => $"{elementType}&";

    public string GetPointerType(string elementType) => $"{elementType}*";

    public string GetFunctionPointerType(MethodSignature<string> signature) => Method("delegate*", signature);

    public string GetGenericTypeParameter(object? context, int index) => $"!{index}";

    public string GetGenericMethodParameter(object? context, int index) => $"!!{index}";

    public string GetModifiedType(string modifier, string unmodifiedType, bool isRequired) => unmodifiedType;

    public string GetPinnedType(string elementType) => elementType;

    private static string Qualify(string space, string name) => space.Length == 0 ? name : $"{space}.{name}";

    [GeneratedRegex(@"(?<![\w.`+])(?:\w+\.)+(?=\w)")]
    private static partial Regex Namespace();

    [GeneratedRegex(@"`\d+")]
    private static partial Regex Arity();
}
