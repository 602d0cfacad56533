using LTHKit.Storage;

namespace LTHKit.Tests.Experiments;

public sealed class StoreTests : InLab
{
    // What another libtorch made is another folder: not taken, not touched, told of.
    [Fact]
    public void RunsThatAnotherMadeAreNeitherTakenNorLost()
    {
        _lab.Run("one", [Tiny.Spec]);
        var others = Folder.At(Tiny.Spec.Id + "-kit-2-libtorch-1.13.0-cpu");
        Directory.Move(_lab.Store.Folder(Tiny.Spec).Path, others);
        Assert.Null(_lab.Store.Find(Tiny.Spec));
        Assert.Equal(["kit-2-libtorch-1.13.0-cpu"], _lab.Store.OtherMakers(Tiny.Spec));
        var files = Directory.GetFiles(others).ToDictionary(f => f, File.ReadAllBytes);
        var again = _lab.Run("again", [Tiny.Spec])[0];
        Assert.StartsWith($"kit {RunStore.Algorithms}, libtorch {Libtorch.Version}, cpu, ", again.Made);
        Assert.All(files, file => Assert.Equal(file.Value, File.ReadAllBytes(file.Key)));
        Assert.Matches(@"^\d+\.\d+\.\d+", Libtorch.Version);
    }

    [Fact]
    public void SafeTensorsAreTheFormatThatOthersRead()
    {
        // The layout by hand: header length, JSON, data.
        var path = Folder.At("t.safetensors");
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
    [System.Runtime.Versioning.SupportedOSPlatform("linux")]
    public void ALinkStaysOneAndAFileKeepsItsMode()
    {
        var (path, link) = (Folder.At("real.txt"), Folder.At("links/first"));
        File.WriteAllText(path, "old");
        const UnixFileMode Mode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.GroupWrite;
        File.SetUnixFileMode(path, Mode);
        Directory.CreateDirectory(Folder.At("links"));
        File.CreateSymbolicLink(link, "second");
        File.CreateSymbolicLink(Folder.At("links/second"), "../real.txt");
        AtomicFile.WriteText(link, "new");
        Assert.Equal(("new", Mode, "second"), (File.ReadAllText(path), File.GetUnixFileMode(path), new FileInfo(link).LinkTarget));
        File.Delete(path);
        AtomicFile.WriteText(link, "anew");
        Assert.Equal("anew", File.ReadAllText(path));
    }

    [Fact]
    public void AFullOrUnwritableDiskIsOneSentenceAndKeepsTheOldFile()
    {
        var path = Folder.At("kept.txt");
        AtomicFile.WriteText(path, "old");
        var failure = Assert.Throws<UserException>(() => AtomicFile.Write(path, _ => throw new IOException("No space left on device")));
        Assert.Contains("cannot be written", failure.Message);
        Assert.Equal("old", File.ReadAllText(path));
        Assert.Single(Directory.GetFiles(Store));
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
        using var back = new Ending(() => Set(before, here));
        Set("mine", Path.GetTempPath());
        Assert.Equal(Path.Combine(Path.GetTempPath(), "mine"), RunStore.Default().Root);

        static void Set(string? runs, string? folder)
        {
            Environment.SetEnvironmentVariable("LTHKIT_RUNS", runs);
            Environment.SetEnvironmentVariable("PWD", folder);
        }
    }
}
