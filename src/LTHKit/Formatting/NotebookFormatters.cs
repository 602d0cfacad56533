using Deedle;
using Microsoft.DotNet.Interactive.Formatting;
using Plotly.NET;
using TorchSharp;

namespace LTHKit.Formatting;

/// <summary>How figures, tables and tensors look in a notebook, in the kit's own kernel and in .NET Interactive alike.</summary>
public static class NotebookFormatters
{
    /// <summary>The MIME type of a plotly.js figure.</summary>
    public const string Plotly = "application/vnd.plotly.v1+json";

    /// <summary>Registers the formatters for this process. <see cref="Experiments.Lab"/> does so by itself.</summary>
    public static void Register()
    {
        Formatter.Register<GenericChart>(GenericChart.toJson, Plotly);
        Formatter.Register<GenericChart>(chart => ChartHtml.Of(GenericChart.toJson(chart)), HtmlFormatter.MimeType);
        Formatter.Register<GenericChart>(ChartHtml.PlainText, PlainTextFormatter.MimeType);
        Formatter.SetPreferredMimeTypesFor(typeof(GenericChart), Plotly, HtmlFormatter.MimeType, PlainTextFormatter.MimeType);

        Formatter.Register<IFrame>(TableHtml.Of, HtmlFormatter.MimeType);
        Formatter.Register<IFrame>(frame => frame.Apply(new TableText()), PlainTextFormatter.MimeType);
        Formatter.SetPreferredMimeTypesFor(typeof(IFrame), HtmlFormatter.MimeType, PlainTextFormatter.MimeType);

        Formatter.Register<torch.Tensor>(TensorText.Of, PlainTextFormatter.MimeType);
        Formatter.SetPreferredMimeTypesFor(typeof(torch.Tensor), PlainTextFormatter.MimeType);
    }

    private sealed class TableText : IFrameOperation<string>
    {
        public string Invoke<R, C>(Frame<R, C> frame)
            where R : notnull
            where C : notnull => frame.Format().TrimEnd();
    }
}
