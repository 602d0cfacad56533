using Microsoft.DotNet.Interactive.Formatting;

namespace LTHKit.Notebook.Execution;

/// <summary>How the engine shows what is not the library's.</summary>
internal static class NotebookDisplay
{
    /// <summary>A number is text, not a page of HTML around text.</summary>
    public static void Register()
    {
        Type[] scalars =
        [
            typeof(bool), typeof(byte), typeof(sbyte), typeof(short), typeof(ushort), typeof(int), typeof(uint), typeof(long), typeof(ulong),
            typeof(float), typeof(double), typeof(decimal), typeof(char), typeof(Guid), typeof(DateTime), typeof(DateTimeOffset),
            typeof(TimeSpan), typeof(Enum), typeof(System.Numerics.BigInteger), typeof(System.Numerics.Complex),
        ];
        foreach (var scalar in scalars)
            Formatter.SetPreferredMimeTypesFor(scalar, PlainTextFormatter.MimeType);
    }
}
