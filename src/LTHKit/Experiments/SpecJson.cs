using System.Reflection;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace LTHKit.Experiments;

/// <summary>
/// Settings as JSON in one canonical form: keys sorted, nothing written that is null, 0 or false, everything else always, enums in any case. What is
/// left out does not depend on a setting's default, so that changing one neither renames a run nor takes an old one for new; an option that is added
/// later and is null, 0 or false where it changes nothing renames no run.
/// </summary>
internal static class SpecJson
{
    internal static readonly JsonSerializerOptions Options = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        IgnoreReadOnlyProperties = true,
        IncludeFields = true,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingDefault,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        WriteIndented = true,
        Converters =
        {
            new JsonStringEnumConverter(JsonNamingPolicy.KebabCaseLower),
            new CodeConverter<Tweak>(type => type == typeof(Tweak), (writer, tweak) => OfCode(tweak).WriteTo(writer)),
            new CodeConverter<RunResult>(type => type == typeof(RunResult), (writer, run) => writer.WriteStringValue(run.Name)),
            new CodeConverter<Tensor>(typeof(Tensor).IsAssignableFrom, (writer, tensor) => writer.WriteStringValue(CodeIdentity.Of(tensor))),
            new CodeConverter<Delegate>(typeof(Delegate).IsAssignableFrom, (writer, function) => writer.WriteStringValue(NameOf(function))),
        },
        TypeInfoResolver = new DefaultJsonTypeInfoResolver
        {
            Modifiers =
            {
                // Of fields a tuple's alone; those of a user's object are in the identity of its code.
                type => type.Properties.Where(p => p.AttributeProvider is FieldInfo && !typeof(ITuple).IsAssignableFrom(type.Type)).ToList().ForEach(p => type.Properties.Remove(p)),
                // A recipe's precision came later: its default renames no run.
                type => type.Properties.Where(p => p.PropertyType.IsEnum && p.PropertyType != typeof(Precision)).ToList().ForEach(p => p.ShouldSerialize = (_, _) => true),
            },
        },
    };

    internal static readonly JsonSerializerOptions LineOptions = new(JsonSerializerDefaults.Web)
    {
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        IncludeFields = true,       // of which tuples are made
        RespectRequiredConstructorParameters = true,
    };

    private static readonly JsonSerializerOptions WithReadOnly = new(Options) { IgnoreReadOnlyProperties = false };

    public static JsonObject Of(object settings) => Written(settings, Options);

    /// <summary>What a tweak or a watch is: its type's name, its settings, and for one that is not the kit's an identity of its code and state.</summary>
    public static JsonObject OfCode(object value)
    {
        var node = Of(value);
        node.Remove("type");        // a user's setting of that name counts with the code
        node.Insert(0, "type", value.GetType().Name);
        if (value.GetType().Assembly != typeof(Tweak).Assembly)
            node["code"] = CodeIdentity.Of(value);
        return node;
    }

    /// <summary>What an analysis depends on, as one canonical form: all properties of any object, an anonymous one's too.</summary>
    public static JsonObject OfAll(object settings) => Written(settings, WithReadOnly);

    /// <summary>The first twelve hexadecimal digits of the SHA-256 of the canonical form.</summary>
    public static string Hash(JsonObject canonical)
        => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(canonical.ToJsonString())))[..12];

    /// <summary>A copy without some of its keys.</summary>
    public static JsonObject Without(this JsonObject node, params string[] keys)
        => new(node.Where(p => !keys.Contains(p.Key)).Select(p => KeyValuePair.Create(p.Key, p.Value?.DeepClone())));

    /// <summary>Whether a type is a record class, whose properties are all there is of it.</summary>
    public static bool IsRecord(Type type) => type.GetMethod("<Clone>$") is not null;

    private static JsonObject Written(object settings, JsonSerializerOptions options)
    {
        try
        {
            return Sorted(JsonSerializer.SerializeToNode(settings, settings.GetType(), options)!.AsObject());
        }
        catch (Exception e) when (e is NotSupportedException or InvalidOperationException or JsonException)
        {
            var name = settings.GetType().Name;
            throw new UserException($"A setting of {(name.StartsWith('<') ? "the measurement" : name)} cannot be written down ({e.Message.Split('\n')[0].TrimEnd('.')}): give numbers, "
                + "texts, lists and records of them, or make it a readonly field of a tweak.", e);
        }
    }

    private static JsonObject Sorted(JsonObject node)
        => new(node.OrderBy(p => p.Key, StringComparer.Ordinal)
            .Select(p => KeyValuePair.Create(p.Key, p.Value is JsonObject inner ? Sorted(inner) : p.Value?.DeepClone())));

    /// <summary>A function of the kit is written as its name, a user's as the identity of its code and of what it captures.</summary>
    private static string NameOf(Delegate function) => function.Method is { IsStatic: true, DeclaringType: { } home } && home.Assembly == typeof(Tweak).Assembly
        ? $"{home.Name}.{function.Method.Name}" : CodeIdentity.Of(function);

    private sealed class CodeConverter<T>(Func<Type, bool> handles, Action<Utf8JsonWriter, T> write) : JsonConverter<T>
    {
        public override bool CanConvert(Type type) => handles(type);

        public override T Read(ref Utf8JsonReader reader, Type type, JsonSerializerOptions options)
            => throw new NotSupportedException("Tweaks and functions are code: they are written into a spec, not read from one.");

        public override void Write(Utf8JsonWriter writer, T value, JsonSerializerOptions options) => write(writer, value);
    }
}
