using LTHKit.Notebook.Hosting;

namespace LTHKit.Notebook.Tests;

/// <summary>Tests that run cells: the kernels in a folder of its own, and what the cells put out.</summary>
public class Session : IDisposable
{
    private readonly string _before = Environment.CurrentDirectory;
    private readonly NotebookHost _host = new() { Grace = TimeSpan.FromMilliseconds(200) };
    private int _number;

    protected string Folder { get; } = Environment.CurrentDirectory = Directory.CreateTempSubdirectory("lthkit-notebook-").FullName;

    internal async Task<Outputs> Run(string code, CancellationToken cancellation = default)
    {
        var all = new List<CellOutput>();
        var error = await _host.RunAsync(code, ++_number, all.Add, cancellation);
        return new Outputs(all, error);
    }

    /// <summary>The result of a cell that runs well.</summary>
    internal async Task<string> Value(string code) => (await Run(code)).Good().Result;

    public void Dispose()
    {
        _host.Dispose();
        Environment.CurrentDirectory = _before;
        Directory.Delete(Folder, recursive: true);
    }
}

internal sealed record Outputs(IReadOnlyList<CellOutput> All, CellError? Error)
{
    public string Out => string.Concat(All.Where(o => o.StreamName == "stdout").Select(o => (string?)o.Content["text"]));

    public string Result => (string)Assert.Single(All, o => o.Type == "execute_result").Data!["text/plain"]!;

    public Outputs Good()
    {
        Assert.True(Error is null, Error is null ? "" : string.Join('\n', Error.Traceback));
        return this;
    }
}
