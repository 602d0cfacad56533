namespace LTHKit.Cli;

/// <summary>Lists in sentences.</summary>
internal static class Text
{
    /// <summary>"a, b and c".</summary>
    public static string And(IEnumerable<string> items) => Join(items, "and");

    /// <summary>"a, b or c".</summary>
    public static string Or(IEnumerable<string> items) => Join(items, "or");

    private static string Join(IEnumerable<string> items, string word)
    {
        var list = items.ToList();
        return list.Count < 2 ? string.Concat(list) : $"{string.Join(", ", list[..^1])} {word} {list[^1]}";
    }
}
