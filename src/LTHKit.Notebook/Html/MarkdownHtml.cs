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
    private static readonly Dictionary<string, string> ImageTypes = new(StringComparer.OrdinalIgnoreCase)
    {
        [".png"] = "image/png",
        [".jpg"] = "image/jpeg",
        [".jpeg"] = "image/jpeg",
        [".gif"] = "image/gif",
        [".svg"] = "image/svg+xml",
        [".webp"] = "image/webp",
    };

    private static readonly MarkdownPipeline Pipeline = new MarkdownPipelineBuilder()
        .UsePipeTables().UseMathematics().UseFootnotes().UseTaskLists().UseDefinitionLists().UseEmphasisExtras()
        .UseAutoIdentifiers(Markdig.Extensions.AutoIdentifiers.AutoIdentifierOptions.GitHub).Build();

    private readonly Dictionary<string, int> _ids = [];      // how often each was asked for, those with a number once

    public List<(int Level, string Text, string Id)> Headings { get; } = [];

    public string Render(string text, JsonObject? attachments = null)
    {
        MarkdownDocument document;
        try
        {
            document = Markdown.Parse(text, Pipeline);
        }
        catch (ArgumentException)       // nested more deeply than Markdig follows
        {
            return $"<pre>{CodeHtml.Encode(text)}</pre>\n";
        }

        foreach (var node in document.Descendants())
            Prepare(node, attachments);

        using var writer = new StringWriter();
        var renderer = new HtmlRenderer(writer);
        Pipeline.Setup(renderer);
        renderer.ObjectRenderers.Replace<CodeBlockRenderer>(new Code());
        renderer.ObjectRenderers.Replace<HtmlMathInlineRenderer>(new Formula());
        renderer.Render(document);
        return writer.ToString();
    }

    private void Prepare(MarkdownObject node, JsonObject? attachments)
    {
        switch (node)
        {
            case LinkInline { IsImage: true, Url: { } url } image:
                image.Url = Inlined(url, attachments) ?? url;
                break;
            case HeadingBlock heading:
                // Ids are unique in a cell only; the page has many cells.
                var id = heading.GetAttributes().Id ?? "section";
                var unique = id;
                while (!_ids.TryAdd(unique, 1))
                    unique = $"{id}-{++_ids[id]}";
                heading.GetAttributes().Id = unique;
                Headings.Add((heading.Level, string.Concat(heading.Inline?.Descendants<LiteralInline>().Select(l => l.Content.ToString()) ?? []), unique));
                break;
        }
    }

    private string? Inlined(string url, JsonObject? attachments)
    {
        if (url.StartsWith("attachment:", StringComparison.Ordinal))
            return attachments?[Uri.UnescapeDataString(url["attachment:".Length..])] is JsonObject picture && picture.FirstOrDefault() is { Value: { } data } form
                ? $"data:{form.Key};base64,{data}"
                : null;
        if (url.Contains(':') || !ImageTypes.TryGetValue(Path.GetExtension(url), out var type))
            return null;

        var path = Path.Combine(folder, Uri.UnescapeDataString(url));
        return File.Exists(path) ? $"data:{type};base64,{Convert.ToBase64String(File.ReadAllBytes(path))}" : null;
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
            if (block is MathBlock)
            {
                renderer.WriteLine(MathMl.Of(code, display: true));
                return;
            }
            var language = (block as FencedCodeBlock)?.Info ?? "";
            renderer.Write("<pre class=\"source\"><code>");
            renderer.Write(language is "csharp" or "cs" or "c#" ? CodeHtml.Highlight(code) : CodeHtml.Encode(code));
            renderer.WriteLine("</code></pre>");
        }
    }
}
