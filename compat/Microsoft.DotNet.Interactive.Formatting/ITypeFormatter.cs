namespace Microsoft.DotNet.Interactive.Formatting;

/// <summary>Writes values of one type as one MIME type; answers false to leave the value to the next formatter.</summary>
public interface ITypeFormatter
{
    string MimeType { get; }

    Type Type { get; }

    bool Format(object instance, FormatContext context);
}

public delegate bool FormatDelegate<in T>(T value, FormatContext context);

internal sealed class DelegateFormatter<T>(FormatDelegate<T> format, string mimeType, Type type = null) : ITypeFormatter
{
    private readonly FormatDelegate<T> _format = format ?? throw new ArgumentNullException(nameof(format));

    public string MimeType { get; } = string.IsNullOrWhiteSpace(mimeType)
        ? throw new ArgumentException("Value cannot be null or whitespace.", nameof(mimeType))
        : mimeType;

    public Type Type { get; } = type ?? typeof(T);

    public bool Format(object instance, FormatContext context) => _format((T)instance, context);
}
