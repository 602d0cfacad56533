using System.Diagnostics;
using System.Reflection;
using System.Runtime.CompilerServices;

namespace Microsoft.DotNet.Interactive.Formatting;

/// <summary>What of a type is shown: its name as C# writes it, and its public fields and properties.</summary>
internal static class Members
{
    private static readonly HashSet<Type> Scalars =
        [typeof(decimal), typeof(Guid), typeof(string), typeof(DateTime), typeof(DateTimeOffset), typeof(TimeSpan)];

    public static bool IsScalar(Type type) =>
        type.IsPrimitive || type.IsEnum || Scalars.Contains(type)
        || (Nullable.GetUnderlyingType(type) is { } underlying && IsScalar(underlying));

    public static bool IsAnonymous(Type type) =>
        type.Name.Contains("AnonymousType") && type.IsDefined(typeof(CompilerGeneratedAttribute), false);

    public static string NameOf(Type type)
    {
        if (type.IsArray)
            return $"{NameOf(type.GetElementType())}[{new string(',', type.GetArrayRank() - 1)}]";
        if (IsAnonymous(type))
            return "(anonymous)";
        if (!type.IsGenericType)
            return type.Name;

        var name = type.Name.Contains('`') ? type.Name[..type.Name.IndexOf('`')] : type.Name;
        return $"{name}<{string.Join(",", type.GetGenericArguments().Select(NameOf))}>";
    }

    /// <summary>A member whose getter throws has the exception for its value.</summary>
    public static IEnumerable<(string Name, object Value)> Of(object target)
    {
        foreach (var member in target.GetType().GetMembers(BindingFlags.Instance | BindingFlags.Public))
        {
            Func<object, object> get = member switch
            {
                PropertyInfo { CanRead: true } p when p.GetIndexParameters().Length == 0 && !IsHidden(p) => p.GetValue,
                FieldInfo f => f.GetValue,
                _ => null,
            };
            if (get is null)
                continue;

            object value;
            try
            {
                value = get(target);
            }
            catch (TargetInvocationException e)
            {
                value = e.InnerException;
            }

            yield return (member.Name, value);
        }
    }

    private static bool IsHidden(PropertyInfo property) =>
        property.GetMethod is not { IsPublic: true }
        || property.PropertyType.IsByRef || property.PropertyType.IsByRefLike
        || property.GetCustomAttribute<DebuggerBrowsableAttribute>()?.State == DebuggerBrowsableState.Never;
}
