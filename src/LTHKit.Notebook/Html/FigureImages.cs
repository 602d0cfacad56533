using System.Text;
using System.Text.Json.Nodes;
using LTHKit.Formatting;
using LTHKit.Notebook.Document;
using LTHKit.Storage;
using PuppeteerSharp;

namespace LTHKit.Notebook.Html;

/// <summary>The figures of executed notebooks as pictures, drawn by plotly.js in headless Chromium.</summary>
public static class FigureImages
{
    /// <summary>The formats that <see cref="WriteAsyncAsync"/> knows.</summary>
    public static IReadOnlyList<string> Formats { get; } = ["png", "svg"];

    /// <summary>Writes every figure of a notebook into a folder, NAME.CELL.png, the second of a cell NAME.CELL-2.png.</summary>
    /// <param name="notebook">The file of an executed notebook.</param>
    /// <param name="folder">Where the pictures go.</param>
    /// <param name="format">One of <see cref="Formats"/>.</param>
    /// <param name="scale">Picture points for each of the figure's, for png.</param>
    /// <param name="embed">Whether the pictures also go into the notebook, so that they show where no script runs.</param>
    /// <returns>The pictures' files.</returns>
    /// <exception cref="UserException">The notebook has no figures or cannot be read, there is no browser, or a file cannot be written.</exception>
    public static async Task<IReadOnlyList<string>> WriteAsync(string notebook, string folder, string format = "png", double scale = 2, bool embed = false)
    {
        if (!Formats.Contains(format))
            throw new UserException($"There is no picture format '{format}'; choose {string.Join(" or ", Formats)}.");
        var document = NotebookDocument.Load(notebook);
        var figures = document.Cells.Where(cell => cell.IsCode)
            .SelectMany(cell => cell.Outputs.Select(output => output!["data"] as JsonObject).Where(data => data?[NotebookFormatters.Plotly] is JsonObject)
                .Select((data, i) => (Name: $"{cell.FileName}{(i == 0 ? "" : $"-{i + 1}")}", Data: data!)))
            .ToList();
        if (figures.Count == 0)
            throw new UserException($"{notebook} has no figures; give an executed notebook, such as ./lthkit reproduce leaves behind.");
        var images = await DrawAsync(figures.Select(f => f.Data[NotebookFormatters.Plotly]!), format, scale).ConfigureAwait(false);
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
    private static async Task<List<byte[]>> DrawAsync(IEnumerable<JsonNode> figures, string format, double scale)
    {
        await using var browser = await Chromium.LaunchAsync().ConfigureAwait(false);
        await using var page = await browser.NewPageAsync().ConfigureAwait(false);
        await page.AddScriptTagAsync(new AddTagOptions { Content = WebAssets.Plotly }).ConfigureAwait(false);
        var images = new List<byte[]>();
        foreach (var figure in figures)
        {
            var image = await page.EvaluateFunctionAsync<string>(
                """
                async (text, format, scale) => {
                  const figure = JSON.parse(text);
                  const { width = 900, height = 450 } = figure.layout ?? {};
                  return await Plotly.toImage(figure, { format, width, height, scale, imageDataOnly: true });
                }
                """,
                figure.ToJsonString(), format, scale).ConfigureAwait(false);
            images.Add(format == "svg" ? Encoding.UTF8.GetBytes(image) : Convert.FromBase64String(image));
        }
        return images;
    }

    private static string Mime(string format) => format == "svg" ? "image/svg+xml" : "image/" + format;
}
