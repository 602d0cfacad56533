using LTHKit.Notebook.Document;
using LTHKit.Notebook.Html;
using LTHKit.Notebook.Jupyter;

namespace LTHKit.Cli;

/// <summary>`run`: notebooks, without a browser.</summary>
internal static class RunVerb
{
    public static Command Create()
    {
        var notebooks = new Argument<string[]>("NOTEBOOK") { Description = "The .ipynb files.", Arity = ArgumentArity.OneOrMore };
        var parameters = new Option<string[]>("--parameter", "-p")
        {
            Description = "NAME=VALUE for a name that the notebook's cell tagged `parameters` declares; may be repeated.",
            HelpName = "NAME=VALUE",
        };
        var output = Settings.Folder("--out", "Where the executed notebook, its page and its tables go.", Path.Combine(Checkout.Artifacts, "run"));
        var inPlace = new Option<bool>("--in-place")
        {
            Description = "Also put the outputs into the notebook itself, with pictures of its figures: what is committed.",
        };
        var command = new Command("run", "Run notebooks from top to bottom, and count the exercises that are right.") { notebooks, parameters, output, inPlace };
        command.SetAction(async (parsed, cancel) =>
        {
            var values = new Dictionary<string, string>();
            foreach (var text in parsed.GetValue(parameters) ?? [])
            {
                var equals = text.IndexOf('=');
                if (equals < 1)
                    throw new UserException($"-p takes NAME=VALUE, not '{text}'.");
                if (!values.TryAdd(text[..equals], text[(equals + 1)..]))
                    throw new UserException($"{text[..equals]} is given twice: leave one -p out.");
            }
            if (parsed.GetValue(inPlace) && values.Count > 0)
                throw new UserException("--in-place keeps what the notebook's own parameters give: leave -p out.");
            var paths = parsed.GetRequiredValue(notebooks);
            foreach (var (path, notebook) in paths.Zip(Notebooks.Load(paths, parsed.GetValue(inPlace))))
            {
                if (notebook.OthersKernel is { } kernel)
                    throw new UserException($"{path} is a notebook for the kernel {kernel}, and only C# runs here: open it in Jupyter, or choose the kernel {KernelSpecs.DisplayName} for it there.");
                Parameters.Inject(notebook, values, Path.GetFileName(path));
            }
            Notebooks.RefuseTheirOwn(parsed.GetValue(output)!, paths);
            ResultsVerb.Store();
            foreach (var notebook in paths)
            {
                var before = File.ReadAllText(notebook);
                var outcome = await Notebooks.Run(notebook, parsed.GetValue(output)!, values, cancel);
                if (parsed.GetValue(inPlace))
                    await PutInto(notebook, before, outcome, cancel);
                Notebooks.Describe(outcome, Console.Out);
            }
        });
        return command;
    }

    private static async Task PutInto(string notebook, string before, RunOutcome outcome, CancellationToken cancel)
    {
        await FigureImages.WriteAsync(outcome.Notebook, Path.Combine(Checkout.Artifacts, "figures"), scale: 1, embed: true, cancellation: cancel);
        var executed = NotebookDocument.Load(outcome.Notebook);
        executed.Executed = executed.CodeHash;
        if (File.ReadAllText(notebook) != before)
            throw new UserException($"{notebook} was edited while it ran, and stays as it is now; what ran is in {outcome.Notebook}.");
        executed.Save(notebook);
    }
}
