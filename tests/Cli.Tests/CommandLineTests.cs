using System.CommandLine;
using System.CommandLine.Help;
using Xunit;

namespace LTHKit.Cli.Tests;

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
        var code = await CommandLine.Run(Root(run), line.Split(' ', StringSplitOptions.RemoveEmptyEntries), error);
        return (code, error.ToString());
    }

    [Theory]
    [InlineData("nope", "lthkit: there is no verb 'nope'; the verbs are draw, group and plain.")]
    [InlineData("draw --profile fast", "lthkit: --profile must be smoke, quick or paper, not 'fast'.")]
    [InlineData("draw --profile", "lthkit: --profile needs a value: smoke|quick|paper.")]
    [InlineData("draw --seeds 0", "lthkit: --seeds must be a whole number of at least 1, not '0'.")]
    [InlineData("draw --seeds 1.5", "lthkit: --seeds must be a whole number of at least 1, not '1.5'.")]
    [InlineData("draw --seed 2", "lthkit: draw has no option --seed; it has --profile, --seeds and --help.")]
    [InlineData("plain 3", "lthkit: plain does not know what to do with '3'; see --help.")]
    [InlineData("plain -x", "lthkit: plain has no option -x; it has --help.")]
    [InlineData("group", "lthkit: group wants one of one or two after it.")]
    [InlineData("group three", "lthkit: group has no 'three'; it has one and two.")]
    public async Task Wrong_arguments_get_one_sentence_and_exit_2(string line, string sentence)
    {
        var ran = false;
        var (code, error) = await Run(line, () => { ran = true; return 0; });
        Assert.Equal((2, sentence + Environment.NewLine), (code, error));
        Assert.False(ran);
    }

    [Fact]
    public async Task Right_arguments_run_the_verb() =>
        Assert.Equal((7, ""), await Run("draw 4a 4b --profile smoke --seeds 3", () => 7));

    public static TheoryData<Exception, int, string> Failures => new()
    {
        { new UserException("the file is cut off."), 2, "lthkit: the file is cut off." },
        { new TypeInitializationException("T", new UserException("inner.")), 2, "lthkit: inner." },
        { new AggregateException(new UserException("inner.")), 2, "lthkit: inner." },
        { new UnauthorizedAccessException("Access to the path '/x' is denied."), 2, "lthkit: Access to the path '/x' is denied; choose a folder that you may write to." },
        { new IOException("No space left on device : '/x'", 28), 2, "lthkit: the disk is full (No space left on device : '/x'); free some space and run the same command again." },
        { new DllNotFoundException("Unable to load x\nmore"), 1, "lthkit: a native library is missing or out of date (Unable to load x); run ./lthkit setup." },
        { new InvalidOperationException("odd\nstack"), 1, "lthkit: InvalidOperationException: odd (LTHKIT_DEBUG=1 shows where)" },
    };

    [Theory]
    [MemberData(nameof(Failures), DisableDiscoveryEnumeration = true)]
    public async Task Exceptions_become_one_sentence(Exception exception, int code, string sentence) =>
        Assert.Equal((code, sentence + Environment.NewLine), await Run("draw", () => throw exception));
}
