namespace LTHKit.Tests;

/// <summary>A folder of its own for one test.</summary>
public sealed class TemporaryFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("lthkit-test-").FullName;

    public string At(params string[] parts) => System.IO.Path.Combine([Path, .. parts]);

    public void Write(string path, byte[] content)
    {
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(At(path))!);
        File.WriteAllBytes(At(path), content);
    }

    public void Write(string path, string content) => Write(path, System.Text.Encoding.UTF8.GetBytes(content));

    public void Dispose() => Directory.Delete(Path, recursive: true);
}

/// <summary>Tests that have a folder of their own, which is the run store of those that have one.</summary>
public abstract class InFolder : IDisposable
{
    protected TemporaryFolder Folder { get; } = new();

    protected string Store => Folder.Path;

    public virtual void Dispose() => Folder.Dispose();
}
