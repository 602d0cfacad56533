namespace LTHKit.Storage;

/// <summary>
/// Files that are there whole or not at all: written beside their place, flushed to the disk, then renamed. Where that cannot be done, the disk being full for
/// one, a UserException says so.
/// </summary>
internal static class AtomicFile
{
    public const int HeldByAnother = 11;       // EWOULDBLOCK, as .NET passes it on

    /// <summary>A path as an absolute one: "~" is the home folder, also where no shell has put it in (--out=~/x, a cell).</summary>
    /// <param name="path">The path.</param>
    /// <param name="from">Where a relative one begins; null for the current folder.</param>
    public static string Absolute(string path, string? from = null) => Path.GetFullPath(
        path == "~" || path.StartsWith("~/") ? Environment.GetFolderPath(Environment.SpecialFolder.UserProfile, Environment.SpecialFolderOption.DoNotVerify) + path[1..] : path, from ?? Directory.GetCurrentDirectory());

    /// <summary>Replaces <paramref name="path"/>, or what it is a link to, with what <paramref name="write"/> writes and keeps its mode; a failure leaves the old file untouched.</summary>
    public static void Write(string path, Action<Stream> write)
    {
        path = Path.GetFullPath(path);
        UserException.OfDisk(() =>
        {
            if (new FileInfo(path) is { LinkTarget: not null } link)
                path = link.ResolveLinkTarget(returnFinalTarget: true)?.FullName ?? path;
            var temporary = $"{path}.{Guid.NewGuid():N}.tmp";       // on a disk that machines share, they may have processes of one number
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            using var gone = new Ending(() => File.Delete(temporary));
            using (var stream = new FileStream(temporary, FileMode.Create, FileAccess.Write, FileShare.None))
            {
                write(stream);
                stream.Flush(flushToDisk: true);
            }
            if (!OperatingSystem.IsWindows() && new FileInfo(path) is { Exists: true, UnixFileMode: var mode } && mode != File.GetUnixFileMode(temporary))
                File.SetUnixFileMode(temporary, mode);
            File.Move(temporary, path, overwrite: true);
            return path;
        }, e => $"{path} cannot be written ({e.Message.TrimEnd('.')}): free some space or choose another folder.");
    }

    /// <summary>Replaces <paramref name="path"/> with <paramref name="text"/> in UTF-8.</summary>
    public static void WriteText(string path, string text) => Write(path, stream => stream.Write(Encoding.UTF8.GetBytes(text)));

    /// <summary>Makes a folder, and those above it.</summary>
    public static void CreateFolder(string path) => UserException.OfDisk(() => Directory.CreateDirectory(path),
        e => $"The folder {path} cannot be made ({e.Message}): choose another with --out or LTHKIT_RUNS.");

    /// <summary>Opens a file, or makes it, for this process alone; null where another one has it.</summary>
    public static FileStream? Hold(string path, FileOptions options = FileOptions.None)
    {
        try
        {
            return new(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, 1, options);
        }
        catch (IOException e) when (e.HResult == HeldByAnother)
        {
            return null;
        }
    }
}
