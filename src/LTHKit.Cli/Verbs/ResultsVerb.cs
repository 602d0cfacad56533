namespace LTHKit.Cli;

/// <summary>`results`: finished runs as text and packed masks, for another machine and for the repository.</summary>
internal static class ResultsVerb
{
    private const string Runs = "runs.jsonl";

    public static Command Create()
    {
        var name = new Argument<string>("NAME") { Description = "A folder of results/, or another folder's path." };
        var store = Settings.Folder("--store", "The run store (default: artifacts/runs, or what LTHKIT_RUNS names).", "");
        var weights = new Option<bool>("--weights")
        {
            Description = "Also the weights of dense networks and of each drawing's last round, so that another machine can draw the next.",
        };
        var export = new Command("export", "Write the store's finished runs into the folder, beside those that it has.") { name, store, weights };
        export.SetAction((parsed, cancel) =>
        {
            var folder = Place(parsed.GetRequiredValue(name));
            if (!File.Exists(Path.Combine(folder, Runs)) && (File.Exists(folder) || Directory.Exists(folder) && Directory.EnumerateFileSystemEntries(folder).Any(IsOthers)))
                throw new UserException($"{folder} is there and holds something else than runs (it has no {Runs}): name a new folder, or one that was exported to.");
            var runs = Finished(parsed.GetValue(store)!);
            var (all, added, left) = new RunArchive(folder).Export(runs, parsed.GetValue(weights), cancel);
            Console.WriteLine($"{Text.Count(all, "run")} in {Shown(folder)}, {added} of them new: {Files(new(folder)).Sum(file => file.Length) / 1e6:0.0} MB");
            if (left > 0)
                Console.WriteLine($"{Text.Count(left, "run")} of the store's had been trained elsewhere before and stay as they are there");
            return Task.CompletedTask;
        });
        var import = new Command("import", "Put the runs of a folder into the store; those that it has stay.") { name, store };
        import.SetAction((parsed, cancel) =>
        {
            var (folder, runs) = (Place(parsed.GetRequiredValue(name)), Store(parsed.GetValue(store)!));
            var (all, added, foreign) = new RunArchive(folder).Import(runs, run => Console.WriteLine($"{run} is being trained by another process and is left to it"), cancel);
            Console.WriteLine($"{Text.Count(all, "run")} in {Shown(folder)}, {added} of them new to {runs.Root}");
            if (foreign > 0)
                Console.WriteLine($"{Text.Count(foreign, "run")} are not of {RunStore.Kit}, which is here: they are kept and never taken for its own; a laboratory that does not train "
                    + "can look at them (Lab.Open(..., train: false, libtorch: ...))");
            return Task.CompletedTask;
        });
        return new("results", "Finished runs as text and packed masks: so that another machine, or a class, goes on without training them again.") { export, import };
    }

    /// <summary>The store of that folder, or the one to use where none is named.</summary>
    public static RunStore Store(string folder = "") => (folder.Length > 0 ? new(folder) : RunStore.Default()) is var store && !File.Exists(store.Root) ? store
        : throw new UserException($"The run store {store.Root} is a file: name a folder with {(folder.Length > 0 ? "--store" : "LTHKIT_RUNS")}.");

    /// <summary>The same, which must have finished runs.</summary>
    public static RunStore Finished(string folder) => Store(folder) is var store && store.Finished().Any() ? store
        : throw new UserException($"There are no finished runs in {store.Root}: name another store with --store, or fill it by ./lthkit reproduce or ./lthkit results import.");

    /// <summary>A folder of results/ by its name, or any other.</summary>
    public static string Place(string name) => name.Length == 0 ? throw new UserException("The name of a folder is missing, quick for one.")
        : name.Contains('/') ? AtomicFile.Absolute(name) : Path.Combine(Checkout.Root, "results", name);

    /// <summary>Whether no export leaves such a thing in its folder, not even one that was cut off.</summary>
    private static bool IsOthers(string entry) => Path.GetFileName(entry) switch
    {
        ClaimsVerb.Table => false,
        "masks" or "weights" => !Directory.Exists(entry) || Directory.EnumerateFileSystemEntries(entry).Any(file => !file.Contains(".safetensors.gz")),
        var name => !name.StartsWith(Runs + '.'),       // before it has its name
    };

    private static IEnumerable<FileInfo> Files(DirectoryInfo folder)
        => folder.GetDirectories().Where(kind => kind.Name is "masks" or "weights").SelectMany(kind => kind.GetFiles()).Concat(folder.GetFiles(Runs));

    private static string Shown(string folder) => Path.GetRelativePath(Environment.CurrentDirectory, folder);
}
