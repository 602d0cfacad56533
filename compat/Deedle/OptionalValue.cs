using System.Globalization;

namespace Deedle;

/// <summary>A value that may be missing.</summary>
public readonly struct OptionalValue<T>
{
    private readonly T value;

    public OptionalValue(T value) => (this.value, HasValue) = (value, true);

    public bool HasValue { get; }

    /// <exception cref="InvalidOperationException">The value is missing.</exception>
    public T Value => HasValue ? value : throw new InvalidOperationException("OptionalValue.Value: Value is not available");

    public override string ToString() =>
        HasValue ? Convert.ToString(value, CultureInfo.InvariantCulture)! : "<missing>";
}

/// <summary>A key was asked for whose value is missing.</summary>
public class MissingValueException(object key, string message) : Exception(message)
{
    public object Key { get; } = key;
}
