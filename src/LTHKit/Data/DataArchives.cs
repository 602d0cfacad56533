namespace LTHKit.Data;

/// <summary>Lists, fetches and verifies the official archives of the data sets.</summary>
public static class DataArchives
{
    /// <summary>The archives that the kit knows.</summary>
    public static IReadOnlyList<DataArchive> All { get; } =
    [
        new(Cifar.TenName, new("https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"), 170_052_171, "c32a1d4ab5d03f1284b67883e8d87530",
            "stated by the authors", Cifar.Ten.Folder),
        new(Cifar.HundredName, new("https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz"), 168_513_733, "03b5dce01913d631647c71ecec9e9cb8",
            "stated by the authors", Cifar.Hundred.Folder),
        new(TinyImageNet.Name, new("http://cs231n.stanford.edu/tiny-imagenet-200.zip"), 248_100_043, "90528d7ca1a48142e341f4ef8d21d0de",
            "the authors state none; the one that public loaders agree on", TinyImageNet.FolderName),
    ];

    /// <summary>The archive of a data set.</summary>
    /// <exception cref="UserException">There is none.</exception>
    public static DataArchive Find(string set) => All.FirstOrDefault(archive => archive.Set == set)
        ?? throw new UserException($"There is no archive for '{set}'; choose one of {string.Join(", ", All.Select(archive => archive.Set))}.");

    /// <summary>
    /// Fetches, checks and unpacks an archive. An interrupted download goes on where it stopped; an archive that already lies in
    /// <paramref name="dataDir"/> is used; the folder appears whole or not at all; one that is already there gets the files that it lacks, and keeps its own.
    /// </summary>
    /// <param name="archive">Which one.</param>
    /// <param name="dataDir">The folder that will hold <see cref="DataArchive.Folder"/>, or that one itself.</param>
    /// <param name="mirror">A web folder with the same file; null: the official address.</param>
    /// <param name="progress">Told a few times a second how far it is.</param>
    /// <param name="cancel">Stops the work; what was downloaded stays for the next time.</param>
    /// <returns>The data set's folder.</returns>
    /// <exception cref="UserException">
    /// The address cannot be reached, the checksum is wrong, the archive holds what it should not, the folder has another file of the same name, or the disk
    /// cannot be written.
    /// </exception>
    public static async Task<string> Get(DataArchive archive, string dataDir, Uri? mirror = null, IProgress<DataProgress>? progress = null,
        CancellationToken cancel = default)
    {
        if (mirror is not null && mirror.Scheme != Uri.UriSchemeHttp && mirror.Scheme != Uri.UriSchemeHttps)
            throw new UserException($"The mirror {mirror} is not a web address; give one that begins with http:// or https://.");
        var root = Path.GetFullPath(dataDir);
        var marker = archive.Set == TinyImageNet.Name ? TinyImageNet.ClassFile : archive.Set == Cifar.HundredName ? Cifar.Hundred.Test.File : Cifar.Ten.Test.File;
        var target = DataFiles.Find(archive.Folder, marker, root) ?? Path.Combine(root, archive.Folder);
        if (target == root)
            root = Path.GetDirectoryName(root)!;
        if (Directory.Exists(target) && IsWhole(archive.Set, target))
            return target;
        try
        {
            Directory.CreateDirectory(root);
            using var alone = Lock(archive, root);
            var kept = File.Exists(Path.Combine(root, archive.File));
            var file = await ArchiveDownload.Fetch(archive, root, mirror, progress, cancel);
            var unpacking = Path.Combine(root, $".{archive.Folder}.unpacking");
            try
            {
                Remove(unpacking);
                ArchiveUnpack.Unpack(file, archive.Folder, unpacking, progress, cancel);
                if (Directory.Exists(target))
                    Fill(unpacking, target);
                else
                    Directory.Move(unpacking, target);
            }
            finally
            {
                Remove(unpacking);
            }
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
    /// <param name="set">The data set.</param>
    /// <param name="dataDir">Its folder, or the one that holds it.</param>
    /// <param name="progress">Told a few times a second how far it is.</param>
    /// <exception cref="UserException">There is no such set, or a file is missing or damaged: it cannot be trained on.</exception>
    public static DataReport Verify(string set, string dataDir, IProgress<DataProgress>? progress = null)
    {
        var differences = new List<string>();
        if (Find(set).Set == TinyImageNet.Name)
        {
            var (place, classes, trainItems, testItems) = TinyImageNet.Find(dataDir, differences);
            TinyImageNet.Decode(place, [.. trainItems, .. testItems], progress);
            Balance([.. trainItems.Select(item => item.Label)], classes, "training");
            Balance([.. testItems.Select(item => item.Label)], classes, "validation");
            return new DataReport(set, place, classes.Length, trainItems.Length, testItems.Length, differences);
        }
        var (folder, names, train, test) = (set == Cifar.TenName ? Cifar.Ten : Cifar.Hundred).Load(dataDir, differences);
        Balance(train.Labels, names, "training");
        Balance(test.Labels, names, "test");
        return new DataReport(set, folder, names.Length, train.Count, test.Count, differences);

        void Balance(int[] labels, string[] classes, string part)
        {
            var counts = new int[classes.Length];
            foreach (var label in labels)
                counts[label]++;
            if (counts.Min() != counts.Max())
                differences.Add($"The {part} images are {counts.Min():N0} to {counts.Max():N0} a class, not equally many.");
        }
    }

    /// <summary>Whether a set's folder holds all that the official one holds; images are not decoded.</summary>
    private static bool IsWhole(string set, string folder)
    {
        var differences = new List<string>();
        try
        {
            if (set == TinyImageNet.Name)
                TinyImageNet.Find(folder, differences);
            else if (set is Cifar.TenName or Cifar.HundredName)
                (set == Cifar.TenName ? Cifar.Ten : Cifar.Hundred).Load(folder, differences);
            return differences.Count == 0;
        }
        catch (UserException)
        {
            return false;
        }
    }

    /// <summary>Moves the files that <paramref name="folder"/> lacks there.</summary>
    /// <exception cref="UserException">A file there has another size than the official one.</exception>
    private static void Fill(string official, string folder)
    {
        string? other = null;
        foreach (var file in new DirectoryInfo(official).EnumerateFiles("*", SearchOption.AllDirectories).ToList())
        {
            var place = new FileInfo(Path.Combine(folder, Path.GetRelativePath(official, file.FullName)));
            if (place.Exists)
            {
                if (place.Length != file.Length)
                    other ??= place.FullName;
                continue;
            }
            place.Directory!.Create();
            file.MoveTo(place.FullName);
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

    private static FileStream Lock(DataArchive archive, string root)
    {
        var path = Path.Combine(root, $".{archive.Folder}.lock");
        try
        {
            return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, 1, FileOptions.DeleteOnClose);
        }
        catch (IOException e) when (File.Exists(path))
        {
            throw new UserException($"Another process is fetching {archive.Set} into {root}; wait for it.", e);
        }
    }
}

/// <summary>One official archive of a data set.</summary>
/// <param name="Set">The data set, as in <see cref="DataSets.Names"/>.</param>
/// <param name="Address">Where its authors publish it.</param>
/// <param name="Bytes">Its size.</param>
/// <param name="Md5">Its MD5 checksum, in lower-case hexadecimal.</param>
/// <param name="Md5Source">Who states that checksum.</param>
/// <param name="Folder">The one folder that it holds.</param>
public sealed record DataArchive(string Set, Uri Address, long Bytes, string Md5, string Md5Source, string Folder)
{
    /// <summary>The archive's file name.</summary>
    public string File => Path.GetFileName(Address.AbsolutePath);

    /// <summary>Where the archive lies on a mirror: a web folder with the same file names; without one, the official address.</summary>
    public Uri At(Uri? mirror) => mirror is null ? Address : new Uri(mirror.AbsoluteUri.TrimEnd('/') + "/" + File);
}

/// <summary>What the files of a data set hold.</summary>
/// <param name="Set">The data set.</param>
/// <param name="Folder">Where it lies.</param>
/// <param name="Classes">Number of classes.</param>
/// <param name="Train">Number of training images.</param>
/// <param name="Test">Number of test images.</param>
/// <param name="Differences">How it differs from the official one, a sentence each; empty when it does not.</param>
public sealed record DataReport(string Set, string Folder, int Classes, int Train, int Test, IReadOnlyList<string> Differences);
