using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace LTHKit.Notebook.Running;

/// <summary>
/// Parameters as papermill has them: a cell tagged <c>parameters</c> declares names with defaults, and a cell tagged
/// <c>injected-parameters</c> behind it assigns other values, typed as the defaults are.
/// </summary>
internal static class Parameters
{
    private const string Declaring = "parameters", Injected = "injected-parameters";

    public static void Inject(NotebookDocument notebook, IReadOnlyDictionary<string, string> values, string name)
    {
        foreach (var old in notebook.Cells.Where(cell => cell.Tags.Contains(Injected)).ToList())
            notebook.Remove(old);
        if (values.Count == 0)
            return;

        var cell = notebook.Cells.FirstOrDefault(cell => cell.IsCode && cell.Tags.Contains(Declaring))
            ?? throw new UserException($"{name} takes no parameters: it has no code cell tagged \"{Declaring}\".");
        var declared = Declared(cell.Source);
        var lines = new List<string>();
        foreach (var (parameter, value) in values)
        {
            if (!declared.TryGetValue(parameter, out var type))
                throw new UserException($"{name} has no parameter {parameter}; it has {string.Join(", ", declared.Keys)}.");
            lines.Add($"{parameter} = {Literal(parameter, type, value)};");
        }
        notebook.Insert(notebook.Cells.ToList().IndexOf(cell) + 1, NotebookCell.Create(Injected, string.Join('\n', lines), Injected));
    }

    // Name to type as written, or as the default shows where it is var.
    private static Dictionary<string, string> Declared(string source)
    {
        var fields = (NotebookHost.Parse(source).GetRoot() as CompilationUnitSyntax)?.Members.OfType<FieldDeclarationSyntax>() ?? [];
        return fields
            .SelectMany(field => field.Declaration.Variables, (field, variable) => (variable.Identifier.Text, Type: TypeOf(field.Declaration.Type, variable.Initializer?.Value)))
            .DistinctBy(pair => pair.Text).ToDictionary(pair => pair.Text, pair => pair.Type);
    }

    private static string TypeOf(TypeSyntax declared, ExpressionSyntax? value) => declared.IsVar ? TypeOf(value) : declared.ToString();

    private static string TypeOf(ExpressionSyntax? value) => value switch
    {
        PrefixUnaryExpressionSyntax { Operand: var operand } => TypeOf(operand),
        LiteralExpressionSyntax { Token.Value: int } => "int",
        LiteralExpressionSyntax { Token.Value: double } => "double",
        LiteralExpressionSyntax { Token.Value: bool } => "bool",
        LiteralExpressionSyntax { Token.Value: string } => "string",
        _ => "",
    };

    private static string Literal(string parameter, string type, string value)
    {
        return type switch
        {
            "string" => SymbolDisplay.FormatLiteral(value, quote: true),
            "bool" => bool.TryParse(value, out var truth) ? truth ? "true" : "false" : throw Wrong("true or false"),
            "int" => int.TryParse(value, NumberStyles.Integer, CultureInfo.InvariantCulture, out var whole) ? $"{whole}" : throw Wrong("a whole number"),
            "double" => double.TryParse(value, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && double.IsFinite(number) ? $"{number}d" : throw Wrong("a number"),
            _ => Expression(),
        };

        UserException Wrong(string wanted) => new($"The parameter {parameter} must be {wanted}, not \"{value}\".");

        // Of any other type: what was given must be an expression, such as [1, 2], and the compiler judges it.
        string Expression()
        {
            var expression = SyntaxFactory.ParseExpression(value, options: NotebookHost.Script);
            return expression.ContainsDiagnostics || expression.ToFullString() != value ? throw Wrong("a C# expression") : value;
        }
    }
}
