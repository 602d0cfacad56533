using Plotly.NET;

namespace LTHKit.Notebook.Html;

internal static class WebAssets
{
    /// <summary>What plotly.js is called beside notebooks and beside the kernel's description.</summary>
    public const string PlotlyFile = "plotly.min.js";

    private static readonly Lazy<string> PlotlyText = new(() =>
    {
        var assembly = typeof(GenericChart).Assembly;
        return Read(assembly.GetManifestResourceStream(assembly.GetManifestResourceNames().Single(name => name.EndsWith(".min.js", StringComparison.Ordinal)))!);
    });

    public static string Plotly => PlotlyText.Value;

    /// <summary>Puts plotly.js beside notebooks, from where the HTML of their figures takes it in pages of files.</summary>
    public static void PutPlotlyInto(string folder)
    {
        var file = Path.Combine(folder, PlotlyFile);
        if (!File.Exists(file) || File.ReadAllText(file) != Plotly)
            AtomicFile.WriteText(file, Plotly);
    }

    public static string Own(string name) => Read(typeof(WebAssets).Assembly.GetManifestResourceStream(name)!);

    private static string Read(Stream stream)
    {
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }
}
