namespace LTHKit.Data;

/// <summary>Finding and reading the files of a data set, with one sentence for whatever goes wrong.</summary>
internal static class DataFiles
{
    /// <summary>
    /// The folder with the files: the one called <paramref name="folder"/> in <paramref name="dataDir"/>, or that one itself if it
    /// has <paramref name="file"/>.
    /// </summary>
    public static string Folder(string set, string folder, string file, string? dataDir)
    {
        if (string.IsNullOrEmpty(dataDir))
            throw new UserException($"{set} needs its files: give the folder that holds {folder} with --data, or run `./lthkit data get {set}`.");
        var full = Path.GetFullPath(dataDir);
        if (Directory.Exists(Path.Combine(full, folder)))
            return Path.Combine(full, folder);
        if (File.Exists(Path.Combine(full, file)))
            return full;
        throw new UserException($"There is no folder {folder} in {full}; run `./lthkit data get {set}`, or point --data to the folder that " +
            "holds it.");
    }

    /// <summary>Reads a file, or says that it is missing or cannot be read.</summary>
    public static T Read<T>(string set, string path, Func<string, T> read)
    {
        try
        {
            return read(path);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new UserException($"{path} is missing; run `./lthkit data get {set}` to have {set} whole.", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserException($"{path} cannot be read ({e.Message.TrimEnd('.')}); check the file and its permissions.", e);
        }
    }

    public static UserException Damaged(string set, string path, string how) =>
        new($"{path} {how}; remove it and run `./lthkit data get {set}`.");
}
