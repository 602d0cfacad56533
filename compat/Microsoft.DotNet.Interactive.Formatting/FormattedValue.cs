namespace Microsoft.DotNet.Interactive.Formatting;

public class FormattedValue
{
    public FormattedValue(string mimeType, string value)
    {
        if (string.IsNullOrWhiteSpace(mimeType))
            throw new ArgumentException("Value cannot be null or whitespace.", nameof(mimeType));

        MimeType = mimeType;
        Value = value;
    }

    public string MimeType { get; }

    public string Value { get; }

    public static IReadOnlyList<FormattedValue> CreateManyFromObject(object value, params string[] mimeTypes)
    {
        if (mimeTypes is null || mimeTypes.Length == 0)
            mimeTypes = [.. Formatter.GetPreferredMimeTypesFor(value?.GetType())];

        return [.. mimeTypes.Select(mimeType => new FormattedValue(mimeType, value.ToDisplayString(mimeType)))];
    }
}
