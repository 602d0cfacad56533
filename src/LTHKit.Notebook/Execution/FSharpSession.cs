using System.Text.RegularExpressions;
using FSharp.Compiler.CodeAnalysis;
using FSharp.Compiler.Diagnostics;
using FSharp.Compiler.Interactive;
using LTHKit.Notebook.Packages;
using Microsoft.AspNetCore.Html;
using Microsoft.DotNet.Interactive;
using Microsoft.DotNet.Interactive.Formatting;
using Microsoft.FSharp.Core;

namespace LTHKit.Notebook.Execution;

/// <summary>The F# parts of cells, run by F# Interactive in this process.</summary>
internal sealed partial class FSharpSession : IDisposable
{
    // As .NET Interactive begins its F#.
    private const string Prelude =
        """
        open System
        open System.IO
        open System.Text
        open Microsoft.DotNet.Interactive.Formatting
        open type Microsoft.DotNet.Interactive.Kernel
        """;

    private readonly string _folder;
    private readonly PackageRestorer _packages;
    private readonly UserTrace _trace;
    private readonly HashSet<string> _referenced = [];
    private readonly Shell.FsiEvaluationSession _session;

    public FSharpSession(string folder, PackageRestorer packages, UserTrace trace)
    {
        (_folder, _packages, _trace) = (folder, packages, trace);
        // .NET as it runs and not as the SDK describes it, for the values that C# hands over are of those types.
        string[] arguments =
        [
            "fsi", "--noninteractive", "--nologo", "--quiet", "--gui-", "--targetprofile:netcore", "--usesdkrefs-", "--multiemit-",
            $"-r:{typeof(Kernel).Assembly.Location}", $"-r:{typeof(Formatter).Assembly.Location}", $"-r:{typeof(IHtmlContent).Assembly.Location}",
        ];
        _session = Shell.FsiEvaluationSession.Create(
            Shell.FsiEvaluationSession.GetDefaultConfiguration(), arguments, TextReader.Null, TextWriter.Null, TextWriter.Null, null, null);
        _ = _session.EvalInteractionNonThrowing(Prelude, null);
    }

    /// <summary>Runs a part of a cell; a last expression's value is given to <paramref name="result"/>.</summary>
    /// <returns>The error that ended it, or null.</returns>
    public ErrorOutput? Run(string code, string cell, Action<object?> result, CancellationToken cancellation)
    {
        var (outcome, diagnostics) = _session.EvalInteractionNonThrowing(
            References().Replace(code, Resolve), cell, FSharpOption<CancellationToken>.Some(cancellation));
        var errors = diagnostics.Where(diagnostic => diagnostic.Severity.IsError).ToList();
        if (errors.Count > 0)
            return Described(errors, cell);
        if (outcome is FSharpChoice<FSharpOption<Shell.FsiValue>?, Exception>.Choice2Of2 failed)
            return _trace.Of(failed.Item);

        var value = ((FSharpChoice<FSharpOption<Shell.FsiValue>?, Exception>.Choice1Of2)outcome).Item;
        if (value is null || value.Value.ReflectionType == typeof(Unit))
            return null;
        try
        {
            result(value.Value.ReflectionValue);
            return null;
        }
        catch (Exception e)
        {
            return _trace.Of(e);
        }
    }

    /// <summary>Code as the compiler sees it after the parts so far; nothing is run.</summary>
    public (FSharpParseFileResults Parsed, FSharpCheckFileResults Checked) Analyze(string code)
    {
        var (parsed, check, _) = _session.ParseAndCheckInteraction(code, null);
        return (parsed, check);
    }

    public bool TryGet(string name, out object? value)
    {
        var bound = _session.TryFindBoundValue(name);
        value = bound?.Value.Value.ReflectionValue;
        return bound is not null;
    }

    /// <exception cref="UserException">F# cannot have a value of this type.</exception>
    public void Set(string name, object? value, string where)
    {
        if (value is null)
        {
            _ = _session.EvalInteractionNonThrowing($"let {name} : obj = null", null);
            return;
        }

        foreach (var path in CodeOfType.Of(value.GetType()).Assemblies.Where(path => !HostAssemblies.IsFramework(path) && _referenced.Add(path)))
            _ = _session.EvalInteractionNonThrowing($"#r @\"{path}\"", null);
        try
        {
            _session.AddBoundValue(name, value);
        }
        catch (Exception e)
        {
            throw new UserException(
                $"{where}: F# cannot take {name}, a {value.GetType().Name}: {e.Message.Trim()} Share a value of a library's type.", e);
        }
    }

    public void Dispose() => ((IDisposable)_session).Dispose();

    // The library's types must be the same in every language: what this process has loaded serves F# too.
    private string Resolve(Match reference)
    {
        var name = reference.Groups["what"].Value;
        IEnumerable<string> files;
        if (name.StartsWith("nuget:", StringComparison.OrdinalIgnoreCase))
        {
            var parts = name["nuget:".Length..].Split(',', 2, StringSplitOptions.TrimEntries);
            files = _packages.Restore(parts[0], parts.ElementAtOrDefault(1));
        }
        else
        {
            files = [HostAssemblies.PathOf(Path.GetFileNameWithoutExtension(name)) ?? Path.GetFullPath(name, _folder)];
        }

        return "#r " + string.Join(' ', files.Select(path => $"@\"{path}\""));
    }

    private ErrorOutput Described(IReadOnlyList<FSharpDiagnostic> errors, string cell)
    {
        var traceback = new List<string>();
        foreach (var error in errors)
        {
            traceback.Add($"{UserTrace.Where(cell, error.StartLine)}: error {error.ErrorNumberText}: {error.Message}");
            traceback.AddRange(_trace.Quoted(cell, error.StartLine, error.StartColumn));
        }

        return new ErrorOutput("CompilationError", traceback[0], traceback);
    }

    [GeneratedRegex("""(?m)^[ \t]*#r[ \t]+@?"(?<what>[^"\n]+)"[ \t]*$""")]
    private static partial Regex References();
}
