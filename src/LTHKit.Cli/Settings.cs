using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;

namespace LTHKit.Cli;

/// <summary>Options whose wrong values are refused with one sentence that names the right ones.</summary>
internal static class Settings
{
    /// <summary>One of a few words.</summary>
    public static Option<string> Choice(string name, string description, string fallback, params IReadOnlyList<string> choices) => new(name)
    {
        Description = description,
        HelpName = string.Join('|', choices),
        DefaultValueFactory = _ => fallback,
        CustomParser = result =>
        {
            var text = result.Tokens[0].Value;
            if (!choices.Contains(text))
                result.AddError($"{name} must be {Text.Or(choices)}, not '{text}'.");
            return text;
        },
    };

    /// <summary>A whole number within bounds.</summary>
    public static Option<int> Number(string name, string description, int fallback, int least = 0, int most = int.MaxValue) => new(name)
    {
        Description = description,
        HelpName = "N",
        DefaultValueFactory = _ => fallback,
        CustomParser = result => ParseNumber(result, name, least, most),
    };

    /// <summary>A folder's path, absolute from here on.</summary>
    public static Option<string> Folder(string name, string description, string fallback) => new(name)
    {
        Description = description,
        HelpName = "DIR",
        DefaultValueFactory = _ => Path.GetFullPath(fallback),
        CustomParser = result =>
        {
            var text = result.Tokens[0].Value;
            if (text.Length > 0)
                return Path.GetFullPath(text);
            result.AddError($"{name} needs the name of a folder, not an empty one.");
            return "";
        },
    };

    private static int ParseNumber(ArgumentResult result, string name, int least, int most)
    {
        var text = result.Tokens[0].Value;
        if (int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) && number >= least && number <= most)
            return number;
        var bounds = most == int.MaxValue ? $"of at least {least}" : $"from {least} to {most}";
        result.AddError($"{name} must be a whole number {bounds}, not '{text}'.");
        return default;
    }
}
