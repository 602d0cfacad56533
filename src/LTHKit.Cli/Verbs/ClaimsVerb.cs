namespace LTHKit.Cli;

/// <summary>`claims`: what finished runs say to the claims of the paper; nothing is trained for it.</summary>
internal static class ClaimsVerb
{
    private const string Prompt = "./lthkit claims ";

    public const string Table = "claims.md";

    public static Command Create()
    {
        var store = Settings.Folder("--store", "The run store (default: artifacts/runs, or what LTHKIT_RUNS names).", "");
        var write = new Option<string>("--write") { Description = $"Write the table, with the runs behind each line, as {Table} into this folder of results/.", HelpName = "NAME" };
        var runs = new Option<bool>("--runs") { Description = "Print the names of the runs behind each line too." };
        var verify = new Option<string>("--verify")
        {
            Description = $"Recompute the {Table} of this folder of results/ from the runs beside it: exit code 1 if it differs.",
            HelpName = "NAME",
        };
        var verifying = new Option<bool>("--verifying") { Hidden = true };
        var command = new Command("claims", "What the store's finished runs say to the claims C1 to C16 of the paper. Nothing is trained; what is missing is said.")
        {
            store, runs, write, verify, verifying,
        };
        var extent = new Extent(command, "Where the runs were trained", "auto", "cpu", "cuda");
        command.SetAction(async (parsed, cancel) =>
        {
            if (parsed.GetValue(verify) is { } committed)
                return command.Options.FirstOrDefault(option => option != verify && parsed.GetResult(option) is { Implicit: false }) is { } other
                    ? throw new UserException($"--verify takes all else from the table itself: leave {other.Name} out.") : await Verify(command, ResultsVerb.Place(committed), cancel);
            var size = extent.Size(parsed);
            using var lab = Lab.Open(size, device: extent.Device(parsed), store: ResultsVerb.Finished(parsed.GetValue(store)!), train: false);
            string[] settings = ["--profile", size.Name, "--dataset", size.Data.Name, "--model", size.Model.Name, "--seeds", $"{size.Seeds}", "--device", lab.Store.Maker.Split(", ")[^1]];
            var missing = new List<string>();
            var rows = Judgement.Of(Claims.Of(lab, missing.Add));
            cancel.ThrowIfCancellationRequested();
            Text.Table(Console.Out, [Heading, .. rows.Select(Cells)]);
            Console.WriteLine($"""

                Intervals (95 %) and p cover what the seed decides, initialisation and data order, not the split of the images; a verdict is that of p after Holm
                over the {rows.Where(row => !double.IsNaN(row.Adjusted)).DistinctBy(row => row.Claim.Id).Count()} claims tested. Three seeds suggest, five decide.
                """);
            if (parsed.GetValue(runs))
                Console.WriteLine($"\n{Behind(rows)}");
            foreach (var line in missing.Distinct())
                Console.WriteLine($"missing: {line}.");
            if (!parsed.GetValue(verifying) && (missing.Count > 0 || rows.Any(row => row.Claim.Holes > 0)))
                Console.WriteLine($"{(parsed.GetValue(store) == "" ? "" : $"LTHKIT_RUNS='{lab.Store.Root}' ")}./lthkit reproduce 10-claims {string.Join(' ', settings)} gets what is missing, "
                    + "as does ./lthkit results import where a folder of results/ has it.");
            if (parsed.GetValue(write) is { } name)
                AtomicFile.WriteText(Path.Combine(ResultsVerb.Place(name), Table), Document(string.Join(' ', settings), rows));
            return 0;
        });
        return command;
    }

    /// <summary>Imports the committed runs into a store of their own and writes the table anew, by the command that its first line names.</summary>
    private static async Task<int> Verify(Command command, string folder, CancellationToken cancel)
    {
        var path = Path.Combine(folder, Table);
        var (first, last) = ($"<!-- {Prompt}", " -->");
        if (!File.Exists(path) || File.ReadLines(path).FirstOrDefault() is not { } line || !line.StartsWith(first) || !line.EndsWith(last))
            throw new UserException($"There is no table of claims in {folder}: `{Prompt}--write NAME` makes one.");
        var temporary = UserException.OfDisk(() => Directory.CreateTempSubdirectory("lthkit-claims-").FullName,
            e => $"No folder can be made in {Path.GetTempPath()} ({e.Message.TrimEnd('.')}): let TMPDIR name one that is there and that you may write to.");
        using var gone = new Ending(() => Directory.Delete(temporary, recursive: true));
        var archive = new RunArchive(folder);
        var (all, _, foreign) = archive.Import(new(Path.Combine(temporary, "runs")), cancel: cancel);
        string[] settings = [.. line[first.Length..^last.Length].Split(' '), "--store", Path.Combine(temporary, "runs"), "--write", temporary, "--verifying"];
        if (command.Parse(settings) is { Errors.Count: > 0 } wrong)
            throw new UserException($"{path} names a command that does not exist ({wrong.Errors[0].Message.Split('\n')[0].TrimEnd('.')}): write it anew.");
        if (foreign < all)
            await command.Parse(settings).InvokeAsync(new() { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null }, cancel);
        var (here, there) = (foreign < all ? File.ReadAllLines(Path.Combine(temporary, Table)) : [], File.ReadAllLines(path));
        if (here.SequenceEqual(there))
        {
            Console.WriteLine($"{path} is what the runs beside it say");
            return 0;
        }
        if (foreign > 0)
            throw new UserException($"{Text.Count(foreign, "run")} in {folder} were made by {string.Join(" and by ", archive.OtherMakers())}; this is {RunStore.Kit}, "
                + "which never takes them for its own: verify the table with what made them.");
        foreach (var (i, (mine, theirs)) in here.Concat(Enumerable.Repeat("", there.Length)).Zip(there.Concat(Enumerable.Repeat("", here.Length))).Index().Where(pair => pair.Item.First != pair.Item.Second))
            Console.WriteLine($"line {i + 1} is\n  {theirs}\nand the runs say\n  {mine}");
        return 1;
    }

    private static readonly string[] Heading = ["claim", "statement", "rule", "mean over seeds [95 %]", "p", "p (Holm)", "status", "runs"];

    private static string[] Cells(Judgement row) =>
    [
        row.Claim.Id, row.Claim.Sentence, row.Rule, row.Numbers, row.Chance, row.Corrected, row.Says, row.Runs,
    ];

    /// <summary>The table as Markdown, below the command that writes it.</summary>
    private static string Document(string settings, IReadOnlyList<Judgement> rows) => string.Join('\n',
    [
        $"<!-- {Prompt}{settings} -->", "",
        .. new[] { Heading, [.. Heading.Select(_ => "---")] }.Concat(rows.Select(Cells)).Select(cells => $"| {string.Join(" | ", cells.Select(cell => cell.Replace("|", "\\|")))} |"), "",
        "The runs behind each line, by their names in `runs.jsonl`:", "",
        Behind(rows), "",
    ]);

    private static string Behind(IReadOnlyList<Judgement> rows) => string.Join('\n', rows.GroupBy(row => row.Claim.Id)
        .Select(parts => $"* {parts.Key}: {string.Join(' ', parts.SelectMany(part => part.Claim.Runs).Select(run => run.Id).Distinct())}"));
}
