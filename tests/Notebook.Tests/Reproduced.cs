namespace LTHKit.Notebook.Tests;

/// <summary>
/// All notebooks, reproduced once at the smallest profile by the command line, for every test that needs one executed or its runs trained.
/// </summary>
public sealed class Reproduced : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("lthkit-reproduced-").FullName;
    private readonly Lazy<string> _output;

    public Reproduced() => _output = new(() =>
    {
        var output = Path.Combine(_folder, "out");
        Kit.Lthkit(Runs, "reproduce", "all", "--profile", "smoke", "--out", output);
        return output;
    });

    /// <summary>The names of the kit's notebooks, whatever is in their folder.</summary>
    public static IEnumerable<string> All => Directory.GetFiles(Path.Combine(Kit.Root, "notebooks"), "*.ipynb")
        .Select(path => Path.GetFileNameWithoutExtension(path)).Order(StringComparer.Ordinal);

    /// <summary>The same, for theories.</summary>
    public static TheoryData<string> Names => [.. All];

    /// <summary>The folder of executed notebooks, pages and tables. Whoever asks first waits.</summary>
    public string Output => _output.Value;

    /// <summary>The run store.</summary>
    public string Runs => Path.Combine(_folder, "runs");

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}

/// <summary>The tests that share what was reproduced.</summary>
[CollectionDefinition(Name)]
public sealed class ReproducedTests : ICollectionFixture<Reproduced>
{
    public const string Name = "reproduced";
}
