using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using LTHKit.Notebook.Execution;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace LTHKit.Notebook.Jupyter;

/// <summary>What the compiler knows about a cell that is being written.</summary>
internal sealed partial class CodeAssistant(CSharpEngine engine)
{
    private static readonly CSharpParseOptions Script =
        new(Microsoft.CodeAnalysis.CSharp.LanguageVersion.Latest, kind: SourceCodeKind.Script);

    /// <summary>The newest C# that the compiler has.</summary>
    public static string LanguageVersion => Microsoft.CodeAnalysis.CSharp.LanguageVersion.Latest.MapSpecifiedToEffectiveVersion().ToDisplayString();

    /// <summary>Loads and compiles the compiler itself, so that the first cell need not.</summary>
    public void WarmUp()
    {
        engine.EvaluateAsync("1 + 1").GetAwaiter().GetResult();
        Complete("Console.W", 9);
    }

    /// <summary>Answers a complete_request.</summary>
    /// <param name="cursor">In characters of Unicode, as Jupyter counts.</param>
    public JsonObject Complete(string code, int cursor)
    {
        var position = Position(code, cursor);
        var line = code[(code[..position].LastIndexOf('\n') + 1)..position];
        var (start, end, items) = line.TrimStart().StartsWith("#!", StringComparison.Ordinal) ? Completion.OfCommands(line, position)
            : LanguageAt(code, position) switch
            {
                "csharp" => Completion.Of(engine, Plain(code, "csharp"), position),
                "fsharp" => FSharpAssistant.Complete(engine.FSharp, Plain(code, "fsharp"), position),
                _ => (position, position, []),
            };
        return new()
        {
            ["status"] = "ok",
            ["matches"] = new JsonArray([.. items.Select(item => JsonValue.Create(item.Text))]),
            ["cursor_start"] = Count(code, start),
            ["cursor_end"] = Count(code, end),
            ["metadata"] = new JsonObject
            {
                ["_jupyter_types_experimental"] = new JsonArray([.. items.Select(item => new JsonObject
                {
                    ["text"] = item.Text,
                    ["type"] = item.Kind,
                    ["start"] = Count(code, start),
                    ["end"] = Count(code, end),
                })]),
            },
        };
    }

    /// <summary>Answers an inspect_request.</summary>
    /// <param name="cursor">In characters of Unicode, as Jupyter counts.</param>
    /// <param name="detail">0, or 1 for what else is known.</param>
    public JsonObject Inspect(string code, int cursor, int detail)
    {
        var position = Position(code, cursor);
        var text = LanguageAt(code, position) switch
        {
            "csharp" => Inspection.Of(engine, Plain(code, "csharp"), position, detail),
            "fsharp" => FSharpAssistant.Inspect(engine.FSharp, Plain(code, "fsharp"), position, detail),
            _ => null,
        };
        return new()
        {
            ["status"] = "ok",
            ["found"] = text is not null,
            ["data"] = text is null ? new JsonObject() : new JsonObject { ["text/plain"] = text },
            ["metadata"] = new JsonObject(),
        };
    }

    /// <summary>Answers an is_complete_request.</summary>
    public JsonObject IsComplete(string code)
    {
        var status = LanguageAt(code, code.Length) switch
        {
            "csharp" => Completeness(Plain(code, "csharp")),
            "fsharp" => FSharpAssistant.Completeness(engine.FSharp, Plain(code, "fsharp")),
            _ => "unknown",
        };
        return status == "incomplete" ? new() { ["status"] = status, ["indent"] = Indent(code) } : new() { ["status"] = status };
    }

    private static string Completeness(string code)
    {
        var tree = CSharpSyntaxTree.ParseText(code, Script);
        return !SyntaxFactory.IsCompleteSubmission(tree) ? "incomplete"
            : tree.GetDiagnostics().Any(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error) ? "invalid"
            : "complete";
    }

    private static string LanguageAt(string code, int position) =>
        code[..position].Split('\n').Select(CellSource.LanguageOf).OfType<string>().LastOrDefault("csharp");

    // One language of a cell, each character in its place. A reference must not be resolved, or a package restored, while it is being typed.
    private static string Plain(string code, string wanted)
    {
        var language = "csharp";
        var lines = code.Split('\n');
        for (var i = 0; i < lines.Length; i++)
        {
            language = CellSource.LanguageOf(lines[i]) ?? language;
            if (language != wanted || Directive().IsMatch(lines[i]))
                lines[i] = new string(' ', lines[i].Length);
        }

        return string.Join('\n', lines);
    }

    private static string Indent(string code)
    {
        var last = code[(code.TrimEnd('\n').LastIndexOf('\n') + 1)..];
        var indent = last[..(last.Length - last.TrimStart(' ').Length)];
        return last.TrimEnd() is [.., '{' or '=' or ':'] or [.., '-', '>'] ? indent + "    " : indent;
    }

    // Jupyter counts characters of Unicode, .NET counts pairs of a surrogate as two.
    private static int Position(string code, int cursor)
    {
        var position = 0;
        for (var i = 0; i < cursor && position < code.Length; i++)
            position += char.IsSurrogatePair(code, position) ? 2 : 1;
        return position;
    }

    private static int Count(string code, int position)
    {
        var count = 0;
        for (var i = 0; i < position; count++)
            i += char.IsSurrogatePair(code, i) ? 2 : 1;
        return count;
    }

    [GeneratedRegex(@"^\s*#(!|(r|load|i)\b)")]
    private static partial Regex Directive();
}
