using System.Formats.Tar;
using System.IO.Compression;

namespace LTHKit.Data;

/// <summary>Unpacks a .tar.gz or .zip file that is not trusted: only plain files and folders below its one folder, and no more than a data set has.</summary>
internal static class ArchiveUnpack
{
    internal const long MostBytes = 4L << 30;
    internal const int MostEntries = 500_000;
    private const int LinkMode = 0xA000, ModeMask = 0xF000;

    /// <summary>Writes what <paramref name="archive"/> holds below <paramref name="folder"/>/ to <paramref name="target"/>, which must not exist.</summary>
    /// <exception cref="UserException">The archive is damaged, or holds something that does not belong there.</exception>
    public static void Unpack(string archive, string folder, string target, IProgress<DataProgress>? progress, CancellationToken cancel)
    {
        using var file = File.OpenRead(archive);
        var meter = new ProgressMeter(progress, $"unpacking {Path.GetFileName(archive)}", "files", 0);
        var entries = archive.EndsWith(".zip", StringComparison.OrdinalIgnoreCase) ? Zip(file) : Tar(file);
        var (count, bytes) = (0, 0L);
        Directory.CreateDirectory(target);
        try
        {
            foreach (var (name, content) in entries)
            {
                cancel.ThrowIfCancellationRequested();
                if (++count > MostEntries)
                    throw Refused("holds too many files");
                var path = Place(name, folder, target);
                if (content is null)
                {
                    Directory.CreateDirectory(path);
                    continue;
                }
                Directory.CreateDirectory(Path.GetDirectoryName(path)!);
                using var output = new FileStream(path, FileMode.CreateNew, FileAccess.Write);
                bytes += Copy(content, output, MostBytes - bytes);
                meter.Add(1);
            }
        }
        catch (Exception e) when (e is InvalidDataException or EndOfStreamException)
        {
            throw new UserException($"{archive} is damaged ({e.Message.TrimEnd('.')}); remove it and fetch it again.", e);
        }
        if (count == 0)
            throw Refused("is empty");
    }

    private static UserException Refused(string why) =>
        new($"The archive {why}, so it was not unpacked; remove it and fetch it from its official address.");

    private static string Place(string name, string folder, string target)
    {
        var parts = name.TrimEnd('/').Split('/');
        if (parts[0] != folder || parts.Any(part => part is "" or "." or "..") || name.Contains('\\') || name.Contains('\0') || name.Contains(':'))
            throw Refused($"holds the entry '{name}', which does not lie in {folder}");
        return Path.Combine([target, .. parts[1..]]);
    }

    private static long Copy(Stream from, Stream to, long most)
    {
        var buffer = new byte[1 << 16];
        long copied = 0;
        for (int count; (count = from.Read(buffer)) > 0; to.Write(buffer, 0, count))
            if ((copied += count) > most)
                throw Refused($"holds more than {MostBytes >> 30} GiB");
        return copied;
    }

    /// <summary>Names and contents; a folder has none.</summary>
    private static IEnumerable<(string Name, Stream? Content)> Tar(Stream file)
    {
        using var plain = new GZipStream(file, CompressionMode.Decompress);
        using var reader = new TarReader(plain);
        while (reader.GetNextEntry() is { } entry)
            yield return entry.EntryType switch
            {
                TarEntryType.Directory => (entry.Name, null),
                TarEntryType.RegularFile or TarEntryType.V7RegularFile => (entry.Name, entry.DataStream ?? Stream.Null),
                _ => throw Refused($"holds '{entry.Name}', which is neither a file nor a folder"),
            };
    }

    private static IEnumerable<(string Name, Stream? Content)> Zip(Stream file)
    {
        using var zip = new ZipArchive(file, ZipArchiveMode.Read);
        foreach (var entry in zip.Entries)
        {
            if ((entry.ExternalAttributes >> 16 & ModeMask) == LinkMode)
                throw Refused($"holds '{entry.FullName}', which is neither a file nor a folder");
            using var content = entry.FullName.EndsWith('/') ? null : entry.Open();
            yield return (entry.FullName, content);
        }
    }
}
