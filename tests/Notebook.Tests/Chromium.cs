using LTHKit.Notebook.Html;
using PuppeteerSharp;

namespace LTHKit.Notebook.Tests;

/// <summary>A test that looks at a page in a browser; skipped where there is none.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class ChromiumFactAttribute : FactAttribute
{
    public ChromiumFactAttribute()
    {
        if (Chromium.Program is null)
            Skip = "Chromium is not installed.";
    }
}

/// <summary>What tests ask of pages. One browser serves them all.</summary>
internal static class Pages
{
    private static readonly Lazy<Task<IBrowser>> Browser = new(async () =>
    {
        var browser = await Chromium.LaunchAsync();
        AppDomain.CurrentDomain.ProcessExit += (_, _) => browser.Process.Kill(entireProcessTree: true);
        return browser;
    });

    public static async Task<IPage> Open(string address)
    {
        var page = await (await Browser.Value).NewPageAsync();
        await page.GoToAsync(address, timeout: 300_000);
        return page;
    }

    /// <summary>The document of a file's page after its scripts have run and its figures are drawn.</summary>
    public static async Task<string> Dom(string file)
    {
        await using var page = await Open(new Uri(file).AbsoluteUri);
        return await page.EvaluateExpressionAsync<string>(
            "new Promise(done => requestAnimationFrame(() => setTimeout(() => done(document.documentElement.outerHTML), 500)))");
    }

    /// <summary>Waits until a JavaScript expression is true; what it throws until then does not count.</summary>
    public static Task WaitFor(this IPage page, string expression, int seconds = 300) => page.WaitForExpressionAsync(
        $"(() => {{ try {{ return {expression}; }} catch {{ return false; }} }})()", new() { Timeout = seconds * 1000, PollingInterval = 200 });
}
