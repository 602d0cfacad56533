namespace Plotly.NET.CSharp;

/// <summary>An argument that may be left out.</summary>
/// <param name="Value">The argument.</param>
/// <param name="IsSome">Whether it was given.</param>
public readonly record struct Optional<T>(T Value, bool IsSome)
{
    public static implicit operator Optional<T>(T Value) => new(Value, true);
}

internal static class OptionalValues
{
    /// <summary>The argument as a property's value, null where it was left out.</summary>
    public static object? OrNull<T>(this Optional<T> optional) => optional.IsSome ? optional.Value : null;

    /// <summary>The argument converted, null where it was left out.</summary>
    public static object? OrNull<T>(this Optional<T> optional, Func<T, object> convert) =>
        optional.IsSome ? convert(optional.Value) : null;

    public static T Or<T>(this Optional<T> optional, T otherwise) => optional.IsSome ? optional.Value : otherwise;
}
