using System.Globalization;
using Deedle;
using LTHKit.Notebook.Document;
using LTHKit.Notebook.Hosting;
using LTHKit.Storage;

namespace LTHKit.Notebook.Running;

/// <summary>Every displayed table as a CSV file beside the executed notebook: NAME.CELL.csv, the second of a cell NAME.CELL-2.csv.</summary>
internal sealed class TableFiles(string notebook)
{
    private readonly List<(IFrame Frame, string Path)> _waiting = [];
    private readonly List<string> _paths = [];
    private readonly Dictionary<string, int> _ofCell = [];
    private readonly Dictionary<string, string> _ofDisplay = [];

    public IReadOnlyList<string> Paths => _paths;

    public void Add(CellOutput output, NotebookCell cell)
    {
        if (output.Value is not IFrame frame)
            return;

        var display = output.DisplayId;
        // An updated table stays one file.
        if (display is null || !_ofDisplay.TryGetValue(display, out var path))
        {
            var count = _ofCell[cell.FileName] = _ofCell.GetValueOrDefault(cell.FileName) + 1;
            path = Path.ChangeExtension(notebook, null) + $".{cell.FileName}{(count == 1 ? "" : $"-{count}")}.csv";
            if (display is not null)
                _ofDisplay[display] = path;
        }
        _waiting.Add((frame, path));
    }

    public void Save()
    {
        foreach (var (frame, path) in _waiting)
        {
            AtomicFile.Replace(path, temporary => frame.Apply(new SaveCsv(temporary)));
            if (!_paths.Contains(path))
                _paths.Add(path);
        }
        _waiting.Clear();
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
