using System.Text;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Scripting;
using Microsoft.CodeAnalysis.Emit;
using Microsoft.CodeAnalysis.Scripting;
using Microsoft.CodeAnalysis.Text;

namespace LTHKit.Notebook.Execution;

/// <summary>The C# cells of a session, each compiled after those before it. It keeps only cells that later ones can reach.</summary>
internal sealed class SubmissionChain(ScriptOptions options, ReferenceResolver references)
{
    private static readonly EmitOptions Symbols = new(debugInformationFormat: DebugInformationFormat.PortablePdb);

    private readonly CSharpCompilation _root = (CSharpCompilation)CSharpScript.Create<object>("", options).GetCompilation();
    private readonly ReferencedAssemblies _assemblies = new(references);
    private readonly string _session = Guid.NewGuid().ToString("N");
    private readonly List<Submission> _submissions = [];
    private readonly HashSet<object> _open = [];
    private int _count;

    private CSharpCompilation Last => _submissions.Count > 0 ? _submissions[^1].Compilation : _root;

    /// <summary>The variables that cells have declared: the latest of each name.</summary>
    public Dictionary<string, object?> Variables()
    {
        var variables = new Dictionary<string, object?>();
        foreach (var instance in _submissions.Select(submission => submission.Instance).OfType<object>())
        {
            foreach (var field in instance.GetType().GetFields().Where(field => SyntaxFacts.IsValidIdentifier(field.Name)))
                variables[field.Name] = field.GetValue(instance);
        }

        return variables;
    }

    /// <summary>Code as the compiler sees it after the cells so far; nothing is run.</summary>
    /// <param name="added">What it refers to besides what the cells so far do.</param>
    public CSharpCompilation Continue(string code, string cell, IEnumerable<MetadataReference>? added = null)
    {
        var name = $"Submission#{++_count}";
        var syntax = (CSharpParseOptions)_root.SyntaxTrees[0].Options;
        var tree = CSharpSyntaxTree.ParseText(SourceText.From(code, Encoding.UTF8), syntax, cell);
        return CSharpCompilation.CreateScriptCompilation(
            $"{name}-{_session}", tree, added, _root.Options.WithScriptClassName(name), Last, typeof(object));
    }

    /// <summary>Makes code of it and loads that; null with the errors there are.</summary>
    public Submission? Load(CSharpCompilation compilation, out IReadOnlyList<Diagnostic> errors)
    {
        errors = Errors(compilation.GetParseDiagnostics());
        if (errors.Count > 0)
            return null;

        using var image = new MemoryStream();
        using var symbols = new MemoryStream();
        errors = Errors(compilation.Emit(image, symbols, options: Symbols).Diagnostics);
        if (errors.Count > 0)
            return null;

        image.Position = symbols.Position = 0;
        return new Submission(compilation, image, symbols, uses =>
        {
            var cells = _submissions.Where(earlier => uses.Contains(earlier.AssemblyName));
            return new CellAssembly(_assemblies, cells.ToDictionary(cell => cell.AssemblyName, cell => cell.Assembly!));
        });
    }

    /// <summary>Runs it and gives its value.</summary>
    public Task<object?> Run(Submission submission) =>
        submission.Run([null, .. _submissions.Where(earlier => earlier.Assembly is not null).Select(earlier => earlier.Instance), null]);

    /// <summary>From now on cells come after this one, which has run.</summary>
    public void Add(Submission submission)
    {
        var opens = submission.Opens().Count(_open.Add) > 0 || submission.Loads;
        if (!opens && submission.Declares.Count == 0)
            return;

        submission.Stays = opens;
        _submissions.Add(submission);
        var reachable = Reachable();
        foreach (var lost in _submissions.Where(earlier => !reachable.Contains(earlier)))
            lost.Forget();
        Remove(reachable);
    }

    // A cell is out of reach when later ones have declared anew all that it declares, and none that itself is in reach used it before that.
    // One that stays for its using directives still uses what they name.
    private HashSet<Submission> Reachable()
    {
        var reachable = new HashSet<Submission>();
        var needed = new HashSet<string>();
        var declared = new Dictionary<string, int>();       // the first in reach, of those looked at so far, that declares it
        var mentioned = new Dictionary<string, int>();      // and that mentions it
        for (var i = _submissions.Count - 1; i >= 0; i--)
        {
            var submission = _submissions[i];
            var lost = !needed.Contains(submission.AssemblyName) && submission.Declares.All(one =>
                declared.TryGetValue(one.Signature, out var anew) && anew <= mentioned.GetValueOrDefault(one.Name, int.MaxValue));
            if (!lost)
            {
                reachable.Add(submission);
                needed.UnionWith(submission.Needs);
                foreach (var (_, signature) in submission.Declares)
                    declared[signature] = i;
            }

            if (!lost || submission.Stays)
            {
                foreach (var name in lost ? submission.Opened : submission.Mentions)
                    mentioned[name] = i;
            }
        }

        return reachable;
    }

    // To take a cell out, those behind it have to be given to the compiler once more. That is put off until it pays.
    private void Remove(HashSet<Submission> reachable)
    {
        var used = reachable.SelectMany(submission => submission.Uses).ToHashSet();
        var removable = _submissions
            .Where(submission => !submission.Stays && !reachable.Contains(submission) && !used.Contains(submission.AssemblyName)).ToHashSet();
        var fixedUpTo = _submissions.FindLastIndex(submission => !submission.CanMove && !removable.Contains(submission));
        var first = _submissions.FindIndex(fixedUpTo + 1, removable.Contains);
        if (first < 0)
            return;

        var behind = _submissions[first..];
        var kept = behind.Where(submission => !removable.Contains(submission)).ToList();
        if (behind.Count < 2 * kept.Count)
            return;

        _submissions.RemoveRange(first, behind.Count);
        foreach (var submission in kept)
        {
            submission.MoveAfter(Last);
            _submissions.Add(submission);
        }
    }

    private static IReadOnlyList<Diagnostic> Errors(IEnumerable<Diagnostic> diagnostics) =>
        [.. diagnostics.Where(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error)];
}
