namespace LTHKit.Data;

/// <summary>Finding and reading the files of a data set, with one sentence for whatever goes wrong. What it tells the user to run names the folder.</summary>
internal static class DataFiles
{
    /// <summary>The one called <paramref name="folder"/> in <paramref name="dataDir"/>, or that one itself if it has <paramref name="file"/>.</summary>
    public static string Folder(string set, string folder, string file, string? dataDir)
    {
        if (string.IsNullOrEmpty(dataDir))
            throw new UserException($"{set} needs its files: run `./lthkit data get {set}` and give the folder that it prints with --data, "
                + "in a notebook as dataDir.");
        var full = Path.GetFullPath(dataDir);
        return Find(folder, file, full)
            ?? throw new UserException($"There is no folder {folder} in {full}; {Get(set, full)}, or point --data to the folder that holds it.");
    }

    public static string? Find(string folder, string file, string full)
        => Directory.Exists(Path.Combine(full, folder)) ? Path.Combine(full, folder)
            : File.Exists(Path.Combine(full, file)) || Path.GetFileName(full) == folder ? full : null;

    public static T Read<T>(string set, string folder, string path, Func<string, T> read)
    {
        try
        {
            return read(path);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw Missing(set, folder, path, e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserException($"{path} cannot be read ({e.Message.TrimEnd('.')}); check the file and its permissions.", e);
        }
    }

    public static UserException Missing(string set, string folder, string path, Exception? e = null)
        => new($"{path} is missing; {Get(set, folder)}, which adds what is missing.", e);

    public static UserException Damaged(string set, string folder, string path, string how) => new($"{path} {how}; remove it and {Get(set, folder)}.");

    private static string Get(string set, string folder) => $"run `./lthkit data get {set} --data {(folder.Contains(' ') ? $"'{folder}'" : folder)}`";
}
