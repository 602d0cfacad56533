using System.CommandLine;
using System.Diagnostics;
using LTHKit.Data;
using LTHKit.Experiments;
using LTHKit.Models;

namespace LTHKit.Cli;

/// <summary>`reproduce`: the main job, from nothing to the paper's figures.</summary>
internal static class ReproduceVerb
{
    public static Command Create()
    {
        var figures = new Argument<string[]>("FIGURE")
        {
            Description = "Figures as the paper names them, such as 1b, or names of notebooks, or all (default: the headline figure).",
            Arity = ArgumentArity.ZeroOrMore,
        };
        var profile = Settings.Choice("--profile", "How large the experiment is.", "quick", [.. Profile.Names]);
        var dataset = Settings.Choice("--dataset", "The images (default: the profile's own).", "", [.. DataSets.Names]);
        var data = Settings.Folder("--data", "The folder with the images of a real data set.", Path.Combine(Checkout.Root, "data"));
        var model = Settings.Choice("--model", "The network (default: the profile's own).", "", [.. Networks.Names]);
        var seeds = Settings.Number("--seeds", "Number of seeds (0: the profile's own).", 0);
        var jobs = Settings.Number("--jobs", "Runs trained side by side (0: one a core on the CPU, one on CUDA).", 0);
        var device = Settings.Choice("--device", "Where to train (auto: CUDA where there is a device).", "auto", "auto", "cpu", "cuda");
        var output = Settings.Folder("--out", "Where notebooks, pages and tables go.", Path.Combine(Checkout.Artifacts, "reproduce"));
        var estimate = new Option<bool>("--estimate") { Description = "Train nothing: say what would be trained, how long it takes here, and the disk it needs." };
        var command = new Command("reproduce", "Run the notebooks of the paper's figures: executed notebook, offline page and CSV tables for each.")
        {
            figures, profile, dataset, data, model, seeds, jobs, device, output, estimate,
        };
        command.SetAction(async (parsed, cancel) =>
        {
            var chosen = Choose(parsed.GetValue(figures) ?? []);
            // Everything that can be refused is refused here, before the first cell runs.
            var size = Profile.Get(parsed.GetValue(profile)!, parsed.GetValue(dataset), parsed.GetValue(seeds), parsed.GetValue(model));
            var parameters = new Dictionary<string, string>
            {
                ["profile"] = size.Name,
                ["dataset"] = size.Data.Name,
                ["dataDir"] = parsed.GetValue(data)!,
                ["model"] = size.Model.Name,
                ["seeds"] = $"{size.Seeds}",
                ["jobs"] = $"{parsed.GetValue(jobs)}",
                ["device"] = parsed.GetValue(device)!,
            };
            var what = $"{Text.Count(chosen.Count, "notebook")}, profile {size.Name}, {size.Model.Name} on {size.Data.Name}, {Text.Count(size.Seeds, "seed")}";
            using (var lab = Lab.Open(size, parsed.GetValue(data), parsed.GetValue(device)!, parsed.GetValue(jobs)))
            {
                lab.Data();
                if (parsed.GetValue(estimate))
                {
                    Console.WriteLine(what);
                    await Estimate.Of(chosen, parameters, lab, Console.Out, cancel);
                    return 0;
                }
            }
            var clock = Stopwatch.StartNew();
            foreach (var notebook in chosen)
                Notebooks.Describe(await Notebooks.Run(notebook.Path, parsed.GetValue(output)!, parameters, cancel), Console.Out);
            Console.WriteLine();
            Console.WriteLine(FormattableString.Invariant($"{what}: {clock.Elapsed.TotalMinutes:0.0} minutes."));
            return 0;
        });
        return command;
    }

    private static List<FigureNotebook> Choose(string[] names)
    {
        var all = Notebooks.All();
        if (names.Length == 0)
            return [.. all.Where(n => n.Headline)];
        if (names is ["all"])
            return [.. all];
        foreach (var name in names)
            if (!all.Any(n => Matches(n, name)))
                throw new UserException($"There is no figure '{name}'; choose from {Text.Or(all.SelectMany(n => n.Figures).Append("all"))}.");
        return [.. all.Where(n => names.Any(name => Matches(n, name)))];
    }

    private static bool Matches(FigureNotebook notebook, string name)
        => notebook.Figures.Contains(name) || notebook.Name == name || Path.GetFileName(notebook.Path) == name;
}
