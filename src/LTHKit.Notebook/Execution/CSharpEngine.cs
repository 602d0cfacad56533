using System.Diagnostics;
using System.Globalization;
using LTHKit.Formatting;
using LTHKit.Notebook.Packages;
using Microsoft.AspNetCore.Html;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Scripting;
using Microsoft.CodeAnalysis.Scripting;
using Microsoft.DotNet.Interactive;
using Microsoft.DotNet.Interactive.Commands;
using Microsoft.DotNet.Interactive.Events;
using Microsoft.DotNet.Interactive.Formatting;
using Diagnostic = Microsoft.CodeAnalysis.Diagnostic;

namespace LTHKit.Notebook.Execution;

/// <summary>
/// One session of C# cells, each seeing what the earlier ones declared; parts of cells may be in other languages. It runs one cell at a time.
/// </summary>
public sealed class CSharpEngine : IDisposable
{
    // The same as in .NET Interactive, so that a notebook needs the same using directives in both.
    private static readonly string[] Imports =
    [
        "System", "System.Text", "System.Collections", "System.Collections.Generic", "System.Threading.Tasks", "System.Linq",
        typeof(Kernel).FullName!,
    ];

    private readonly PackageRestorer _packages;
    private readonly ReferenceResolver _references;
    private readonly UserTrace _trace = new();
    private readonly SubmissionChain _cells;
    private readonly Dictionary<string, object?> _values = [];
    private readonly Lazy<FSharpSession> _fsharp;

    /// <param name="folder">Where <c>#r</c> and <c>#load</c> look: the notebook's folder.</param>
    /// <param name="packageCache">Where restored packages are remembered; the user's cache by default.</param>
    public CSharpEngine(string folder, string? packageCache = null)
    {
        NotebookDisplay.Register();
        NotebookFormatters.Register();
        _packages = new PackageRestorer(packageCache ?? PackageRestorer.DefaultCache);
        _references = new ReferenceResolver(folder, _packages);
        _fsharp = new(() => new FSharpSession(folder, _packages, _trace));
        var options = ScriptOptions.Default
            .WithReferences(HostAssemblies.Framework.Select(path => MetadataReference.CreateFromFile(path)))
            .AddReferences(typeof(Kernel).Assembly, typeof(Formatter).Assembly)
            .WithImports(Imports)
            .WithMetadataResolver(_references)
            .WithSourceResolver(new SourceFileResolver([], folder))
            .WithLanguageVersion(LanguageVersion.Latest);
        _cells = new SubmissionChain(options, _references);
    }

    /// <summary>How long a cancelled cell has to come to an end before it is left behind.</summary>
    public TimeSpan Grace { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>The variables that cells have declared: the latest of each name.</summary>
    public IReadOnlyDictionary<string, object?> Variables => _cells.Variables();

    /// <summary>Runs one cell.</summary>
    /// <param name="code">The cell's text.</param>
    /// <param name="number">The number that errors name it by.</param>
    /// <param name="output">Called, in order and one at a time, with what the cell puts out, an error last.</param>
    /// <param name="cancellation">Cancels the cell: code that watches the invocation context's token stops there, any other is
    /// left behind after <see cref="Grace"/>.</param>
    /// <returns>The error that ended the cell, or null.</returns>
    public async Task<ErrorOutput?> ExecuteAsync(string code, int number, Action<CellOutput> output, CancellationToken cancellation = default)
    {
        var cell = string.Create(CultureInfo.InvariantCulture, $"cell [{number}]");
        var clock = Stopwatch.StartNew();
        ErrorOutput? error;
        try
        {
            var source = CellSource.Parse(code, cell);
            foreach (var feed in source.Feeds)
                _packages.AddSource(feed);
            if (source.ListsCommands)
                output(new StreamOutput("stdout", CellSource.Commands + "\n"));

            error = null;
            foreach (var part in source.Parts)
            {
                if (part is CodePart { Language: "csharp" or "fsharp" } lines)
                    error = await RunCancellable(lines, cell, output, cancellation, keep: true).ConfigureAwait(false);
                else if (part is SharePart share)
                    await TakeOver(share, cell).ConfigureAwait(false);
                else
                    Show((CodePart)part, output);
                if (error is not null)
                    break;
            }

            if (source.Timed && error is null)
                output(new StreamOutput("stdout", string.Create(CultureInfo.InvariantCulture, $"Wall time: {clock.Elapsed.TotalMilliseconds:0.#} ms\n")));
        }
        catch (UserException e)
        {
            error = new ErrorOutput(nameof(UserException), e.Message, [e.Message]);
        }

        if (error is not null)
            output(error);
        return error;
    }

    /// <summary>The value of an expression after the cells so far, which it does not change, or the error it ends in.</summary>
    public async Task<CellOutput> EvaluateAsync(string expression, CancellationToken cancellation = default)
    {
        CellOutput? last = null;
        var part = new CodePart("csharp", expression);
        var error = await RunCancellable(part, "the expression", output => last = output, cancellation, keep: false).ConfigureAwait(false);
        return error ?? (last as ResultOutput as CellOutput) ?? new ResultOutput(null, new Dictionary<string, string>());
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_fsharp.IsValueCreated)
            _fsharp.Value.Dispose();
    }

    /// <summary>Code as the compiler sees it after the cells so far; nothing is run.</summary>
    internal Compilation Analyze(string code) => _cells.Continue(code, "");

    /// <summary>The session of the F# parts; it begins when it is first asked for.</summary>
    internal FSharpSession FSharp => _fsharp.Value;

    private void Show(CodePart part, Action<CellOutput> output)
    {
        if (part.Language == "value")
        {
            _values[part.Name!] = part.Code.TrimStart('\n');
            return;
        }

        var (mimeType, text) = part.Language switch
        {
            "html" => ("text/html", part.Code.Trim()),
            "javascript" => ("text/html", $"<script>\n{part.Code.Trim()}\n</script>"),
            _ => ("text/markdown", part.Code.Trim()),
        };
        output(new DisplayOutput(null, new Dictionary<string, string> { [mimeType] = text }, Guid.NewGuid().ToString()));
    }

    private async Task TakeOver(SharePart share, string cell)
    {
        var value = share.Literal;
        var found = share.From switch
        {
            ("csharp", var name) => Variables.TryGetValue(name, out value),
            ("fsharp", var name) => _fsharp.IsValueCreated && _fsharp.Value.TryGet(name, out value),
            ("value", var name) => _values.TryGetValue(name, out value),
            _ => true,
        };
        var where = string.Create(CultureInfo.InvariantCulture, $"{cell}, line {share.Line}");
        if (!found)
            throw new UserException($"{where}: {share.From?.Language} has nothing called {share.From?.Name}.");
        if (!SyntaxFacts.IsValidIdentifier(share.Name) || (share.Language == "csharp" && IsKeyword(share.Name)))
            throw new UserException($"{where}: {share.Name} is no name of a variable.");

        if (share.Language == "fsharp")
            _fsharp.Value.Set(share.Name, value, where);
        else
            await Declare(share.Name, value).ConfigureAwait(false);
    }

    // At the top of a cell, await is one as well.
    private static bool IsKeyword(string name) => name == "await" || SyntaxFacts.GetKeywordKind(name) != SyntaxKind.None;

    private async Task Declare(string name, object? value)
    {
        var (type, assemblies) = CodeOfType.Of(value?.GetType());
        var declaration = _cells.Continue($"{type} {name} = default;", "#!share", assemblies.Select(_references.Reference));
        var submission = _cells.Load(declaration, out _)!;
        await _cells.Run(submission).ConfigureAwait(false);
        submission.Instance!.GetType().GetField(name)!.SetValue(submission.Instance, value);
        _cells.Add(submission);
    }

    private async Task<ErrorOutput?> RunCancellable(
        CodePart part, string cell, Action<CellOutput> output, CancellationToken cancellation, bool keep)
    {
        var interrupted = new ErrorOutput("Interrupted", $"{cell} was interrupted.", [$"{cell} was interrupted."]);
        if (cancellation.IsCancellationRequested)
            return interrupted;

        var sink = new Sink(output);
        var cancelled = new TaskCompletionSource();
        await using var registration = cancellation.Register(() => _ = Task.Delay(Grace, CancellationToken.None).ContinueWith(_ => cancelled.SetResult(), TaskScheduler.Default));
        var run = Task.Run(() => RunAsync(part, cell, sink, cancellation), CancellationToken.None);
        if (await Task.WhenAny(run, cancelled.Task).ConfigureAwait(false) != run)
        {
            sink.Close();
            return interrupted with { Traceback = [$"{cell} was interrupted; it did not stop by itself and was left behind."] };
        }

        var (error, submission) = await run.ConfigureAwait(false);
        sink.Close();
        if (keep && submission is not null)
            _cells.Add(submission);
        if (!cancellation.IsCancellationRequested || error is null)
            return error;
        return error.Name is nameof(OperationCanceledException) or nameof(TaskCanceledException) ? interrupted : error;
    }

    private async Task<(ErrorOutput? Error, Submission? Ran)> RunAsync(CodePart part, string cell, Sink sink, CancellationToken cancellation)
    {
        _trace.Add(cell, part.Code);
        var command = new SubmitCode(part.Code);
        using var context = KernelInvocationContext.GetOrCreateAmbientContext(command);
        using var subscription = context.KernelEvents.Subscribe(sink);
        // Failing the command is how the invocation context's token is cancelled; the console is silent to us from then on.
        await using var stop = cancellation.Register(() => context.Fail(command, message: "Interrupted."));
        _ = Kernel.HTML("");       // the first use of Kernel connects displays with the context

        return part.Language == "fsharp"
            ? (_fsharp.Value.Run(part.Code, cell, value => PublishResult(value, context, command), context.CancellationToken), null)
            : await RunCSharp(part.Code, cell, context, command).ConfigureAwait(false);
    }

    private async Task<(ErrorOutput? Error, Submission? Ran)> RunCSharp(
        string code, string cell, KernelInvocationContext context, KernelCommand command)
    {
        if (_cells.Load(_cells.Continue(code, cell), out var errors) is not { } submission)
            return (_trace.Of(errors, PackageFailure), null);

        try
        {
            var value = await _cells.Run(submission).ConfigureAwait(false);
            if (submission.HasValue)
                PublishResult(value, context, command);
            return (null, submission);
        }
        catch (Exception e)
        {
            return (_trace.Of(e), submission);
        }
    }

    private string? PackageFailure(Diagnostic error) =>
        _references.Failures.FirstOrDefault(failure => error.GetMessage().Contains($"'{failure.Key}'", StringComparison.Ordinal)).Value;

    private static void PublishResult(object? value, KernelInvocationContext context, KernelCommand command)
    {
        if (value is DisplayedValue)
            return;     // display(x) has shown itself

        IReadOnlyList<FormattedValue> formatted = value is FormattedValue one ? [one] : FormattedValue.CreateManyFromObject(value);
        context.Publish(new ReturnValueProduced(value, command, formatted));
    }

    /// <summary>Turns events into outputs, until it is closed.</summary>
    private sealed class Sink(Action<CellOutput> output) : IObserver<KernelEvent>
    {
        private readonly Lock _gate = new();
        private bool _closed;

        public void OnNext(KernelEvent value)
        {
            lock (_gate)
            {
                if (_closed || Translate(value) is not { } translated)
                    return;
                foreach (var one in translated is StreamOutput stream ? Cleared(stream) : [translated])
                    output(one);
            }
        }

        public void OnCompleted()
        {
        }

        public void OnError(Exception error)
        {
        }

        public void Close()
        {
            lock (_gate)
                _closed = true;
        }

        // What terminals erase their screen at: ESC [ 2 J, with the cursor's way home and the scroll buffer's erasure around it.
        private static IEnumerable<CellOutput> Cleared(StreamOutput stream)
        {
            if (!stream.Text.Contains("\e[2J", StringComparison.Ordinal))
                return [stream];

            var text = stream.Text.Replace("\e[H", "").Replace("\e[3J", "");
            var rest = text[(text.LastIndexOf("\e[2J", StringComparison.Ordinal) + "\e[2J".Length)..];
            return rest.Length == 0 ? [new ClearOutput(Wait: false)] : [new ClearOutput(Wait: true), stream with { Text = rest }];
        }

        private static CellOutput? Translate(KernelEvent value) => value switch
        {
            StandardOutputValueProduced e => new StreamOutput("stdout", e.FormattedValues.First().Value),
            StandardErrorValueProduced e => new StreamOutput("stderr", e.FormattedValues.First().Value),
            DisplayedValueUpdated e => new DisplayUpdate(e.Value, Data(e), e.ValueId),
            DisplayedValueProduced e => new DisplayOutput(e.Value, Data(e), e.ValueId),
            ReturnValueProduced e => new ResultOutput(e.Value, Data(e)),
            _ => null,
        };

        private static Dictionary<string, string> Data(DisplayEvent e)
        {
            var data = new Dictionary<string, string>();
            foreach (var formatted in e.FormattedValues)
                data[formatted.MimeType] = formatted.Value;
            if (e.Value is not (IHtmlContent or FormattedValue) && !data.ContainsKey(PlainTextFormatter.MimeType))
                data[PlainTextFormatter.MimeType] = e.Value.ToDisplayString(PlainTextFormatter.MimeType);
            return data;
        }
    }
}
