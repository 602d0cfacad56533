using System.Formats.Tar;
using System.IO.Compression;

namespace LTHKit.Data;

/// <summary>Lists and fetches the official archives of the data sets.</summary>
internal static class DataArchives
{
    public static IReadOnlyList<DataArchive> All { get; } =
    [
        new("cifar-10", new("https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"), 170_052_171, "c32a1d4ab5d03f1284b67883e8d87530",
            "stated by the authors", "cifar-10-batches-bin", "test_batch.bin", Cifar.Ten.Read),
        new("cifar-100", new("https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz"), 168_513_733, "03b5dce01913d631647c71ecec9e9cb8",
            "stated by the authors", "cifar-100-binary", "test.bin", Cifar.Hundred.Read),
        new(TinyImageNet.Name, new("http://cs231n.stanford.edu/tiny-imagenet-200.zip"), 248_100_043, "90528d7ca1a48142e341f4ef8d21d0de",
            "the authors state none; the one that public loaders agree on", "tiny-imagenet-200", TinyImageNet.ClassFile, TinyImageNet.Read),
    ];

    public static DataArchive Find(string set) => All.FirstOrDefault(archive => archive.Set == set)
        ?? throw new UserException($"There is no archive for '{set}'; choose one of {string.Join(", ", All.Select(archive => archive.Set))}.");

    /// <summary>
    /// Fetches, checks and unpacks an archive, and gives the set's folder. An interrupted download goes on where it stopped; an archive that already lies
    /// in <paramref name="dataDir"/> is used; the folder appears whole or not at all; one that is there already stays as it is.
    /// </summary>
    public static async Task<string> Get(DataArchive archive, string dataDir, Uri? mirror = null, Action<string>? progress = null,
        CancellationToken cancel = default)
    {
        if (mirror is { Scheme: not ("http" or "https") })
            throw new UserException($"The mirror {mirror} is not a web address; give one that begins with http:// or https://.");
        var root = Path.GetFullPath(dataDir);
        var target = DataFolder.Find(archive.Folder, archive.Marker, root) ?? Path.Combine(root, archive.Folder);
        if (target == root)
            root = Path.GetDirectoryName(root)!;
        if (Directory.Exists(target))
            return target;
        try
        {
            Directory.CreateDirectory(root);
            using var alone = AtomicFile.Hold(Path.Combine(root, $".{archive.Folder}.lock"), FileOptions.DeleteOnClose)
                ?? throw new UserException($"Another process is fetching {archive.Set} into {root}; wait for it.");
            if (Directory.Exists(target))       // another was faster
                return target;
            var kept = File.Exists(Path.Combine(root, archive.File));
            var file = await new ArchiveDownload(archive, progress, cancel).Fetch(root, mirror);
            var unpacking = Path.Combine(root, $".{archive.Folder}.unpacking");
            Remove(unpacking);
            using var after = new Ending(() => Remove(unpacking));
            progress?.Invoke($"unpacking {archive.File}");
            await Unpack(file, Directory.CreateDirectory(unpacking).FullName, cancel);
            Directory.Move(Path.Combine(unpacking, archive.Folder), target);
            if (!kept)
                File.Delete(file);
            return target;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserException($"{root} cannot be written ({e.Message.TrimEnd('.')}); free some space or choose another folder.", e);
        }
    }

    private static async Task Unpack(string file, string folder, CancellationToken cancel)
    {
        if (file.EndsWith(".zip", StringComparison.Ordinal))
            await ZipFile.ExtractToDirectoryAsync(file, folder, cancel);
        else
        {
            await using var plain = new GZipStream(File.OpenRead(file), CompressionMode.Decompress);
            await TarFile.ExtractToDirectoryAsync(plain, folder, overwriteFiles: false, cancel);
        }
    }

    private static void Remove(string folder)
    {
        if (Directory.Exists(folder))
            Directory.Delete(folder, recursive: true);
    }
}

/// <summary>
/// One official archive: an MD5 checksum in lower-case hexadecimal, who states it, the one folder that the archive holds, a file in that, and
/// what reads them.
/// </summary>
internal sealed record DataArchive(string Set, Uri Address, long Bytes, string Md5, string Md5Source, string Folder, string Marker,
    Func<DataFolder, RawSet> Reader)
{
    public string File => Path.GetFileName(Address.AbsolutePath);

    /// <summary>What the set's folder in <paramref name="dataDir"/> holds; refuses what is missing, damaged or not of this set.</summary>
    public RawSet Read(string? dataDir) => Reader(new DataFolder(Set, Folder, Marker, dataDir));

    /// <summary>Where it lies on a mirror, a web folder with the same file names; without one, the official address.</summary>
    public Uri At(Uri? mirror) => mirror is null ? Address : new Uri(mirror.AbsoluteUri.TrimEnd('/') + "/" + File);
}
