using Deedle;

namespace LTHKit.Notebook.Running;

/// <summary>Every displayed table as a CSV file beside the executed notebook: NAME.CELL.csv, the second of a cell NAME.CELL-2.csv.</summary>
internal sealed class TableFiles(string notebook)
{
    private readonly OrderedDictionary<string, IFrame> _frames = [];        // by path
    private readonly Dictionary<string, int> _ofCell = [];
    private readonly Dictionary<string, string> _ofDisplay = [];

    public IReadOnlyList<string> Paths => [.. _frames.Keys];

    public void Add(CellOutput output, NotebookCell cell)
    {
        if (output.Value is not IFrame frame)
            return;
        // An updated table stays one file.
        if (output.DisplayId is not { } display || !_ofDisplay.TryGetValue(display, out var path))
        {
            var count = _ofCell[cell.FileName] = _ofCell.GetValueOrDefault(cell.FileName) + 1;
            path = Path.ChangeExtension(notebook, null) + $".{cell.FileName}{(count == 1 ? "" : $"-{count}")}.csv";
            if (output.DisplayId is { } id)
                _ofDisplay[id] = path;
        }
        _frames[path] = frame;
    }

    public void Save()
    {
        foreach (var (path, frame) in _frames)
            AtomicFile.Replace(path, temporary => frame.Apply(new SaveCsv(temporary)));
    }

    private sealed class SaveCsv(string path) : IFrameOperation<bool>
    {
        public bool Invoke<R, C>(Frame<R, C> frame) where R : notnull where C : notnull
        {
            frame.SaveCsv(path, includeRowKeys: true, culture: CultureInfo.InvariantCulture);
            return true;
        }
    }
}
