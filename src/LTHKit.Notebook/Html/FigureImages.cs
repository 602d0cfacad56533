using PuppeteerSharp;

namespace LTHKit.Notebook.Html;

/// <summary>The figures of executed notebooks as pictures, drawn by plotly.js in headless Chromium.</summary>
internal static class FigureImages
{
    public static IReadOnlyList<string> Formats { get; } = ["png", "svg"];

    /// <summary>
    /// Writes every figure of a notebook into a folder, NAME.CELL.png, the second of a cell NAME.CELL-2.png. With <paramref name="embed"/> the notebook itself
    /// gets them, and loses what would double its size: each figure's HTML, and digits that no screen shows.
    /// </summary>
    public static async Task<IReadOnlyList<string>> WriteAsync(string notebook, string folder, string format = "png", double scale = 2, bool embed = false,
        CancellationToken cancellation = default)
    {
        var document = NotebookDocument.Load(notebook);
        var names = new HashSet<string>();
        var figures = document.Cells.Where(cell => cell.IsCode)
            .SelectMany(cell => cell.Outputs.Select(output => output!["data"] as JsonObject).Where(data => data?[NotebookFormatters.Plotly] is JsonObject)
                .Select(data => (Name: cell.FileNames.First(names.Add), Data: data!)))
            .ToList();
        if (figures.Count == 0)
            return embed ? [] : throw new UserException($"{notebook} has no figures; give an executed notebook, such as ./lthkit reproduce leaves behind.");
        var images = await DrawAsync(figures.Select(f => f.Data[NotebookFormatters.Plotly]!), format, scale, cancellation).ConfigureAwait(false);
        var paths = new List<string>();
        foreach (var ((name, data), image) in figures.Zip(images))
        {
            paths.Add(Path.Combine(folder, $"{Path.GetFileNameWithoutExtension(notebook)}.{name}.{format}"));
            AtomicFile.Write(paths[^1], file => file.Write(format == "svg" ? Encoding.UTF8.GetBytes(image) : Convert.FromBase64String(image)));
            if (!embed)
                continue;
            data.Remove("text/html");
            data[NotebookFormatters.Plotly] = Rounded(data[NotebookFormatters.Plotly]);
            data[format == "svg" ? "image/svg+xml" : "image/png"] = format == "svg" ? MultilineText.Split(image) : image;
        }
        if (embed)
            document.Save(notebook);
        return paths;
    }

    // As the text of an SVG, others in base 64.
    private static async Task<List<string>> DrawAsync(IEnumerable<JsonNode> figures, string format, double scale, CancellationToken cancellation)
    {
        try
        {
            await using var browser = await Chromium.LaunchAsync().ConfigureAwait(false);
            await using var page = await browser.NewPageAsync().ConfigureAwait(false);
            await page.AddScriptTagAsync(new AddTagOptions { Content = WebAssets.Plotly }).ConfigureAwait(false);
            var images = new List<string>();
            foreach (var figure in figures)
            {
                images.Add(await page.EvaluateFunctionAsync<string>(
                    """
                    async (text, format, scale) => {
                      const figure = JSON.parse(text);
                      const { width = 900, height = 450 } = figure.layout ?? {};
                      return await Plotly.toImage(figure, { format, width, height, scale, imageDataOnly: true });
                    }
                    """,
                    figure.ToJsonString(), format, scale).WaitAsync(cancellation).ConfigureAwait(false));
            }
            return images;
        }
        catch (Exception) when (cancellation.IsCancellationRequested)
        {
            throw new OperationCanceledException(cancellation);         // Ctrl-C has ended Chromium too
        }
    }

    private static JsonNode? Rounded(JsonNode? node) => node switch
    {
        JsonObject all => new JsonObject(all.Select(pair => KeyValuePair.Create(pair.Key, Rounded(pair.Value)))),
        JsonArray all => new JsonArray([.. all.Select(Rounded)]),
        JsonValue value when value.GetValueKind() == JsonValueKind.Number => JsonValue.Create(double.Parse(value.GetValue<double>().ToString("G5", CultureInfo.InvariantCulture), CultureInfo.InvariantCulture)),
        _ => node?.DeepClone(),
    };
}

/// <summary>A headless browser with no way to another machine.</summary>
internal static class Chromium
{
    /// <summary>The program, null where there is none.</summary>
    public static string? Program { get; } = new[] { "chromium", "chromium-browser", "google-chrome" }
        .SelectMany(name => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Select(folder => Path.Combine(folder, name)))
        .FirstOrDefault(File.Exists);

    public static async Task<IBrowser> LaunchAsync()
    {
        var program = Program ?? throw new UserException("Pictures of figures are drawn by Chromium, which is not installed: install the package chromium.");
        try
        {
            var launcher = new Launcher();
            var launch = launcher.LaunchAsync(new LaunchOptions
            {
                ExecutablePath = program,
                Pipe = true,        // it ends with this process, however that ends
                DefaultViewport = new ViewPortOptions { Width = 1200, Height = 1600 },
                Timeout = 120_000,
                Args =
                [
                    // In containers, shared memory is often too small for a page. Surfaces are drawn by WebGL, in software.
                    "--disable-dev-shm-usage", "--disable-gpu", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader",
                    "--proxy-server=127.0.0.1:9", "--proxy-bypass-list=127.0.0.1",
                    // The superuser's Chromium has no sandbox.
                    .. Environment.IsPrivilegedProcess ? ["--no-sandbox"] : Array.Empty<string>(),
                ],
            });
            // Of a program that ends at once Puppeteer waits for minutes to hear.
            while (launcher.Process?.HasExited != true && !launch.IsCompleted)
                await Task.WhenAny(launch, Task.Delay(100)).ConfigureAwait(false);
            return await launch.WaitAsync(launch.IsCompleted ? Timeout.InfiniteTimeSpan : TimeSpan.FromSeconds(2)).ConfigureAwait(false);
        }
        catch (Exception e) when (e is PuppeteerException or ProcessException or TimeoutException)
        {
            throw new UserException($"{program} does not start: run {program} --headless --dump-dom about:blank to see why.", e);
        }
    }
}
