using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using LTHKit.Storage;

namespace LTHKit.Notebook.Document;

/// <summary>A Jupyter notebook (nbformat 4). What this class does not know of the file stays in it as it was.</summary>
public sealed class NotebookDocument
{
    private const int Format = 4, FirstMinorWithCellIds = 5;

    private static readonly JsonSerializerOptions Json = new()
    {
        WriteIndented = true,
        IndentSize = 1,
        NewLine = "\n",
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    private readonly JsonObject _root;
    private readonly List<NotebookCell> _cells;

    private NotebookDocument(JsonObject root)
    {
        _root = root;
        _cells = [.. root["cells"]!.AsArray().Select(cell => new NotebookCell(cell!.AsObject()))];
    }

    /// <summary>The cells in order.</summary>
    public IReadOnlyList<NotebookCell> Cells => _cells;

    /// <summary>Reads a notebook file.</summary>
    /// <exception cref="UserException">There is no such file, or it is no notebook of format 4.</exception>
    public static NotebookDocument Load(string path)
    {
        try
        {
            return Parse(File.ReadAllText(path), path);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new UserException($"There is no notebook {path}: check the path.", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserException($"The notebook {path} cannot be read ({e.Message}).", e);
        }
    }

    /// <summary>Reads a notebook's text; <paramref name="name"/> is what an error calls it.</summary>
    /// <exception cref="UserException">The text is no notebook of format 4.</exception>
    public static NotebookDocument Parse(string text, string name)
    {
        JsonObject root;
        try
        {
            root = JsonNode.Parse(text) as JsonObject ?? throw new JsonException("not a JSON object");
        }
        catch (JsonException e)
        {
            throw new UserException($"{name} is not a notebook: it is not valid JSON ({e.Message}).", e);
        }

        if (root["nbformat"] is not JsonValue format || !format.TryGetValue(out int major) || root["cells"] is not JsonArray cells
            || cells.Any(cell => cell is not JsonObject { } o || o["cell_type"] is not JsonValue || o["source"] is null))
        {
            throw new UserException($"{name} is not a notebook of format {Format}: save it from Jupyter or VS Code first.");
        }

        if (major != Format)
            throw new UserException($"{name} is a notebook of format {major}, and only format {Format} is read: save it from a current Jupyter first.");

        GiveIds(root, cells);
        return new NotebookDocument(root);
    }

    /// <summary>Puts a cell in the place of the one with that index.</summary>
    public void Insert(int at, NotebookCell cell)
    {
        _root["cells"]!.AsArray().Insert(at, cell.Json);
        _cells.Insert(at, cell);
    }

    /// <summary>Takes a cell out.</summary>
    public void Remove(NotebookCell cell)
    {
        _root["cells"]!.AsArray().Remove(cell.Json);
        _cells.Remove(cell);
    }

    /// <summary>The text of the file.</summary>
    public override string ToString() => _root.ToJsonString(Json) + "\n";

    /// <summary>Writes the notebook whole or not at all: an interrupted save leaves the file that was there.</summary>
    /// <exception cref="UserException">The folder cannot be written to, or the disk is full.</exception>
    public void Save(string path) => AtomicFile.WriteText(path, ToString());

    private static void GiveIds(JsonObject root, JsonArray cells)
    {
        var taken = cells.Select(cell => (string?)cell!["id"]).ToHashSet();
        var number = 0;
        foreach (var cell in cells.Select(cell => cell!.AsObject()).Where(cell => cell["id"] is null))
        {
            do
                number++;
            while (!taken.Add($"cell-{number}"));
            cell["id"] = $"cell-{number}";
        }

        if (number > 0 || root["nbformat_minor"] is null || (int)root["nbformat_minor"]! < FirstMinorWithCellIds)
            root["nbformat_minor"] = FirstMinorWithCellIds;
    }
}
