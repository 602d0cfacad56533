using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Parsing;

namespace LTHKit.Cli;

/// <summary>Says in one sentence what is wrong with the arguments and which ones there are.</summary>
internal static class ParseErrors
{
    /// <returns>The sentence, or null when the arguments are right.</returns>
    public static string? Describe(ParseResult parsed)
    {
        if (parsed.Action is HelpAction)
            return null;
        // A misspelt option would pass for an argument where any are taken.
        if (parsed.CommandResult.Children.OfType<ArgumentResult>().SelectMany(result => result.Tokens)
            .FirstOrDefault(token => token.Value is ['-', not '-', ..] or ['-', '-', _, ..]) is { } stray && !parsed.Tokens.Any(IsDoubleDash))
            return DescribeUnmatched(parsed.CommandResult, stray.Value);
        if (parsed.Errors.Count == 0)
            return null;
        var command = parsed.CommandResult.Command;
        if (parsed.UnmatchedTokens.Count > 0)
            return DescribeUnmatched(parsed.CommandResult, parsed.UnmatchedTokens[0]);
        if (command.Subcommands.Count > 0 && command.Action is null)
            return $"{Path(parsed.CommandResult)} wants one of {Text.Or(Names(command))} after it.";

        var error = parsed.Errors[0];
        if (error.SymbolResult is OptionResult { Tokens.Count: 0 } missing)
        {
            var (name, values) = (missing.Option.Name, missing.Option.HelpName);
            return missing.IdentifierToken is null ? $"{Path(parsed.CommandResult)} needs {name} {values}." : $"{name} needs a value: {values}.";
        }
        if (error.SymbolResult is ArgumentResult { Tokens.Count: 0, Argument: var argument, Parent: CommandResult })
            return $"{Path(parsed.CommandResult)} needs {argument.HelpName ?? argument.Name}; see --help.";
        return error.Message.ReplaceLineEndings(" ").Trim();
    }

    private static string DescribeUnmatched(CommandResult result, string token)
    {
        var command = result.Command;
        if (result.Parent is null)
            return $"there is no verb '{token}'; the verbs are {Text.And(Names(command))}.";
        if (token.StartsWith('-'))
            return $"{Path(result)} has no option {token}; it has {Text.And(OptionNames(command))}.";
        if (command.Subcommands.Count > 0)
            return $"{Path(result)} has no '{token}'; it has {Text.And(Names(command))}.";
        return $"{Path(result)} does not know what to do with '{token}'; see --help.";
    }

    private static bool IsDoubleDash(Token token) => token.Type == TokenType.DoubleDash;

    private static IEnumerable<string> OptionNames(Command command) =>
        command.Options.Where(option => !option.Hidden).Select(option => option.Name).Append("--help").Distinct();

    // "compat check": the verb as it was typed, without the program's name.
    private static string Path(CommandResult result)
    {
        var names = new Stack<string>();
        for (SymbolResult? at = result; at is CommandResult { Parent: not null } command; at = at.Parent)
            names.Push(command.Command.Name);
        return string.Join(' ', names);
    }

    private static IEnumerable<string> Names(Command command) => command.Subcommands.Where(sub => !sub.Hidden).Select(sub => sub.Name);
}
