using System.Net;
using System.Runtime.Loader;
using Deedle;
using Deedle.Internal;
using Microsoft.DotNet.Interactive.Formatting;
using Microsoft.FSharp.Collections;
using Plotly.NET;

namespace LTHKit.Formatting;

/// <summary>How figures, tables, tensors and everything public of the kit look in a notebook, in the kit's own kernel and in another alike.</summary>
internal static class NotebookFormatters
{
    /// <summary>The MIME type of a plotly.js figure.</summary>
    public const string Plotly = "application/vnd.plotly.v1+json";

    /// <summary>Registers the formatters for this process. The kit does so by itself when the first of its types is used.</summary>
#pragma warning disable CA2255 // a module initializer in a library: what a cell returns must show right before anything was called
    [ModuleInitializer]
#pragma warning restore CA2255
    public static void Register()
    {
        if (AssemblyLoadContext.GetLoadContext(typeof(NotebookFormatters).Assembly) != AssemblyLoadContext.Default)
            ShareFSharp();
        RegisterAll();
    }

    /// <summary>
    /// Another host's `#r` loads each assembly by itself, and FSharp.Core once for each version that one asks for; from the default context all get the same.
    /// </summary>
    private static void ShareFSharp()
    {
        try
        {
            AssemblyLoadContext.Default.LoadFromAssemblyPath(Path.Combine(Path.GetDirectoryName(typeof(NotebookFormatters).Assembly.Location)!, "FSharp.Core.dll"));
        }
        catch (FileLoadException)
        {
            // The host has one of its own, which all get.
        }
    }

    private static void RegisterAll()
    {
        foreach (var type in typeof(NotebookFormatters).Assembly.GetExportedTypes().Where(type => !type.IsEnum && !(type.IsAbstract && type.IsSealed)))
        {
            Formatter.Register(type, (value, writer) => writer.Write(KitText.Of(value)), PlainTextFormatter.MimeType);
            Formatter.Register(type, (value, writer) => writer.Write(WebUtility.HtmlEncode(KitText.Of(value))), HtmlFormatter.MimeType);
            // Without it `#!share` passes over what holds a function or a tensor.
            Formatter.Register(type, (value, writer) => writer.Write(JsonSerializer.Serialize(KitText.Of(value))), JsonFormatter.MimeType);
        }
        Formatter.Register<Sweep>(sweep => sweep.Runs.Count + sweep.Dense.Count == 0
            ? WebUtility.HtmlEncode(sweep.ToString()) : TableHtml.Of(Tables.Accuracy(sweep)), HtmlFormatter.MimeType);

        // Of two formatters the later counts: the package's page takes plotly.js from the network, the kit's figures draw without.
        Formatter.Register<GenericChart>(global::Plotly.NET.Interactive.Formatters.toInteractiveHTML, HtmlFormatter.MimeType);
        Formatter.Register<GenericChart>(chart => ChartHtml.Of(GenericChart.toJson(chart)), HtmlFormatter.MimeType);
        Formatter.Register<GenericChart>(GenericChart.toJson, Plotly);
        Formatter.Register<GenericChart>(ChartHtml.PlainText, PlainTextFormatter.MimeType);
        Formatter.SetPreferredMimeTypesFor(typeof(GenericChart), Plotly, HtmlFormatter.MimeType, PlainTextFormatter.MimeType);

        Formatter.Register<IFrame>(TableHtml.Of, HtmlFormatter.MimeType);
        Formatter.Register<IFrame>(frame => ((IFsiFormattable)frame).Format().TrimEnd(), PlainTextFormatter.MimeType);
        Formatter.SetPreferredMimeTypesFor(typeof(IFrame), HtmlFormatter.MimeType, PlainTextFormatter.MimeType);

        // As any other sequence: of its properties, the end of a list has none.
        foreach (var type in (string[])[HtmlFormatter.MimeType, PlainTextFormatter.MimeType])
            Formatter.Register(typeof(FSharpList<>), (object list, FormatContext context) =>
            {
                typeof(Enumerable).GetMethod(nameof(Enumerable.ToArray))!.MakeGenericMethod(list.GetType().GenericTypeArguments).Invoke(null, [list]).FormatTo(context, type);
                return true;
            }, type);

        Formatter.Register<torch.Tensor>(TensorText.Of, PlainTextFormatter.MimeType);
        Formatter.Register<torch.Tensor>(tensor => JsonSerializer.Serialize(TensorText.Of(tensor)), JsonFormatter.MimeType);
        Formatter.SetPreferredMimeTypesFor(typeof(torch.Tensor), PlainTextFormatter.MimeType);
    }
}
