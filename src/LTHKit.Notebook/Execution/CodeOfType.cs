namespace LTHKit.Notebook.Execution;

/// <summary>Types as C# code writes them.</summary>
internal static class CodeOfType
{
    /// <summary>
    /// The type in C#, and the files of the assemblies that it needs; of one that C# code cannot name, the nearest base or interface that it can.
    /// </summary>
    public static (string Code, IReadOnlyList<string> Assemblies) Of(Type? type)
    {
        var assemblies = new HashSet<string>();
        foreach (var candidate in Candidates(type))
        {
            assemblies.Clear();
            if (Write(candidate, assemblies) is { } code)
                return (code, [.. assemblies]);
        }

        return ("object", []);
    }

    // The type, its bases, and its interfaces, those first that have most in them.
    private static IEnumerable<Type> Candidates(Type? type)
    {
        for (var at = type; at is not null && at != typeof(object); at = at.BaseType)
            yield return at;
        foreach (var candidate in type?.GetInterfaces().OrderByDescending(candidate => candidate.GetInterfaces().Length) ?? Enumerable.Empty<Type>())
            yield return candidate;
    }

    private static string? Write(Type type, HashSet<string> assemblies)
    {
        if (type.IsArray)
            return Write(type.GetElementType()!, assemblies) is { } element ? $"{element}[{new string(',', type.GetArrayRank() - 1)}]" : null;
        if (!type.IsVisible || type.Assembly.IsDynamic || type.Assembly.Location.Length == 0 || type.IsPointer || type.IsByRefLike)
            return null;

        assemblies.Add(type.Assembly.Location);
        // A nested type's arguments begin with those of the types around it.
        var arguments = type.GetGenericArguments().Select(argument => Write(argument, assemblies)).ToList();
        if (arguments.Contains(null))
            return null;
        var around = new Stack<Type>();
        for (var at = type; at is not null; at = at.DeclaringType)
            around.Push(at);
        var used = 0;
        var names = around.Select(at =>
        {
            var parts = at.Name.Split('`');
            var count = parts.Length == 1 ? 0 : int.Parse(parts[1], System.Globalization.CultureInfo.InvariantCulture);
            var own = arguments.Skip(used).Take(count).ToList();
            used += count;
            return own.Count == 0 ? parts[0] : $"{parts[0]}<{string.Join(", ", own)}>";
        }).ToList();
        var space = around.Peek().Namespace;
        return $"global::{(space is null ? "" : space + ".")}{string.Join('.', names)}";
    }
}
