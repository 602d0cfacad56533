using System.Text.Json;

namespace Microsoft.DotNet.Interactive.Formatting;

internal static class JsonDefaults
{
    public static readonly ITypeFormatter[] Formatters =
    [
        new DelegateFormatter<object>(
            (value, context) =>
            {
                context.Writer.Write(JsonSerializer.Serialize(value));
                return true;
            },
            JsonFormatter.MimeType),
    ];
}
