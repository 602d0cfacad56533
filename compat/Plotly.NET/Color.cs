using System.Globalization;
using Newtonsoft.Json;

namespace Plotly.NET;

/// <summary>A colour, or one colour or colour scale value a point.</summary>
[JsonConverter(typeof(ColorConverter))]
public class Color
{
    private Color(object value) => Value = value;

    internal object Value { get; }

    /// <summary>A CSS colour as it stands.</summary>
    public static Color fromString(string c) => new(c);

    /// <summary>A colour from its components, 0 to 255.</summary>
    public static Color fromRGB(int r, int g, int b) => fromARGB(255, r, g, b);

    /// <inheritdoc cref="fromRGB"/>
    public static Color fromARGB(int a, int r, int g, int b)
    {
        if (new[] { a, r, g, b }.Any(component => component is < 0 or > 255))
            throw new Exception("Value for component needs to be between 0 and 255.");
        return new(string.Create(CultureInfo.InvariantCulture, $"rgba({r}, {g}, {b}, {a / 255.0:0.0})"));
    }

    /// <summary>A colour from "#rrggbb".</summary>
    public static Color fromHex(string s)
    {
        var digits = s.TrimStart('#');
        if (digits.Length != 6) throw new Exception("Invalid hex color format");
        var bytes = System.Convert.FromHexString(digits);
        return fromRGB(bytes[0], bytes[1], bytes[2]);
    }

    public override bool Equals(object? other) => other is Color color && Value.Equals(color.Value);

    public override int GetHashCode() => Value.GetHashCode();
}

internal sealed class ColorConverter : JsonConverter<Color>
{
    public override bool CanRead => false;

    public override void WriteJson(JsonWriter writer, Color? value, JsonSerializer serializer) =>
        serializer.Serialize(writer, value?.Value);

    public override Color ReadJson(JsonReader reader, Type objectType, Color? existing, bool hasExisting, JsonSerializer serializer) =>
        throw new NotSupportedException();
}
