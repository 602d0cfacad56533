using LTHKit.Notebook.Hosting;

namespace LTHKit.Notebook.Tests;

/// <summary>The kernels in a folder of its own, and what their cells put out.</summary>
internal sealed class Session : IDisposable
{
    private readonly string _before = Environment.CurrentDirectory;
    private readonly NotebookHost _host;
    private int _number;

    public Session(TimeSpan? grace = null)
    {
        Folder = Environment.CurrentDirectory = Directory.CreateTempSubdirectory("lthkit-notebook-").FullName;
        _host = new NotebookHost { Grace = grace ?? TimeSpan.FromSeconds(5) };
    }

    public string Folder { get; }

    public async Task<Outputs> Run(string code, CancellationToken cancellation = default)
    {
        var all = new List<CellOutput>();
        var error = await _host.RunAsync(code, ++_number, all.Add, cancellation);
        return new Outputs(all, error);
    }

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
