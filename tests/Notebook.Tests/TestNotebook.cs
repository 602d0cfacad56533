namespace LTHKit.Notebook.Tests;

/// <summary>Notebooks to run and to look at.</summary>
internal static class TestNotebook
{
    /// <summary>A notebook of no cells that names the kit's kernel.</summary>
    public static NotebookDocument Empty() => NotebookDocument.Parse(
        """{"cells":[],"metadata":{"kernelspec":{"display_name":"LTHKit (C#)","language":"C#","name":"lthkit"},"language_info":{"name":"C#"}},"nbformat":4,"nbformat_minor":5}""",
        "notebook");

    /// <summary>Adds a cell at the end; <paramref name="kind"/> is code, markdown or raw.</summary>
    public static NotebookCell Add(this NotebookDocument notebook, string kind, string id, string source, params string[] tags)
    {
        var json = new JsonObject { ["cell_type"] = kind, ["id"] = id, ["metadata"] = new JsonObject(), ["source"] = MultilineText.Split(source) };
        if (tags.Length > 0)
            json["metadata"]!["tags"] = new JsonArray([.. tags.Select(tag => JsonValue.Create(tag))]);
        if (kind == "code")
            (json["execution_count"], json["outputs"]) = (null, new JsonArray());
        notebook.Insert(notebook.Cells.Count, new(json));
        return notebook.Cells[^1];
    }
}
