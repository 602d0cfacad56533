using Deedle;

namespace LTHKit.Notebook.Running;

/// <summary>Every displayed table as a CSV file beside the executed notebook: NAME.CELL.csv, the second of a cell NAME.CELL-2.csv.</summary>
internal sealed class TableFiles(string notebook)
{
    private readonly OrderedDictionary<string, string> _tables = [];        // by path, as they were shown: a cell may change its frame later
    private readonly Dictionary<string, string> _ofDisplay = [];

    public IReadOnlyList<string> Paths => [.. _tables.Keys];

    public void Add(CellOutput output, NotebookCell cell)
    {
        if (output.Value is not IFrame frame)
            return;
        // An updated table stays one file.
        if (!_ofDisplay.TryGetValue(output.DisplayId ?? "", out var path))
            path = cell.FileNames.Select(name => $"{Path.ChangeExtension(notebook, null)}.{name}.csv").First(path => !_tables.ContainsKey(path));
        if (output.DisplayId is { } display)
            _ofDisplay[display] = path;
        _tables[path] = frame.Apply(new Csv());
    }

    public void Save()
    {
        foreach (var (path, table) in _tables)
            AtomicFile.WriteText(path, table);
    }

    private sealed class Csv : IFrameOperation<string>
    {
        public string Invoke<R, C>(Frame<R, C> frame) where R : notnull where C : notnull
        {
            using var text = new StringWriter();
            frame.SaveCsv(text, includeRowKeys: true, culture: CultureInfo.InvariantCulture);
            return text.ToString();
        }
    }
}
