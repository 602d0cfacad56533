using System.Formats.Tar;
using System.IO.Compression;
using System.Security.Cryptography;
using System.Text;

namespace LTHKit.Tests.Data;

public sealed class DataArchivesTests : InFolder
{
    private readonly ArchiveServer _server = new();
    private readonly List<string> _progress = [];

    public override void Dispose()
    {
        _server.Dispose();
        base.Dispose();
    }

    /// <summary>An archive that the server has; its official address is elsewhere.</summary>
    private DataArchive Serve(byte[] content, string file = "pictures.tar.gz")
    {
        _server.Files[file] = content;
        return new("pictures", new("https://example.org/~them/" + file), content.Length, Convert.ToHexStringLower(MD5.HashData(content)), "", "pictures", "none",
            _ => new([], RawImages.Blank([], 1), RawImages.Blank([], 1), []));
    }

    private Task<string> Get(DataArchive archive, string? folder = null, string? mirror = null)
        => DataArchives.Get(archive, folder ?? Folder.Path, mirror is null ? _server.Address : new(mirror), _progress.Add);

    private async Task<string> Refusal(DataArchive archive, string? folder = null, string? mirror = null)
        => (await Assert.ThrowsAsync<UserException>(() => Get(archive, folder, mirror))).Message;

    private void OnlyThese(params string[] names) => Assert.Equal(names, Directory.GetFileSystemEntries(Folder.Path).Select(Path.GetFileName).Order());

    private static byte[] Tar(params (string Name, byte[] Content)[] files)
    {
        using var bytes = new MemoryStream();
        using (var gzip = new GZipStream(bytes, CompressionLevel.Fastest, leaveOpen: true))
        using (var tar = new TarWriter(gzip, TarEntryFormat.Ustar))
            foreach (var (name, content) in files)
                tar.WriteEntry(new UstarTarEntry(TarEntryType.RegularFile, name) { DataStream = new MemoryStream(content) });
        return bytes.ToArray();
    }

    private static byte[] Zip(string name, byte[] content)
    {
        using var bytes = new MemoryStream();
        using (var zip = new ZipArchive(bytes, ZipArchiveMode.Create, leaveOpen: true))
        using (var stream = zip.CreateEntry(name).Open())
            stream.Write(content);
        return bytes.ToArray();
    }

    /// <summary>Something that does not compress, so that it can be interrupted half-way.</summary>
    private static byte[] Large()
    {
        var noise = new byte[400_000];
        new Random(1).NextBytes(noise);
        return Tar(("pictures/noise.bin", noise));
    }

    [Theory]
    [InlineData("pictures.tar.gz")]
    [InlineData("pictures.zip")]
    public async Task FetchesChecksAndUnpacks(string file)
    {
        var archive = Serve(file.EndsWith("zip") ? Zip("pictures/deep/er/a.txt", "one"u8.ToArray()) : Tar(("pictures/deep/er/a.txt", "one"u8.ToArray())), file);
        Assert.Equal(Folder.At("pictures"), await Get(archive));
        Assert.Equal("one", File.ReadAllText(Folder.At("pictures", "deep", "er", "a.txt")));
        OnlyThese("pictures");
        Assert.Equal(["downloading", "checking", "unpacking"], _progress.Select(said => said.Split(' ')[0]).Distinct());
    }

    [Fact]
    public async Task GoesOnAfterEachInterruption()
    {
        var archive = Serve(Large());
        _server.CutAfter = 150_000;
        await Get(archive);
        Assert.True(File.Exists(Folder.At("pictures", "noise.bin")));
        Assert.Equal(["", "bytes=150000-", "bytes=300000-"], _server.Ranges);
    }

    [Fact]
    public async Task GoesOnNextTimeAfterGivingUp()
    {
        var archive = Serve(Large());
        _server.CutAfter = 50_000;
        Assert.Contains("goes on where it stopped", await Refusal(archive));
        Assert.Equal(200_000, new FileInfo(Folder.At("pictures.tar.gz.part")).Length);
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
        Folder.Write("pictures.tar.gz.part", new byte[1000]);
        _server.IgnoreRanges = true;
        await Get(archive);
        OnlyThese("pictures");
    }

    [Fact]
    public async Task AWrongChecksumIsPutAsideAndNotUnpacked()
    {
        Assert.Matches(@"instead of 0{32}.*pictures\.tar\.gz\.bad", await Refusal(Serve(Large()) with { Md5 = new string('0', 32) }));
        OnlyThese("pictures.tar.gz.bad");
    }

    [Fact]
    public async Task AFileOfAnotherSizeIsNotFetched()
    {
        Assert.Contains("offers", await Refusal(Serve(Large()) with { Bytes = 1_000_000 }));
        Assert.Empty(_progress);
    }

    [Fact]
    public async Task AnAddressWithoutTheFileIsNamed()
    {
        var archive = Serve(Large());
        _server.Files.Clear();
        Assert.Contains("404", await Refusal(archive));
        Assert.Contains("not a web address", await Refusal(archive, mirror: "ftp://example.org/"));
        _server.Dispose();
        Assert.Contains(_server.Address.ToString(), await Refusal(archive));
    }

    [Fact]
    public async Task AnArchiveThatIsAlreadyThereIsUsedAndKept()
    {
        var content = Tar(("pictures/a.txt", "one"u8.ToArray()));
        var archive = Serve(content);
        _server.Files.Clear();
        Folder.Write("pictures.tar.gz", content);
        await Get(archive);
        OnlyThese("pictures", "pictures.tar.gz");
    }

    [Fact]
    public async Task AFolderThatIsAlreadyThereIsLeftAlone()
    {
        Folder.Write("pictures/mine.txt", "mine");
        await Get(Serve(Large()));
        Assert.Equal(["mine.txt"], Directory.GetFileSystemEntries(Folder.At("pictures")).Select(Path.GetFileName));
    }

    // What the message about a missing file tells the user to do works, wherever the folder is.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task AFolderThatLacksAFileIsRemovedAndHadAnew(bool named)
    {
        byte[] batch = [.. Enumerable.Range(0, 10 * 3073).Select(i => (byte)(i % 3073 == 0 ? 0 : i))];
        var names = Encoding.UTF8.GetBytes(string.Join('\n', Enumerable.Range(0, 10).Select(i => $"name {i}")));
        (string, byte[])[] files = [("batches.meta.txt", names), ("test_batch.bin", batch), .. Enumerable.Range(1, 5).Select(i => ($"data_batch_{i}.bin", batch))];
        var served = Serve(Tar([.. files.Select(f => ("cifar-10-batches-bin/" + f.Item1, f.Item2))]));
        var archive = DataArchives.Find("cifar-10") with { Address = served.Address, Bytes = served.Bytes, Md5 = served.Md5 };
        await Get(archive);
        File.Delete(Folder.At("cifar-10-batches-bin", "data_batch_3.bin"));
        if (named)
            Directory.Move(Folder.At("cifar-10-batches-bin"), Folder.At("my cifar"));
        var folder = named ? Folder.At("my cifar") : Folder.At("cifar-10-batches-bin");
        ImageSet Open() => DataSets.Open(new DataSpec { Name = "cifar-10" }, folder);
        Assert.Contains($"data_batch_3.bin is missing; move the folder {folder} away and run `./lthkit data get cifar-10 --data {(named ? $"'{folder}'" : folder)}`.",
            Assert.Throws<UserException>(Open).Message);
        Assert.Equal(folder, await Get(archive, folder));
        Assert.Throws<UserException>(Open);

        Directory.Delete(folder, recursive: true);
        await Get(archive, folder);
        Open().Dispose();
    }

    [Fact]
    public async Task AFullDiskAndAFolderThatCannotBeMadeAreOneSentence()
    {
        var archive = Serve(Large());
        if (File.Exists("/dev/full"))
        {
            File.CreateSymbolicLink(Folder.At("pictures.tar.gz.part"), "/dev/full");
            Assert.Contains("free some space or choose another folder", await Refusal(archive));
        }
        Folder.Write("file", "");
        Assert.Contains("cannot be written", await Refusal(archive, Folder.At("file", "below")));
    }

    [Fact]
    public async Task TwoAtOnceDoNotMix()
    {
        var archive = Serve(Large());
        using (new FileStream(Folder.At(".pictures.lock"), FileMode.Create, FileAccess.ReadWrite, FileShare.None))
            Assert.Contains("Another process", await Refusal(archive));
        await Get(archive);
    }

    [Fact]
    public void KnowsTheOfficialArchives()
    {
        Assert.Equal(["synthetic", "cifar-10", "cifar-100", "tiny-imagenet"], DataSets.Names);
        Assert.All(DataArchives.All, archive => Assert.Matches("^[0-9a-f]{32}$", archive.Md5));
        Assert.Equal("http://localhost:1/here/cifar-100-binary.tar.gz", DataArchives.Find("cifar-100").At(new Uri("http://localhost:1/here/")).ToString());
        Assert.Contains("cifar-10", Assert.Throws<UserException>(() => DataArchives.Find("mnist")).Message);
    }
}
