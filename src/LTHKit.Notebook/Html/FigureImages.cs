using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using LTHKit.Formatting;
using LTHKit.Notebook.Document;
using LTHKit.Storage;

namespace LTHKit.Notebook.Html;

/// <summary>The figures of executed notebooks as pictures, drawn by plotly.js in headless Chromium.</summary>
public static class FigureImages
{
    /// <summary>The formats that <see cref="Write"/> knows.</summary>
    public static IReadOnlyList<string> Formats { get; } = ["png", "svg"];

    /// <summary>Writes every figure of a notebook into a folder, NAME.CELL.png, the second of a cell NAME.CELL-2.png.</summary>
    /// <param name="notebook">The file of an executed notebook.</param>
    /// <param name="folder">Where the pictures go.</param>
    /// <param name="format">One of <see cref="Formats"/>.</param>
    /// <param name="scale">Picture points for each of the figure's, for png.</param>
    /// <param name="embed">Whether the pictures also go into the notebook, so that they show where no script runs.</param>
    /// <returns>The pictures' files.</returns>
    /// <exception cref="UserException">The notebook has no figures or cannot be read, there is no browser, or a file cannot be written.</exception>
    public static IReadOnlyList<string> Write(string notebook, string folder, string format = "png", double scale = 2, bool embed = false)
    {
        if (!Formats.Contains(format))
            throw new UserException($"There is no picture format '{format}'; choose {string.Join(" or ", Formats)}.");
        var document = NotebookDocument.Load(notebook);
        var figures = document.Cells.Where(cell => cell.IsCode)
            .SelectMany(cell => cell.Outputs.Select(output => output!["data"] as JsonObject).Where(data => data?[NotebookFormatters.Plotly] is JsonObject)
                .Select((data, i) => (Name: $"{cell.Id}{(i == 0 ? "" : $"-{i + 1}")}", Data: data!)))
            .ToList();
        if (figures.Count == 0)
            throw new UserException($"{notebook} has no figures; give an executed notebook, such as ./lthkit reproduce leaves behind.");
        var images = Draw([.. figures.Select(f => f.Data[NotebookFormatters.Plotly]!)], format, scale);
        AtomicFile.CreateFolder(folder);
        var paths = new List<string>();
        foreach (var ((name, data), image) in figures.Zip(images))
        {
            paths.Add(Path.Combine(folder, $"{Path.GetFileNameWithoutExtension(notebook)}.{name}.{format}"));
            AtomicFile.Write(paths[^1], file => file.Write(image));
            if (embed)
                data[Mime(format)] = format == "svg" ? MultilineText.Split(Encoding.UTF8.GetString(image)) : Convert.ToBase64String(image);
        }
        if (embed)
            document.Save(notebook);
        return paths;
    }

    /// <summary>The pictures of figures, in their order.</summary>
    private static byte[][] Draw(IReadOnlyList<JsonNode> figures, string format, double scale)
    {
        var page = Path.Combine(Directory.CreateTempSubdirectory("lthkit-figures-").FullName, "page.html");
        try
        {
            File.WriteAllText(page, $"""
                <!doctype html>
                <meta charset="utf-8">
                <script src="{new Uri(WebAssets.PlotlyPath).AbsoluteUri}"></script>
                <script type="application/json" id="figures">{new JsonArray([.. figures.Select(f => f.DeepClone())]).ToJsonString().Replace("<", "\\u003c")}</script>
                """);
            var images = Browser.Evaluate(page, string.Create(CultureInfo.InvariantCulture, $$"""
                (async () => {
                  const images = [];
                  for (const figure of JSON.parse(document.getElementById('figures').textContent)) {
                    const { width = 900, height = 450 } = figure.layout;
                    images.push(await Plotly.toImage(figure, { format: '{{format}}', width, height, scale: {{scale}}, imageDataOnly: true }));
                  }
                  return images;
                })()
                """))!;
            return [.. images.AsArray().Select(image => format == "svg" ? Encoding.UTF8.GetBytes((string)image!) : Convert.FromBase64String((string)image!))];
        }
        finally
        {
            Directory.Delete(Path.GetDirectoryName(page)!, recursive: true);
        }
    }

    private static string Mime(string format) => format == "svg" ? "image/svg+xml" : "image/" + format;
}
