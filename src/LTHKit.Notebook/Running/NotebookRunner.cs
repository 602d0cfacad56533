using System.Diagnostics;
using LTHKit.Experiments;
using LTHKit.Notebook.Html;

namespace LTHKit.Notebook.Running;

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
            WebAssets.PutPlotlyInto(Path.GetDirectoryName(output)!);
            HtmlExport.Write(notebook, outcome.Html, folder);
            return outcome;
        }
        finally
        {
            Environment.CurrentDirectory = current;
        }
    }

    /// <summary>
    /// Notes in <paramref name="plan"/> what a notebook's cells would train. A cell that needs more than that, a trained network for one, ends there and
    /// the next one goes on.
    /// </summary>
    public static async Task PlanAsync(string input, IReadOnlyDictionary<string, string> parameters, Plan plan, CancellationToken cancellation)
    {
        var notebook = NotebookDocument.Load(input);
        Parameters.Inject(notebook, parameters, Path.GetFileName(input));
        var current = Environment.CurrentDirectory;
        Environment.CurrentDirectory = Path.GetDirectoryName(Path.GetFullPath(input))!;
        try
        {
            using NotebookHost kernels = new() { Plan = plan };
            foreach (var (i, cell) in notebook.Cells.Where(cell => cell.IsCode).Index())
            {
                var error = await kernels.RunAsync(cell.Source, i + 1, _ => { }, cancellation).ConfigureAwait(false);
                plan.Problem ??= error?.Message;
                cancellation.ThrowIfCancellationRequested();
            }
        }
        finally
        {
            Environment.CurrentDirectory = current;
        }
    }

    private static string Partial(string output) => output + ".partial";

    private static async Task<RunOutcome> RunCells(NotebookDocument notebook, string output, RunOptions options, CancellationToken cancellation)
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
            error = await kernels.RunAsync(cell.Source, i + 1, Put, cancellation).ConfigureAwait(false);
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
            error = cell.IsExercise ? null : error;

            void Put(CellOutput output)
            {
                recorder.Add(output);
                tables.Add(output, cell);
                terminal.Output(output);
            }
        }

        // From memory: another run into this folder writes the same partial copy, and may just have taken it away.
        notebook.Save(output);
        File.Delete(Partial(output));
        tables.Save();
        return new RunOutcome(output, Path.ChangeExtension(output, ".html"), tables.Paths, error, error is not null && cancellation.IsCancellationRequested,
            [.. cells.Where(cell => cell.IsExercise).Select(cell => (cell.Id, cell.IsRight))]);
    }
}

/// <summary>What to run and where its results go.</summary>
/// <param name="OutputFolder">The folder of the executed notebook, its page and its tables; null for the notebook's own.</param>
/// <param name="Parameters">Values for names declared in the cell tagged <c>parameters</c>, as text.</param>
/// <param name="Terminal">Where progress and what the cells print are shown; null for nowhere.</param>
/// <param name="TerminalOverwrites">Whether lines there may be overwritten.</param>
internal sealed record RunOptions(string Input, string? OutputFolder = null, IReadOnlyDictionary<string, string>? Parameters = null,
    TextWriter? Terminal = null, bool TerminalOverwrites = false)
{
    public TimeSpan Grace { get; init; } = TimeSpan.FromSeconds(30);
}

/// <summary>What a run left behind; without an error every cell ran to its end.</summary>
internal sealed record RunOutcome(string Notebook, string Html, IReadOnlyList<string> Tables, CellError? Error, bool Interrupted,
    IReadOnlyList<(string Id, bool Right)> Exercises);
