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
