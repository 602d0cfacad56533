using System.Runtime.CompilerServices;
using LTHKit.Experiments;
using Microsoft.AspNetCore.Html;
using Microsoft.CodeAnalysis.Scripting;
using Microsoft.DotNet.Interactive;
using Microsoft.DotNet.Interactive.Commands;
using Microsoft.DotNet.Interactive.CSharp;
using Microsoft.DotNet.Interactive.Events;
using Microsoft.DotNet.Interactive.Formatting;
using Microsoft.DotNet.Interactive.FSharp;
using Microsoft.DotNet.Interactive.Jupyter;
using Microsoft.DotNet.Interactive.PackageManagement;
using Plotly.NET;

namespace LTHKit.Notebook.Hosting;

/// <summary>.NET Interactive's kernels in this process: cells and questions about code go in, outputs come out.</summary>
internal sealed class NotebookHost : IDisposable
{
    // Cells start from a submission that has run: an exception in the very first one would take its variables along. .NET Interactive's own
    // display returns another id than it shows, so that what is displayed could not be updated.
    private const string First =
        """
        Microsoft.DotNet.Interactive.Formatting.DisplayedValue display(object value, params string[] mimeTypes) =>
            Microsoft.DotNet.Interactive.KernelInvocationContextExtensions.Display(Microsoft.DotNet.Interactive.KernelInvocationContext.Current, value, mimeTypes);
        """;

    private static readonly Type[] Library =
    [
        typeof(UserException), typeof(TorchSharp.torch), typeof(GenericChart), typeof(Plotly.NET.CSharp.Chart), typeof(DynamicObj.DynamicObj), typeof(Deedle.Frame),
        typeof(Microsoft.FSharp.Core.Unit), typeof(Newtonsoft.Json.JsonConvert),
    ];

    public static readonly CSharpParseOptions Script = new(kind: SourceCodeKind.Script);

    private const int MostText = 2000;

    private readonly CompositeKernel _kernels = new() { DefaultKernelName = "csharp" };
    private readonly CSharpKernel _csharp = new();
    private readonly UserTrace _trace = new();
    private readonly Task _ready;
    private CancellationToken _cancellation;
    private Task _running = Task.CompletedTask;

    public NotebookHost()
    {
        // For the `dotnet` behind #r "nuget:...", as ./lthkit says it to its own: Jupyter starts a kernel without that.
        foreach (var quiet in (string[])["DOTNET_CLI_TELEMETRY_OPTOUT", "DOTNET_NOLOGO", "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT", "MSBUILDDISABLENODEREUSE"])
            Environment.SetEnvironmentVariable(quiet, Environment.GetEnvironmentVariable(quiet) ?? "1");
        NotebookFormatters.Register();
        foreach (var scalar in (Type[])[typeof(string), typeof(bool), typeof(IFormattable)])        // a number is text, not a page of HTML around text
            Formatter.SetPreferredMimeTypesFor(scalar, PlainTextFormatter.MimeType);

        var library = Library.Select(type => type.Assembly.Location).ToList();
        _csharp.AddAssemblyReferences(library);
        Options(_csharp) = Options(_csharp).WithEmitDebugInformation(true).WithFileEncoding(Encoding.UTF8);
        var fsharp = new FSharpKernel();
        fsharp.DeferCommand(new SubmitCode(string.Join('\n', library.Select(path => $"#r @\"{path}\""))));

        _kernels.Add(
            _csharp.UseNugetDirective((kernel, packages) =>
            {
                kernel.AddAssemblyReferences(packages.SelectMany(package => package.AssemblyPaths));
                return Task.CompletedTask;
            }).UseKernelHelpers().UseWho().UseValueSharing().UseImportMagicCommand(),
            ["c#", "C#"]);
        _kernels.Add(
            fsharp.UseDefaultFormatting().UseNugetDirective((kernel, packages) =>
            {
                kernel.DeferCommand(new SubmitCode(string.Join('\n', packages.SelectMany(package => package.AssemblyPaths).Select(path => $"#r @\"{path}\""))));
                return Task.CompletedTask;
            }).UseKernelHelpers().UseWho().UseValueSharing(),
            ["f#", "F#"]);
        _kernels.Add(new HtmlKernel());
        _kernels.Add(new JavaScriptKernel().UseValueSharing(), ["js"]);
        _kernels.Add(new KeyValueStoreKernel().UseWho());
        _kernels.UseDefaultMagicCommands();
        _kernels.RegisterCommandHandler<RequestInput>(AskUser);
        _kernels.SetDefaultTargetKernelNameForCommand(typeof(RequestInput), _kernels.Name);
        _kernels.AddMiddleware(Follow);
        // A libtorch that does not load is told to the cell that uses it.
        _ready = Task.WhenAll(_kernels.SendAsync(new SubmitCode(First)), Task.Run(() => Libtorch.Problem is null && Libtorch.HasOneDnn).ContinueWith(_ => { }, TaskScheduler.Default));
    }

    /// <summary>How long a cancelled cell has to come to an end before it is left behind.</summary>
    public TimeSpan Grace { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Where cells note what they would train; null where they train.</summary>
    public Plan? Plan { get; init; }

    /// <summary>Asks the user, given a prompt and whether what is typed is secret; null where there is nobody to ask.</summary>
    public Func<string, bool, string>? Input { get; init; }

    /// <summary>Runs a cell and gives what stopped it, if something did; that is the last of its outputs then.</summary>
    public async Task<CellError?> RunAsync(string code, int number, Action<CellOutput> output, CancellationToken cancellation)
    {
        await _ready.ConfigureAwait(false);
        _cancellation = cancellation;
        _trace.Begin(number, code);
        var (gate, closed) = (new Lock(), false);
        using var subscription = _kernels.KernelEvents.Subscribe(e => Put(Translate(e)));
        await using var cancel = cancellation.Register(() => _ = _kernels.SendAsync(new Cancel())).ConfigureAwait(false);
        var result = await _kernels.SendAsync(new SubmitCode(code), CancellationToken.None).ConfigureAwait(false);
        var error = cancellation.IsCancellationRequested && result.Events.Any(e => e is CommandFailed)
            ? await Interrupted(UserTrace.Name(number)).ConfigureAwait(false)
            : _trace.Of(result.Events);
        Put(error is null ? null : CellOutput.Of(error));
        lock (gate)
            closed = true;      // what the cell left running has nothing more to say
        return error;

        void Put(CellOutput? put)
        {
            lock (gate)
                if (put is not null && !closed)
                    output(put);
        }
    }

    public async Task<T?> AskAsync<T>(KernelCommand question) where T : KernelEvent
    {
        await _ready.ConfigureAwait(false);
        var result = await _kernels.SendAsync(question, CancellationToken.None).ConfigureAwait(false);
        return result.Events.OfType<T>().LastOrDefault();
    }

    /// <summary>C# of a cell.</summary>
    public static SyntaxTree Parse(string code) => CSharpSyntaxTree.ParseText(code, Script);

    public void Dispose() => _kernels.Dispose();

    // What names the file of a cell in its symbols, and says whether line numbers are in them.
    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_scriptOptions")]
    private static extern ref ScriptOptions Options(CSharpKernel kernel);

    private async Task<CellError> Interrupted(string cell)
    {
        // What listened to the token has a moment to put its things in order; the next cell must not meet it.
        var ended = _running.ContinueWith(_ => { }, TaskScheduler.Default);
        var stopped = await Task.WhenAny(ended, Task.Delay(Grace)).ConfigureAwait(false) == ended;
        return new("Interrupted", $"{cell} was interrupted.", [$"{cell} was interrupted{(stopped ? "." : "; it did not stop by itself and was left behind.")}"]);
    }

    // Every part of a cell comes by here: it is given its name, and a thread of its own, for the kernels wait for a cell that does not.
    private Task Follow(KernelCommand command, KernelInvocationContext context, KernelPipelineContinuation next)
    {
        if (command is not SubmitCode part || !_ready.IsCompleted)
            return next(command, context);
        if (_cancellation.IsCancellationRequested)
        {
            context.Fail(command, message: "Interrupted.");
            return Task.CompletedTask;
        }
        var file = _trace.Add(part.Code);
        if (command.TargetKernelName == _csharp.Name)
            Options(_csharp) = Options(_csharp).WithFilePath(Path.Combine(Environment.CurrentDirectory, file));
        return _running = Task.Run(() =>
        {
            Plan?.Enter();
            return next(command, context);
        });
    }

    private Task AskUser(RequestInput command, KernelInvocationContext context)
    {
        if (Input is null)
            context.Fail(command, message: "A cell that asks for input needs a front end with an input line; this one has none.");
        else
            context.Publish(new InputProduced(Input(command.Prompt, command.IsPassword), command));
        return Task.CompletedTask;
    }

    private static CellOutput? Translate(KernelEvent value) => value switch
    {
        StandardOutputValueProduced e => CellOutput.Stream("stdout", e.FormattedValues.First().Value),
        StandardErrorValueProduced e => CellOutput.Stream("stderr", e.FormattedValues.First().Value),
        DisplayedValueUpdated e => Shown("update_display_data", e),
        DisplayedValueProduced e => Shown("display_data", e),
        ReturnValueProduced { Value: not DisplayedValue } e => Shown("execute_result", e),
        _ => null,
    };

    private static CellOutput Shown(string type, DisplayEvent e)
    {
        var data = new JsonObject();
        foreach (var formatted in e.FormattedValues.OrderBy(formatted => formatted.MimeType, StringComparer.Ordinal))
            data[formatted.MimeType] = IsJson(formatted.MimeType) ? JsonNode.Parse(formatted.Value) : formatted.Value;
        if (e.Value is not (null or string or IHtmlContent or FormattedValue) && !data.ContainsKey(PlainTextFormatter.MimeType))
            data[PlainTextFormatter.MimeType] = Cut(e.Value.ToDisplayString(PlainTextFormatter.MimeType));
        var content = new JsonObject { ["data"] = data, ["metadata"] = new JsonObject() };
        if (e.ValueId is { } id)
            content["transient"] = new JsonObject { ["display_id"] = id };
        return new CellOutput(type, content, e.Value);
    }

    // Beside a page of HTML, for those who have nothing but text.
    private static string Cut(string text) => text.Length <= MostText ? text : text[..MostText] + "…";

    private static bool IsJson(string mimeType) => mimeType == JsonFormatter.MimeType || mimeType.EndsWith("+json", StringComparison.Ordinal);
}

/// <summary>What stopped a cell.</summary>
internal sealed record CellError(string Name, string Message, IReadOnlyList<string> Traceback);

/// <summary>Something that a cell put out while it ran, as Jupyter's messages carry it.</summary>
internal sealed record CellOutput(string Type, JsonObject Content, object? Value = null)
{
    public static CellOutput Stream(string name, string text) => new("stream", new() { ["name"] = name, ["text"] = text });

    public static CellOutput Of(CellError error) => new("error", new()
    {
        ["ename"] = error.Name,
        ["evalue"] = error.Message,
        ["traceback"] = new JsonArray([.. error.Traceback.Select(line => JsonValue.Create(line))]),
    });

    public string? StreamName => Type == "stream" ? (string?)Content["name"] : null;
    public JsonObject? Data => Content["data"] as JsonObject;
    public string? DisplayId => (string?)Content["transient"]?["display_id"];
}
