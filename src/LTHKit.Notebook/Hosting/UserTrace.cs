using System.Diagnostics;
using System.Reflection;
using System.Text.RegularExpressions;
using Microsoft.DotNet.Interactive;
using Microsoft.DotNet.Interactive.Commands;
using Microsoft.DotNet.Interactive.Events;

namespace LTHKit.Notebook.Hosting;

/// <summary>Errors told from the user's side: cell, line, the line itself, and the calls that are not plumbing.</summary>
internal sealed partial class UserTrace
{
    private const int MostCalls = 20, CallsAtAnEnd = 8;

    private readonly Dictionary<string, Part> _parts = [];
    private string _name = "";
    private string[] _lines = [];
    private int _from;
    private int _count;

    public static string Name(int number) => $"cell [{number}]";

    public void Begin(int number, string code) => (_name, _lines, _from, _count) = (Name(number), code.ReplaceLineEndings("\n").Split('\n'), 0, 0);

    /// <summary>Remembers a part of the cell, which ends at the cell's end or at a <c>#!</c> line; the name of its file in symbols.</summary>
    public string Add(string code)
    {
        // Lines with directives are not in it: each line is found again behind the one before.
        var places = new List<int>();
        foreach (var line in code.ReplaceLineEndings("\n").Split('\n'))
        {
            var at = Array.FindIndex(_lines, _from, text => text.Trim() == line.Trim());
            _from = at >= 0 ? at + 1 : Math.Min(_from + 1, _lines.Length);
            places.Add(_from);
        }
        var file = ++_count == 1 ? _name : $"{_name}.{_count}";
        _parts[file] = new Part(_name, code, _lines, places);
        return file;
    }

    public CellError? Of(IReadOnlyList<KernelEvent> events)
    {
        if (events.OfType<CommandFailed>().LastOrDefault() is not { } failed)
            return events.OfType<ErrorProduced>().LastOrDefault() is { } told ? OfDirective(told.Message) : null;
        return failed.Exception switch
        {
            CodeSubmissionCompilationErrorException => Of(events.OfType<DiagnosticsProduced>().Last(e => e.Diagnostics.Any(IsError))),
            { } exception => Of(exception),
            null => OfDirective(failed.Message),
        };
    }

    // "(2,1): error DNI101: ..." of the cell's second line, "/home/ada/.packagemanagement/.../Project.fsproj : error NU1101: ..."
    private CellError OfDirective(string message)
    {
        var lines = message.Trim().Split('\n');
        var place = Place().Match(lines[0]);
        lines[0] = $"{_name}{(place.Groups["line"] is { Success: true } line ? $", line {line.Value}" : "")}: {lines[0][place.Length..]}";
        return new("Error", lines[0], lines);
    }

    private static bool IsError(Microsoft.DotNet.Interactive.Diagnostic diagnostic) => diagnostic.Severity == DiagnosticSeverity.Error;

    private CellError Of(DiagnosticsProduced produced)
    {
        var part = _parts.Values.Last(part => part.Code == ((SubmitCode)produced.Command).Code);
        var traceback = new List<string>();
        foreach (var error in produced.Diagnostics.Where(IsError).DistinctBy(error => (error.LinePositionSpan.Start, error.Message)))
        {
            var (line, column) = (error.LinePositionSpan.Start.Line + 1, error.LinePositionSpan.Start.Character);
            traceback.Add($"{part.Where(line)}: error {error.Code}: {error.Message}");
            if (part.Quote(line) is { } quote)
                traceback.AddRange([quote, new string(' ', quote.IndexOf('|') + 2 + column) + "^"]);
        }
        return new("CompilationError", traceback[0], traceback);
    }

    private CellError Of(Exception exception)
    {
        while (exception is TargetInvocationException or AggregateException { InnerExceptions.Count: 1 })
            exception = exception.InnerException!;

        var frames = new StackTrace(exception, fNeedFileInfo: true).GetFrames();
        var inCell = frames.FirstOrDefault(frame => PartOf(frame) is not null);
        var sentence = exception is UserException ? exception.Message : $"{exception.GetType().Name}: {Words(exception)}";
        var message = $"{(inCell is null ? _name : PartOf(inCell)!.Where(inCell.GetFileLineNumber()))}: {sentence}";
        var traceback = new List<string> { message };
        if (inCell is not null && PartOf(inCell)!.Quote(inCell.GetFileLineNumber()) is { } quote)
            traceback.Add(quote);
        if (exception is not UserException)
        {
            for (var inner = exception.InnerException; inner is not null; inner = inner.InnerException)
                traceback.Add($"  because of {inner.GetType().Name}: {Words(inner)}");
            var calls = frames.Where(IsOfInterest).Select(Describe).ToList();
            traceback.AddRange(calls.Count <= MostCalls
                ? calls
                : [.. calls[..CallsAtAnEnd], $"   … {calls.Count - 2 * CallsAtAnEnd:N0} more calls", .. calls[^CallsAtAnEnd..]]);
        }
        return new(exception.GetType().Name, message, traceback);
    }

    // libtorch tells its own frames behind what it has to say.
    private static string Words(Exception exception) => exception.Message.Split("\nException raised from ")[0];

    private Part? PartOf(StackFrame frame) => frame.GetFileName() is { } file ? _parts.GetValueOrDefault(Path.GetFileName(file)) : null;

    // The host, the scripting engine and .NET's machinery of async calls are no help to the one who reads this.
    private static bool IsOfInterest(StackFrame frame) =>
        frame.GetMethod() is { DeclaringType: { } type } method
        && type.Assembly != typeof(UserTrace).Assembly
        && type.Namespace is var name
        && name?.StartsWith("Microsoft.CodeAnalysis", StringComparison.Ordinal) is not true
        && name?.StartsWith("Microsoft.DotNet.Interactive", StringComparison.Ordinal) is not true
        && name is not ("System.Runtime.CompilerServices" or "System.Threading" or "System.Threading.Tasks" or "System.Runtime.ExceptionServices" or "System.Reflection")
        && type != typeof(RuntimeMethodHandle)
        && !(type.Name.StartsWith("Submission#", StringComparison.Ordinal) && method.Name == "<Factory>");

    private string Describe(StackFrame frame)
    {
        var method = frame.GetMethod()!;
        var type = method.DeclaringType!;
        var call = type.Name.Contains("<<Initialize>>", StringComparison.Ordinal) ? "the cell"
            : type.Name.StartsWith('<') && type.DeclaringType is { } outer ? $"{Plain(outer)}.{type.Name[1..].Split('>')[0]}"
            : $"{Plain(type)}.{method.Name}";
        var place = PartOf(frame) is { } part ? $" in {part.Where(frame.GetFileLineNumber())}"
            : frame.GetFileName() is { } file ? $" in {Path.GetFileName(file)}, line {frame.GetFileLineNumber()}" : "";
        return $"   at {call}{place}";
    }

    private static string Plain(Type type) =>
        type.Name.StartsWith("Submission#", StringComparison.Ordinal) ? "the cell" : type.Name.Split('`')[0];

    [GeneratedRegex(@"^(\((?<line>\d+),\d+\)|\S+\.fsproj)\s*:\s*")]
    private static partial Regex Place();

    /// <summary>A part of a cell and where its lines stand in the cell.</summary>
    private sealed record Part(string Name, string Code, string[] CellLines, List<int> Lines)
    {
        public string Where(int line) => $"{Name}, line {LineOf(line)}";

        public string? Quote(int line) =>
            CellLines.ElementAtOrDefault(LineOf(line) - 1) is { } text ? $"  {LineOf(line),4} | {text.TrimEnd()}" : null;

        private int LineOf(int line) => Lines[Math.Clamp(line - 1, 0, Lines.Count - 1)];
    }
}
