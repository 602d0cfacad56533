using System.Collections;
using System.Net;
using System.Text.Encodings.Web;
using Microsoft.AspNetCore.Html;

namespace Microsoft.DotNet.Interactive.Formatting;

internal static class HtmlDefaults
{
    public const string Styles = """
        <style>
        .dni-code-hint { font-style: italic; overflow: hidden; white-space: nowrap; }
        .dni-treeview { white-space: nowrap; }
        .dni-treeview td { vertical-align: top; text-align: start; }
        details.dni-treeview { padding-left: 1em; }
        table td, table th { text-align: start; }
        table tr { vertical-align: top; margin: 0em 0px; }
        table tr td pre { vertical-align: top !important; margin: 0em 0px !important; }
        </style>
        """;

    public static readonly ITypeFormatter[] Formatters =
    [
        Html<IHtmlContent>((value, context) => value.WriteTo(context.Writer, HtmlEncoder.Default)),
        Html<string>(WritePlain),
        Html<Type>(WritePlain),
        Html<Enum>(WritePlain),
        Html<IEnumerable>(WriteSequence),
        Html<object>(WriteObject),
    ];

    private static DelegateFormatter<T> Html<T>(Action<T, FormatContext> write) =>
        new(
            (value, context) =>
            {
                if (value is null)
                    WritePlain(Formatter.NullString, context);
                else
                    write(value, context);
                return true;
            },
            HtmlFormatter.MimeType);

    private static void WritePlain(object value, FormatContext context)
    {
        context.RequireStyles();
        context.Writer.Write($"<div class=\"dni-plaintext\"><pre>{Encode(value.ToDisplayString())}</pre></div>");
    }

    private static void WriteSequence(IEnumerable sequence, FormatContext context)
    {
        var keyed = sequence as IDictionary;
        var items = (keyed?.Values ?? sequence).Cast<object>().Take(Formatter.ListExpansionLimit).ToList();
        if (keyed is null && items.All(item => item is null || Members.IsScalar(item.GetType())))
        {
            WritePlain(sequence, context);
            return;
        }

        context.RequireStyles();
        var writer = context.Writer;
        var keys = keyed?.Keys.Cast<object>().ToList();
        writer.Write($"<table><thead><tr><th><i>{(keys is null ? "index" : "key")}</i></th><th>value</th></tr></thead><tbody>");
        for (var i = 0; i < items.Count; i++)
        {
            writer.Write("<tr><td>");
            WriteCell(keys?[i] ?? i, context);
            writer.Write("</td><td>");
            WriteCell(items[i], context);
            writer.Write("</td></tr>");
        }

        if (sequence is ICollection { Count: var count } && count > items.Count)
            writer.Write($"<tr><td colspan=\"2\"><i>({count - items.Count} more)</i></td></tr>");
        writer.Write("</tbody></table>");
    }

    private static void WriteObject(object value, FormatContext context)
    {
        var members = Members.IsScalar(value.GetType()) ? [] : Members.Of(value).ToArray();
        if (members.Length == 0)
        {
            WritePlain(value, context);
            return;
        }

        context.RequireStyles();
        var open = context.Depth == 1 ? " open=\"open\"" : "";
        context.Writer.Write(
            $"<details{open} class=\"dni-treeview\"><summary><span class=\"dni-code-hint\"><code>{Encode(value.ToString())}"
            + "</code></span></summary><div><table><thead><tr></tr></thead><tbody>");
        foreach (var (name, member) in members)
        {
            context.Writer.Write($"<tr><td>{Encode(name)}</td><td>");
            WriteCell(member, context);
            context.Writer.Write("</td></tr>");
        }

        context.Writer.Write("</tbody></table></div></details>");
    }

    private static void WriteCell(object value, FormatContext context)
    {
        if (value is not null && context.Depth >= Formatter.RecursionLimit)
            context.Writer.Write(Encode(value.ToString()));
        else
            value.FormatTo(context, HtmlFormatter.MimeType);
    }

    private static string Encode(string text) => WebUtility.HtmlEncode(text);
}
