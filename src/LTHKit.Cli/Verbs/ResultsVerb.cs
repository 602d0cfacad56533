namespace LTHKit.Cli;

/// <summary>`results`: finished runs as text and packed masks, for another machine and for the repository.</summary>
internal static class ResultsVerb
{
    public static Command Create()
    {
        var name = new Argument<string>("NAME") { Description = "A folder of results/, or another folder's path." };
        var store = Settings.Folder("--store", "The run store (default: artifacts/runs, or what LTHKIT_RUNS names).", "");
        var weights = new Option<bool>("--weights")
        {
            Description = "Also the weights of dense networks and of each drawing's last round, so that another machine can draw the next.",
        };
        var export = new Command("export", "Write the store's finished runs into the folder, beside those that it has.") { name, store, weights };
        export.SetAction(parsed =>
        {
            var (folder, runs) = (Place(parsed.GetRequiredValue(name)), Store(parsed.GetValue(store)!));
            if (!runs.Finished().Any())
                throw new UserException($"There are no finished runs in {runs.Root}; name another store with --store.");
            var (all, added, left) = new RunArchive(folder).Export(runs, parsed.GetValue(weights));
            Console.WriteLine($"{Text.Count(all, "run")} in {Shown(folder)}, {added} of them new: "
                + FormattableString.Invariant($"{Directory.GetFiles(folder, "*", SearchOption.AllDirectories).Sum(file => new FileInfo(file).Length) / 1e6:0.0} MB"));
            if (left > 0)
                Console.WriteLine($"{Text.Count(left, "run")} of the store's had been trained elsewhere before and stay as they are there");
        });
        var import = new Command("import", "Put the runs of a folder into the store; those that it has stay.") { name, store };
        import.SetAction(parsed =>
        {
            var (folder, runs) = (Place(parsed.GetRequiredValue(name)), Store(parsed.GetValue(store)!));
            var (all, added, foreign) = new RunArchive(folder).Import(runs, run => Console.WriteLine($"{run} is being trained by another process and is left to it"));
            Console.WriteLine($"{Text.Count(all, "run")} in {Shown(folder)}, {added} of them new to {runs.Root}");
            if (foreign > 0)
                Console.WriteLine($"{Text.Count(foreign, "run")} are not of {RunStore.Kit}, which is here: they are kept and never taken for its own; a laboratory that does not train "
                    + "can look at them (Lab.Open(..., train: false, libtorch: ...))");
        });
        return new("results", "Finished runs as text and packed masks: so that another machine, or a class, goes on without training them again.") { export, import };
    }

    /// <summary>The store of that folder, or the one to use where none is named.</summary>
    public static RunStore Store(string folder) => folder.Length > 0 ? new(folder) : RunStore.Default();

    /// <summary>A folder of results/ by its name, or any other.</summary>
    public static string Place(string name) => name.Length == 0 ? throw new UserException("The name of a folder is missing, quick for one.")
        : name.Contains('/') ? Path.GetFullPath(name) : Path.Combine(Checkout.Root, "results", name);

    private static string Shown(string folder) => Path.GetRelativePath(Environment.CurrentDirectory, folder);
}
