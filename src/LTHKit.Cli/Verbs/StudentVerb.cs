using LTHKit.Notebook.Document;

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
            foreach (var path in parsed.GetRequiredValue(notebooks))
            {
                var copy = Path.Combine(parsed.GetValue(output)!, Path.GetFileName(path));
                if (File.Exists(copy))
                    throw new UserException($"{copy} is there already, perhaps with answers in it: give another --out.");
                var notebook = NotebookDocument.Load(path);
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
