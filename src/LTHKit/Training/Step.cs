using System.Text.Json.Serialization;

namespace LTHKit.Training;

/// <summary>A point of a training: after so many epochs and so many steps of the next one. As text "12ep", "500it" or "2ep40it".</summary>
/// <param name="Epochs">Whole epochs that are done.</param>
/// <param name="Iterations">Steps that are done beyond them.</param>
[JsonConverter(typeof(Json))]
public readonly partial record struct Step(int Epochs, int Iterations = 0)
{
    /// <summary>The point after that many epochs.</summary>
    public static implicit operator Step(int epochs) => new(epochs);

    /// <inheritdoc cref="Parse"/>
    public static implicit operator Step(string text) => Parse(text);

    /// <summary>Reads "12ep", "500it" or "2ep40it".</summary>
    /// <exception cref="UserException">The text is none of these.</exception>
    public static Step Parse(string text)
    {
        var match = Form().Match(text ?? "");
        return match.Success && !string.IsNullOrWhiteSpace(text) && Part("epochs", out var epochs) && Part("iterations", out var iterations) ? new(epochs, iterations)
            : throw new UserException($"'{text}' is no point of a training; write 12ep for twelve epochs, 500it for five hundred steps, 2ep40it for both.");

        bool Part(string name, out int number) => int.TryParse(match.Groups[name].Value is "" ? "0" : match.Groups[name].Value, out number);
    }

    /// <summary>The same point with its steps counted from the last whole epoch, for epochs of <paramref name="length"/> steps.</summary>
    public Step Within(int length) => new(Epochs + Iterations / length, Iterations % length);

    public override string ToString() => Iterations == 0 ? $"{Epochs}ep" : Epochs == 0 ? $"{Iterations}it" : $"{Epochs}ep{Iterations}it";

    [GeneratedRegex(@"^\s*((?<epochs>\d+)\s*ep)?\s*((?<iterations>\d+)\s*it)?\s*$")]
    private static partial Regex Form();

    private sealed class Json : JsonConverter<Step>
    {
        public override Step Read(ref Utf8JsonReader reader, Type type, JsonSerializerOptions options) => Parse(reader.GetString()!);

        public override void Write(Utf8JsonWriter writer, Step value, JsonSerializerOptions options) => writer.WriteStringValue(value.ToString());
    }
}
