using System.Diagnostics;
using System.Text.Json.Nodes;
using LTHKit.Notebook.Html;

namespace LTHKit.Notebook.Tests;

/// <summary>A test that looks at a page in a browser; skipped where there is none.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class ChromiumFactAttribute : FactAttribute
{
    public ChromiumFactAttribute()
    {
        if (Browser.Program is null)
            Skip = "Chromium is not installed.";
    }
}

/// <summary>Several such tests.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class ChromiumTheoryAttribute : TheoryAttribute
{
    public ChromiumTheoryAttribute()
    {
        if (Browser.Program is null)
            Skip = "Chromium is not installed.";
    }
}

/// <summary>What tests ask of a page.</summary>
internal static class BrowserExtensions
{
    /// <summary>The document of a file's page after its scripts have run and its figures are drawn.</summary>
    public static string Dom(string file) => (string)Browser.Evaluate(
        file, "new Promise(done => requestAnimationFrame(() => setTimeout(() => done(document.documentElement.outerHTML), 500)))")!;

    /// <summary>Waits until a JavaScript expression is true; what it throws until then does not count.</summary>
    public static async Task WaitFor(this Browser page, string expression, int seconds = 300)
    {
        for (var clock = Stopwatch.StartNew(); !await IsTrue(); await Task.Delay(200))
            Assert.True(clock.Elapsed.TotalSeconds < seconds, $"not so after {seconds} s: {expression}");

        async Task<bool> IsTrue()
        {
            try
            {
                return await page.Evaluate(expression) is JsonValue value && value.TryGetValue<bool>(out var truth) && truth;
            }
            catch (UserException)
            {
                return false;
            }
        }
    }

    /// <summary>Writes a picture of what the window shows.</summary>
    public static async Task Screenshot(this Browser page, string path) =>
        await File.WriteAllBytesAsync(path, Convert.FromBase64String((string)(await page.Command("Page.captureScreenshot", []))["data"]!));
}
