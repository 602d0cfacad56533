namespace LTHKit.Cli;

/// <summary>`reproduce`: the main job, from nothing to the paper's figures.</summary>
internal static class ReproduceVerb
{
    public static Command Create()
    {
        var jobs = Settings.Number("--jobs", "Runs trained side by side (0: one a core on the CPU, one on CUDA).", 0);
        var output = Settings.Folder("--out", "Where notebooks, pages and tables go.", Path.Combine(Checkout.Artifacts, "reproduce"));
        var estimate = new Option<bool>("--estimate") { Description = "Train nothing: say what would be trained, how long it takes here, and the disk it needs." };
        var command = new Command("reproduce", "Run the notebooks of the paper's figures: executed notebook, offline page and CSV tables for each.");
        var experiment = new Experiment(command, "auto", "cpu", "cuda");
        foreach (var option in (Option[])[jobs, output, estimate])
            command.Options.Add(option);
        command.SetAction(async (parsed, cancel) =>
        {
            var chosen = experiment.Notebooks(parsed);
            // Everything that can be refused is refused here, before the first cell runs.
            Notebooks.RefuseTheirOwn(parsed.GetValue(output)!, [.. chosen.Select(notebook => notebook.Path)]);
            var (size, parameters) = (experiment.Size(parsed), experiment.Parameters(parsed, parsed.GetValue(jobs)));
            var what = $"{Text.Count(chosen.Count, "notebook")}, profile {size.Name}, {size.Model.Name} on {size.Data.Name}, {Text.Count(size.Seeds, "seed")}";
            using (var lab = Lab.Open(size, parameters["dataDir"], parameters["device"], parsed.GetValue(jobs), ResultsVerb.Store()))
            {
                lab.Data();
                if (parsed.GetValue(estimate))
                {
                    Console.WriteLine(what);
                    await Estimate.Of(chosen, parameters, lab, Console.Out, cancel);
                    return;
                }
            }
            var clock = Stopwatch.StartNew();
            foreach (var notebook in chosen)
                Notebooks.Describe(await Notebooks.Run(notebook.Path, parsed.GetValue(output)!, parameters, cancel), Console.Out);
            Console.WriteLine();
            Console.WriteLine($"{what}: {clock.Elapsed.TotalMinutes:0.0} minutes.");
        });
        return command;
    }

    internal static List<FigureNotebook> Choose(string[] names)
    {
        var all = Notebooks.All();
        if (names.Length == 0)
            return [.. all.Where(n => n.Headline)];
        foreach (var name in names)
            if (!all.Any(n => Matches(n, name)))
                throw new UserException($"There is no figure '{name}'; choose from {string.Join(", ", all.SelectMany(n => n.Figures).Append("all"))}.");
        return [.. all.Where(n => names.Any(name => Matches(n, name)))];
    }

    private static bool Matches(FigureNotebook notebook, string name)
        => name == "all" || notebook.Figures.Contains(name) || notebook.Name == name || Path.GetFileName(notebook.Path) == name;
}
