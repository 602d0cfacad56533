using System.CommandLine.Help;
using System.CommandLine.Parsing;

namespace LTHKit.Cli;

/// <summary>
/// What every verb has in common: how it is called, stopped, and how it ends. Exit codes: 0 done, 1 failed, 2 the input is wrong,
/// 130 and 143 stopped by Ctrl-C and by SIGTERM before it was done.
/// </summary>
internal static class CommandLine
{
    private const int DiskFull = 28, QuotaExceeded = 122, ReadOnlyFileSystem = 30; // errno, which .NET keeps in HResult

    // A plain command as the root: RootCommand takes the name of the built file, and people type this one.
    public static Command Verbs() => new("./lthkit", "Draw a winning ticket, and spend it better.")
    {
        new HelpOption(),
        ReproduceVerb.Create(),
        GridVerb.Create(),
        RunVerb.Create(),
        StudentVerb.Create(),
        FiguresVerb.Create(),
        ResultsVerb.Create(),
        ClaimsVerb.Create(),
        DataVerb.Create(),
        KernelVerb.Create(),
        BenchVerb.Create(),
        DoctorVerb.Create(),
    };

    /// <summary>Runs the verb that the arguments name; errors are one sentence each on <paramref name="error"/>.</summary>
    public static async Task<int> Run(Func<Command> root, string[] args, TextWriter error)
    {
        try
        {
            return await Invoke(root().Parse(args.Length > 0 ? args : ["--help"]), error);
        }
        catch (Exception exception)
        {
            if (Environment.GetEnvironmentVariable("LTHKIT_DEBUG") == "1")
                Tell(error, exception);
            return Describe(exception, error);
        }
    }

    private static async Task<int> Invoke(ParseResult parsed, TextWriter error)
    {
        // What may be named any number of times takes an unknown option too; behind "--" it may.
        var plain = parsed.Tokens.TakeWhile(token => token.Type != TokenType.DoubleDash);
        if (parsed.CommandResult.Children.OfType<ArgumentResult>().SelectMany(argument => argument.Tokens).Intersect(plain).FirstOrDefault(t => t.Value is ['-', _, ..]) is { } option
            && parsed.Action is not HelpAction)
            return Fail(error, $"there is no option '{option.Value}' for {parsed.CommandResult.Command.Name}; see --help.", 2);
        if (parsed.Errors is [var problem, ..] && parsed.Action is not HelpAction)
        {
            var sentence = parsed.UnmatchedTokens is [var stray, ..] ? $"there is no '{stray}' here" : string.Join(' ', problem.Message.Split('\n', StringSplitOptions.TrimEntries));
            return Fail(error, $"{sentence.TrimEnd('.')}; see --help.", 2);
        }
        using var stop = new CancellationTokenSource();
        var stoppedBy = 0;
        // The first signal lets the verb save its state; the second one has its usual effect.
        void Stop(PosixSignalContext signal)
        {
            if (stop.IsCancellationRequested)
                return;
            signal.Cancel = true;
            stoppedBy = signal.Signal == PosixSignal.SIGTERM ? 143 : 130;
            Tell(error, "lthkit: stopping; Ctrl-C again stops at once.");
            stop.Cancel();
        }
        var own = parsed.CommandResult.Command is SignalledCommand;
        using var interrupt = own ? null : PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        using var terminate = own ? null : PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        try
        {
            return await parsed.InvokeAsync(new() { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null }, stop.Token);
        }
        catch (OperationCanceledException) when (stoppedBy != 0)
        {
            return stoppedBy;
        }
    }

    private static int Describe(Exception exception, TextWriter error)
    {
        // Constructors of static fields and tasks wrap what went wrong in the first place.
        while (exception is TypeInitializationException or AggregateException { InnerExceptions.Count: 1 } && exception.InnerException is { } inner)
            exception = inner;
        return exception switch
        {
            UserException => Fail(error, exception.Message, 2),
            IOException { HResult: DiskFull or QuotaExceeded } =>
                Fail(error, $"the disk is full ({exception.Message.TrimEnd('.')}); free some space and run the same command again.", 2),
            UnauthorizedAccessException or IOException { HResult: ReadOnlyFileSystem } =>
                Fail(error, $"{exception.Message.TrimEnd('.')}; choose a folder that you may write to.", 2),
            DllNotFoundException or EntryPointNotFoundException =>
                Fail(error, $"a native library is missing or out of date ({FirstLine(exception.Message)}); run ./lthkit setup --force.", 1),
            _ => Fail(error, $"{exception.GetType().Name}: {FirstLine(exception.Message)} (LTHKIT_DEBUG=1 shows where)", 1),
        };
    }

    private static int Fail(TextWriter error, string sentence, int code)
    {
        Tell(error, $"lthkit: {sentence}");
        return code;
    }

    private static void Tell(TextWriter error, object words)
    {
        try
        {
            error.WriteLine(words);
        }
        catch (IOException)
        {
            // The disk that it goes to is full: the exit code tells the same.
        }
    }

    private static string FirstLine(string text) => text.Split('\n')[0].Trim();
}

/// <summary>A command for other programs to start, which handles signals itself: they mean something else to it than to the verbs.</summary>
internal sealed class SignalledCommand : Command
{
    public SignalledCommand(string name, string description) : base(name, description) => Hidden = true;
}
