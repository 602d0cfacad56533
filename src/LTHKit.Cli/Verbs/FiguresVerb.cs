using LTHKit.Notebook.Html;

namespace LTHKit.Cli;

/// <summary>`figures`: the figures of executed notebooks as pictures.</summary>
internal static class FiguresVerb
{
    public static Command Create()
    {
        var notebooks = new Argument<string[]>("NOTEBOOK")
        {
            Description = "Executed notebooks (default: those that reproduce left in artifacts/reproduce).",
            Arity = ArgumentArity.ZeroOrMore,
        };
        var format = Settings.Choice("--format", "Of the pictures.", "png", [.. FigureImages.Formats]);
        var scale = Settings.Number("--scale", "Picture points for each of the figure's, for png.", 2, least: 1, most: 8);
        var output = Settings.Folder("--out", "Where the pictures go.", Path.Combine(Checkout.Artifacts, "figures"));
        var embed = new Option<bool>("--embed") { Description = "Also put them into the notebooks, so that they show where no script runs." };
        var command = new Command("figures", "Draw every figure of executed notebooks as a picture, by headless Chromium.") { notebooks, format, scale, output, embed };
        command.SetAction(async (parsed, cancel) =>
        {
            foreach (var notebook in Chosen(parsed.GetValue(notebooks) ?? []))
                foreach (var picture in await FigureImages.WriteAsync(notebook, parsed.GetValue(output)!, parsed.GetValue(format)!, parsed.GetValue(scale), parsed.GetValue(embed), cancel))
                    Console.WriteLine(picture);
        });
        return command;
    }

    private static IReadOnlyList<string> Chosen(string[] names)
    {
        if (names.Length > 0 && Notebooks.Load(names).Count > 0)
            return names;
        var folder = Path.Combine(Checkout.Artifacts, "reproduce");
        string[] found = Directory.Exists(folder) ? [.. Directory.GetFiles(folder, "*.ipynb").Order(StringComparer.Ordinal)] : [];
        return found.Length > 0 ? found : throw new UserException($"There are no executed notebooks in {folder}: name one, or run ./lthkit reproduce first.");
    }
}
