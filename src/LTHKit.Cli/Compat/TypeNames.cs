using System.Reflection;

namespace LTHKit.Cli.Compat;

/// <summary>Writes types of two assemblies of the same name so that they can be compared, and read.</summary>
internal static class TypeNames
{
    /// <summary>The whole name without the assembly; generic parameters by position, because their names do not matter.</summary>
    public static string Key(Type type) => Write(type, Whole, parameter =>
        (parameter.DeclaringMethod is null ? "!" : "!!") + parameter.GenericParameterPosition);

    /// <summary>As C# writes it, without namespaces.</summary>
    public static string Show(Type type) => Write(type, Short, parameter => parameter.Name);

    /// <summary>The method's name with its parameters, as C# writes it.</summary>
    public static string Show(MethodBase method)
    {
        var generic = method is MethodInfo { IsGenericMethodDefinition: true }
            ? $"<{string.Join(", ", method.GetGenericArguments().Select(argument => argument.Name))}>"
            : "";
        var name = method.IsConstructor ? Short(method.DeclaringType!) : method.Name;
        return $"{name}{generic}({string.Join(", ", method.GetParameters().Select(parameter => Show(parameter.ParameterType)))})";
    }

    private static string Write(Type type, Func<Type, string> named, Func<Type, string> parameter)
    {
        string Inner(Type inner) => Write(inner, named, parameter);
        if (type.IsGenericParameter)
            return parameter(type);
        if (type.IsByRef)
            return Inner(type.GetElementType()!) + "&";
        if (type.IsPointer)
            return Inner(type.GetElementType()!) + "*";
        if (type.IsArray)
            return $"{Inner(type.GetElementType()!)}[{new string(',', type.GetArrayRank() - 1)}]";
        if (type.IsFunctionPointer)
            return $"delegate*<{string.Join(", ", type.GetFunctionPointerParameterTypes().Append(type.GetFunctionPointerReturnType()).Select(Inner))}>";
        if (!type.IsGenericType)
            return named(type);
        return $"{named(type)}<{string.Join(", ", type.GetGenericArguments().Select(Inner))}>";
    }

    private static string Whole(Type type)
    {
        if (type.DeclaringType is { } outer)
            return $"{Whole(outer)}+{type.Name}";
        return type.Namespace is { Length: > 0 } space ? $"{space}.{type.Name}" : type.Name;
    }

    private static string Short(Type type)
    {
        var name = type.Name.Split('`')[0];
        return type.DeclaringType is { } outer ? $"{Short(outer)}.{name}" : name;
    }
}
