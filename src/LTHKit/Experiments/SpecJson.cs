using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using LTHKit.Tweaks;

namespace LTHKit.Experiments;

/// <summary>
/// Settings as JSON in one canonical form: keys sorted, defaults left out. An option added later with a neutral default changes no
/// spec and so renames no run.
/// </summary>
internal static class SpecJson
{
    internal static readonly JsonSerializerOptions Options = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        IgnoreReadOnlyProperties = true,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        WriteIndented = true,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.KebabCaseLower), new TweakConverter(), new FunctionConverter() },
    };

    /// <summary>How a line of a log is written.</summary>
    internal static readonly JsonSerializerOptions LineOptions = new(JsonSerializerDefaults.Web)
    {
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
    };

    /// <summary>The canonical form of a record of settings.</summary>
    public static JsonObject Of(object settings)
    {
        var node = JsonSerializer.SerializeToNode(settings, settings.GetType(), Options)!.AsObject();
        if (Default(settings.GetType()) is { } neutral)
            RemoveEqual(node, JsonSerializer.SerializeToNode(neutral, settings.GetType(), Options)!.AsObject());
        return Sorted(node);
    }

    /// <summary>What a tweak or a watch is: its type's name, its settings, and for one that is not the kit's a fingerprint of its code.</summary>
    public static JsonObject OfCode(object value)
    {
        var ours = value.GetType().Assembly == typeof(Tweak).Assembly;
        // The defaults of a notebook's own record may be edited from one moment to the next, so its settings are all written out.
        var node = ours ? Of(value) : Sorted(JsonSerializer.SerializeToNode(value, value.GetType(), Options)!.AsObject());
        node.Insert(0, "type", value.GetType().Name);
        if (!ours)
            node["code"] = CodeFingerprint.Of(value.GetType());
        return node;
    }

    /// <summary>What an analysis depends on, as one canonical form: all properties of any object, an anonymous one's too.</summary>
    public static JsonObject OfAll(object settings)
        => Sorted(JsonSerializer.SerializeToNode(settings, settings.GetType(), new JsonSerializerOptions(Options) { IgnoreReadOnlyProperties = false })!.AsObject());

    /// <summary>The first twelve hexadecimal digits of the SHA-256 of the canonical form.</summary>
    public static string Hash(JsonObject canonical)
        => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(canonical.ToJsonString())))[..12];

    /// <summary>An instance with every setting at its default, if the type has a constructor that allows it.</summary>
    private static object? Default(Type type)
    {
        foreach (var constructor in type.GetConstructors())
        {
            var parameters = constructor.GetParameters();
            if (parameters.All(p => p.HasDefaultValue))
                return constructor.Invoke([.. parameters.Select(p => p.DefaultValue)]);
        }
        return null;
    }

    private static void RemoveEqual(JsonObject node, JsonObject neutral)
    {
        foreach (var (key, value) in node.ToList())
        {
            neutral.TryGetPropertyValue(key, out var other);
            if (JsonNode.DeepEquals(value, other))
                node.Remove(key);
            else if (value is JsonObject inner && other is JsonObject otherInner)
                RemoveEqual(inner, otherInner);
        }
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

    /// <summary>A function is written as the fingerprint of its code and of what it captures.</summary>
    private sealed class FunctionConverter : JsonConverter<Delegate>
    {
        public override bool CanConvert(Type type) => typeof(Delegate).IsAssignableFrom(type);

        public override Delegate Read(ref Utf8JsonReader reader, Type type, JsonSerializerOptions options)
            => throw new NotSupportedException("A function is code: it is written into a spec, not read from one.");

        public override void Write(Utf8JsonWriter writer, Delegate value, JsonSerializerOptions options)
            => writer.WriteStringValue(CodeFingerprint.Of(value));
    }
}
