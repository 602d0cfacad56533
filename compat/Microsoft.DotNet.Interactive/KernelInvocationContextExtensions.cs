using Microsoft.DotNet.Interactive.Events;
using Microsoft.DotNet.Interactive.Formatting;

namespace Microsoft.DotNet.Interactive;

public static class KernelInvocationContextExtensions
{
    public static DisplayedValue Display(this KernelInvocationContext context, object value, params string[] mimeTypes)
    {
        var displayed = new DisplayedValue(value, FormattedValue.CreateManyFromObject(value, mimeTypes));
        context.Display(displayed);
        return displayed;
    }

    internal static void Display(this KernelInvocationContext context, DisplayedValue displayed) =>
        context.Publish(displayed.IsUpdated
            ? new DisplayedValueUpdated(displayed.Value, displayed.DisplayId, context.Command, displayed.FormattedValues)
            : new DisplayedValueProduced(displayed.Value, context.Command, displayed.FormattedValues, displayed.DisplayId));
}
