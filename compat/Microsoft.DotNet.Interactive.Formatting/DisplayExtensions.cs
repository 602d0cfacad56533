using Microsoft.DotNet.Interactive.Formatting;

namespace System;

public static class DisplayExtensions
{
    // The last release raises one DisplayedValue and returns another, so that its Update never finds the output it is
    // about. Its documentation promises what is done here.
    public static DisplayedValue Display(this object value, params string[] mimeTypes) =>
        Raise(new DisplayedValue(value, FormattedValue.CreateManyFromObject(value, mimeTypes)));

    public static DisplayedValue DisplayAs(this string value, string mimeType) =>
        Raise(new DisplayedValue(value, [new FormattedValue(mimeType, value)]));

    private static DisplayedValue Raise(DisplayedValue displayed)
    {
        Formatter.RaiseDisplayed(displayed);
        return displayed;
    }
}
