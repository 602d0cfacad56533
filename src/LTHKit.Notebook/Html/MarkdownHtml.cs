using Markdig;
using Markdig.Extensions.Mathematics;
using Markdig.Renderers;
using Markdig.Renderers.Html;
using Markdig.Syntax;
using Markdig.Syntax.Inlines;

namespace LTHKit.Notebook.Html;

/// <summary>Markdown cells as HTML, with their pictures inside.</summary>
internal sealed class MarkdownHtml(string folder)
{
    private static readonly MarkdownPipeline Pipeline = new MarkdownPipelineBuilder()
        .UsePipeTables().UseMathematics().UseFootnotes().UseTaskLists().UseDefinitionLists().UseEmphasisExtras()
        .UseAutoIdentifiers(Markdig.Extensions.AutoIdentifiers.AutoIdentifierOptions.GitHub).Build();

    private readonly Dictionary<string, int> _ids = [];      // how often each was asked for, those with a number once

    public List<(int Level, string Text, string Id)> Headings { get; } = [];

    public string Render(string text, JsonObject? attachments = null)
    {
        var document = Markdown.Parse(text, Pipeline);
        foreach (var image in document.Descendants<LinkInline>().Where(link => link is { IsImage: true, Url: not null }))
            image.Url = Inlined(image.Url!, attachments) ?? image.Url;
        foreach (var heading in document.Descendants<HeadingBlock>())
        {
            // Ids are unique in a cell only; the page has many cells.
            var id = heading.GetAttributes().Id ?? "section";
            var unique = id;
            while (!_ids.TryAdd(unique, 1))
                unique = $"{id}-{++_ids[id]}";
            heading.GetAttributes().Id = unique;
            Headings.Add((heading.Level, string.Concat(heading.Inline?.Descendants<LiteralInline>().Select(l => l.Content.ToString()) ?? []), unique));
        }

        using var writer = new StringWriter();
        var renderer = new HtmlRenderer(writer);
        Pipeline.Setup(renderer);
        renderer.ObjectRenderers.Replace<CodeBlockRenderer>(new Code());
        renderer.ObjectRenderers.Replace<HtmlMathInlineRenderer>(new Formula());
        renderer.Render(document);
        return writer.ToString();
    }

    private string? Inlined(string url, JsonObject? attachments)
    {
        if (url.StartsWith("attachment:", StringComparison.Ordinal))
            return attachments?[Uri.UnescapeDataString(url["attachment:".Length..])] is JsonObject picture && picture.FirstOrDefault() is { Value: { } data } form
                ? $"data:{form.Key};base64,{data}"
                : null;
        var type = Path.GetExtension(url).ToLowerInvariant() switch
        {
            ".jpg" => "jpeg",
            ".svg" => "svg+xml",
            (".png" or ".jpeg" or ".gif" or ".webp") and [_, .. var itself] => itself,
            _ => null,
        };
        var path = Path.Combine(folder, Uri.UnescapeDataString(url));
        return type is not null && !url.Contains(':') && File.Exists(path) ? $"data:image/{type};base64,{Convert.ToBase64String(File.ReadAllBytes(path))}" : null;
    }

    private sealed class Formula : HtmlObjectRenderer<MathInline>
    {
        protected override void Write(HtmlRenderer renderer, MathInline math) => renderer.Write(MathMl.Of(math.Content.ToString(), math.DelimiterCount == 2));
    }

    private sealed class Code : HtmlObjectRenderer<CodeBlock>
    {
        protected override void Write(HtmlRenderer renderer, CodeBlock block)
        {
            var code = block.Lines.ToString();
            var source = block is FencedCodeBlock { Info: "csharp" or "cs" or "c#" } ? CodeHtml.Highlight(code) : CodeHtml.Encode(code);
            renderer.WriteLine(block is MathBlock ? MathMl.Of(code, display: true) : $"<pre class=\"source\"><code>{source}</code></pre>");
        }
    }
}
