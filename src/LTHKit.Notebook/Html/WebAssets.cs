using System.Text.RegularExpressions;
using LTHKit.Storage;

namespace LTHKit.Notebook.Html;

/// <summary>The scripts, styles and fonts that go into pages.</summary>
internal static partial class WebAssets
{
    private static readonly string Folder = Path.Combine(AppContext.BaseDirectory, "web");

    /// <summary>Where plotly.js lies.</summary>
    /// <exception cref="UserException">It is not installed.</exception>
    public static string PlotlyPath => Path.Combine(Folder, "plotly.min.js") is var path && File.Exists(path)
        ? path
        : throw new UserException("plotly.js, which draws the figures, is not installed: run ./lthkit setup.");

    /// <summary>Puts plotly.js beside notebooks, from where the HTML of their figures takes it in pages of files.</summary>
    /// <exception cref="UserException">It is not installed, or the folder cannot be written to.</exception>
    public static void PutPlotlyInto(string folder)
    {
        var file = Path.Combine(folder, Path.GetFileName(PlotlyPath));
        if (!File.Exists(file) || new FileInfo(file).Length != new FileInfo(PlotlyPath).Length)
            AtomicFile.Replace(file, temporary => File.Copy(PlotlyPath, temporary));
    }

    /// <summary>The text of a script or style that is part of this assembly.</summary>
    public static string Own(string name)
    {
        using var reader = new StreamReader(typeof(WebAssets).Assembly.GetManifestResourceStream(name)!);
        return reader.ReadToEnd();
    }

    /// <summary>KaTeX as a style with its fonts inside and a script; null where it is not installed, when formulas stay as written.</summary>
    public static (string Style, string Script)? Katex()
    {
        var (style, script) = (Path.Combine(Folder, "katex", "katex.min.css"), Path.Combine(Folder, "katex", "katex.min.js"));
        if (!File.Exists(style) || !File.Exists(script))
            return null;

        var inlined = FontSources().Replace(File.ReadAllText(style), match =>
            $"src:url(data:font/woff2;base64,{Convert.ToBase64String(File.ReadAllBytes(Path.Combine(Folder, "katex", match.Groups["font"].Value)))}) format(\"woff2\")");
        return (inlined, File.ReadAllText(script));
    }

    // Of each font's forms the first is woff2, which every browser reads.
    [GeneratedRegex(@"src:url\((?<font>fonts/[^)]+\.woff2)\)[^}]*?(?=[;}])")]
    private static partial Regex FontSources();
}
