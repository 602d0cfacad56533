using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using LTHKit.Tweaks;

namespace LTHKit.Experiments;

/// <summary>
/// Settings as JSON in one canonical form: keys sorted, nothing written that is null, 0 or false, everything else always, enums in any case. What is
/// left out does not depend on a setting's default, so that changing one neither renames a run nor takes an old one for new; an option that is added
/// later and is null, 0 or false where it changes nothing renames no run.
/// </summary>
internal static class SpecJson
{
    internal static readonly JsonSerializerOptions Options = With(readOnly: false);

    /// <summary>How a line of a log is written.</summary>
    internal static readonly JsonSerializerOptions LineOptions = new(JsonSerializerDefaults.Web)
    {
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        RespectRequiredConstructorParameters = true,
    };

    private static readonly JsonSerializerOptions WithReadOnly = With(readOnly: true);

    /// <summary>The canonical form of a record of settings.</summary>
    public static JsonObject Of(object settings) => Sorted(JsonSerializer.SerializeToNode(settings, settings.GetType(), Options)!.AsObject());

    /// <summary>What a tweak or a watch is: its type's name, its settings, and for one that is not the kit's an identity of its code and state.</summary>
    public static JsonObject OfCode(object value)
    {
        var node = Of(value);
        node.Insert(0, "type", value.GetType().Name);
        if (value.GetType().Assembly != typeof(Tweak).Assembly)
            node["code"] = CodeIdentity.Of(value);
        return node;
    }

    /// <summary>What an analysis depends on, as one canonical form: all properties of any object, an anonymous one's too.</summary>
    public static JsonObject OfAll(object settings) => Sorted(JsonSerializer.SerializeToNode(settings, settings.GetType(), WithReadOnly)!.AsObject());

    /// <summary>The first twelve hexadecimal digits of the SHA-256 of the canonical form.</summary>
    public static string Hash(JsonObject canonical)
        => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(canonical.ToJsonString())))[..12];

    /// <summary>Whether a type is a record class, whose properties are all there is of it.</summary>
    public static bool IsRecord(Type type) => type.GetMethod("<Clone>$") is not null;

    private static JsonSerializerOptions With(bool readOnly) => new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        IgnoreReadOnlyProperties = !readOnly,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingDefault,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        WriteIndented = true,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.KebabCaseLower), new TweakConverter(), new FunctionConverter() },
        TypeInfoResolver = new DefaultJsonTypeInfoResolver { Modifiers = { WriteEnums } },
    };

    private static void WriteEnums(JsonTypeInfo type)
    {
        foreach (var property in type.Properties.Where(p => p.PropertyType.IsEnum))
            property.ShouldSerialize = (_, _) => true;
    }

    private static JsonObject Sorted(JsonObject node)
        => new(node.OrderBy(p => p.Key, StringComparer.Ordinal)
            .Select(p => KeyValuePair.Create(p.Key, p.Value is JsonObject inner ? Sorted(inner) : p.Value?.DeepClone())));

    private sealed class TweakConverter : JsonConverter<Tweak>
    {
        public override bool CanConvert(Type type) => type == typeof(Tweak);

        public override Tweak Read(ref Utf8JsonReader reader, Type type, JsonSerializerOptions options)
            => throw new NotSupportedException("A tweak is code: it is written into a spec, not read from one.");

        public override void Write(Utf8JsonWriter writer, Tweak value, JsonSerializerOptions options) => OfCode(value).WriteTo(writer);
    }

    /// <summary>A function of the kit is written as its name, a user's as the identity of its code and of what it captures.</summary>
    private sealed class FunctionConverter : JsonConverter<Delegate>
    {
        public override bool CanConvert(Type type) => typeof(Delegate).IsAssignableFrom(type);

        public override Delegate Read(ref Utf8JsonReader reader, Type type, JsonSerializerOptions options)
            => throw new NotSupportedException("A function is code: it is written into a spec, not read from one.");

        public override void Write(Utf8JsonWriter writer, Delegate value, JsonSerializerOptions options)
            => writer.WriteStringValue(value.Method is { IsStatic: true, DeclaringType: { } home } && home.Assembly == typeof(Tweak).Assembly
                ? $"{home.Name}.{value.Method.Name}" : CodeIdentity.Of(value));
    }
}
