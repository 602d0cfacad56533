using LTHKit.Notebook.Execution;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace LTHKit.Notebook.Jupyter;

/// <summary>A way to go on.</summary>
/// <param name="Text">What to write.</param>
/// <param name="Kind">What it is, for an icon: method, property, class...</param>
internal sealed record CompletionItem(string Text, string Kind);

/// <summary>What may stand at a place of a cell, by the compiler's semantic model.</summary>
internal static class Completion
{
    // Stands where the word is to stand: with it an unfinished expression parses like a finished one.
    private const string Placeholder = "_lthkit_";

    private static readonly string[] Keywords =
    [
        .. SyntaxFacts.GetKeywordKinds().Concat(SyntaxFacts.GetContextualKeywordKinds())
            .Select(SyntaxFacts.GetText).Where(text => text.Length > 1 && char.IsAsciiLetterLower(text[0])).Distinct(),
    ];

    /// <summary>The span that a choice replaces, and the choices in order.</summary>
    public static (int Start, int End, IReadOnlyList<CompletionItem> Items) Of(CSharpEngine engine, string code, int position)
    {
        var start = position;
        while (start > 0 && SyntaxFacts.IsIdentifierPartCharacter(code[start - 1]))
            start--;
        var end = position;
        while (end < code.Length && SyntaxFacts.IsIdentifierPartCharacter(code[end]))
            end++;

        var prefix = code[start..position];
        if (prefix.Length > 0 && char.IsAsciiDigit(prefix[0]))
            return (position, position, []);

        // What follows on other lines is another statement.
        var rest = code[end..];
        var statementEnds = rest.Split('\n')[0].Trim().Length == 0;
        var compilation = engine.Analyze($"{code[..start]}{Placeholder}{(statementEnds ? ";" : "")}{rest}");
        var tree = compilation.SyntaxTrees.Last();
        var token = tree.GetRoot().FindToken(start);
        if (token.ValueText != Placeholder)
            return (position, position, []);    // in a comment or a string

        var items = Candidates(compilation.GetSemanticModel(tree), token, prefix).Where(item => item.Text != Placeholder);
        return (start, end, Fitting(items, prefix));
    }

    /// <summary>The choices that begin with what is typed, each once, those of the same case first.</summary>
    public static IReadOnlyList<CompletionItem> Fitting(IEnumerable<CompletionItem> items, string prefix) =>
    [
        .. items.Where(item => item.Text.StartsWith(prefix, StringComparison.OrdinalIgnoreCase))
            .DistinctBy(item => item.Text)
            .OrderBy(item => !item.Text.StartsWith(prefix, StringComparison.Ordinal))
            .ThenBy(item => item.Text, StringComparer.OrdinalIgnoreCase),
    ];

    /// <summary>The commands that a line that begins with <c>#!</c> may be meant to be.</summary>
    public static (int Start, int End, IReadOnlyList<CompletionItem> Items) OfCommands(string line, int position)
    {
        var typed = line.TrimStart();
        var fitting = CellSource.Commands.Split('\n').Select(text => text.Split(' ')[0])
            .Where(text => text.StartsWith(typed, StringComparison.OrdinalIgnoreCase));
        return (position - typed.Length, position, [.. fitting.Select(text => new CompletionItem(text, "magic"))]);
    }

    public static string KindOf(ISymbol symbol) => symbol switch
    {
        INamespaceSymbol => "namespace",
        INamedTypeSymbol { TypeKind: TypeKind.Interface } => "interface",
        INamedTypeSymbol { TypeKind: TypeKind.Enum } => "enum",
        INamedTypeSymbol { IsValueType: true } => "struct",
        ITypeSymbol => "class",
        IMethodSymbol => "method",
        IPropertySymbol => "property",
        IEventSymbol => "event",
        IFieldSymbol { ContainingType.IsScriptClass: true } => "variable",
        IFieldSymbol { IsConst: true } => "constant",
        IFieldSymbol => "field",
        _ => "variable",
    };

    private static IEnumerable<CompletionItem> Candidates(SemanticModel model, SyntaxToken token, string prefix)
    {
        var at = token.SpanStart;
        switch (token.Parent?.Parent)
        {
            case MemberAccessExpressionSyntax access when access.Name == token.Parent:
                return Members(model, at, access.Expression);
            case QualifiedNameSyntax name when name.Right == token.Parent:
                return Members(model, at, name.Left);
            case MemberBindingExpressionSyntax:
                var receiver = model.GetTypeInfo(token.Parent.FirstAncestorOrSelf<ConditionalAccessExpressionSyntax>()!.Expression).Type;
                if (receiver is INamedTypeSymbol { OriginalDefinition.SpecialType: SpecialType.System_Nullable_T } nullable)
                    receiver = nullable.TypeArguments[0];
                return Items(OfInstances(model, at, receiver));
        }

        var symbols = model.LookupSymbols(at).Where(symbol => symbol.CanBeReferencedByName && IsOfUse(symbol));
        if (prefix.Length > 0)
            return [.. Arguments(model, token), .. Items(symbols), .. Keywords.Select(word => new CompletionItem(word, "keyword"))];
        // With nothing typed yet, thousands of types and words would hide what the cell itself has.
        var own = symbols.Where(symbol =>
            symbol is not (INamespaceOrTypeSymbol or IMethodSymbol { ContainingType.SpecialType: SpecialType.System_Object }));
        return [.. Arguments(model, token), .. Items(own)];
    }

    private static IEnumerable<CompletionItem> Members(SemanticModel model, int at, ExpressionSyntax container)
    {
        var symbol = model.GetSymbolInfo(container).Symbol;
        if (symbol is INamespaceSymbol space)
            return Items(model.LookupNamespacesAndTypes(at, space));
        if (symbol is ITypeSymbol type)
            return Items(model.LookupSymbols(at, type).Where(member => (member.IsStatic || member is INamedTypeSymbol) && IsOfUse(member)));
        return Items(OfInstances(model, at, model.GetTypeInfo(container).Type ?? (symbol as ILocalSymbol)?.Type));
    }

    private static IEnumerable<ISymbol> OfInstances(SemanticModel model, int at, ITypeSymbol? type)
    {
        if (type is null or IErrorTypeSymbol)
            return [];
        return model.LookupSymbols(at, type, includeReducedExtensionMethods: true)
            .Where(member => !member.IsStatic || member is IMethodSymbol { ReducedFrom: not null })
            .Where(member => member is not ITypeSymbol && IsOfUse(member));
    }

    // Names of parameters of the call that surrounds the place, and of properties of the object that is being initialised there.
    private static IEnumerable<CompletionItem> Arguments(SemanticModel model, SyntaxToken token)
    {
        var place = token.Parent!;
        if (place.Parent is ArgumentSyntax { NameColon: null, Parent: ArgumentListSyntax { Parent: { } call } })
        {
            return Methods(model, call).SelectMany(method => method.Parameters)
                .Select(parameter => new CompletionItem($"{parameter.Name}:", "parameter"));
        }

        var initializer = place.Parent as InitializerExpressionSyntax ?? place.Parent?.Parent as InitializerExpressionSyntax;
        if (initializer?.Parent is BaseObjectCreationExpressionSyntax creation && model.GetTypeInfo(creation).Type is { } type)
        {
            return Items(model.LookupSymbols(token.SpanStart, type).Where(member =>
                member is IPropertySymbol { IsStatic: false, SetMethod: not null } or IFieldSymbol { IsStatic: false, IsReadOnly: false }));
        }

        return [];
    }

    /// <summary>The methods that a call may mean.</summary>
    public static IEnumerable<IMethodSymbol> Methods(SemanticModel model, SyntaxNode call)
    {
        var info = call is InvocationExpressionSyntax invocation ? model.GetSymbolInfo(invocation) : model.GetSymbolInfo(call);
        var group = call is InvocationExpressionSyntax { Expression: var called } ? model.GetMemberGroup(called)
            : model.GetTypeInfo(call).Type is INamedTypeSymbol type ? [.. type.InstanceConstructors]
            : [];
        return new[] { info.Symbol }.Concat(info.CandidateSymbols).Concat(group).OfType<IMethodSymbol>()
            .Distinct<IMethodSymbol>(SymbolEqualityComparer.Default);
    }

    private static bool IsOfUse(ISymbol symbol) =>
        !symbol.IsImplicitlyDeclared
        && !symbol.GetAttributes().Any(attribute => attribute.AttributeClass?.Name == "EditorBrowsableAttribute"
            && attribute.ConstructorArguments is [{ Value: (int)System.ComponentModel.EditorBrowsableState.Never }]);

    private static IEnumerable<CompletionItem> Items(IEnumerable<ISymbol> symbols) =>
        symbols.Where(symbol => symbol.CanBeReferencedByName).Select(symbol => new CompletionItem(symbol.Name, KindOf(symbol)));
}
