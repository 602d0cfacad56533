namespace LTHKit.Notebook.Running;

/// <summary>What to run and where its results go.</summary>
internal sealed record RunOptions(string Input)
{
    /// <summary>The folder of the executed notebook, its page and its tables; the notebook's own folder by default.</summary>
    public string? OutputFolder { get; init; }

    /// <summary>Values for names declared in the cell tagged <c>parameters</c>, as text.</summary>
    public IReadOnlyDictionary<string, string> Parameters { get; init; } = new Dictionary<string, string>();

    /// <summary>Whether a page is written beside the executed notebook.</summary>
    public bool WriteHtml { get; init; } = true;

    /// <summary>Where progress and what the cells print are shown; nowhere by default.</summary>
    public TextWriter? Terminal { get; init; }

    /// <summary>Whether lines on <see cref="Terminal"/> may be overwritten.</summary>
    public bool TerminalOverwrites { get; init; }

    /// <summary>How long a cancelled cell has to come to an end before it is left behind.</summary>
    public TimeSpan Grace { get; init; } = TimeSpan.FromSeconds(30);
}

/// <summary>What a run left behind.</summary>
internal sealed record RunOutcome(
    string Notebook, string? Html, IReadOnlyList<string> Tables, Hosting.CellError? Error, bool Interrupted)
{
    /// <summary>Whether every cell ran to its end.</summary>
    public bool Ok => Error is null;
}
