using System.Net;
using System.Text;
using LTHKit.Notebook.Hosting;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace LTHKit.Notebook.Html;

/// <summary>C# with its words marked, by the compiler's own lexer.</summary>
internal static class CodeHtml
{
    private static readonly CSharpParseOptions Script = new(kind: SourceCodeKind.Script);

    // Words that the lexer takes for names, and that a reader takes for keywords.
    private static readonly HashSet<string> Contextual =
        ["var", "record", "await", "async", "yield", "get", "set", "init", "with", "when", "where", "and", "or", "not", "required", "dynamic", "nameof", "select", "from"];

    public static string Encode(string text) => WebUtility.HtmlEncode(text);

    public static string Highlight(string code)
    {
        if (NotebookHost.IsTooDeep(code))
            return Encode(code);
        var html = new StringBuilder();
        var root = CSharpSyntaxTree.ParseText(code, Script).GetRoot();
        foreach (var token in root.DescendantTokens(descendIntoTrivia: false))
        {
            Trivia(html, token.LeadingTrivia);
            Mark(html, token.Text, Class(token));
            Trivia(html, token.TrailingTrivia);
        }
        return html.ToString();
    }

    private static void Trivia(StringBuilder html, SyntaxTriviaList list)
    {
        foreach (var trivia in list)
        {
            var kind = trivia.Kind();
            var isComment = kind is SyntaxKind.SingleLineCommentTrivia or SyntaxKind.MultiLineCommentTrivia
                or SyntaxKind.SingleLineDocumentationCommentTrivia or SyntaxKind.MultiLineDocumentationCommentTrivia;
            Mark(html, trivia.ToFullString(), isComment ? "c" : trivia.IsDirective || kind == SyntaxKind.SkippedTokensTrivia ? "d" : "");
        }
    }

    private static string Class(SyntaxToken token) => token.Kind() switch
    {
        SyntaxKind.NumericLiteralToken => "u",
        SyntaxKind.StringLiteralToken or SyntaxKind.CharacterLiteralToken or SyntaxKind.SingleLineRawStringLiteralToken
            or SyntaxKind.MultiLineRawStringLiteralToken or SyntaxKind.InterpolatedStringTextToken or SyntaxKind.InterpolatedStringStartToken
            or SyntaxKind.InterpolatedStringEndToken or SyntaxKind.InterpolatedVerbatimStringStartToken
            or SyntaxKind.InterpolatedSingleLineRawStringStartToken or SyntaxKind.InterpolatedMultiLineRawStringStartToken
            or SyntaxKind.InterpolatedRawStringEndToken or SyntaxKind.Utf8StringLiteralToken => "s",
        SyntaxKind.IdentifierToken when Contextual.Contains(token.Text) => "k",
        SyntaxKind.IdentifierToken when token.Text.Length > 1 && char.IsUpper(token.Text[0]) && !token.GetNextToken().IsKind(SyntaxKind.OpenParenToken)
            && !token.GetPreviousToken().IsKind(SyntaxKind.DotToken) => "t",
        _ when SyntaxFacts.IsKeywordKind(token.Kind()) => "k",
        _ => "",
    };

    private static void Mark(StringBuilder html, string text, string name)
    {
        if (text.Length == 0)
            return;
        if (name == "")
            html.Append(Encode(text));
        else
            html.Append("<span class=\"").Append(name).Append("\">").Append(Encode(text)).Append("</span>");
    }
}
