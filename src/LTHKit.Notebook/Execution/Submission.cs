using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using System.Runtime.Loader;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace LTHKit.Notebook.Execution;

/// <summary>A compiled cell, what of it concerns other cells, and what holds its variables.</summary>
internal sealed class Submission
{
    private static readonly SymbolDisplayFormat Signature = new(
        memberOptions: SymbolDisplayMemberOptions.IncludeParameters,
        parameterOptions: SymbolDisplayParameterOptions.IncludeType | SymbolDisplayParameterOptions.IncludeParamsRefOut,
        typeQualificationStyle: SymbolDisplayTypeQualificationStyle.NameAndContainingTypesAndNamespaces,
        genericsOptions: SymbolDisplayGenericsOptions.IncludeTypeParameters);

    private readonly bool _hasAnonymousTypes;
    private HashSet<string>? _mentions;

    /// <param name="compilation">The cell after the cells before it.</param>
    /// <param name="image">What the compiler made of it; nothing of a cell that only has directives.</param>
    /// <param name="symbols">The symbols for that.</param>
    /// <param name="context">Where its code is loaded, given the names of the assemblies that it refers to.</param>
    public Submission(CSharpCompilation compilation, Stream image, Stream symbols, Func<IReadOnlySet<string>, AssemblyLoadContext> context)
    {
        Compilation = compilation;
        if (image.Length == 0)
            return;

        using var reader = new PEReader(image, PEStreamOptions.LeaveOpen);
        var metadata = reader.GetMetadataReader();
        Uses = metadata.AssemblyReferences.Select(metadata.GetAssemblyReference)
            .Select(assembly => metadata.GetString(assembly.Name)).ToHashSet();
        Needs = metadata.TypeReferences.Select(metadata.GetTypeReference)
            .Where(type => type.ResolutionScope.Kind == HandleKind.AssemblyReference && !IsAnonymous(metadata.GetString(type.Name)))
            .Select(type => metadata.GetString(metadata.GetAssemblyReference((AssemblyReferenceHandle)type.ResolutionScope).Name)).ToHashSet();
        _hasAnonymousTypes = metadata.TypeDefinitions.Select(metadata.GetTypeDefinition).Any(type => IsAnonymous(metadata.GetString(type.Name)));
        Declares = [.. compilation.ScriptClass!.GetMembers()
            .Where(member => !member.IsImplicitlyDeclared && member.CanBeReferencedByName)
            .Select(member => (member.Name, $"{KindOf(member)} {member.ToDisplayString(Signature)}"))];
        image.Position = 0;
        Assembly = context(Uses).LoadFromStream(image, symbols);
    }

    public CSharpCompilation Compilation { get; private set; }

    /// <summary>Its code, if it has any.</summary>
    public Assembly? Assembly { get; }

    /// <summary>What holds its variables; null before it has run, and after <see cref="Forget"/>.</summary>
    public object? Instance { get; private set; }

    public string AssemblyName => Compilation.AssemblyName!;

    /// <summary>The names of the assemblies that its code refers to.</summary>
    public IReadOnlySet<string> Uses { get; } = new HashSet<string>();

    /// <summary>The same without those of which it only has anonymous types, which cells share.</summary>
    public IReadOnlySet<string> Needs { get; } = new HashSet<string>();

    /// <summary>Each variable, type and function that later cells see, by its name and with what tells it from others of that name.</summary>
    public IReadOnlyList<(string Name, string Signature)> Declares { get; } = [];

    /// <summary>Whether later cells need it for more than what it declares: it added a using directive or a reference.</summary>
    public bool Stays { get; set; }

    /// <summary>Whether it ends in an expression without a semicolon, of a type that has values.</summary>
    public bool HasValue =>
        Unit(Own).Members.LastOrDefault() is GlobalStatementSyntax { Statement: ExpressionStatementSyntax { SemicolonToken.IsMissing: true } last }
        && Compilation.GetSemanticModel(Own).GetTypeInfo(last.Expression).Type is not { SpecialType: SpecialType.System_Void };

    /// <summary>Whether it brings other cells' declarations by <c>#load</c>.</summary>
    public bool Loads => Unit(Own).GetLoadDirectives().Count > 0;

    /// <summary>
    /// Whether the cells before it may be exchanged. To the compiler it is a new cell then, which must come to the same: a file could be
    /// another one now, and anonymous types are named when the code is made.
    /// </summary>
    public bool CanMove => !Loads && !_hasAnonymousTypes;

    /// <summary>Every name that stands in it.</summary>
    public IReadOnlySet<string> Mentions => _mentions ??=
        [.. Names(Compilation.SyntaxTrees.Select(Unit))];

    /// <summary>Those that stand in its using directives.</summary>
    public IEnumerable<string> Opened => Names(Unit(Own).Usings);

    /// <summary>What it adds to the names that later cells know without declaring any: using directives (those that name an alias, or a
    /// type that a cell declares, are new ones each time) and references.</summary>
    public IEnumerable<object> Opens()
    {
        var model = Compilation.GetSemanticModel(Own);
        return Unit(Own).Externs.Select(_ => new object())
            .Concat(Unit(Own).Usings.Select(directive => directive.Alias is null
                ? $"{directive} {model.GetSymbolInfo(directive.NamespaceOrType).Symbol?.ContainingAssembly?.Name}"
                : new object()))
            .Concat(Compilation.ExternalReferences).Concat(Compilation.DirectiveReferences);
    }

    /// <summary>Runs it and gives its value.</summary>
    /// <param name="instances">Those of the cells before it, from 1 on, each in the place that the compiler gave it, and a place for its own.</param>
    public async Task<object?> Run(object?[] instances)
    {
        if (Assembly is null)
            return null;

        var entry = Compilation.GetEntryPoint(CancellationToken.None)!;
        var run = Assembly.GetType(entry.ContainingType.MetadataName)!
            .GetMethod(entry.MetadataName, BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic)!
            .CreateDelegate<Func<object?[], Task<object?>>>();
        try
        {
            return await run(instances).ConfigureAwait(false);
        }
        finally
        {
            Instance = instances[^1];
        }
    }

    /// <summary>Lets its variables go: no cell can reach them any more.</summary>
    public void Forget() => Instance = null;

    /// <summary>Makes it a cell that comes after this one.</summary>
    public void MoveAfter(CSharpCompilation previous) =>
        Compilation = Compilation.WithScriptCompilationInfo(Compilation.ScriptCompilationInfo!.WithPreviousScriptCompilation(previous));

    // Of one name there may be one of each: each is found where the others cannot stand.
    private static string KindOf(ISymbol member) => member switch
    {
        ITypeSymbol => "type",
        IMethodSymbol { IsExtensionMethod: true } => "extension",
        _ => "",
    };

    // What stands for "new { ... }", and for lambdas that no delegate type fits.
    private static bool IsAnonymous(string type) =>
        new[] { "<>f__Anonymous", "<>A", "<>F" }.Any(start => type.StartsWith(start, StringComparison.Ordinal));

    private static IEnumerable<string> Names(IEnumerable<SyntaxNode> nodes) => nodes.SelectMany(node => node.DescendantTokens())
        .Where(token => token.IsKind(SyntaxKind.IdentifierToken)).Select(token => token.ValueText);

    private SyntaxTree Own => Compilation.SyntaxTrees.Last();

    private static CompilationUnitSyntax Unit(SyntaxTree tree) => (CompilationUnitSyntax)tree.GetRoot();
}
