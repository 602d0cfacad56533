using LTHKit.Experiments;
using LTHKit.Models;
using LTHKit.Storage;
using LTHKit.Tests.Models;
using LTHKit.Training;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

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

    [Fact]
    public void RefusesAFolderOfANewerVersion()
    {
        Train();
        var path = _store.Folder(_spec).Spec;
        File.WriteAllText(path, File.ReadAllText(path).Replace("\"format\": 1", "\"format\": 99"));
        Assert.Contains("newer LTHKit", Refused().Message);
    }

    [Fact]
    public void RefusesAFolderOfAnotherRun()
    {
        Train();
        var path = _store.Folder(_spec).Spec;
        File.WriteAllText(path, File.ReadAllText(path).Replace("\"epochs\": 4", "\"epochs\": 5"));
        Assert.Contains("another run", Refused().Message);
    }

    [Theory]
    [InlineData("spec.json")]
    [InlineData("done.json")]
    [InlineData("metrics.jsonl")]
    public void RefusesDamagedFiles(string name)
    {
        Train();
        var path = Path.Combine(_store.Folder(_spec).Path, name);
        File.WriteAllText(path, File.ReadAllText(path)[..30]);
        Assert.Contains("damaged", Refused().Message);
    }

    [Fact]
    public void RefusesADamagedOrForeignCheckpoint()
    {
        Train();
        var folder = _store.Folder(_spec);
        File.Delete(folder.Done);
        var bytes = File.ReadAllBytes(folder.Checkpoint);
        File.WriteAllBytes(folder.Checkpoint, bytes[..(bytes.Length / 2)]);
        Assert.Contains("damaged", Refused().Message);
        SafeTensors.Save(folder.Checkpoint, [("x", ones(2))]);
        Assert.Contains("no LTHKit checkpoint", Refused().Message);
        using var other = Networks.Build(new ModelSpec("resnet18", 8), new InputSpec(5, 16), 0);
        Checkpoint.Save(folder.Checkpoint, other, null, 1);
        Assert.Contains("does not fit", Refused().Message);
    }

    [Fact]
    public void ACheckpointHoldsEveryWeightOnceAndThoseOfBeforeAreRead()
    {
        Train();
        var path = _store.Folder(_spec).Checkpoint;
        using var scope = NewDisposeScope();
        var (tensors, metadata) = SafeTensors.Load(path);
        Assert.DoesNotContain(tensors.Keys, name => name.Split('.').Any(part => part.StartsWith('_')));
        using Network network = Networks.Build(_spec.Model, new InputSpec(5, 16), 0), again = Networks.Build(_spec.Model, new InputSpec(5, 16), 0);
        Checkpoint.Load(path, network);
        // As it was written before: all of state_dict, the shortcuts under two names.
        var doubled = network.state_dict();
        Assert.Contains("layer2.0._shortcut.weight", doubled.Keys);
        SafeTensors.Save(path, doubled.Select(p => (p.Key, p.Value)), metadata);
        Assert.Equal(4, Checkpoint.Load(path, again));
        Assert.Equal(NetworkTests.Bits(network), NetworkTests.Bits(again));
        SafeTensors.Save(path, doubled.Select(p => (p.Key, p.Value)).Append(("layer2.0._other.weight", ones(1))), metadata);
        Assert.Contains("_other", Assert.Throws<UserException>(() => Checkpoint.Load(path, again)).Message);
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
