namespace LTHKit.Cli;

/// <summary>The kinds of options that the verbs have.</summary>
internal static class Settings
{
    /// <summary>One of a few words.</summary>
    public static Option<string> Choice(string name, string description, string fallback, params string[] choices)
        => new Option<string>(name) { Description = description, HelpName = string.Join('|', choices), DefaultValueFactory = _ => fallback }.AcceptOnlyFromAmong(choices);

    /// <summary>A whole number within bounds.</summary>
    public static Option<int> Number(string name, string description, int fallback, int least = 0, int most = int.MaxValue) => new(name)
    {
        Description = description,
        HelpName = "N",
        DefaultValueFactory = _ => fallback,
        CustomParser = result =>
        {
            var text = result.Tokens[0].Value;
            if (!int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) || number < least || number > most)
                result.AddError($"{name} must be a whole number {(most == int.MaxValue ? $"of at least {least}" : $"from {least} to {most}")}, not '{text}'.");
            return number;
        },
    };

    /// <summary>A folder's path, absolute from here on.</summary>
    public static Option<string> Folder(string name, string description, string fallback) => new(name)
    {
        Description = description,
        HelpName = "DIR",
        DefaultValueFactory = _ => fallback,
        CustomParser = result =>
        {
            if (result.Tokens[0].Value is [not '-', ..] text)
                return AtomicFile.Absolute(text);
            result.AddError($"{name} needs the name of a folder, not '{result.Tokens[0].Value}'.");
            return "";
        },
    };
}
