using System.Text.RegularExpressions;

namespace LTHKit.Notebook.Execution;

/// <summary>A run of lines of a cell in one language.</summary>
/// <param name="Language">csharp, html, javascript or markdown.</param>
/// <param name="Code">The lines, with empty ones in front so that line numbers are the cell's.</param>
internal sealed record CellPart(string Language, string Code);

/// <summary>A cell taken apart by its <c>#!</c> lines, as .NET Interactive writes them.</summary>
internal sealed partial record CellSource(IReadOnlyList<CellPart> Parts, bool Timed, IReadOnlyList<string> Feeds, bool ListsCommands)
{
    /// <summary>What may stand behind <c>#!</c>, for a person.</summary>
    public const string Commands =
        """
        #!time         tells how long the cell took
        #!csharp       the lines below are C#
        #!html         the lines below are shown as HTML
        #!javascript   the lines below run in the page
        #!markdown     the lines below are shown as Markdown
        #!lsmagic      this list
        """;

    private static readonly Dictionary<string, string> Languages = new()
    {
        ["csharp"] = "csharp",
        ["c#"] = "csharp",
        ["cs"] = "csharp",
        ["html"] = "html",
        ["javascript"] = "javascript",
        ["js"] = "javascript",
        ["markdown"] = "markdown",
        ["md"] = "markdown",
    };

    /// <summary>Whether some of the lines are not C#.</summary>
    public static bool HasOtherLanguages(string source) => source.Split('\n')
        .Any(line => Command().IsMatch(line) && Languages.TryGetValue(Name(line), out var language) && language != "csharp");

    /// <exception cref="UserException">An unknown command.</exception>
    public static CellSource Parse(string source, string cell)
    {
        var parts = new List<CellPart>();
        var feeds = new List<string>();
        var (timed, lists) = (false, false);
        var language = "csharp";
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
                language = next;
                lines.AddRange(Enumerable.Repeat("", i + 1));
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
                throw new UserException(
                    $"{cell}, line {i + 1}: there is no command #!{name}; known are #!time, #!csharp, #!html, #!javascript, #!markdown and #!lsmagic.");
            }
        }

        Finish();
        return new CellSource(parts, timed, feeds, lists);

        void Finish()
        {
            if (lines.Any(line => !string.IsNullOrWhiteSpace(line)))
                parts.Add(new CellPart(language, string.Join('\n', lines)));
            lines.Clear();
        }
    }

    private static string Name(string command) => command.Trim()[2..].Split(' ')[0].ToLowerInvariant();

    [GeneratedRegex(@"^\s*#![A-Za-z]")]
    private static partial Regex Command();

    [GeneratedRegex("""^\s*#i\s+"nuget:\s*(?<source>[^"]+)"\s*$""")]
    private static partial Regex Feed();
}
