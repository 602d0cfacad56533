using System.Formats.Tar;
using System.IO.Compression;
using System.Security.Cryptography;
using System.Text;
using LTHKit.Data;
using Xunit;

namespace LTHKit.Tests.Data;

public sealed class DataArchivesTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly ArchiveServer _server = new();
    private readonly List<DataProgress> _progress = [];

    public void Dispose()
    {
        _server.Dispose();
        _folder.Dispose();
    }

    private sealed class Recorder(List<DataProgress> into) : IProgress<DataProgress>
    {
        public void Report(DataProgress value) => into.Add(value);
    }

    /// <summary>An archive that the server has; its official address is elsewhere.</summary>
    private DataArchive Serve(byte[] content, string file = "pictures.tar.gz")
    {
        _server.Files[file] = content;
        return new DataArchive("pictures", new Uri("https://example.org/~them/" + file), content.Length, Convert.ToHexStringLower(MD5.HashData(content)), "", "pictures");
    }

    private Task<string> Get(DataArchive archive) => DataArchives.Get(archive, _folder.Path, _server.Address, new Recorder(_progress));

    private async Task<string> Refusal(DataArchive archive) => (await Assert.ThrowsAsync<UserException>(() => Get(archive))).Message;

    private void OnlyThese(params string[] names) => Assert.Equal(names, Directory.GetFileSystemEntries(_folder.Path).Select(Path.GetFileName).Order());

    private static byte[] Tar(params (string Name, object? What)[] entries)
    {
        using var bytes = new MemoryStream();
        using (var gzip = new GZipStream(bytes, CompressionLevel.Fastest, leaveOpen: true))
        using (var tar = new TarWriter(gzip, TarEntryFormat.Ustar))
            foreach (var (name, what) in entries)
                tar.WriteEntry(what switch
                {
                    null => new UstarTarEntry(TarEntryType.Directory, name),
                    TarEntryType.Fifo => new UstarTarEntry(TarEntryType.Fifo, name),
                    TarEntryType link => new UstarTarEntry(link, name) { LinkName = "/etc/passwd" },
                    byte[] content => new UstarTarEntry(TarEntryType.RegularFile, name) { DataStream = new MemoryStream(content) },
                    _ => new UstarTarEntry(TarEntryType.RegularFile, name) { DataStream = new MemoryStream(Encoding.UTF8.GetBytes($"{what}")) },
                });
        return bytes.ToArray();
    }

    private static byte[] Zip(params (string Name, string? What, int Mode)[] entries)
    {
        using var bytes = new MemoryStream();
        using (var zip = new ZipArchive(bytes, ZipArchiveMode.Create, leaveOpen: true))
            foreach (var (name, what, mode) in entries)
            {
                var entry = zip.CreateEntry(name);
                entry.ExternalAttributes = mode << 16;
                if (what is not null)
                    using (var stream = entry.Open())
                        stream.Write(Encoding.UTF8.GetBytes(what));
            }
        return bytes.ToArray();
    }

    /// <summary>Something that does not compress, so that it can be interrupted half-way.</summary>
    private static byte[] Large()
    {
        var noise = new byte[400_000];
        new Random(1).NextBytes(noise);
        return Tar(("pictures/", null), ("pictures/noise.bin", noise));
    }

    [Fact]
    public async Task FetchesChecksAndUnpacks()
    {
        var folder = await Get(Serve(Tar(("pictures/", null), ("pictures/a.txt", "one"), ("pictures/deep/er/b.txt", "two"))));
        Assert.Equal(_folder.At("pictures"), folder);
        Assert.Equal(("one", "two"), (File.ReadAllText(_folder.At("pictures", "a.txt")), File.ReadAllText(_folder.At("pictures", "deep", "er", "b.txt"))));
        OnlyThese("pictures");
        Assert.Equal(["downloading", "checking", "unpacking"], _progress.Select(progress => progress.Stage.Split(' ')[0]).Distinct());
    }

    [Fact]
    public async Task UnpacksZip()
    {
        await Get(Serve(Zip(("pictures/", null, 0), ("pictures/x/a.txt", "one", 0x81A4)), "pictures.zip"));
        Assert.Equal("one", File.ReadAllText(_folder.At("pictures", "x", "a.txt")));
    }

    [Fact]
    public async Task GoesOnAfterEachInterruption()
    {
        var archive = Serve(Large());
        _server.CutAfter = 150_000;
        await Get(archive);
        Assert.True(File.Exists(_folder.At("pictures", "noise.bin")));
        Assert.Equal(["", "bytes=150000-", "bytes=300000-"], _server.Ranges);
    }

    [Fact]
    public async Task GoesOnNextTimeAfterGivingUp()
    {
        var archive = Serve(Large());
        _server.CutAfter = 50_000;
        Assert.Contains("goes on where it stopped", await Refusal(archive));
        Assert.Equal(200_000, new FileInfo(_folder.At("pictures.tar.gz.part")).Length);
        _server.CutAfter = null;
        _server.Ranges.Clear();
        await Get(archive);
        Assert.Equal(["bytes=200000-"], _server.Ranges);
        OnlyThese("pictures");
    }

    [Fact]
    public async Task StartsAgainWhereTheServerCannotGoOn()
    {
        var archive = Serve(Large());
        _folder.Write("pictures.tar.gz.part", new byte[1000]);
        _server.IgnoreRanges = true;
        await Get(archive);
        OnlyThese("pictures");
    }

    [Fact]
    public async Task AWrongChecksumIsPutAsideAndNotUnpacked()
    {
        var archive = Serve(Large()) with { Md5 = new string('0', 32) };
        var message = await Refusal(archive);
        Assert.Contains("instead of 00000000000000000000000000000000", message);
        Assert.Contains("pictures.tar.gz.bad", message);
        OnlyThese("pictures.tar.gz.bad");
    }

    [Fact]
    public async Task AFileOfAnotherSizeIsNotFetched()
    {
        var archive = Serve(Large()) with { Bytes = 1_000_000 };
        Assert.Contains("offers", await Refusal(archive));
        Assert.DoesNotContain(_progress, progress => progress.Done > 0);
    }

    [Fact]
    public async Task AnAddressWithoutTheFileIsNamed()
    {
        var archive = Serve(Large());
        _server.Files.Clear();
        Assert.Contains("404", await Refusal(archive));
        Assert.Contains("not a web address", (await Assert.ThrowsAsync<UserException>(() => DataArchives.Get(archive, _folder.Path, new Uri("ftp://example.org/")))).Message);
    }

    [Fact]
    public async Task AServerThatIsNotThereIsNamed()
    {
        var archive = Serve(Large());
        var address = _server.Address;
        _server.Dispose();
        Assert.Contains(address.ToString(), await Refusal(archive));
    }

    [Fact]
    public async Task AnArchiveThatIsAlreadyThereIsUsedAndKept()
    {
        var content = Tar(("pictures/a.txt", "one"));
        var archive = Serve(content);
        _server.Files.Clear();
        _folder.Write("pictures.tar.gz", content);
        await Get(archive);
        OnlyThese("pictures", "pictures.tar.gz");
    }

    [Fact]
    public async Task AFolderThatIsAlreadyThereIsLeftAlone()
    {
        _folder.Write("pictures/mine.txt", "mine");
        await Get(Serve(Large()));
        Assert.Equal(["mine.txt"], Directory.GetFileSystemEntries(_folder.At("pictures")).Select(Path.GetFileName));
    }

    // What the message about a missing file tells the user to do works: the folder gets what it lacks and keeps what it has.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task AFolderThatLacksAFileGetsIt(bool named)
    {
        var batch = new byte[10 * 3073];
        var names = new byte[][] { Encoding.UTF8.GetBytes(string.Join('\n', Enumerable.Range(0, 10).Select(i => $"name {i}"))) };
        (string, object?)[] files = [("batches.meta.txt", names[0]), ("test_batch.bin", batch), .. Enumerable.Range(1, 5).Select(i => ($"data_batch_{i}.bin", (object?)batch))];
        var archive = Serve(Tar([.. files.Select(f => ("cifar-10-batches-bin/" + f.Item1, f.Item2))])) with { Set = "cifar-10", Folder = "cifar-10-batches-bin" };
        await Get(archive);
        File.Delete(_folder.At("cifar-10-batches-bin", "data_batch_3.bin"));
        File.WriteAllText(_folder.At("cifar-10-batches-bin", "mine.txt"), "mine");
        if (named)
            Directory.Move(_folder.At("cifar-10-batches-bin"), _folder.At("my cifar"));
        var folder = named ? _folder.At("my cifar") : _folder.At("cifar-10-batches-bin");
        var message = Assert.Throws<UserException>(() => DataSets.Open(new DataSpec { Name = "cifar-10" }, folder)).Message;
        Assert.Contains($"data_batch_3.bin is missing; run `./lthkit data get cifar-10 --data {(named ? $"'{folder}'" : folder)}`", message);
        Assert.Equal(folder, await DataArchives.Get(archive, folder, _server.Address));
        Assert.Equal(batch, File.ReadAllBytes(Path.Combine(folder, "data_batch_3.bin")));
        Assert.True(File.Exists(Path.Combine(folder, "mine.txt")));

        File.WriteAllBytes(Path.Combine(folder, "data_batch_3.bin"), batch[..3073]);
        message = (await Assert.ThrowsAsync<UserException>(() => DataArchives.Get(archive, folder, _server.Address))).Message;
        Assert.Contains("data_batch_3.bin has another size than the official file", message);
        Assert.Equal(3073, new FileInfo(Path.Combine(folder, "data_batch_3.bin")).Length);
    }

    [Theory]
    [InlineData("../evil.txt")]
    [InlineData("/tmp/evil.txt")]
    [InlineData("pictures/../../evil.txt")]
    [InlineData("pictures/./evil.txt")]
    [InlineData("pictures\\..\\evil.txt")]
    [InlineData("elsewhere/evil.txt")]
    public async Task PathsThatEscapeAreRefused(string name)
    {
        var archive = Serve(Tar(("pictures/a.txt", "one"), (name, "evil")));
        Assert.Contains($"holds the entry '{name}'", await Refusal(archive));
        OnlyThese("pictures.tar.gz");
        var zip = Serve(Zip(("pictures/a.txt", "one", 0), (name, "evil", 0)), "pictures.zip");
        Assert.Contains($"holds the entry '{name}'", await Refusal(zip));
        Assert.False(File.Exists(Path.Combine(Path.GetDirectoryName(_folder.Path)!, "evil.txt")));
    }

    [Theory]
    [InlineData(TarEntryType.SymbolicLink)]
    [InlineData(TarEntryType.HardLink)]
    [InlineData(TarEntryType.Fifo)]
    public async Task LinksAndOtherThingsAreRefused(TarEntryType type) =>
        Assert.Contains("neither a file nor a folder", await Refusal(Serve(Tar(("pictures/link", type)))));

    [Fact]
    public async Task LinksInAZipAreRefused() =>
        Assert.Contains("neither a file nor a folder", await Refusal(Serve(Zip(("pictures/link", "/etc/passwd", 0xA1FF)), "pictures.zip")));

    [Fact]
    public async Task ADamagedArchiveWithTheRightChecksumIsRefused()
    {
        var content = Large();
        Assert.Contains("is damaged", await Refusal(Serve(content[..^5000])));
        Assert.False(Directory.Exists(_folder.At("pictures")));
        Assert.Contains("is damaged", await Refusal(Serve([1, 2, 3, 4], "pictures.zip")));
        Assert.Contains("is empty", await Refusal(Serve(Zip(), "other.zip")));
    }

    [Fact]
    public async Task AFullDiskIsOneSentence()
    {
        if (!File.Exists("/dev/full"))
            return;
        File.CreateSymbolicLink(_folder.At("pictures.tar.gz.part"), "/dev/full");
        Assert.Contains("free some space or choose another folder", await Refusal(Serve(Large())));
    }

    [Fact]
    public async Task AFolderThatCannotBeMadeIsOneSentence()
    {
        _folder.Write("file", "");
        var e = await Assert.ThrowsAsync<UserException>(() => DataArchives.Get(Serve(Large()), _folder.At("file", "below"), _server.Address));
        Assert.Contains("cannot be written", e.Message);
    }

    [Fact]
    public async Task TwoAtOnceDoNotMix()
    {
        var archive = Serve(Large());
        using (new FileStream(_folder.At(".pictures.lock"), FileMode.Create, FileAccess.ReadWrite, FileShare.None))
            Assert.Contains("Another process", await Refusal(archive));
        await Get(archive);
    }

    [Fact]
    public void KnowsTheOfficialArchives()
    {
        Assert.Equal(DataSets.Names.Skip(1), DataArchives.All.Select(archive => archive.Set));
        Assert.All(DataArchives.All, archive => Assert.Matches("^[0-9a-f]{32}$", archive.Md5));
        Assert.Equal("http://localhost:1/here/cifar-100-binary.tar.gz", DataArchives.Find("cifar-100").At(new Uri("http://localhost:1/here/")).ToString());
        Assert.Contains("cifar-10", Assert.Throws<UserException>(() => DataArchives.Find("mnist")).Message);
    }
}
