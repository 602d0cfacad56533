using System.Text;
using FSharp.Compiler.CodeAnalysis;
using FSharp.Compiler.EditorServices;
using FSharp.Compiler.Symbols;
using FSharp.Compiler.Tokenization;
using LTHKit.Notebook.Execution;
using Microsoft.DotNet.Interactive.Formatting;
using Microsoft.FSharp.Collections;
using Microsoft.FSharp.Core;

namespace LTHKit.Notebook.Jupyter;

/// <summary>What F#'s compiler knows about the F# of a cell that is being written.</summary>
internal static class FSharpAssistant
{
    private const int MostOverloads = 8;

    // Errors of the parser that more text can cure: unfinished strings and comments, brackets, blocks and expressions.
    private static readonly int[] Unfinished = [514, 515, 516, 517, 1232, 3378, 583, 598, 603, 604, 605, 58, 547, 599, 611, 3100, 3104, 3107, 3156, 3524];

    /// <summary>The span that a choice replaces, and the choices in order.</summary>
    public static (int Start, int End, IReadOnlyList<CompletionItem> Items) Complete(FSharpSession session, string code, int position)
    {
        var (line, column, text) = Place(code, position);
        if (IsProse(code, line, column))
            return (position, position, []);

        var name = QuickParse.GetPartialLongNameEx(text, column - 1);
        var end = position;
        while (end < code.Length && (char.IsLetterOrDigit(code[end]) || code[end] is '_' or '\''))
            end++;
        var (parsed, check) = session.Analyze(code);
        var declared = check.GetDeclarationListInfo(FSharpOption<FSharpParseFileResults>.Some(parsed), line, text, name, null, null, null).Items
            .Select(item => new CompletionItem(item.NameInCode, KindOf(item.Glyph)));
        if (name.QualifyingIdents.IsEmpty)
        {
            // With nothing typed yet, thousands of types would hide what the cell itself has.
            declared = name.PartialIdent.Length == 0
                ? declared.Where(item => item.Kind is not ("namespace" or "class" or "interface" or "enum" or "struct"))
                : declared.Concat(FSharpKeywords.KeywordNames.Select(word => new CompletionItem(word, "keyword")));
        }

        return (position - name.PartialIdent.Length, end, Completion.Fitting(declared, name.PartialIdent));
    }

    /// <summary>Signature, documentation and, of a variable, the value; null where nothing is known.</summary>
    /// <param name="detail">0: of a method one overload; 1: all overloads.</param>
    public static string? Inspect(FSharpSession session, string code, int position, int detail)
    {
        var (line, column, text) = Place(code, position);
        if (IsProse(code, line, column))
            return null;

        var (_, check) = session.Analyze(code);
        var (identifier, known) = Known(check, line, column, text);
        if (known.Count == 0)
        {
            (line, column, text) = Place(code, CallAround(code, position));
            (identifier, known) = Known(check, line, column, text);
        }

        if (known.Count == 0)
            return null;
        var described = new StringBuilder();
        foreach (var element in detail > 0 ? known.Take(MostOverloads) : known.Take(1))
        {
            described.AppendLine(element.MainDescription.Text.TrimEnd());
            foreach (var mapped in element.TypeMapping)
                described.AppendLine(mapped.Text);
            if (Words(element.XmlDoc) is { } words)
                described.AppendLine(words);
            described.AppendLine();
        }

        if (known.Count > 1 && detail == 0)
            described.AppendLine($"and {known.Count - 1} more overload{(known.Count == 2 ? "" : "s")}");
        if (session.TryGet(identifier, out var value) && !IsFunction(value))
            described.AppendLine($"Value: {value.ToDisplayString(PlainTextFormatter.MimeType)}");
        return described.ToString().TrimEnd();
    }

    /// <summary>"complete", "incomplete" or "invalid", as far as the parser can tell.</summary>
    public static string Completeness(FSharpSession session, string code)
    {
        var errors = session.Analyze(code).Parsed.Diagnostics.Where(diagnostic => diagnostic.Severity.IsError).ToList();
        return errors.Count == 0 ? "complete"
            : errors.Any(error => Unfinished.Contains(error.ErrorNumber)) ? "incomplete"
            : "invalid";
    }

    // The name at a place and all that is known of it.
    private static (string Name, IReadOnlyList<ToolTipElementData> Elements) Known(FSharpCheckFileResults check, int line, int column, string text)
    {
        if (QuickParse.GetCompleteIdentifierIsland(true, text, column)?.Value is not var (name, end, _))
            return ("", []);
        var names = ListModule.OfSeq(name.Split('.'));
        var groups = check.GetToolTip(line, end, text, names, FSharpTokenTag.Identifier, null).Item.OfType<ToolTipElement.Group>();
        return (name, [.. groups.SelectMany(group => group.elements)]);
    }

    // Behind the function that is called: where the bracket opens that a place stands in, else before the spaces.
    private static int CallAround(string code, int position)
    {
        var closed = 0;
        for (var at = position - 1; at >= 0; at--)
        {
            closed += code[at] switch { ')' => 1, '(' => -1, _ => 0 };
            if (closed < 0)
                return at;
        }

        return code[..position].TrimEnd(' ').Length;
    }

    // Line from 1, column from 0, and the line itself.
    private static (int Line, int Column, string Text) Place(string code, int position)
    {
        var start = code[..position].LastIndexOf('\n') + 1;
        return (code[..position].Count(c => c == '\n') + 1, position - start, code[start..].Split('\n')[0]);
    }

    // Whether the character before the place belongs to a comment or a string.
    private static bool IsProse(string code, int line, int column)
    {
        var tokenizer = new FSharpSourceTokenizer(ListModule.Empty<string>(), null, null);
        var state = FSharpTokenizerLexState.Initial;
        foreach (var (i, text) in code.Split('\n').Take(line).Index())
        {
            var tokens = tokenizer.CreateLineTokenizer(text);
            FSharpTokenInfo? last = null;
            while (true)
            {
                (var token, state) = tokens.ScanToken(state);
                if (token is null)
                    break;
                if (i == line - 1 && token.Value.LeftColumn < column)
                    last = token.Value;
            }

            if (last?.ColorClass is FSharpTokenColorKind.Comment or FSharpTokenColorKind.String)
                return true;
        }

        return false;
    }

    private static bool IsFunction(object? value)
    {
        for (var type = value?.GetType(); type is not null; type = type.BaseType)
        {
            if (type.IsGenericType && type.GetGenericTypeDefinition() == typeof(FSharpFunc<,>))
                return true;
        }

        return false;
    }

    private static string? Words(FSharpXmlDoc documentation) => documentation switch
    {
        FSharpXmlDoc.FromXmlText text => Documentation.OfComment(text.Item.GetXmlText()),
        FSharpXmlDoc.FromXmlFile file => Documentation.OfMember(Path.GetFileNameWithoutExtension(file.dllName), file.xmlSig),
        _ => null,
    };

    private static string KindOf(FSharpGlyph glyph) => glyph.Tag switch
    {
        FSharpGlyph.Tags.NameSpace or FSharpGlyph.Tags.Module => "namespace",
        FSharpGlyph.Tags.Interface => "interface",
        FSharpGlyph.Tags.Enum => "enum",
        FSharpGlyph.Tags.Struct => "struct",
        FSharpGlyph.Tags.Method or FSharpGlyph.Tags.OverridenMethod or FSharpGlyph.Tags.ExtensionMethod => "method",
        FSharpGlyph.Tags.Property => "property",
        FSharpGlyph.Tags.Event => "event",
        FSharpGlyph.Tags.Field => "field",
        FSharpGlyph.Tags.Constant or FSharpGlyph.Tags.EnumMember => "constant",
        FSharpGlyph.Tags.Variable => "variable",
        _ => "class",
    };
}
