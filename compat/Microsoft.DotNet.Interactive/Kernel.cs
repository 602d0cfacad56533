using Microsoft.AspNetCore.Html;
using Microsoft.DotNet.Interactive.Formatting;

namespace Microsoft.DotNet.Interactive;

/// <summary>What a C# cell calls without naming a class.</summary>
public abstract class Kernel
{
    static Kernel() => Formatter.SubscribeToDisplayedValues(displayed =>
    {
        if (KernelInvocationContext.Current is { } context)
            context.Display(displayed);
        else
            Formatter.WriteToConsole(displayed);
    });

    private protected Kernel()
    {
    }

    public static DisplayedValue display(object value, params string[] mimeTypes) => value.Display(mimeTypes);

    public static IHtmlContent HTML(string content) => content.ToHtmlContent();
}
