using System.Diagnostics;
using System.Reflection;
using Microsoft.CodeAnalysis;

namespace LTHKit.Notebook.Execution;

/// <summary>Errors told from the user's side: cell, line, the line itself, and the calls that are not plumbing.</summary>
internal sealed class UserTrace
{
    private readonly Dictionary<string, string> _cells = [];

    /// <summary>Remembers a cell's text, to quote its lines.</summary>
    public void Add(string cell, string code) => _cells[cell] = code;

    public ErrorOutput Of(IReadOnlyList<Diagnostic> errors, Func<Diagnostic, string?> reason)
    {
        var traceback = new List<string>();
        foreach (var error in errors)
        {
            var at = error.Location.GetMappedLineSpan();
            var (line, column) = (at.StartLinePosition.Line + 1, at.StartLinePosition.Character);
            traceback.Add($"{Where(at.Path, line)}: {reason(error) ?? $"error {error.Id}: {error.GetMessage()}"}");
            traceback.AddRange(Quoted(at.Path, line, column));
        }

        return new ErrorOutput("CompilationError", traceback[0], traceback);
    }

    /// <summary>A cell's line with a mark below a column; nothing where the cell or the line is not known.</summary>
    public IEnumerable<string> Quoted(string cell, int line, int column) => Quote(cell, line) is { } quote
        ? [quote, new string(' ', quote.IndexOf('|') + 2 + column) + "^"]
        : [];

    public ErrorOutput Of(Exception exception)
    {
        while (exception is TargetInvocationException or AggregateException { InnerExceptions.Count: 1 })
            exception = exception.InnerException!;

        var frames = new StackTrace(exception, fNeedFileInfo: true).GetFrames();
        var inCell = frames.FirstOrDefault(frame => IsCell(frame.GetFileName()));
        var name = exception is UserException ? "" : $"{exception.GetType().Name}: ";
        var message = $"{name}{exception.Message}";
        var traceback = new List<string>();
        if (inCell is not null)
        {
            var (file, line) = (inCell.GetFileName()!, inCell.GetFileLineNumber());
            message = $"{Where(file, line)}: {message}";
            traceback.Add(message);
            if (Quote(file, line) is { } quote)
                traceback.Add(quote);
        }
        else
        {
            traceback.Add(message);
        }

        for (var inner = exception.InnerException; inner is not null && exception is not UserException; inner = inner.InnerException)
            traceback.Add($"  because of {inner.GetType().Name}: {inner.Message}");
        if (exception is not UserException)
            traceback.AddRange(frames.Where(IsOfInterest).Select(Describe));
        return new ErrorOutput(exception.GetType().Name, message, traceback);
    }

    // The compiler writes a cell's name into its symbols as a path in the notebook's folder.
    private bool IsCell(string? file) => file is not null && _cells.ContainsKey(Path.GetFileName(file));

    private string? Quote(string file, int line) =>
        _cells.TryGetValue(Path.GetFileName(file), out var code) && code.Split('\n').ElementAtOrDefault(line - 1) is { } text
            ? $"  {line,4} | {text.TrimEnd()}"
            : null;

    public static string Where(string file, int line) => $"{Path.GetFileName(file)}, line {line}";

    // The engine, the scripting host and .NET's machinery of async calls are no help to the one who reads this.
    private static bool IsOfInterest(StackFrame frame) =>
        frame.GetMethod() is { DeclaringType: { } type } method
        && type.Assembly != typeof(UserTrace).Assembly
        && type.Namespace is var name
        && name?.StartsWith("Microsoft.CodeAnalysis", StringComparison.Ordinal) is not true
        && name is not ("System.Runtime.CompilerServices" or "System.Threading" or "System.Threading.Tasks" or "System.Runtime.ExceptionServices")
        && !(type.Name.StartsWith("Submission#", StringComparison.Ordinal) && method.Name == "<Factory>");

    private static string Describe(StackFrame frame)
    {
        var method = frame.GetMethod()!;
        var type = method.DeclaringType!;
        var file = frame.GetFileName();
        var call = type.Name.Contains("<<Initialize>>", StringComparison.Ordinal) ? "the cell"
            : type.Name.StartsWith('<') && type.DeclaringType is { } outer ? $"{Plain(outer)}.{type.Name[1..].Split('>')[0]}"
            : $"{Plain(type)}.{method.Name}";
        var place = file is null ? "" : $" in {Where(file, frame.GetFileLineNumber())}";
        return $"   at {call}{place}";
    }

    private static string Plain(Type type) =>
        type.Name.StartsWith("Submission#", StringComparison.Ordinal) ? "the cell" : type.Name.Split('`')[0];
}
