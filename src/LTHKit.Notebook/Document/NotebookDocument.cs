using System.Security.Cryptography;
using System.Text.Encodings.Web;
using LTHKit.Notebook.Jupyter;

namespace LTHKit.Notebook.Document;

/// <summary>A Jupyter notebook (nbformat 4). What this class does not know of the file stays in it as it was.</summary>
internal sealed class NotebookDocument
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

    private NotebookDocument(JsonObject root) => _root = root;

    public IReadOnlyList<NotebookCell> Cells => [.. CellArray.Select(cell => new NotebookCell(cell!.AsObject()))];

    private JsonArray CellArray => _root["cells"]!.AsArray();

    public static NotebookDocument Load(string path)
    {
        if (path.Length == 0)
            throw new UserException("The name of a notebook is empty: give its path.");
        return Parse(UserException.OfDisk(() => File.ReadAllText(path), e
            => e is FileNotFoundException or DirectoryNotFoundException ? $"There is no notebook {path}: check the path."
            : Directory.Exists(path) ? $"{path} is a folder: give a notebook, such as {Path.Combine(path, "*.ipynb")}."
            : $"The notebook {path} cannot be read ({e.Message})."), path);
    }

    /// <summary>Reads a notebook's text; <paramref name="name"/> is what an error calls it.</summary>
    public static NotebookDocument Parse(string text, string name)
    {
        if (string.IsNullOrWhiteSpace(text))
            throw new UserException($"{name} is empty: save a notebook there from Jupyter or VS Code first.");
        JsonObject root;
        try
        {
            root = JsonNode.Parse(text, documentOptions: new() { AllowDuplicateProperties = false }) as JsonObject ?? throw new JsonException("not a JSON object");
            root.ToJsonString(Json);        // halves of characters are found here, and nothing half-written later
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or ArgumentException)
        {
            throw new UserException($"{name} is not a notebook: it is not valid JSON ({e.Message.ReplaceLineEndings(" ")}).", e);
        }
        if (root["nbformat"] is JsonValue format && format.TryGetValue(out int major) && major != Format)
            throw new UserException($"{name} is a notebook of format {major}, and only format {Format} is read: save it from a current Jupyter first.");
        if (!Is<int>(root["nbformat"]) || root["nbformat_minor"] is { } minor && !Is<int>(minor) || root["cells"] is not JsonArray cells || !cells.All(IsCell))
            throw new UserException($"{name} is not a notebook of format {Format}: save it from Jupyter or VS Code first.");

        GiveIds(root, cells);
        return new NotebookDocument(root);
    }

    private static bool IsCell(JsonNode? node) => node is JsonObject cell && Is<string>(cell["cell_type"]) && IsText(cell["source"])
        && cell["id"] is var id && (id is null || Is<string>(id)) && cell["execution_count"] is var count && (count is null || Is<int>(count))
        && cell["metadata"] is null or JsonObject && cell["attachments"] is null or JsonObject
        && cell["outputs"] is var outputs && (outputs is null || outputs is JsonArray all && all.All(IsOutput));

    private static bool IsOutput(JsonNode? node) => node is JsonObject output && Is<string>(output["output_type"]) && output["data"] is null or JsonObject;

    private static bool IsText(JsonNode? node) => Is<string>(node) || node is JsonArray lines && lines.All(Is<string>);

    private static bool Is<T>(JsonNode? node) => node is JsonValue value && value.TryGetValue<T>(out _);

    /// <summary>A hash of all code, which a notebook committed with its outputs keeps to tell that they are this code's.</summary>
    public string CodeHash => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\n', Cells.Where(c => c.IsCode).Select(c => c.Source)))))[..16];

    /// <summary>What the kit keeps in the notebook's metadata; null where there is nothing.</summary>
    public JsonObject? Kit => _root["metadata"]?["lthkit"] as JsonObject;

    /// <summary>The <see cref="CodeHash"/> of what was executed, as written into the notebook; null for one that was not committed with its outputs.</summary>
    public string? Executed
    {
        get => (string?)Kit?["executed"];
        set => ((_root["metadata"] ??= new JsonObject())["lthkit"] ??= new JsonObject())["executed"] = value;
    }

    /// <summary>The kernel of another language than the kit's that the notebook was written for; null where it names none.</summary>
    public string? OthersKernel => (_root["metadata"] as JsonObject)?["kernelspec"] is JsonObject kernel && Is<string>(kernel["name"]) && (string)kernel["name"]! is var name
        && name != KernelSpecs.Name && !name.StartsWith(".net-", StringComparison.Ordinal) && kernel["language"]?.ToString() != "C#" ? name : null;

    public void Insert(int at, NotebookCell cell) => CellArray.Insert(at, cell.Json);

    public void Remove(NotebookCell cell) => CellArray.Remove(cell.Json);

    public override string ToString() => _root.ToJsonString(Json) + "\n";

    /// <summary>Writes the notebook whole or not at all: an interrupted save leaves the file that was there.</summary>
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
