using Microsoft.AspNetCore.Html;

namespace Microsoft.DotNet.Interactive.Formatting;

public static class Html
{
    public static IHtmlContent ToHtmlContent(this string value) => new HtmlString(value);
}
