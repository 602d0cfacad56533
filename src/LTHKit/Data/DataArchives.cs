using System.Formats.Tar;
using System.IO.Compression;

namespace LTHKit.Data;

/// <summary>Lists, fetches and verifies the official archives of the data sets.</summary>
internal static class DataArchives
{
    public static IReadOnlyList<DataArchive> All { get; } =
    [
        new("cifar-10", new("https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"), 170_052_171, "c32a1d4ab5d03f1284b67883e8d87530",
            "stated by the authors", "cifar-10-batches-bin", "test_batch.bin", (folder, _, _) => Cifar.Ten.Read(folder)),
        new("cifar-100", new("https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz"), 168_513_733, "03b5dce01913d631647c71ecec9e9cb8",
            "stated by the authors", "cifar-100-binary", "test.bin", (folder, _, _) => Cifar.Hundred.Read(folder)),
        new(TinyImageNet.Name, new("http://cs231n.stanford.edu/tiny-imagenet-200.zip"), 248_100_043, "90528d7ca1a48142e341f4ef8d21d0de",
            "the authors state none; the one that public loaders agree on", "tiny-imagenet-200", TinyImageNet.ClassFile, TinyImageNet.Read),
    ];

    public static DataArchive Find(string set) => All.FirstOrDefault(archive => archive.Set == set)
        ?? throw new UserException($"There is no archive for '{set}'; choose one of {string.Join(", ", All.Select(archive => archive.Set))}.");

    /// <summary>
    /// Fetches, checks and unpacks an archive, and gives the set's folder. An interrupted download goes on where it stopped; an archive that already lies
    /// in <paramref name="dataDir"/> is used; the folder appears whole or not at all; one that is there already gets the files that it lacks.
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
        if (Directory.Exists(target) && IsWhole(archive, target))
            return target;
        try
        {
            Directory.CreateDirectory(root);
            using var alone = AtomicFile.Hold(Path.Combine(root, $".{archive.Folder}.lock"), FileOptions.DeleteOnClose)
                ?? throw new UserException($"Another process is fetching {archive.Set} into {root}; wait for it.");
            var kept = File.Exists(Path.Combine(root, archive.File));
            var file = await new ArchiveDownload(archive, progress, cancel).Fetch(root, mirror);
            var unpacking = Path.Combine(root, $".{archive.Folder}.unpacking");
            Remove(unpacking);
            using var after = new Ending(() => Remove(unpacking));
            progress?.Invoke($"unpacking {archive.File}");
            await Unpack(file, Directory.CreateDirectory(unpacking).FullName, cancel);
            var unpacked = Path.Combine(unpacking, archive.Folder);
            if (Directory.Exists(target))
                Fill(unpacked, target);
            else
                Directory.Move(unpacked, target);
            if (!kept)
                File.Delete(file);
            return target;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserException($"{root} cannot be written ({e.Message.TrimEnd('.')}); free some space or choose another folder.", e);
        }
    }

    /// <summary>Reads every file of a data set in <paramref name="dataDir"/> and compares layout and counts with the official ones.</summary>
    public static RawSet Verify(string set, string dataDir, Action<string>? progress = null)
    {
        var found = Find(set).Read(dataDir, progress: progress);
        return found with { Differences = [.. found.Differences, .. Balance(found.Train, "training"), .. Balance(found.Test, set == TinyImageNet.Name ? "validation" : "test")] };

        IEnumerable<string> Balance(RawImages images, string part)
        {
            int[] counts = [.. Enumerable.Range(0, found.ClassNames.Count).Select(label => images.Labels.Count(l => l == label))];
            if (counts.Min() != counts.Max())
                yield return $"The {part} images are {counts.Min():N0} to {counts.Max():N0} a class, not equally many.";
        }
    }

    private static bool IsWhole(DataArchive archive, string folder)
    {
        try
        {
            return archive.Read(folder, decode: false).Differences.Count == 0;
        }
        catch (UserException)
        {
            return false;
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

    /// <summary>Moves the files that <paramref name="folder"/> lacks there; one of another size is left alone and named.</summary>
    private static void Fill(string official, string folder)
    {
        string? other = null;
        foreach (var file in new DirectoryInfo(official).GetFiles("*", SearchOption.AllDirectories))
        {
            var place = new FileInfo(Path.Combine(folder, Path.GetRelativePath(official, file.FullName)));
            if (!place.Exists)
            {
                place.Directory!.Create();
                file.MoveTo(place.FullName);
            }
            else if (place.Length != file.Length)
                other ??= place.FullName;
        }
        if (other is not null)
            throw new UserException($"{other} has another size than the official file, so that it was left alone; remove it and run the same command "
                + "again to have the official one.");
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
    Func<DataFolder, bool, Action<string>?, RawSet> Reader)
{
    public string File => Path.GetFileName(Address.AbsolutePath);

    /// <summary>What the set's folder in <paramref name="dataDir"/> holds; refuses what is missing, damaged or not of this set.</summary>
    /// <param name="dataDir">As <see cref="DataFolder"/> has it.</param>
    /// <param name="decode">Whether pixels are wanted too that take long to decode.</param>
    /// <param name="progress">Is told how far that is.</param>
    public RawSet Read(string? dataDir, bool decode = true, Action<string>? progress = null) => Reader(new DataFolder(Set, Folder, Marker, dataDir), decode, progress);

    /// <summary>Where it lies on a mirror, a web folder with the same file names; without one, the official address.</summary>
    public Uri At(Uri? mirror) => mirror is null ? Address : new Uri(mirror.AbsoluteUri.TrimEnd('/') + "/" + File);
}
