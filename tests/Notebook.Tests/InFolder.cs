namespace LTHKit.Notebook.Tests;

/// <summary>Tests that have a folder of their own.</summary>
public abstract class InFolder : IDisposable
{
    protected string Folder { get; } = Directory.CreateTempSubdirectory("lthkit-test-").FullName;

    /// <summary>Where what is run leaves its outputs.</summary>
    protected string Output => Path.Combine(Folder, "out");

    public void Dispose() => Directory.Delete(Folder, recursive: true);

    /// <summary>Writes in.ipynb of cells c0, c1, ...; those that begin with a heading are Markdown.</summary>
    protected string Write(params IEnumerable<string> cells) => Write([.. cells.Select(source => (source, Array.Empty<string>()))]);

    protected string Write(params (string Source, string[] Tags)[] cells)
    {
        var notebook = TestNotebook.Empty();
        foreach (var (i, (source, tags)) in cells.Index())
            notebook.Add(source.StartsWith("# ", StringComparison.Ordinal) ? "markdown" : "code", $"c{i}", source, tags);
        return Saved(notebook);
    }

    private protected string Saved(NotebookDocument notebook)
    {
        var path = Path.Combine(Folder, "in.ipynb");
        notebook.Save(path);
        return path;
    }
}
