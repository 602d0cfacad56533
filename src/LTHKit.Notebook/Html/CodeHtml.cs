using System.Net;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace LTHKit.Notebook.Html;

/// <summary>C# with its words marked, by the compiler's own lexer.</summary>
internal static class CodeHtml
{
    // Words that the lexer takes for names, and that a reader takes for keywords.
    private static readonly HashSet<string> Contextual =
        ["var", "record", "await", "async", "yield", "get", "set", "init", "with", "when", "where", "and", "or", "not", "required", "dynamic", "nameof", "select", "from"];

    public static string Encode(string text) => WebUtility.HtmlEncode(text);

    public static string Highlight(string code)
    {
        var html = new StringBuilder();
        foreach (var token in NotebookHost.Parse(code).GetRoot().DescendantTokens(descendIntoTrivia: false))
        {
            Trivia(token.LeadingTrivia);
            Mark(token.Text, Class(token));
            Trivia(token.TrailingTrivia);
        }
        return html.ToString();

        void Trivia(SyntaxTriviaList list)
        {
            foreach (var trivia in list)
                Mark(trivia.ToFullString(), trivia.Kind() switch
                {
                    SyntaxKind.SingleLineCommentTrivia or SyntaxKind.MultiLineCommentTrivia or SyntaxKind.SingleLineDocumentationCommentTrivia
                        or SyntaxKind.MultiLineDocumentationCommentTrivia => "c",
                    SyntaxKind.SkippedTokensTrivia => "d",
                    _ => trivia.IsDirective ? "d" : "",
                });
        }

        void Mark(string text, string name) => html.Append(text.Length == 0 || name == "" ? Encode(text) : $"<span class=\"{name}\">{Encode(text)}</span>");
    }

    private static string Class(SyntaxToken token) => token.Kind() switch
    {
        SyntaxKind.NumericLiteralToken => "u",
        _ when SyntaxFacts.IsKeywordKind(token.Kind()) => "k",
        SyntaxKind.InterpolatedStringTextToken => "s",
        _ when token.Parent is InterpolatedStringExpressionSyntax || token is { Value: string or char, Parent: LiteralExpressionSyntax } => "s",
        SyntaxKind.IdentifierToken when Contextual.Contains(token.Text) => "k",
        SyntaxKind.IdentifierToken when token.Text.Length > 1 && char.IsUpper(token.Text[0]) && !token.GetNextToken().IsKind(SyntaxKind.OpenParenToken)
            && !token.GetPreviousToken().IsKind(SyntaxKind.DotToken) => "t",
        _ => "",
    };
}
