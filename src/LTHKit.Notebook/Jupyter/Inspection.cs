using System.Text;
using LTHKit.Notebook.Execution;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.DotNet.Interactive.Formatting;

namespace LTHKit.Notebook.Jupyter;

/// <summary>What is known about what stands at a place of a cell.</summary>
internal static class Inspection
{
    private const int MostOverloads = 8;

    private static readonly SymbolDisplayFormat Signature = SymbolDisplayFormat.CSharpShortErrorMessageFormat
        .WithMemberOptions(SymbolDisplayMemberOptions.IncludeParameters | SymbolDisplayMemberOptions.IncludeType
            | SymbolDisplayMemberOptions.IncludeContainingType | SymbolDisplayMemberOptions.IncludeRef)
        .WithParameterOptions(SymbolDisplayParameterOptions.IncludeType | SymbolDisplayParameterOptions.IncludeName
            | SymbolDisplayParameterOptions.IncludeDefaultValue | SymbolDisplayParameterOptions.IncludeParamsRefOut)
        .WithKindOptions(SymbolDisplayKindOptions.IncludeTypeKeyword | SymbolDisplayKindOptions.IncludeNamespaceKeyword)
        .WithGenericsOptions(SymbolDisplayGenericsOptions.IncludeTypeParameters);

    /// <summary>Signature, documentation and, of a variable, the value; null where nothing is known.</summary>
    /// <param name="detail">0: of a method the overload that is meant; 1: all overloads.</param>
    public static string? Of(CSharpEngine engine, string code, int position, int detail)
    {
        var compilation = engine.Analyze(code);
        var tree = compilation.SyntaxTrees.Last();
        var model = compilation.GetSemanticModel(tree);
        var symbols = Symbols(model, tree.GetRoot(), position);
        if (symbols.Count == 0)
            return null;

        var text = new StringBuilder();
        foreach (var symbol in detail > 0 ? symbols.Take(MostOverloads) : symbols.Take(1))
        {
            text.AppendLine(symbol.ToDisplayString(Signature));
            if (Documentation.Of(symbol) is { } words)
                text.AppendLine(words);
            text.AppendLine();
        }

        if (symbols.Count > 1 && detail == 0)
            text.AppendLine($"and {symbols.Count - 1} more overload{(symbols.Count == 2 ? "" : "s")}");
        if (symbols[0] is IFieldSymbol { ContainingType.IsScriptClass: true } && engine.Variables.TryGetValue(symbols[0].Name, out var value))
            text.AppendLine($"Value: {value.ToDisplayString(PlainTextFormatter.MimeType)}");
        return text.ToString().TrimEnd();
    }

    // The word under the cursor or before it; between the brackets of a call, the method that is called.
    private static IReadOnlyList<ISymbol> Symbols(SemanticModel model, SyntaxNode root, int position)
    {
        foreach (var at in (int[])[position, position - 1])
        {
            if (at < 0 || at >= root.FullSpan.End)
                continue;
            var token = root.FindToken(at);
            var isName = token.IsKind(SyntaxKind.IdentifierToken) || token.Parent is PredefinedTypeSyntax;
            if (isName && token.Span.Contains(at) && token.Parent is { } node)
            {
                var found = At(model, node);
                if (found.Count > 0)
                    return found;
            }
        }

        var before = root.FindToken(Math.Clamp(position - 1, 0, Math.Max(0, root.FullSpan.End - 1)));
        var list = before.Parent?.FirstAncestorOrSelf<ArgumentListSyntax>(list => list.OpenParenToken.Span.End <= position);
        return list?.Parent is { } call ? [.. Completion.Methods(model, call)] : [];
    }

    private static IReadOnlyList<ISymbol> At(SemanticModel model, SyntaxNode node)
    {
        if (model.GetDeclaredSymbol(node) is { } declared)
            return [declared];
        var name = node.Parent is MemberAccessExpressionSyntax access && access.Name == node ? access : node;
        if (name.Parent is InvocationExpressionSyntax call && call.Expression == name
            && Completion.Methods(model, call).ToList() is { Count: > 0 } methods)
            return methods;

        var info = model.GetSymbolInfo(node);
        return info.Symbol is { } symbol ? [symbol] : info.CandidateSymbols;
    }
}
