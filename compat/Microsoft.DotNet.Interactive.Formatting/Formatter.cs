using System.Collections.Concurrent;
using System.Globalization;
using System.Runtime.CompilerServices;

namespace Microsoft.DotNet.Interactive.Formatting;

/// <summary>Turns values into text by type and MIME type; the registry is process-wide, as in .NET Interactive.</summary>
public static partial class Formatter
{
    private static readonly ConcurrentStack<(Type Type, string[] MimeTypes)> PreferredMimeTypes = new();
    private static readonly ConcurrentStack<ITypeFormatter> UserFormatters = new();
    // By type, which must be able to go with the notebook cell that declared it, and MIME type.
    private static readonly ConditionalWeakTable<Type, ConcurrentDictionary<string, ITypeFormatter[]>> Found = [];

    private static int s_listExpansionLimit;
    private static int s_recursionLimit;
    private static string s_defaultMimeType;

    static Formatter() => ResetToDefault();

    public static int ListExpansionLimit
    {
        get => s_listExpansionLimit;
        set => s_listExpansionLimit = value >= 0
            ? value
            : throw new ArgumentException($"{nameof(ListExpansionLimit)} must be at least 0.");
    }

    public static int RecursionLimit
    {
        get => s_recursionLimit;
        set => s_recursionLimit = value >= 0
            ? value
            : throw new ArgumentException($"{nameof(RecursionLimit)} must be at least 0.");
    }

    public static string NullString { get; set; }

    public static string DefaultMimeType
    {
        get => s_defaultMimeType;
        set => s_defaultMimeType = value ?? throw new ArgumentNullException(nameof(value));
    }

    public static void ResetToDefault()
    {
        DefaultMimeType = HtmlFormatter.MimeType;
        ListExpansionLimit = 20;
        RecursionLimit = 6;
        NullString = "<null>";
        PreferredMimeTypes.Clear();
        UserFormatters.Clear();
        Found.Clear();
    }

    public static void SetPreferredMimeTypesFor(Type type, params string[] preferredMimeTypes)
    {
        ArgumentNullException.ThrowIfNull(type);
        if (preferredMimeTypes is null || preferredMimeTypes.All(string.IsNullOrWhiteSpace))
            throw new ArgumentException("Value cannot be null or whitespace.", nameof(preferredMimeTypes));

        PreferredMimeTypes.Push((type, [.. preferredMimeTypes.Distinct()]));
    }

    public static IReadOnlyCollection<string> GetPreferredMimeTypesFor(Type type)
    {
        type ??= typeof(object);
        var chosen = MostSpecificFirst(PreferredMimeTypes, p => p.Type, type).FirstOrDefault();
        return chosen.MimeTypes ?? [type == typeof(string) ? PlainTextFormatter.MimeType : DefaultMimeType];
    }

    public static string ToDisplayString(this object obj, string mimeType = PlainTextFormatter.MimeType)
    {
        ArgumentNullException.ThrowIfNull(mimeType);
        using var writer = new StringWriter(CultureInfo.InvariantCulture);
        using (var context = new FormatContext(writer))
            FormatTo(obj, context, mimeType);

        return writer.ToString();
    }

    public static void FormatTo<T>(this T obj, FormatContext context, string mimeType)
    {
        if (obj is not null && context.Depth >= RecursionLimit)
            mimeType = PlainTextFormatter.MimeType;

        var type = obj?.GetType() ?? typeof(T);
        var formatters = Found.GetOrCreateValue(type).GetOrAdd(mimeType, _ => Find(type, mimeType));
        context.Depth++;
        try
        {
            foreach (var formatter in formatters)
            {
                if (formatter.Format(obj, context))
                    return;
            }
        }
        finally
        {
            context.Depth--;
        }
    }

    public static void Register(ITypeFormatter formatter)
    {
        ArgumentNullException.ThrowIfNull(formatter);
        UserFormatters.Push(formatter);
        Found.Clear();
    }

    public static void Register<T>(FormatDelegate<T> formatter, string mimeType = PlainTextFormatter.MimeType) =>
        Register(new DelegateFormatter<T>(formatter, mimeType));

    public static void Register(
        Type type, FormatDelegate<object> formatter, string mimeType = PlainTextFormatter.MimeType) =>
        Register(new DelegateFormatter<object>(formatter, mimeType, type));

    public static void Register(
        Type type, Action<object, TextWriter> formatter, string mimeType = PlainTextFormatter.MimeType) =>
        Register(new DelegateFormatter<object>((value, context) => Done(() => formatter(value, context.Writer)), mimeType, type));

    public static void Register<T>(Action<T, TextWriter> formatter, string mimeType = PlainTextFormatter.MimeType) =>
        Register(new DelegateFormatter<T>((value, context) => Done(() => formatter(value, context.Writer)), mimeType));

    public static void Register<T>(Func<T, string> formatter, string mimeType = PlainTextFormatter.MimeType) =>
        Register(new DelegateFormatter<T>((value, context) => Done(() => context.Writer.Write(formatter(value))), mimeType));

    private static bool Done(Action write)
    {
        write();
        return true;
    }

    // What the user registered comes before what is built in; in each, the most specific type first.
    private static ITypeFormatter[] Find(Type type, string mimeType)
    {
        ITypeFormatter[] found =
        [
            .. MostSpecificFirst(UserFormatters.Where(f => f.MimeType == mimeType), f => f.Type, type),
            .. MostSpecificFirst(BuiltIn.Where(f => f.MimeType == mimeType), f => f.Type, type),
        ];
        return found.Length > 0
            ? found
            : throw new ArgumentException($"No formatter is registered for MIME type {mimeType}.");
    }

    private static IEnumerable<ITypeFormatter> BuiltIn =>
        PlainTextDefaults.Formatters.Concat(HtmlDefaults.Formatters).Concat(JsonDefaults.Formatters);

    // Relevance is only a partial order, so a sort will not do: repeatedly take the first that no other is narrower than.
    private static IEnumerable<T> MostSpecificFirst<T>(IEnumerable<T> all, Func<T, Type> typeOf, Type actual)
    {
        var left = all.Where(x => IsRelevantFor(typeOf(x), actual)).ToList();
        while (left.Count > 0)
        {
            var best = left.FindIndex(x => !left.Any(other =>
                typeOf(other) != typeOf(x) && IsRelevantFor(typeOf(x), typeOf(other)) && !IsRelevantFor(typeOf(other), typeOf(x))));
            yield return left[best];
            left.RemoveAt(best);
        }
    }

    private static bool IsRelevantFor(Type type, Type actual)
    {
        if (!type.IsGenericTypeDefinition)
            return type.IsAssignableFrom(actual);

        for (var t = actual; t is not null; t = t.BaseType)
        {
            if (t.IsGenericType && t.GetGenericTypeDefinition() == type)
                return true;
        }

        return actual.GetInterfaces().Any(i => i.IsGenericType && i.GetGenericTypeDefinition() == type);
    }
}
