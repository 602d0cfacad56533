namespace LTHKit.Data;

/// <summary>The folder with the files of a data set. Whatever goes wrong with one is a sentence that tells what to run.</summary>
internal sealed class DataFolder
{
    private const string Gone = "is missing";

    /// <summary>The one called <paramref name="name"/> in <paramref name="dataDir"/>, or that one itself if it has <paramref name="marker"/>.</summary>
    public DataFolder(string set, string name, string marker, string? dataDir)
    {
        if (string.IsNullOrEmpty(dataDir))
            throw new UserException($"{set} needs its files: run `./lthkit data get {set}` and give the folder that it prints with --data, "
                + "in a notebook as dataDir.");
        (Set, Root) = (set, AtomicFile.Absolute(dataDir));
        Root = Find(name, marker, Root)
            ?? throw new UserException($"There is no folder {name} in {Root}; {Get()}, or point --data to the folder that holds it.");
    }

    public string Set { get; }
    public string Root { get; }

    public static string? Find(string name, string marker, string full)
        => Directory.Exists(Path.Combine(full, name)) ? Path.Combine(full, name)
            : File.Exists(Path.Combine(full, marker)) || Path.GetFileName(full) == name ? full : null;

    public string At(params ReadOnlySpan<string> parts) => Path.Combine([Root, .. parts]);

    /// <summary>The lines of a file that hold something.</summary>
    public string[] Lines(string file) => [.. Read(file, File.ReadAllLines).Where(line => !string.IsNullOrWhiteSpace(line))];

    public byte[] Bytes(string file) => Read(file, File.ReadAllBytes);

    public UserException Missing(string file) => Damaged(file, Gone);

    public UserException Damaged(string file, string how) => new(Sentence(file, how));

    private T Read<T>(string file, Func<string, T> read) => UserException.OfDisk(() => read(At(file)), e
        => e is FileNotFoundException or DirectoryNotFoundException ? Sentence(file, Gone)
            : $"{At(file)} cannot be read ({e.Message.TrimEnd('.')}); check the file and its permissions.");

    private string Sentence(string file, string how) => $"{At(file)} {how}; {GetAnew()}.";

    private string GetAnew() => $"move the folder {Root} away and {Get()}";

    private string Get() => $"run `./lthkit data get {Set} --data {(Root.Contains(' ') ? $"'{Root}'" : Root)}`";
}
