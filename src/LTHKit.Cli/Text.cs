namespace LTHKit.Cli;

/// <summary>Lists and numbers in sentences.</summary>
internal static class Text
{
    /// <summary>"a, b and c".</summary>
    public static string And(IEnumerable<string> items) => Join(items, "and");

    /// <summary>"a, b or c".</summary>
    public static string Or(IEnumerable<string> items) => Join(items, "or");

    /// <summary>"no thing", "1 thing", "2 things".</summary>
    public static string Count(int count, string thing) => count switch { 0 => $"no {thing}", 1 => $"1 {thing}", _ => $"{count} {thing}s" };

    private static string Join(IEnumerable<string> items, string word)
    {
        var list = items.ToList();
        return list.Count < 2 ? string.Concat(list) : $"{string.Join(", ", list[..^1])} {word} {list[^1]}";
    }
}
