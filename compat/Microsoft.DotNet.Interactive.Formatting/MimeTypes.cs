namespace Microsoft.DotNet.Interactive.Formatting;

public static class PlainTextFormatter
{
    public const string MimeType = "text/plain";
}

public static class HtmlFormatter
{
    public const string MimeType = "text/html";
}

public static class JsonFormatter
{
    public const string MimeType = "application/json";
}
