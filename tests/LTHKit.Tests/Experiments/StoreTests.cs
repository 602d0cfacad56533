using LTHKit.Storage;
using LTHKit.Tests.Models;

namespace LTHKit.Tests.Experiments;

public sealed class StoreTests : IDisposable
{
    private readonly string _root = Path.Combine(Path.GetTempPath(), $"lthkit-store-{Guid.NewGuid():N}");
    private readonly RunStore _store;
    private readonly RunSpec _spec = Tiny.Spec;

    public StoreTests() => _store = new RunStore(_root);

    public void Dispose()
    {
        if (Directory.Exists(_root))
            Directory.Delete(_root, recursive: true);
    }

    private void Train()
    {
        using var lab = Tiny.Lab(_root);
        lab.Run("one", [_spec]);
    }

    private UserException Refused()
    {
        var before = Snapshot();
        var refusal = Assert.Throws<UserException>(() => Train());
        Assert.Equal(before, Snapshot());      // nothing lost, nothing half-written
        return refusal;
    }

    private Dictionary<string, string> Snapshot() => Directory.GetFiles(_root, "*", SearchOption.AllDirectories).Where(f => Path.GetFileName(f) != "lock")
        .ToDictionary(f => f, f => Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(File.ReadAllBytes(f))));

    // What another libtorch made is another folder: not taken, not touched, told of.
    [Fact]
    public void RunsThatAnotherMadeAreNeitherTakenNorLost()
    {
        Train();
        var (mine, others) = (_store.Folder(_spec).Path, Path.Combine(_root, _spec.Id + "-kit-2-libtorch-1.13.0-cpu"));
        Directory.Move(mine, others);
        Assert.Null(_store.Find(_spec));
        Assert.Equal(["kit-2-libtorch-1.13.0-cpu"], _store.OtherMakers(_spec));
        var files = Directory.GetFiles(others).ToDictionary(f => f, File.ReadAllBytes);
        Train();
        Assert.StartsWith($"kit {RunStore.Algorithms}, libtorch {Libtorch.Version}, cpu, ", _store.Find(_spec)!.Made);
        Assert.All(files, file => Assert.Equal(file.Value, File.ReadAllBytes(file.Key)));
        Assert.Matches(@"^\d+\.\d+\.\d+", Libtorch.Version);
    }

    [Fact]
    public void SafeTensorsAreTheFormatThatOthersRead()
    {
        // The layout by hand: header length, JSON, data.
        Directory.CreateDirectory(_root);
        var path = Path.Combine(_root, "t.safetensors");
        SafeTensors.Save(path, [("a", tensor(new float[] { 1, 2 })), ("b", tensor(new long[] { 3 }))], new Dictionary<string, string> { ["k"] = "v" });
        var bytes = File.ReadAllBytes(path);
        var length = BitConverter.ToInt64(bytes);
        Assert.Equal(0, (8 + length) % 8);
        Assert.Equal("""{"__metadata__":{"k":"v"},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"I64","shape":[1],"data_offsets":[8,16]}}""",
            System.Text.Encoding.UTF8.GetString(bytes, 8, (int)length).TrimEnd());
        Assert.Equal([1f, 2f], new[] { BitConverter.ToSingle(bytes, (int)length + 8), BitConverter.ToSingle(bytes, (int)length + 12) });
        Assert.Equal(3, BitConverter.ToInt64(bytes, (int)length + 16));
    }

    [Fact]
    public void AFullOrUnwritableDiskIsOneSentenceAndKeepsTheOldFile()
    {
        Directory.CreateDirectory(_root);
        var path = Path.Combine(_root, "kept.txt");
        AtomicFile.WriteText(path, "old");
        var failure = Assert.Throws<UserException>(() => AtomicFile.Write(path, _ => throw new IOException("No space left on device")));
        Assert.Contains("cannot be written", failure.Message);
        Assert.Equal("old", File.ReadAllText(path));
        Assert.Single(Directory.GetFiles(_root));
        Assert.Contains("cannot be made", Assert.Throws<UserException>(() => AtomicFile.CreateFolder("/proc/lthkit")).Message);
    }
}

/// <summary>Where runs are kept is told by the environment.</summary>
[Collection(nameof(Alone))]
public sealed class StorePlaceTests
{
    [Fact]
    public void AStoresFolderIsNotTheNotebooks()
    {
        Assert.Equal(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile) + "/runs", new RunStore("~/runs").Root);
        var (before, here) = (Environment.GetEnvironmentVariable("LTHKIT_RUNS"), Environment.GetEnvironmentVariable("PWD"));
        try
        {
            Environment.SetEnvironmentVariable("LTHKIT_RUNS", "mine");
            Environment.SetEnvironmentVariable("PWD", Path.GetTempPath());
            Assert.Equal(Path.Combine(Path.GetTempPath(), "mine"), RunStore.Default().Root);
        }
        finally
        {
            Environment.SetEnvironmentVariable("LTHKIT_RUNS", before);
            Environment.SetEnvironmentVariable("PWD", here);
        }
    }
}
