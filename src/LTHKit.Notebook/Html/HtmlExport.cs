using System.Text;
using System.Text.Json.Nodes;
using LTHKit.Formatting;
using LTHKit.Notebook.Document;
using LTHKit.Storage;

namespace LTHKit.Notebook.Html;

/// <summary>An executed notebook as one page that needs nothing else: no network, no files beside it.</summary>
internal static class HtmlExport
{
    // The first that an output has is shown.
    private static readonly string[] Preferred =
    [
        NotebookFormatters.Plotly, "text/html", "text/markdown", "image/svg+xml", "image/png", "image/jpeg", "text/latex", "text/plain", "application/json",
    ];

    /// <summary>Writes the page.</summary>
    public static void Write(NotebookDocument notebook, string path, string folder) =>
        AtomicFile.WriteText(path, Page(notebook, Path.GetFileNameWithoutExtension(path), folder));

    /// <summary>The text of the page.</summary>
    public static string Page(NotebookDocument notebook, string name, string folder)
    {
        var markdown = new MarkdownHtml(folder);
        var first = new StringBuilder();
        var rest = new StringBuilder();
        var figures = 0;
        foreach (var (i, cell) in notebook.Cells.Index())
        {
            var body = i == 0 ? first : rest;
            if (cell.Kind == "markdown")
                body.Append("<div class=\"prose\">\n").Append(markdown.Render(cell.Source, cell.Json["attachments"] as JsonObject)).Append("</div>\n");
            else if (cell.IsCode && !string.IsNullOrWhiteSpace(cell.Source))
                Code(body, cell, markdown, ref figures);
        }
        var title = markdown.Headings.Select(heading => heading.Text).FirstOrDefault() ?? name;
        var page = new StringBuilder("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n")
            .Append("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n")
            .Append("<title>").Append(CodeHtml.Encode(title)).Append("</title>\n")
            .Append("<style>\n").Append(WebAssets.Own("page.css")).Append("</style>\n");
        if (figures > 0)
            page.Append("<script>").Append(Script(WebAssets.Plotly)).Append("</script>\n");
        page.Append("</head>\n<body>\n<main>\n").Append(first);
        Contents(page, markdown);
        return page.Append(rest).Append("</main>\n<footer><div>Made from ").Append(CodeHtml.Encode(name)).Append(".ipynb with LTHKit.</div></footer>\n<script>\n")
            .Append(WebAssets.Own("page.js")).Append("</script>\n</body>\n</html>\n").ToString();
    }

    private static void Contents(StringBuilder page, MarkdownHtml markdown)
    {
        const int WorthIt = 4;
        var sections = markdown.Headings.Where(heading => heading.Level == 2).ToList();
        if (sections.Count < WorthIt)
            return;

        page.Append("<nav><ol>\n");
        foreach (var (_, text, id) in sections)
            page.Append("<li><a href=\"#").Append(CodeHtml.Encode(id)).Append("\">").Append(CodeHtml.Encode(text)).Append("</a></li>\n");
        page.Append("</ol></nav>\n");
    }

    private static void Code(StringBuilder body, NotebookCell cell, MarkdownHtml markdown, ref int figures)
    {
        body.Append("<div class=\"cell\">");
        if (cell.ExecutionCount is { } number)
            body.Append("<span class=\"number\">[").Append(number).Append("]</span>");
        var source = $"<pre class=\"source\"><code>{CodeHtml.Highlight(cell.Source.TrimEnd())}</code></pre>\n";
        // References and using directives are no reading matter.
        body.Append(IsSetUp(cell.Source) ? $"<details class=\"set-up\"><summary>Set-up</summary>{source}</details>" : source);
        foreach (var output in cell.Outputs)
            Output(body, output!.AsObject(), markdown, ref figures);
        body.Append("</div>\n");
    }

    private static bool IsSetUp(string source) => source.Split('\n').All(line => line.Trim() is var text
        && (text.Length == 0 || text.StartsWith('#') || text.StartsWith("//", StringComparison.Ordinal)
            || (text.StartsWith("using ", StringComparison.Ordinal) && !text.Contains('=') && !text.Contains('('))));

    private static void Output(StringBuilder body, JsonObject output, MarkdownHtml markdown, ref int figures)
    {
        body.Append("<div class=\"output\">");
        switch (MultilineText.Join(output["output_type"]))
        {
            case "stream":
                body.Append($"<pre class=\"{(MultilineText.Join(output["name"]) == "stderr" ? "stderr" : "stdout")}\">{CodeHtml.Encode(MultilineText.Join(output["text"]).TrimEnd())}</pre>");
                break;
            case "error":
                var lines = (output["traceback"] as JsonArray ?? []).Select(line => CodeHtml.Encode(MultilineText.Join(line))).ToList();
                body.Append("<div class=\"error\"><pre><b>").Append(lines.FirstOrDefault() ?? CodeHtml.Encode(MultilineText.Join(output["evalue"]))).Append("</b>");
                foreach (var line in lines.Skip(1))
                    body.Append('\n').Append(line);
                body.Append("</pre></div>");
                break;
            default:
                if (output["data"] is JsonObject data && Preferred.FirstOrDefault(data.ContainsKey) is { } type)
                    Data(body, type, data[type] ?? "", markdown, ref figures);
                break;
        }
        body.Append("</div>\n");
    }

    private static void Data(StringBuilder body, string type, JsonNode data, MarkdownHtml markdown, ref int figures)
    {
        switch (type)
        {
            case NotebookFormatters.Plotly:
                figures++;
                var height = ((data as JsonObject)?["layout"] as JsonObject)?["height"]?.ToString() ?? "450";
                // "<" occurs in strings only, and there it must not end the script.
                body.Append($"<div class=\"figure\" style=\"min-height:{CodeHtml.Encode(height)}px\"><script type=\"application/json\">{data.ToJsonString().Replace("<", "\\u003c")}</script></div>");
                break;
            case "text/html":
            case "image/svg+xml":
                body.Append(MultilineText.Join(data));
                break;
            case "text/markdown":
                body.Append("<div class=\"prose\">").Append(markdown.Render(MultilineText.Join(data))).Append("</div>");
                break;
            case "text/latex":
                body.Append("<div class=\"prose\">").Append(MathMl.Of(MultilineText.Join(data).Trim().Trim('$'), display: true)).Append("</div>");
                break;
            case "image/png":
            case "image/jpeg":
                body.Append($"<img alt=\"\" src=\"data:{type};base64,{MultilineText.Join(data).Replace("\n", "")}\">");
                break;
            case "application/json":
                body.Append($"<pre class=\"value\">{CodeHtml.Encode(data.ToJsonString())}</pre>");
                break;
            default:
                body.Append($"<pre class=\"value\">{CodeHtml.Encode(MultilineText.Join(data).TrimEnd())}</pre>");
                break;
        }
    }

    private static string Script(string text) => text.Replace("</script", "<\\/script", StringComparison.OrdinalIgnoreCase);
}
