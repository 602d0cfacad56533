namespace LTHKit.Cli;

/// <summary>`student`: copies of notebooks without outputs and solutions.</summary>
internal static class StudentVerb
{
    public static Command Create()
    {
        var notebooks = new Argument<string[]>("NOTEBOOK") { Description = "The .ipynb files.", Arity = ArgumentArity.OneOrMore };
        var output = Settings.Folder("--out", "Where the copies go.", Path.Combine(Checkout.Artifacts, "student"));
        var command = new Command("student", "Copy notebooks without their outputs and solutions; ./lthkit run counts a copy's points.") { notebooks, output };
        command.SetAction(parsed =>
        {
            var paths = parsed.GetRequiredValue(notebooks);
            var copies = paths.Select(path => Path.Combine(parsed.GetValue(output)!, Path.GetFileName(path))).ToList();
            if (copies.FirstOrDefault(File.Exists) is { } there)
                throw new UserException($"{there} is there already, perhaps with answers in it: give another --out.");
            foreach (var (notebook, copy) in Notebooks.Load(paths).Zip(copies))
            {
                foreach (var solution in notebook.Cells.Where(cell => cell.Tags.Contains("solution")).ToList())
                    notebook.Remove(solution);
                foreach (var cell in notebook.Cells.Where(cell => cell.IsCode))
                    cell.Clear();
                notebook.Save(copy);
                Console.WriteLine(Path.GetRelativePath(Environment.CurrentDirectory, copy));
            }
        });
        return command;
    }
}
