namespace LTHKit.Cli;

/// <summary>What notebooks would train, before they do: their cells are run in laboratories that only plan.</summary>
internal static class Estimate
{
    /// <summary>Runs, epochs, what sharing saves, time and disk.</summary>
    public static async Task Of(IReadOnlyList<FigureNotebook> notebooks, IReadOnlyDictionary<string, string> parameters, Lab lab, TextWriter writer,
        CancellationToken cancel)
    {
        var plan = new Plan();
        foreach (var notebook in notebooks)
            await NotebookRunner.PlanAsync(notebook.Path, parameters, plan, cancel);
        plan.Close();
        Tell(plan, lab.Store.Root, lab.Jobs, writer, here: true, cancel);
    }

    /// <summary>The same of a plan, with so many runs side by side, on this machine or on others.</summary>
    public static void Tell(Plan plan, string store, int jobs, TextWriter writer, bool here, CancellationToken cancel)
    {
        var asked = plan.Asked.SelectMany(each => each.Lab.Planned(each.Specs, here, cancel)).ToList();
        var runs = asked.GroupBy(run => run.Run).Select(same => same.FirstOrDefault(run => run.Missing) ?? same.First()).ToList();
        var missing = runs.Where(run => run.Missing).ToList();
        var time = missing.Any(run => run.Seconds is null) ? "not known until runs of these networks and batches have finished on such machines"
            : $"about {Time(missing.Sum(run => run.Seconds ?? 0) / jobs)}{(here ? " on this machine" : "")}, {jobs} side by side, "
                + $"{Basis(missing)}; analyses and learning of scales come on top";
        AtomicFile.CreateFolder(store);
        var free = new DriveInfo(store).AvailableFreeSpace;
        writer.WriteLine($"""
              runs      {runs.Count:N0}; asked for {asked.Count:N0} times, so that sharing saves {asked.Count - runs.Count:N0} trainings
              to train  {missing.Count:N0} of them, {missing.Sum(run => run.Epochs):N0} epochs; the other {runs.Count - missing.Count:N0} need none, by what is in {store}
              time      {time}
              disk      about {missing.Sum(run => run.Bytes) / 1e6:N0} MB of {free / 1e9:N0} GB that are free
            """);
    }

    private static string Time(double seconds) => seconds < 5400 ? $"{seconds / 60:0.0} minutes" : $"{seconds / 3600:0.0} hours";

    private static string Basis(IReadOnlyList<PlannedRun> missing) => missing.Count(run => run.Measured) switch
    {
        0 => "as finished runs of the store took",
        var count when count == missing.Count => "from a few steps of training",
        var count => $"as finished runs of the store took, {count:N0} from a few steps of training",
    };
}
