using System.Collections;
using System.Globalization;
using System.Runtime.CompilerServices;
using TorchSharp;

namespace LTHKit.Formatting;

/// <summary>A value of the kit in one line: in its own words, or a record's settings with what they are collections of counted.</summary>
internal static class KitText
{
    private const int Longest = 400;

    public static string Of(object value)
    {
        var type = value.GetType();
        var text = HasWords(type) ? value.ToString() ?? "" : IsRecord(type) ? $"{Name(type)} {{ {string.Join(", ", Settings(value))} }}" : Name(type);
        return text.Length <= Longest ? text : text[..Longest] + "…";
    }

    /// <summary>Only what can be set: a property that is computed may cost much, or lead back to its record.</summary>
    private static IEnumerable<string> Settings(object record) => record.GetType().GetProperties()
        .Where(p => p.CanWrite && p.GetIndexParameters().Length == 0).Select(p => $"{p.Name} = {Setting(p.GetValue(record))}");

    private static string Setting(object? value) => value switch
    {
        null => "none",
        string text => text,
        torch.Tensor tensor => TensorText.Of(tensor).Split('\n')[0],
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
        IDictionary all => $"{all.Count} entries",
        IEnumerable all => all.Cast<object?>().Take(5).ToList() is var few && few.Count <= 4 ? $"[{string.Join(", ", few.Select(Inner))}]" : $"{all.Cast<object?>().Count()} values",
        _ => Inner(value),
    };

    private static string Inner(object? value) => value switch
    {
        null or string or IFormattable => Setting(value),
        IEnumerable => "[…]",
        _ => HasWords(value.GetType()) ? value.ToString() ?? "" : Name(value.GetType()),
    };

    /// <summary>Whether someone wrote its ToString: no compiler for a record, and not for a base class out of a package.</summary>
    private static bool HasWords(Type type) => type.GetMethod(nameof(ToString), Type.EmptyTypes) is { DeclaringType: { } owner } method
        && owner != typeof(object) && owner != typeof(ValueType) && owner.Assembly != typeof(torch).Assembly && !method.IsDefined(typeof(CompilerGeneratedAttribute), false);

    private static bool IsRecord(Type type) => type.GetMethod("<Clone>$") is not null;

    private static string Name(Type type) => type.IsGenericType ? $"{type.Name.Split('`')[0]} of {string.Join(", ", type.GetGenericArguments().Select(Name))}" : type.Name;
}
