using System.Diagnostics;
using LTHKit.Experiments;
using LTHKit.Notebook.Html;

namespace LTHKit.Notebook.Running;

internal static class NotebookRunner
{
    /// <summary>
    /// Runs a notebook's code cells in order, with the notebook's folder as the current one, as in Jupyter; it stops at the first error in a cell that may not fail.
    /// The executed copy is saved as NAME.ipynb.partial after every cell (of a large notebook, as often as a quarter of the time allows), and in its
    /// place when the run ends, so that a run that is killed leaves the old copy as it was and what was reached beside it. So does one that ends early where
    /// the old copy is of a run that came to its end.
    /// </summary>
    /// <param name="outputFolder">The folder of the executed notebook, its page and its tables; null for the notebook's own.</param>
    /// <param name="parameters">Values for names declared in the cell tagged <c>parameters</c>, as text.</param>
    /// <param name="terminal">Where progress and what the cells print are shown; null for nowhere.</param>
    /// <param name="overwrites">Whether lines there may be overwritten.</param>
    public static async Task<RunOutcome> RunAsync(string input, string? outputFolder = null, IReadOnlyDictionary<string, string>? parameters = null,
        TextWriter? terminal = null, bool overwrites = false, CancellationToken cancellation = default)
    {
        var folder = Path.GetDirectoryName(Path.GetFullPath(input))!;
        var output = Path.Combine(Path.GetFullPath(outputFolder ?? folder), Path.GetFileName(input));
        using var there = Open(input, parameters ?? new Dictionary<string, string>(), out var notebook);
        foreach (var cell in notebook.Cells.Where(cell => cell.IsCode))
            cell.Clear();
        var outcome = await RunCells(notebook, output, new(terminal, overwrites), cancellation).ConfigureAwait(false);
        if (outcome.Notebook != output)
            return outcome;
        WebAssets.PutPlotlyInto(Path.GetDirectoryName(output)!);
        AtomicFile.WriteText(outcome.Html, HtmlExport.Page(notebook, Path.GetFileNameWithoutExtension(outcome.Html), folder));
        return outcome;
    }

    /// <summary>
    /// Notes in <paramref name="plan"/> what a notebook's cells would train. A cell that needs more than that, a trained network for one, ends there and
    /// the next one goes on.
    /// </summary>
    public static async Task PlanAsync(string input, IReadOnlyDictionary<string, string> parameters, Plan plan, CancellationToken cancellation)
    {
        using var there = Open(input, parameters, out var notebook);
        using NotebookHost kernels = new() { Plan = plan };
        foreach (var (i, cell) in notebook.Cells.Where(cell => cell.IsCode).Index())
        {
            var error = await kernels.RunAsync(cell.Source, i + 1, _ => { }, cancellation).ConfigureAwait(false);
            plan.Problem ??= cell.MayFail ? null : error?.Message;
            cancellation.ThrowIfCancellationRequested();
        }
    }

    /// <summary>Reads a notebook with these parameters; its folder is the current one until the result is disposed of.</summary>
    private static Ending Open(string input, IReadOnlyDictionary<string, string> parameters, out NotebookDocument notebook)
    {
        notebook = NotebookDocument.Load(input);
        Parameters.Inject(notebook, parameters, Path.GetFileName(input));
        var before = Environment.CurrentDirectory;
        Environment.CurrentDirectory = Path.GetDirectoryName(Path.GetFullPath(input))!;
        return new(() => Environment.CurrentDirectory = before);
    }

    private static async Task<RunOutcome> RunCells(NotebookDocument notebook, string output, RunTerminal terminal, CancellationToken cancellation)
    {
        var partial = output + ".partial";
        notebook.Save(partial);
        using var kernels = new NotebookHost();
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
            error = await kernels.RunAsync(cell.Source, i + 1, Put, cancellation).ConfigureAwait(false);
            clock.Stop();
            if (sinceSaved.Elapsed > 3 * saving)
            {
                sinceSaved.Restart();
                notebook.Save(partial);
                saving = sinceSaved.Elapsed;
                sinceSaved.Restart();
            }
            terminal.End(clock.Elapsed);
            if (error is not null && (!cell.MayFail || cancellation.IsCancellationRequested))
                break;
            error = null;

            void Put(CellOutput output)
            {
                recorder.Add(output);
                tables.Add(output, cell);
                terminal.Output(output);
            }
        }

        // From memory: another run into this folder writes the same partial copy, and may just have taken it away.
        var reached = error is not null && IsComplete(output) ? partial : output;
        notebook.Save(reached);
        if (reached == output)
        {
            File.Delete(partial);
            tables.Save();
        }
        return new RunOutcome(reached, reached == output ? tables.Paths : [], error, error is not null && cancellation.IsCancellationRequested,
            [.. cells.Where(cell => cell.IsExercise).Select(cell => (cell.Id, cell.IsRight))]);
    }

    /// <summary>Whether a notebook that was run to its end lies there.</summary>
    private static bool IsComplete(string path)
    {
        try
        {
            return File.Exists(path) && NotebookDocument.Load(path).Cells.Where(cell => cell.IsCode && !string.IsNullOrWhiteSpace(cell.Source)).All(cell => cell.ExecutionCount is not null
                && (cell.MayFail || cell.Outputs.All(output => (string?)output?["output_type"] != "error")));
        }
        catch (UserException)
        {
            return false;       // it is no notebook
        }
    }
}

/// <summary>What a run left behind; without an error every cell ran to its end. With one, the notebook alone, as NAME.ipynb.partial, where a complete one lies in its place.</summary>
internal sealed record RunOutcome(string Notebook, IReadOnlyList<string> Tables, CellError? Error, bool Interrupted,
    IReadOnlyList<(string Id, bool Right)> Exercises)
{
    public string Html => Path.ChangeExtension(Notebook, ".html");
}
