using System.Text.Json;
using LTHKit.Storage;

namespace LTHKit.Analysis;

/// <summary>The rows of a grid that are done, on disk: a line that says which grid it is, then one line a row. Whole or not at all after each row.</summary>
internal sealed class GridFile
{
    private static readonly JsonSerializerOptions Options = new(JsonSerializerDefaults.Web)
    {
        NumberHandling = System.Text.Json.Serialization.JsonNumberHandling.AllowNamedFloatingPointLiterals,
    };

    private readonly string? _path;
    private readonly string _header;
    private readonly List<double[]> _rows = [];

    /// <summary>Reads what is done.</summary>
    /// <param name="path">The file; null to keep the rows in memory only.</param>
    /// <param name="axis">The coordinates of rows and columns.</param>
    /// <param name="identity">Everything that the values depend on.</param>
    /// <exception cref="UserException">The file is of another grid or damaged.</exception>
    public GridFile(string? path, IReadOnlyList<double> axis, object identity)
    {
        _path = path;
        _header = JsonSerializer.Serialize(new { format = "lthkit-grid-1", grid = identity }, Options);
        if (path is null || !File.Exists(path))
            return;
        var lines = File.ReadAllLines(path);
        if (lines.Length == 0 || lines[0] != _header)
            throw new UserException($"{path} holds the landscape of another network, other images or other settings: delete it, or name another file.");
        try
        {
            _rows.AddRange(lines.Skip(1).Select(line => JsonSerializer.Deserialize<double[]>(line, Options)!));
        }
        catch (JsonException e)
        {
            throw new UserException($"{path} is damaged: delete it and the landscape is computed anew.", e);
        }
        if (_rows.Count > axis.Count || _rows.Any(row => row is null || row.Length != axis.Count))
            throw new UserException($"{path} is damaged: delete it and the landscape is computed anew.");
    }

    /// <summary>The rows done so far.</summary>
    public IReadOnlyList<IReadOnlyList<double>> Rows => _rows;

    /// <summary>Adds a row, on disk first.</summary>
    /// <exception cref="UserException">The file cannot be written.</exception>
    public void Add(double[] row)
    {
        if (_path is not null)
            AtomicFile.WriteText(_path, string.Concat(_rows.Append(row).Select(r => JsonSerializer.Serialize(r, Options) + "\n").Prepend(_header + "\n")));
        _rows.Add(row);
    }
}
