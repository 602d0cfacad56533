using System.Diagnostics;
using LTHKit.Notebook.Document;
using LTHKit.Notebook.Hosting;
using LTHKit.Notebook.Html;

namespace LTHKit.Notebook.Running;

/// <summary>Runs notebooks without a front end.</summary>
internal static class NotebookRunner
{
    /// <summary>
    /// Runs a notebook's code cells in order, with the notebook's folder as the current one, as in Jupyter; it stops at the first error, but for one in an exercise.
    /// The executed copy is saved as NAME.ipynb.partial after every cell (of a large notebook, as often as a quarter of the time allows), and in its
    /// place when the run ends, so that a run that is killed leaves the old copy as it was and what was reached beside it.
    /// </summary>
    public static async Task<RunOutcome> RunAsync(RunOptions options, CancellationToken cancellation = default)
    {
        var input = Path.GetFullPath(options.Input);
        var folder = Path.GetDirectoryName(input)!;
        var output = Path.Combine(Path.GetFullPath(options.OutputFolder ?? folder), Path.GetFileName(input));
        var notebook = NotebookDocument.Load(input);
        Parameters.Inject(notebook, options.Parameters ?? new Dictionary<string, string>(), Path.GetFileName(input));
        foreach (var cell in notebook.Cells.Where(cell => cell.IsCode))
            cell.Clear();

        var current = Environment.CurrentDirectory;
        Environment.CurrentDirectory = folder;
        try
        {
            notebook.Save(Partial(output));
            var outcome = await RunCells(notebook, output, options, cancellation).ConfigureAwait(false);
            if (!options.WriteHtml)
                return outcome;

            WebAssets.PutPlotlyInto(Path.GetDirectoryName(output)!);
            var page = Path.ChangeExtension(output, ".html");
            HtmlExport.Write(notebook, page, folder);
            return outcome with { Html = page };
        }
        finally
        {
            Environment.CurrentDirectory = current;
        }
    }

    private static string Partial(string output) => output + ".partial";

    private static async Task<RunOutcome> RunCells(
        NotebookDocument notebook, string output, RunOptions options, CancellationToken cancellation)
    {
        using var kernels = new NotebookHost { Grace = options.Grace };
        var terminal = new RunTerminal(options.Terminal, options.TerminalOverwrites);
        var recorder = new CellRecorder();
        var cells = notebook.Cells.Where(cell => cell.IsCode && !string.IsNullOrWhiteSpace(cell.Source)).ToList();
        terminal.Notebook(Path.GetFileName(output), cells.Count);

        var tables = new TableFiles(output);
        CellError? error = null;
        var (sinceSaved, saving) = (Stopwatch.StartNew(), TimeSpan.Zero);
        foreach (var (i, cell) in cells.Index())
        {
            var clock = Stopwatch.StartNew();
            recorder.Begin(cell, i + 1);
            terminal.Begin(cell, i + 1, cells.Count);
            error = await kernels.RunAsync(
                cell.Source,
                i + 1,
                put =>
                {
                    recorder.Add(put);
                    tables.Add(put, cell);
                    terminal.Output(put);
                },
                cancellation).ConfigureAwait(false);
            clock.Stop();
            if (sinceSaved.Elapsed > 3 * saving)
            {
                sinceSaved.Restart();
                notebook.Save(Partial(output));
                saving = sinceSaved.Elapsed;
                sinceSaved.Restart();
            }
            terminal.End(clock.Elapsed);
            if (error is not null && (!cell.IsExercise || cancellation.IsCancellationRequested))
                break;
            error = null;
        }

        // From memory: another run into this folder writes the same partial copy, and may just have taken it away.
        notebook.Save(output);
        File.Delete(Partial(output));
        tables.Save();
        return new RunOutcome(output, null, tables.Paths, error, error is not null && cancellation.IsCancellationRequested,
            [.. cells.Where(cell => cell.IsExercise).Select(cell => (cell.Id, cell.IsRight))]);
    }
}
