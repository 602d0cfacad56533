using PuppeteerSharp;

namespace LTHKit.Notebook.Html;

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
            return await Puppeteer.LaunchAsync(new LaunchOptions
            {
                ExecutablePath = program,
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
            }).ConfigureAwait(false);
        }
        catch (PuppeteerException e)
        {
            throw new UserException($"{program} does not start ({e.Message.Split('\n')[0].TrimEnd('.')}): try to start it by hand.", e);
        }
    }
}
