using System.Text.Json.Nodes;
using LTHKit.Notebook.Document;

namespace LTHKit.Cli;

/// <summary>The notebooks of the checkout, and running one with what a terminal wants to see.</summary>
internal static class Notebooks
{
    /// <summary>The notebooks that reproduce figures, in their order; not what Jupyter calls a copy, nor what cannot be read.</summary>
    public static IReadOnlyList<FigureNotebook> All()
        => [.. Directory.GetFiles(Path.Combine(Checkout.Root, "notebooks"), "*.ipynb").Where(path => !Path.GetFileName(path).Contains("-Copy")).Order(StringComparer.Ordinal).Select(Read).OfType<FigureNotebook>()];

    /// <summary>Reads notebooks, all of them before something is made of the first; what is made is called like them.</summary>
    public static IReadOnlyList<NotebookDocument> Load(IReadOnlyList<string> paths, bool inPlace = false)
        => paths.GroupBy(path => inPlace ? Path.GetFullPath(path) : Path.GetFileName(path)).FirstOrDefault(same => same.Count() > 1) is { } twice
            ? throw new UserException($"{twice.Key} is given twice, and what is made of the one would take the other's place: give each by itself, with an --out of its own.")
            : [.. paths.Select(NotebookDocument.Load)];

    /// <summary>Refuses a folder in which a copy, by whatever links, would take the place of one of the notebooks themselves.</summary>
    public static void RefuseTheirOwn(string output, IReadOnlyList<string> paths)
    {
        if (paths.Select(path => Path.Combine(output, Path.GetFileName(path))).Where(File.Exists).FirstOrDefault(copy => paths.Select(WithoutLinks).Contains(WithoutLinks(copy))) is { } own)
            throw new UserException($"{own} is the notebook itself, whose place the executed one would take: give another --out.");
    }

    /// <summary>Runs a notebook into a folder.</summary>
    public static async Task<RunOutcome> Run(string notebook, string output, IReadOnlyDictionary<string, string> parameters, CancellationToken cancel)
    {
        var outcome = await NotebookRunner.RunAsync(notebook, output, parameters, Console.Error, !Console.IsErrorRedirected, cancellation: cancel);
        if (outcome.Interrupted)
        {
            Console.Error.WriteLine($"lthkit: what was reached is kept in {outcome.Notebook}.");
            throw new OperationCanceledException(cancel);
        }
        if (outcome.Error is { } error)
            throw new UserException($"{Path.GetFileName(notebook)}: {string.Join(' ', error.Message.Split('\n', StringSplitOptions.TrimEntries)).TrimEnd('.')}. What was reached is kept in {outcome.Notebook}.");
        return outcome;
    }

    /// <summary>Says what a run left behind, and shows its tables.</summary>
    public static void Describe(RunOutcome outcome, TextWriter writer)
    {
        foreach (var table in outcome.Tables)
        {
            writer.WriteLine();
            writer.WriteLine(Path.GetFileNameWithoutExtension(table));
            Text.Table(writer, [.. File.ReadLines(table).Select(Text.CsvRow)]);
        }
        writer.WriteLine();
        if (outcome.Exercises.Count > 0)
            writer.WriteLine($"{outcome.Exercises.Count(e => e.Right)} of {outcome.Exercises.Count} exercises right"
                + string.Concat(outcome.Exercises.Where(e => !e.Right).Select((e, i) => $"{(i == 0 ? "; not yet: " : ", ")}{e.Id}")));
        foreach (var file in (IEnumerable<string>)[outcome.Html, outcome.Notebook, .. outcome.Tables])
            writer.WriteLine(Path.GetRelativePath(Environment.CurrentDirectory, file));
    }

    private static string WithoutLinks(string path)
    {
        if (Path.GetDirectoryName(path = Path.GetFullPath(path)) is not { } folder)
            return path;
        FileInfo there = new(Path.Combine(WithoutLinks(folder), Path.GetFileName(path)));
        return there.ResolveLinkTarget(returnFinalTarget: true) is { } target ? WithoutLinks(target.FullName) : there.FullName;
    }

    private static FigureNotebook? Read(string path)
    {
        try
        {
            var kit = NotebookDocument.Load(path).Kit;
            return new(path, [.. (kit?["figures"] as JsonArray ?? []).Select(f => f!.GetValue<string>())], kit?["headline"]?.GetValue<bool>() ?? false);
        }
        catch (UserException e)
        {
            Console.Error.WriteLine($"lthkit: passed over: {e.Message}");
            return null;
        }
    }
}

/// <summary>A notebook and the figures that it reproduces.</summary>
internal sealed record FigureNotebook(string Path, IReadOnlyList<string> Figures, bool Headline)
{
    public string Name => System.IO.Path.GetFileNameWithoutExtension(Path);
}
