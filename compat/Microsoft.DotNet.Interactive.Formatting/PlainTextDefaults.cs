using System.Collections;
using System.Runtime.CompilerServices;

namespace Microsoft.DotNet.Interactive.Formatting;

internal static class PlainTextDefaults
{
    private const string Indent = "      ";

    public static readonly ITypeFormatter[] Formatters =
    [
        Text<string>((value, context) => context.Writer.Write(value)),
        Text<Type>((value, context) => context.Writer.Write(Members.NameOf(value))),
        Text<Exception>((value, context) => context.Writer.Write(value)),
        Text<ITuple>(WriteTuple),
        Text<IEnumerable>(WriteSequence),
        Text<object>(WriteObject),
    ];

    private static DelegateFormatter<T> Text<T>(Action<T, FormatContext> write) =>
        new(
            (value, context) =>
            {
                if (value is null)
                    context.Writer.Write(Formatter.NullString);
                else
                    write(value, context);
                return true;
            },
            PlainTextFormatter.MimeType);

    private static void WriteTuple(ITuple tuple, FormatContext context)
    {
        context.Writer.Write("( ");
        for (var i = 0; i < tuple.Length; i++)
        {
            if (i > 0)
                context.Writer.Write(", ");
            WriteInline(tuple[i], context);
        }

        context.Writer.Write(" )");
    }

    private static void WriteSequence(IEnumerable sequence, FormatContext context)
    {
        context.Writer.Write("[ ");
        var shown = 0;
        foreach (var item in sequence)
        {
            if (shown == Formatter.ListExpansionLimit)
            {
                var more = sequence is ICollection { Count: var count } ? $"{count - shown} more" : "more";
                context.Writer.Write($" ... ({more})");
                break;
            }

            if (shown++ > 0)
                context.Writer.Write(", ");
            WriteInline(item, context);
        }

        context.Writer.Write(" ]");
    }

    // Inside a sequence or a tuple an object is one line, so that the sequence stays readable.
    private static void WriteInline(object value, FormatContext context)
    {
        if (value is null || value is IEnumerable || Members.IsScalar(value.GetType()) || OverridesToString(value.GetType()))
        {
            value.FormatTo(context, PlainTextFormatter.MimeType);
            return;
        }

        context.Writer.Write("{ ");
        var first = true;
        foreach (var (name, member) in Members.Of(value))
        {
            context.Writer.Write(first ? $"{name}: " : $", {name}: ");
            first = false;
            WriteMember(member, context);
        }

        context.Writer.Write(" }");
    }

    private static void WriteObject(object value, FormatContext context)
    {
        var type = value.GetType();
        var members = Members.IsScalar(type) || context.Depth > 1 && OverridesToString(type) ? [] : Members.Of(value).ToArray();
        if (members.Length == 0)
        {
            context.Writer.Write(value is IFormattable f ? f.ToString(null, context.Writer.FormatProvider) : value.ToString());
            return;
        }

        context.Writer.Write(Members.NameOf(type));
        foreach (var (name, member) in members)
        {
            context.Writer.WriteLine();
            for (var i = 0; i < context.Depth; i++)
                context.Writer.Write(Indent);
            context.Writer.Write($"{name}: ");
            WriteMember(member, context);
        }
    }

    private static void WriteMember(object member, FormatContext context)
    {
        if (member is not null && context.Depth >= Formatter.RecursionLimit)
            context.Writer.Write(member);
        else
            member.FormatTo(context, PlainTextFormatter.MimeType);
    }

    private static bool OverridesToString(Type type) =>
        type.GetMethod(nameof(ToString), Type.EmptyTypes).DeclaringType is var declaring
        && declaring != typeof(object) && declaring != typeof(ValueType);
}
