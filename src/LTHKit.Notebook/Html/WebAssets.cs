using Plotly.NET;

namespace LTHKit.Notebook.Html;

internal static class WebAssets
{
    /// <summary>What plotly.js is called beside notebooks and beside the kernel's description.</summary>
    public const string PlotlyFile = "plotly.min.js";

    public static string Plotly { get; } = Read(typeof(GenericChart), ".min.js");

    /// <summary>Puts plotly.js beside notebooks, from where the HTML of their figures takes it in pages of files.</summary>
    public static void PutPlotlyInto(string folder)
    {
        var file = Path.Combine(folder, PlotlyFile);
        if (!File.Exists(file) || File.ReadAllText(file) != Plotly)
            AtomicFile.WriteText(file, Plotly);
    }

    /// <summary>The one resource beside a type whose name ends so.</summary>
    public static string Read(Type type, string ending)
    {
        var name = type.Assembly.GetManifestResourceNames().Single(name => name.EndsWith(ending, StringComparison.Ordinal));
        using var reader = new StreamReader(type.Assembly.GetManifestResourceStream(name)!);
        return reader.ReadToEnd();
    }
}
