namespace LTHKit.Notebook.Running;

/// <summary>What to run and where its results go.</summary>
/// <param name="OutputFolder">The folder of the executed notebook, its page and its tables; null for the notebook's own.</param>
/// <param name="Parameters">Values for names declared in the cell tagged <c>parameters</c>, as text.</param>
/// <param name="WriteHtml">Whether a page is written beside the executed notebook.</param>
/// <param name="Terminal">Where progress and what the cells print are shown; null for nowhere.</param>
/// <param name="TerminalOverwrites">Whether lines there may be overwritten.</param>
internal sealed record RunOptions(string Input, string? OutputFolder = null, IReadOnlyDictionary<string, string>? Parameters = null,
    bool WriteHtml = true, TextWriter? Terminal = null, bool TerminalOverwrites = false)
{
    /// <summary>How long a cancelled cell has to come to an end before it is left behind.</summary>
    public TimeSpan Grace { get; init; } = TimeSpan.FromSeconds(30);
}

/// <summary>What a run left behind.</summary>
internal sealed record RunOutcome(
    string Notebook, string? Html, IReadOnlyList<string> Tables, Hosting.CellError? Error, bool Interrupted, IReadOnlyList<(string Id, bool Right)> Exercises)
{
    /// <summary>Whether every cell ran to its end.</summary>
    public bool Ok => Error is null;
}
