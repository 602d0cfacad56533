using System.Globalization;
using System.Text.RegularExpressions;

namespace LTHKit.Notebook.Execution;

/// <summary>The commands that carry values from one language to another, as .NET Interactive writes them.</summary>
internal static partial class SharedValue
{
    private static readonly string[] Sources = ["csharp", "fsharp", "value"];

    /// <summary>The name behind <c>#!value --name</c>.</summary>
    /// <exception cref="UserException">There is none.</exception>
    public static string NameOf(string command, string where) =>
        Options(command, where, ["--name"]).GetValueOrDefault("--name") ?? throw new UserException($"{where}: write #!value --name NAME.");

    /// <summary>Reads <c>#!share</c> or <c>#!set</c>.</summary>
    /// <exception cref="UserException">Something is missing or not known.</exception>
    public static SharePart Parse(string command, string language, int line, string where)
    {
        if (language is not ("csharp" or "fsharp"))
            throw new UserException($"{where}: values are shared with C# and F#, not with {language}.");
        if (command.TrimStart().StartsWith("#!share", StringComparison.OrdinalIgnoreCase))
        {
            var share = Options(command, where, ["--from", "--name", "--as", "--mime-type"]);
            if (!share.TryGetValue("--from", out var from) || !share.TryGetValue("--name", out var name))
                throw new UserException($"{where}: write #!share --from csharp NAME, or another language than csharp.");
            return new SharePart(language, share.GetValueOrDefault("--as", name), (Source(from, where), name), null, line);
        }

        var set = Options(command, where, ["--name", "--value", "--mime-type"]);
        if (!set.TryGetValue("--name", out var target) || !set.TryGetValue("--value", out var value))
            throw new UserException($"{where}: write #!set --name NAME --value @csharp:OTHER, or a number or a text instead of @csharp:OTHER.");
        if (!value.StartsWith('@'))
            return new SharePart(language, target, null, Literal(value), line);
        var parts = value[1..].Split(':', 2);
        return parts.Length == 2
            ? new SharePart(language, target, (Source(parts[0], where), parts[1]), null, line)
            : throw new UserException($"{where}: {value} does not name a language; write @csharp:{parts[0]}.");
    }

    private static string Source(string name, string where) =>
        Sources.Contains(name)
            ? name
            : throw new UserException($"{where}: there is nothing called {name} to take values from; there are csharp, fsharp and value.");

    // The word without an option's name before it is the name.
    private static Dictionary<string, string> Options(string command, string where, string[] known)
    {
        var options = new Dictionary<string, string>();
        var words = Word().Matches(command).Select(match => match.Value.Trim('"')).Skip(1).Where(word => word != "--byref").ToList();
        for (var i = 0; i < words.Count; i++)
        {
            if (!words[i].StartsWith("--", StringComparison.Ordinal))
                options["--name"] = words[i];
            else if (known.Contains(words[i]) && i + 1 < words.Count)
                options[words[i]] = words[++i];
            else
                throw new UserException($"{where}: {words[i]} is not understood here; known are {string.Join(", ", known)}, each with a value.");
        }

        return options;
    }

    private static object Literal(string text) =>
        bool.TryParse(text, out var truth) ? truth
        : int.TryParse(text, NumberStyles.Integer, CultureInfo.InvariantCulture, out var whole) ? whole
        : double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) ? number
        : text;

    [GeneratedRegex("\"[^\"]*\"|\\S+")]
    private static partial Regex Word();
}
