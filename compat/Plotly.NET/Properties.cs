using Microsoft.FSharp.Core;

namespace Plotly.NET;

/// <summary>Setting many properties of a plotly.js object, leaving out what was not given.</summary>
internal static class Properties
{
    /// <summary>Sets the properties and returns the same object.</summary>
    public static T With<T>(this T target, params (string Name, object? Value)[] properties) where T : DynamicObj.DynamicObj
    {
        foreach (var (name, value) in properties)
            if (value is not null)
                target.SetValue(name, value);
        return target;
    }

    /// <summary>The value of an option, null where it is None.</summary>
    public static object? OrNull<T>(this FSharpOption<T>? option) => option is null ? null : option.Value;

    /// <summary>
    /// Writes the properties of <paramref name="second"/> over those of <paramref name="first"/>, member by member where
    /// both are objects, and returns <paramref name="first"/>.
    /// </summary>
    public static T Combine<T>(T first, T second) where T : DynamicObj.DynamicObj
    {
        foreach (var (name, value) in second.GetProperties(true).ToList())
            first.SetValue(name, value is DynamicObj.DynamicObj inner && first.TryGetValue(name) is { Value: DynamicObj.DynamicObj outer }
                ? Combine(outer, inner)
                : value);
        return first;
    }

    /// <summary>The lists of that name in both objects as one, null where neither has one.</summary>
    public static IEnumerable<T>? Join<T>(DynamicObj.DynamicObj first, DynamicObj.DynamicObj second, string name)
    {
        var before = first.TryGetTypedValue<IEnumerable<T>>(name)?.Value;
        var after = second.TryGetTypedValue<IEnumerable<T>>(name)?.Value;
        return before is null ? after : after is null ? before : before.Concat(after);
    }
}
