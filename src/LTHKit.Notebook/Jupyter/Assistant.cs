using System.Text.RegularExpressions;
using Microsoft.DotNet.Interactive;
using Microsoft.DotNet.Interactive.Commands;
using Microsoft.DotNet.Interactive.Events;

namespace LTHKit.Notebook.Jupyter;

/// <summary>Questions about code that is being written, put to the kernels' language services.</summary>
internal sealed partial class Assistant(NotebookHost kernels)
{
    public async Task<JsonObject> CompleteAsync(Request request)
    {
        var (code, end) = CodeAndCursor(request);
        var start = end;
        while (start > 0 && IsOfWord(code[start - 1]))
            start--;
        if (start > 1 && code[(start - 2)..start] == "#!" || start > 0 && code[start - 1] == '#')
            start = code.LastIndexOf('#', start - 1);

        var produced = await kernels.AskAsync<CompletionsProduced>(new RequestCompletions(code, PositionOf(code, end))).ConfigureAwait(false);
        var typed = code[start..end];
        var matches = (produced?.Completions ?? []).Where(item => (item.FilterText ?? item.DisplayText).StartsWith(typed, StringComparison.OrdinalIgnoreCase))
            .OrderByDescending(item => (item.FilterText ?? item.DisplayText).StartsWith(typed, StringComparison.Ordinal))
            .ThenBy(item => item.SortText ?? item.DisplayText, StringComparer.OrdinalIgnoreCase)
            .Select(item => Gaps().Replace(item.InsertText, "")).Distinct();
        return new()
        {
            ["status"] = "ok",
            ["matches"] = new JsonArray([.. matches.Select(match => JsonValue.Create(match))]),
            ["cursor_start"] = Characters(code, start),
            ["cursor_end"] = Characters(code, end),
            ["metadata"] = new JsonObject(),
        };
    }

    /// <summary>Answers an inspect_request: the kernels' hover text, or between the brackets of a call the signatures.</summary>
    public async Task<JsonObject> InspectAsync(Request request)
    {
        var (code, at) = CodeAndCursor(request);
        // The word under the cursor or the one that ends before it.
        var word = at > 0 && (at == code.Length || !IsOfWord(code[at])) ? at - 1 : at;
        var hover = await kernels.AskAsync<HoverTextProduced>(new RequestHoverText(code, PositionOf(code, word))).ConfigureAwait(false);
        var text = hover is null ? null : string.Join("\n\n", hover.Content.Select(content => content.Value)).ReplaceLineEndings("\n");
        if (string.IsNullOrWhiteSpace(text))
        {
            while (at > 0 && code[at - 1] == ' ')
                at--;
            var help = await kernels.AskAsync<SignatureHelpProduced>(new RequestSignatureHelp(code, PositionOf(code, at))).ConfigureAwait(false);
            text = string.Join("\n\n", (help?.Signatures ?? []).Select(signature => $"{signature.Label}\n{signature.Documentation?.Value}".Trim()));
        }
        var data = new JsonObject();
        if (text.Length > 0)
            (data["text/plain"], data["text/markdown"]) = (Plain(text), text);
        return new() { ["status"] = "ok", ["found"] = text.Length > 0, ["data"] = data, ["metadata"] = new JsonObject() };
    }

    /// <summary>Answers an is_complete_request; of another language than C# nothing is known.</summary>
    public static JsonObject IsComplete(Request request)
    {
        var code = request.Value("code", "");
        if (code.Split('\n').Any(line => line.TrimStart().StartsWith("#!", StringComparison.Ordinal)))
            return new() { ["status"] = "unknown" };
        var tree = NotebookHost.Parse(code);
        if (!SyntaxFactory.IsCompleteSubmission(tree))
            return new() { ["status"] = "incomplete", ["indent"] = new string(' ', code.Length - code.TrimEnd().Length > 0 ? 0 : 4) };
        return new() { ["status"] = tree.GetDiagnostics().Any(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error) ? "invalid" : "complete" };
    }

    private static bool IsOfWord(char c) => char.IsLetterOrDigit(c) || c == '_';

    private static string Plain(string markdown) => string.Join('\n', markdown.Split('\n')
        .Where(line => !line.StartsWith("```", StringComparison.Ordinal) && line.Trim() is not ("" or "----"))
        .Select(line => line.StartsWith("> ", StringComparison.Ordinal) ? line[2..] : line)).Replace("\\", "").Trim();

    // Of a snippet: Add($1), Select<$1>($2).
    [GeneratedRegex(@"(<\$\d+>)?(\(\$\d+\))?$")]
    private static partial Regex Gaps();

    // Front ends count characters of Unicode, .NET those of UTF-16.
    private static (string Code, int Cursor) CodeAndCursor(Request request)
    {
        var code = request.Value("code", "").Replace("\r\n", "\n");
        return (code, code.EnumerateRunes().Take(request.Value("cursor_pos", 0)).Sum(rune => rune.Utf16SequenceLength));
    }

    private static int Characters(string code, int end) => code[..end].EnumerateRunes().Count();

    private static LinePosition PositionOf(string code, int at) =>
        new(code.AsSpan(0, at).Count('\n'), at - (code.LastIndexOf('\n', Math.Max(0, at - 1), Math.Max(0, at)) + 1));
}
