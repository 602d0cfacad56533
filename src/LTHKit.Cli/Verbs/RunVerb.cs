using System.CommandLine;
using LTHKit.Notebook.Running;

namespace LTHKit.Cli;

/// <summary>`run`: one notebook, without a browser.</summary>
internal static class RunVerb
{
    public static Command Create()
    {
        var notebook = new Argument<string>("NOTEBOOK") { Description = "The .ipynb file." };
        var parameters = new Option<string[]>("--parameter", "-p")
        {
            Description = "NAME=VALUE for a name that the notebook's cell tagged `parameters` declares; may be repeated.",
            HelpName = "NAME=VALUE",
        };
        var output = Settings.Folder("--out", "Where the executed notebook, its page and its tables go.", Path.Combine(Checkout.Artifacts, "run"));
        var command = new Command("run", "Run one notebook from top to bottom.") { notebook, parameters, output };
        command.SetAction(async (parsed, cancel) =>
        {
            var values = new Dictionary<string, string>();
            foreach (var text in parsed.GetValue(parameters) ?? [])
            {
                var equals = text.IndexOf('=');
                if (equals < 1)
                    throw new UserException($"-p takes NAME=VALUE, not '{text}'.");
                values[text[..equals]] = text[(equals + 1)..];
            }
            if (parsed.GetRequiredValue(notebook).Length == 0)
                throw new UserException("run needs the name of a notebook, not an empty one.");
            var outcome = await Notebooks.Run(parsed.GetRequiredValue(notebook), parsed.GetValue(output)!, values, cancel);
            Notebooks.Describe(outcome, Console.Out);
            return 0;
        });
        return command;
    }
}
