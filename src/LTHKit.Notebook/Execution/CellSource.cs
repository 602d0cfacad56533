using System.Text.RegularExpressions;

namespace LTHKit.Notebook.Execution;

/// <summary>What a cell consists of.</summary>
/// <param name="Language">csharp, fsharp, html, javascript, markdown or value.</param>
internal abstract record CellPart(string Language);

/// <summary>A run of lines in one language.</summary>
/// <param name="Language">Which one.</param>
/// <param name="Code">The lines, with empty ones in front so that line numbers are the cell's.</param>
/// <param name="Name">Of a value: what it is kept as.</param>
internal sealed record CodePart(string Language, string Code, string? Name = null) : CellPart(Language);

/// <summary>A value that a language takes over.</summary>
/// <param name="Language">The language that takes it.</param>
/// <param name="Name">What it is called there.</param>
/// <param name="From">The language that has it, and what it is called there; null for <paramref name="Literal"/>.</param>
/// <param name="Literal">A value that is written out: a number, true, false or a text.</param>
/// <param name="Line">Where that stands.</param>
internal sealed record SharePart(string Language, string Name, (string Language, string Name)? From, object? Literal, int Line) : CellPart(Language);

/// <summary>A cell taken apart by its <c>#!</c> lines, as .NET Interactive writes them.</summary>
internal sealed partial record CellSource(IReadOnlyList<CellPart> Parts, bool Timed, IReadOnlyList<string> Feeds, bool ListsCommands)
{
    /// <summary>What may stand behind <c>#!</c>, for a person.</summary>
    public const string Commands =
        """
        #!time         tells how long the cell took
        #!csharp       the lines below are C#
        #!fsharp       the lines below are F#
        #!html         the lines below are shown as HTML
        #!javascript   the lines below run in the page
        #!markdown     the lines below are shown as Markdown
        #!value        --name NAME: the lines below are a text that #!share gives out, --from value
        #!share        --from csharp NAME: the other language's variable is one here; --as OTHER renames it
        #!set          --name NAME --value @csharp:OTHER, or a number or text: the same
        #!lsmagic      this list
        """;

    private static readonly Dictionary<string, string> Languages = new()
    {
        ["csharp"] = "csharp",
        ["c#"] = "csharp",
        ["cs"] = "csharp",
        ["fsharp"] = "fsharp",
        ["f#"] = "fsharp",
        ["fs"] = "fsharp",
        ["value"] = "value",
        ["html"] = "html",
        ["javascript"] = "javascript",
        ["js"] = "javascript",
        ["markdown"] = "markdown",
        ["md"] = "markdown",
    };

    /// <summary>The language that a line like <c>#!fsharp</c> turns to; null for any other line.</summary>
    public static string? LanguageOf(string line) => Command().IsMatch(line) ? Languages.GetValueOrDefault(Name(line)) : null;

    /// <exception cref="UserException">An unknown command.</exception>
    public static CellSource Parse(string source, string cell)
    {
        var parts = new List<CellPart>();
        var feeds = new List<string>();
        var (timed, lists) = (false, false);
        var (language, named) = ("csharp", (string?)null);
        var lines = new List<string>();
        var all = source.ReplaceLineEndings("\n").Split('\n');
        for (var i = 0; i < all.Length; i++)
        {
            if (Feed().Match(all[i]) is { Success: true } feed)
            {
                feeds.Add(feed.Groups["source"].Value);
                lines.Add("");
                continue;
            }

            if (!Command().IsMatch(all[i]))
            {
                lines.Add(all[i]);
                continue;
            }

            lines.Add("");
            var name = Name(all[i]);
            if (Languages.TryGetValue(name, out var next))
            {
                Finish();
                (language, named) = (next, next == "value" ? SharedValue.NameOf(all[i], Where(i)) : null);
                Blank(i + 1);
            }
            else if (name is "share" or "set")
            {
                Finish();
                parts.Add(SharedValue.Parse(all[i], language, i + 1, Where(i)));
                Blank(i + 1);
            }
            else if (name == "time")
            {
                timed = true;
            }
            else if (name == "lsmagic")
            {
                lists = true;
            }
            else
            {
                var known = Commands.Split('\n').Select(line => line.Split(' ')[0]).ToList();
                throw new UserException($"{Where(i)}: there is no command #!{name}; known are {string.Join(", ", known[..^1])} and {known[^1]}.");
            }
        }

        Finish();
        return new CellSource(parts, timed, feeds, lists);

        void Finish()
        {
            if (lines.Any(line => !string.IsNullOrWhiteSpace(line)))
                parts.Add(new CodePart(language, string.Join('\n', lines), named));
            lines.Clear();
        }

        void Blank(int count) => lines.AddRange(Enumerable.Repeat("", count));

        string Where(int line) => $"{cell}, line {line + 1}";
    }

    private static string Name(string command) => command.Trim()[2..].Split(' ')[0].ToLowerInvariant();

    [GeneratedRegex(@"^\s*#![A-Za-z]")]
    private static partial Regex Command();

    [GeneratedRegex("""^\s*#i\s+"nuget:\s*(?<source>[^"]+)"\s*$""")]
    private static partial Regex Feed();
}
