using System.CommandLine;
using System.CommandLine.Help;
using Xunit;

namespace LTHKit.Cli.Tests;

[Collection("processes and variables")]       // a signal is the process's
public sealed class CommandLineTests
{
    private static Command Root(Func<int>? run = null)
    {
        var profile = Settings.Choice("--profile", "The effort.", "quick", "smoke", "quick", "paper");
        var seeds = Settings.Number("--seeds", "How many.", 1, least: 1);
        var verb = new Command("draw", "Draw.") { profile, seeds, new Argument<string[]>("FIGURE") { Arity = ArgumentArity.ZeroOrMore } };
        verb.SetAction(_ => run?.Invoke() ?? 0);
        var plain = new Command("plain", "Takes nothing.");
        plain.SetAction(_ => 0);
        return new Command("./lthkit", "Test.") { new HelpOption(), verb, new Command("group", "Group.") { new Command("one", "One."), new Command("two", "Two.") }, plain };
    }

    private static async Task<(int Code, string Error)> Run(string line, Func<int>? run = null)
    {
        var error = new StringWriter();
        var code = await CommandLine.Run(() => Root(run), line.Split(' ', StringSplitOptions.RemoveEmptyEntries), error);
        return (code, error.ToString());
    }

    [Theory]
    [InlineData("nope", "there is no 'nope' here")]
    [InlineData("draw --profile fast", "Argument 'fast' not recognized. Must be one of: 'smoke' 'quick' 'paper'")]
    [InlineData("draw --profile", "Required argument missing for option: '--profile'")]
    [InlineData("draw --seeds 0", "--seeds must be a whole number of at least 1, not '0'")]
    [InlineData("draw --seeds 1.5", "--seeds must be a whole number of at least 1, not '1.5'")]
    [InlineData("plain 3", "there is no '3' here")]
    [InlineData("plain -x", "there is no '-x' here")]
    [InlineData("draw 4a --bogus", "there is no option '--bogus' for draw")]
    [InlineData("draw --bogus=1 --seeds 0", "there is no option '--bogus=1' for draw")]
    [InlineData("group", "Required command was not provided")]
    [InlineData("group three", "there is no 'three' here")]
    public async Task Wrong_arguments_get_one_sentence_and_exit_2(string line, string sentence)
    {
        var ran = false;
        var (code, error) = await Run(line, () => { ran = true; return 0; });
        Assert.Equal((2, $"lthkit: {sentence}; see --help.{Environment.NewLine}"), (code, error));
        Assert.False(ran);
    }

    [Fact]
    public async Task Right_arguments_run_the_verb() =>
        Assert.Equal((7, ""), await Run("draw 4a 4b --profile smoke --seeds 3 -- --odd", () => 7));

    // Stopped before it was done, or done all the same.
    [Theory]
    [InlineData(true, 143)]
    [InlineData(false, 7)]
    public async Task A_verb_that_ends_by_itself_has_its_own_code(bool stops, int code)
    {
        var error = new StringWriter();
        var verb = new Command("wait", "Wait.");
        verb.SetAction(async (_, cancel) =>
        {
            Doctor.Tool.Output("kill", "-TERM", $"{Environment.ProcessId}");
            await Task.Delay(TimeSpan.FromMinutes(1), cancel).ContinueWith(_ => { }, TaskScheduler.Default);
            if (stops)
                cancel.ThrowIfCancellationRequested();
            return 7;
        });
        Assert.Equal(code, await CommandLine.Run(() => new Command("./lthkit", "Test.") { verb }, ["wait"], error));
        Assert.Equal($"lthkit: stopping; Ctrl-C again stops at once.{Environment.NewLine}", error.ToString());
    }

    public static TheoryData<Exception, int, string> Failures => new()
    {
        { new UserException("the file is cut off."), 2, "lthkit: the file is cut off." },
        { new TypeInitializationException("T", new UserException("inner.")), 2, "lthkit: inner." },
        { new AggregateException(new UserException("inner.")), 2, "lthkit: inner." },
        { new UnauthorizedAccessException("Access to the path '/x' is denied."), 2, "lthkit: Access to the path '/x' is denied; choose a folder that you may write to." },
        { new IOException("No space left on device : '/x'", 28), 2, "lthkit: the disk is full (No space left on device : '/x'); free some space and run the same command again." },
        { new DllNotFoundException("Unable to load x\nmore"), 1, "lthkit: a native library is missing or out of date (Unable to load x); run ./lthkit setup --force." },
        { new InvalidOperationException("odd\nstack"), 1, "lthkit: InvalidOperationException: odd (LTHKIT_DEBUG=1 shows where)" },
    };

    [Theory]
    [MemberData(nameof(Failures), DisableDiscoveryEnumeration = true)]
    public async Task Exceptions_become_one_sentence(Exception exception, int code, string sentence) =>
        Assert.Equal((code, sentence + Environment.NewLine), await Run("draw", () => throw exception));
}
