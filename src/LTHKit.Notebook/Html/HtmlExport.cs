using static LTHKit.Notebook.Html.CodeHtml;

namespace LTHKit.Notebook.Html;

/// <summary>An executed notebook as one page that needs nothing else: no network, no files beside it.</summary>
internal static class HtmlExport
{
    private const string Figure = "<div class=\"figure\"";
    private const int SectionsWorthAList = 4;

    // The first that an output has is shown.
    private static readonly string[] Preferred =
    [
        NotebookFormatters.Plotly, "text/html", "text/markdown", "image/svg+xml", "image/png", "image/jpeg", "text/latex", "text/plain", "application/json",
    ];

    public static string Page(NotebookDocument notebook, string name, string folder)
    {
        var markdown = new MarkdownHtml(folder);
        var bodies = notebook.Cells.Select(cell => Cell(cell, markdown)).ToList();
        var plotly = bodies.Any(body => body.Contains(Figure, StringComparison.Ordinal))
            ? $"<script>{WebAssets.Plotly.Replace("</script", "<\\/script", StringComparison.OrdinalIgnoreCase)}</script>\n" : "";
        return $"""
            <!doctype html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <title>{Encode(markdown.Headings.Select(heading => heading.Text).FirstOrDefault() ?? name)}</title>
            <style>
            {WebAssets.Read(typeof(HtmlExport), "page.css")}</style>
            {plotly}</head>
            <body>
            <main>
            {bodies.FirstOrDefault()}{Contents(markdown)}{string.Concat(bodies.Skip(1))}</main>
            <footer><div>Made from {Encode(name)}.ipynb with LTHKit.</div></footer>
            <script>
            {WebAssets.Read(typeof(HtmlExport), "page.js")}</script>
            </body>
            </html>

            """;
    }

    private static string Contents(MarkdownHtml markdown)
    {
        var sections = markdown.Headings.Where(heading => heading.Level == 2).ToList();
        return sections.Count < SectionsWorthAList ? ""
            : $"<nav><ol>\n{string.Concat(sections.Select(section => $"<li><a href=\"#{Encode(section.Id)}\">{Encode(section.Text)}</a></li>\n"))}</ol></nav>\n";
    }

    private static string Cell(NotebookCell cell, MarkdownHtml markdown)
    {
        if (cell.Kind == "markdown")
            return $"<div class=\"prose\">\n{markdown.Render(cell.Source, cell.Json["attachments"] as JsonObject)}</div>\n";
        if (!cell.IsCode || string.IsNullOrWhiteSpace(cell.Source))
            return "";
        var number = cell.ExecutionCount is { } count ? $"<span class=\"number\">[{count}]</span>" : "";
        var source = $"<pre class=\"source\"><code>{Highlight(cell.Source.TrimEnd())}</code></pre>\n";
        // References and using directives are no reading matter.
        if (cell.Source.Split('\n').All(IsSetUp))
            source = $"<details class=\"set-up\"><summary>Set-up</summary>{source}</details>";
        var outputs = cell.Outputs.Select(output => $"<div class=\"output\">{Output(output!.AsObject(), markdown)}</div>\n");
        return $"<div class=\"cell\">{number}{source}{string.Concat(outputs)}</div>\n";
    }

    private static bool IsSetUp(string line) => line.Trim() is var text && (text.Length == 0 || text.StartsWith('#') || text.StartsWith("//", StringComparison.Ordinal)
        || (text.StartsWith("using ", StringComparison.Ordinal) && !text.Contains('=') && !text.Contains('(')));

    private static string Output(JsonObject output, MarkdownHtml markdown)
    {
        switch (MultilineText.Join(output["output_type"]))
        {
            case "stream":
                return $"<pre class=\"{(MultilineText.Join(output["name"]) == "stderr" ? "stderr" : "stdout")}\">{Encode(MultilineText.Join(output["text"]).TrimEnd())}</pre>";
            case "error":
                var lines = (output["traceback"] as JsonArray ?? []).Select(MultilineText.Join).DefaultIfEmpty(MultilineText.Join(output["evalue"])).Select(Encode).ToList();
                return $"<div class=\"error\"><pre>{string.Join('\n', [$"<b>{lines[0]}</b>", .. lines[1..]])}</pre></div>";
            default:
                return output["data"] is JsonObject data && Preferred.FirstOrDefault(data.ContainsKey) is { } type ? Data(type, data[type] ?? "", markdown) : "";
        }
    }

    private static string Data(string type, JsonNode data, MarkdownHtml markdown)
    {
        var text = MultilineText.Join(data);
        return type switch
        {
            // "<" occurs in strings only, and there it must not end the script.
            NotebookFormatters.Plotly => $"{Figure} style=\"min-height:{Encode(((data as JsonObject)?["layout"] as JsonObject)?["height"]?.ToString() ?? "450")}px\">"
                + $"<script type=\"application/json\">{data.ToJsonString().Replace("<", "\\u003c")}</script></div>",
            "text/html" or "image/svg+xml" => text,
            "text/markdown" => $"<div class=\"prose\">{markdown.Render(text)}</div>",
            "text/latex" => $"<div class=\"prose\">{MathMl.Of(text.Trim().Trim('$'), display: true)}</div>",
            "image/png" or "image/jpeg" => $"<img alt=\"\" src=\"data:{type};base64,{text.Replace("\n", "")}\">",
            _ => $"<pre class=\"value\">{Encode(type == "application/json" ? data.ToJsonString() : text.TrimEnd())}</pre>",
        };
    }
}
