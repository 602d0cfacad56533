using LTHKit.Notebook.Execution;

namespace LTHKit.Notebook.Tests;

/// <summary>An engine in a folder of its own, and what its cells put out.</summary>
internal sealed class Session : IDisposable
{
    private readonly CSharpEngine _engine;
    private int _number;

    public Session(TimeSpan? grace = null)
    {
        Folder = Directory.CreateTempSubdirectory("lthkit-notebook-").FullName;
        _engine = new CSharpEngine(Folder, Path.Combine(Folder, "packages")) { Grace = grace ?? TimeSpan.FromSeconds(5) };
    }

    public string Folder { get; }

    public CSharpEngine Engine => _engine;

    public string File(string name, string text)
    {
        var path = Path.Combine(Folder, name);
        System.IO.File.WriteAllText(path, text);
        return path;
    }

    public async Task<Outputs> Run(string code, CancellationToken cancellation = default)
    {
        var all = new List<CellOutput>();
        var error = await _engine.ExecuteAsync(code, ++_number, all.Add, cancellation);
        return new Outputs(all, error);
    }

    public void Dispose()
    {
        _engine.Dispose();
        Directory.Delete(Folder, recursive: true);
    }
}

internal sealed record Outputs(IReadOnlyList<CellOutput> All, ErrorOutput? Error)
{
    public string Out => string.Concat(All.OfType<StreamOutput>().Where(o => o.Name == "stdout").Select(o => o.Text));

    public string Result => Assert.Single(All.OfType<ResultOutput>()).Data["text/plain"];

    public Outputs Good()
    {
        Assert.True(Error is null, Error is null ? "" : string.Join('\n', Error.Traceback));
        return this;
    }
}
