namespace LTHKit.Notebook.Tests;

/// <summary>Tests that have a folder of their own.</summary>
public abstract class InFolder : IDisposable
{
    protected string Folder { get; } = Directory.CreateTempSubdirectory("lthkit-test-").FullName;

    public void Dispose() => Directory.Delete(Folder, recursive: true);
}
