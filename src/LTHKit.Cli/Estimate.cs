using System.Text.Json;
using LTHKit.Experiments;
using LTHKit.Notebook.Running;
using LTHKit.Storage;

namespace LTHKit.Cli;

/// <summary>What notebooks would train, before they do: their cells are run in laboratories that only plan.</summary>
internal static class Estimate
{
    /// <summary>Runs, epochs, what sharing saves, time and disk. Cells that need results fail and are passed over.</summary>
    public static async Task Of(IReadOnlyList<FigureNotebook> notebooks, IReadOnlyDictionary<string, string> parameters, Lab lab, TextWriter writer,
        CancellationToken cancel)
    {
        var folder = Directory.CreateTempSubdirectory("lthkit-plan-").FullName;
        var plan = Path.Combine(folder, "plan.jsonl");
        File.WriteAllText(plan, "");
        Environment.SetEnvironmentVariable(PlannedRun.Variable, plan);
        try
        {
            foreach (var notebook in notebooks)
                if ((await NotebookRunner.RunAsync(new(notebook.Path, folder, parameters) { GoOn = true }, cancel)).Interrupted)
                    throw new OperationCanceledException(cancel);
            var asked = File.ReadLines(plan).Select(line => JsonSerializer.Deserialize<PlannedRun>(line)!).ToList();
            var runs = asked.GroupBy(run => run.Run).Select(same => same.FirstOrDefault(run => run.Missing) ?? same.First()).ToList();
            var (missing, store) = (runs.Where(run => run.Missing).ToList(), lab.Store.Root);
            AtomicFile.CreateFolder(store);
            var free = new DriveInfo(store).AvailableFreeSpace;
            writer.WriteLine(FormattableString.Invariant($"""
                  runs      {runs.Count:N0}; asked for {asked.Count:N0} times, so that sharing saves {asked.Count - runs.Count:N0} trainings
                  to train  {missing.Count:N0} of them, {missing.Sum(run => run.Epochs):N0} epochs; {runs.Count - missing.Count:N0} are in {store}
                  time      about {Time(missing.Sum(run => run.Seconds) / lab.Jobs)} on this machine, {lab.Jobs} side by side, {Basis(missing)}; analyses come on top
                  disk      about {missing.Sum(run => run.Bytes) / 1e6:N0} MB of {free / 1e9:N0} GB that are free
                """));
        }
        finally
        {
            Environment.SetEnvironmentVariable(PlannedRun.Variable, null);
            Directory.Delete(folder, recursive: true);
        }
    }

    private static string Time(double seconds) => FormattableString.Invariant($"{(seconds < 5400 ? $"{seconds / 60:0.0} minutes" : $"{seconds / 3600:0.0} hours")}");

    private static string Basis(IReadOnlyList<PlannedRun> missing) => missing.Count(run => run.Measured) switch
    {
        0 => "as finished runs of the store took",
        var count when count == missing.Count => "from a few steps of training",
        var count => $"as finished runs of the store took, {count:N0} from a few steps of training",
    };
}
