using System.Reflection;

namespace LTHKit.Cli.Compat;

/// <summary>Compares the visible members that a compat type declares with those of the real type and its bases.</summary>
internal sealed class MemberDiff(string where, List<string> lines)
{
    private const BindingFlags Declared =
        BindingFlags.DeclaredOnly | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Static | BindingFlags.Instance;

    public void Compare(Type compat, Type real)
    {
        foreach (var constructor in compat.GetConstructors(Declared).Where(IsVisible))
            CompareMethod(constructor, real.GetConstructors(Declared).Where(IsVisible));
        foreach (var method in compat.GetMethods(Declared).Where(method => IsVisible(method) && !IsAccessor(method)))
            CompareMethod(method, All(real, type => type.GetMethods(Declared)).Where(other => other.Name == method.Name && IsVisible(other)));
        foreach (var property in compat.GetProperties(Declared).Where(IsVisible))
            CompareProperty(property, All(real, type => type.GetProperties(Declared)).Where(other => other.Name == property.Name && IsVisible(other)));
        foreach (var field in compat.GetFields(Declared).Where(field => IsVisible(field) && !field.IsSpecialName))
            CompareField(field, All(real, type => type.GetFields(Declared)).FirstOrDefault(other => other.Name == field.Name && IsVisible(other)));
        foreach (var @event in compat.GetEvents(Declared).Where(IsVisible))
            CompareEvent(@event, All(real, type => type.GetEvents(Declared)).FirstOrDefault(other => other.Name == @event.Name && IsVisible(other)));
    }

    /// <summary>Abstract members of the real type that a class deriving from the compat type would not know of.</summary>
    public void CompareAbstract(Type compat, Type real)
    {
        var known = compat.GetMethods(Declared).Where(method => method.IsAbstract).Select(Key).ToHashSet();
        foreach (var method in real.GetMethods(Declared).Where(method => method.IsAbstract && !known.Contains(Key(method))))
            lines.Add($"{where}: the real one has the abstract member {TypeNames.Show(method)} as well");
    }

    private void CompareMethod(MethodBase compat, IEnumerable<MethodBase> candidates)
    {
        var member = $"{where}.{TypeNames.Show(compat)}";
        void Report(string what) => lines.Add($"{member}: {what}");

        var overloads = candidates.ToList();
        if (overloads.FirstOrDefault(other => Key(other) == Key(compat)) is not { } real)
        {
            Report(overloads.Count == 0
                ? "the real type has no such member"
                : $"no such overload in the real type, which has {Text.And(overloads.Select(TypeNames.Show).Distinct().Take(6))}");
            return;
        }
        CompareModifiers(Report, compat, real);
        ApiDiff.Differ(Report, "obsolete", ApiDiff.IsObsolete(compat), ApiDiff.IsObsolete(real));
        ApiDiff.Differ(Report, "extension method", ApiDiff.Has(compat.GetCustomAttributesData(), "ExtensionAttribute"),
            ApiDiff.Has(real.GetCustomAttributesData(), "ExtensionAttribute"));
        if (compat is MethodInfo method && real is MethodInfo realMethod)
        {
            CompareResult(Report, "return type", method.ReturnType, realMethod.ReturnType, method.ReturnParameter, realMethod.ReturnParameter);
            ApiDiff.CompareGenerics(Report, method.GetGenericArguments(), realMethod.GetGenericArguments());
        }
        CompareParameters(Report, compat.GetParameters(), real.GetParameters());
    }

    private void CompareProperty(PropertyInfo compat, IEnumerable<PropertyInfo> candidates)
    {
        var index = compat.GetIndexParameters();
        var member = $"{where}.{compat.Name}{(index.Length == 0 ? "" : $"[{string.Join(", ", index.Select(parameter => TypeNames.Show(parameter.ParameterType)))}]")}";
        void Report(string what) => lines.Add($"{member}: {what}");

        if (candidates.FirstOrDefault(other => SameParameters(index, other.GetIndexParameters())) is not { } real)
        {
            Report("the real type has no such property");
            return;
        }
        CompareResult(Report, "type", compat.PropertyType, real.PropertyType, null, null);
        ApiDiff.Differ(Report, "tuple names", TupleNames(compat.GetCustomAttributesData()), TupleNames(real.GetCustomAttributesData()));
        if (compat.GetMethod is { } getter && IsVisible(getter))
            ApiDiff.Differ(Report, "getter", Visibility(getter), Visibility(real.GetMethod));
        if (compat.SetMethod is { } setter && IsVisible(setter))
            ApiDiff.Differ(Report, "setter", Visibility(setter), Visibility(real.SetMethod));
        ApiDiff.Differ(Report, "required", ApiDiff.Has(compat.GetCustomAttributesData(), "RequiredMemberAttribute"),
            ApiDiff.Has(real.GetCustomAttributesData(), "RequiredMemberAttribute"));
        ApiDiff.Differ(Report, "obsolete", ApiDiff.IsObsolete(compat), ApiDiff.IsObsolete(real));
        CompareModifiers(Report, compat.GetMethod ?? compat.SetMethod!, real.GetMethod ?? real.SetMethod!);
        CompareParameters(Report, index, real.GetIndexParameters());
    }

    private void CompareField(FieldInfo compat, FieldInfo? real)
    {
        void Report(string what) => lines.Add($"{where}.{compat.Name}: {what}");

        if (real is null)
        {
            Report("the real type has no such field");
            return;
        }
        ApiDiff.DifferTypes(Report, "type", compat.FieldType, real.FieldType);
        ApiDiff.Differ(Report, "static", compat.IsStatic, real.IsStatic);
        ApiDiff.Differ(Report, "visibility", compat.IsPublic, real.IsPublic);
        ApiDiff.Differ(Report, "constant", compat.IsLiteral, real.IsLiteral);
        ApiDiff.Differ(Report, "read-only", compat.IsInitOnly, real.IsInitOnly);
        ApiDiff.Differ(Report, "obsolete", ApiDiff.IsObsolete(compat), ApiDiff.IsObsolete(real));
        ApiDiff.Differ(Report, "tuple names", TupleNames(compat.GetCustomAttributesData()), TupleNames(real.GetCustomAttributesData()));
        if (compat.IsLiteral && real.IsLiteral)
            ApiDiff.Differ(Report, "value", compat.GetRawConstantValue(), real.GetRawConstantValue());
    }

    private void CompareEvent(EventInfo compat, EventInfo? real)
    {
        void Report(string what) => lines.Add($"{where}.{compat.Name}: {what}");

        if (real is null)
            Report("the real type has no such event");
        else
            ApiDiff.DifferTypes(Report, "type", compat.EventHandlerType!, real.EventHandlerType!);
    }

    private static void CompareModifiers(Action<string> report, MethodBase compat, MethodBase real)
    {
        ApiDiff.Differ(report, "visibility", Visibility(compat), Visibility(real));
        ApiDiff.Differ(report, "static", compat.IsStatic, real.IsStatic);
        ApiDiff.Differ(report, "abstract", compat.IsAbstract, real.IsAbstract);
        ApiDiff.Differ(report, "overridable", compat.IsVirtual && !compat.IsFinal, real.IsVirtual && !real.IsFinal);
    }

    private static void CompareParameters(Action<string> report, ParameterInfo[] compat, ParameterInfo[] real)
    {
        for (var i = 0; i < compat.Length; i++)
        {
            var name = $"parameter {i + 1} ({compat[i].Name})";
            // F# leaves the parameters of abstract members without names.
            if (!string.IsNullOrEmpty(real[i].Name))
                ApiDiff.Differ(report, $"the name of parameter {i + 1}", compat[i].Name, real[i].Name);
            ApiDiff.Differ(report, name, Passing(compat[i]), Passing(real[i]));
            ApiDiff.Differ(report, $"the default of {name}", Default(compat[i]), Default(real[i]));
            ApiDiff.Differ(report, $"the tuple names of {name}", TupleNames(compat[i].GetCustomAttributesData()), TupleNames(real[i].GetCustomAttributesData()));
        }
    }

    private static void CompareResult(Action<string> report, string what, Type compat, Type real, ParameterInfo? compatResult, ParameterInfo? realResult)
    {
        ApiDiff.DifferTypes(report, what, compat, real);
        if (compatResult is not null && realResult is not null)
            ApiDiff.Differ(report, "tuple names", TupleNames(compatResult.GetCustomAttributesData()), TupleNames(realResult.GetCustomAttributesData()));
    }

    // How an argument is passed, in the words of C# and of F#, whose own mark makes an argument optional to F# callers.
    private static string Passing(ParameterInfo parameter)
    {
        var attributes = parameter.GetCustomAttributesData();
        var words = new List<string>();
        if (parameter.ParameterType.IsByRef)
            words.Add(parameter.IsOut ? "out" : ApiDiff.Has(attributes, "IsReadOnlyAttribute") || parameter.IsIn ? "in" : "ref");
        if (ApiDiff.Has(attributes, "ParamArrayAttribute") || ApiDiff.Has(attributes, "ParamCollectionAttribute"))
            words.Add("params");
        if (ApiDiff.Has(attributes, "OptionalArgumentAttribute"))
            words.Add("F#-optional");
        return words.Count == 0 ? "plain" : string.Join(' ', words);
    }

    // Optional without a constant means default, as a null constant does.
    private static object? Default(ParameterInfo parameter)
    {
        if (!parameter.IsOptional)
            return "absent";
        if (parameter.GetCustomAttributesData().FirstOrDefault(attribute => attribute.AttributeType.Name == "DecimalConstantAttribute") is { } constant)
            return string.Join(' ', constant.ConstructorArguments);
        return parameter.RawDefaultValue is Missing or DBNull ? null : parameter.RawDefaultValue;
    }

    private static string TupleNames(IEnumerable<CustomAttributeData> attributes) =>
        attributes.FirstOrDefault(attribute => attribute.AttributeType.Name == "TupleElementNamesAttribute") is { } names
            ? string.Join(", ", ((IEnumerable<CustomAttributeTypedArgument>)names.ConstructorArguments[0].Value!).Select(name => name.Value ?? "_"))
            : "";

    // What makes two overloads the same one to a caller.
    private static string Key(MethodBase method)
    {
        var arity = method.IsGenericMethodDefinition ? method.GetGenericArguments().Length : 0;
        // Only conversions may differ in nothing but what they return.
        var result = method is MethodInfo { Name: "op_Implicit" or "op_Explicit" } conversion ? TypeNames.Key(conversion.ReturnType) : "";
        return $"{method.Name}`{arity}({string.Join(", ", method.GetParameters().Select(parameter => TypeNames.Key(parameter.ParameterType)))}){result}";
    }

    private static bool SameParameters(ParameterInfo[] compat, ParameterInfo[] real) =>
        compat.Select(parameter => TypeNames.Key(parameter.ParameterType)).SequenceEqual(real.Select(parameter => TypeNames.Key(parameter.ParameterType)));

    // A type's own members first, then those of its bases, and for an interface those of the interfaces it extends.
    private static IEnumerable<T> All<T>(Type type, Func<Type, IEnumerable<T>> members)
    {
        for (var at = type; at is not null; at = at.BaseType)
        {
            foreach (var member in members(at))
                yield return member;
        }
        if (!type.IsInterface)
            yield break;
        foreach (var member in type.GetInterfaces().SelectMany(members))
            yield return member;
    }

    private static bool IsAccessor(MethodInfo method) =>
        method.IsSpecialName && method.Name.Split('_')[0] is "get" or "set" or "add" or "remove";

    private static bool IsVisible(MethodBase method) =>
        (method.IsPublic || method.IsFamily || method.IsFamilyOrAssembly) && !method.Name.Contains('<') && !method.IsStaticConstructor();

    private static bool IsVisible(PropertyInfo property) => property.GetAccessors(true).Any(IsVisible);

    private static bool IsVisible(FieldInfo field) => field.IsPublic || field.IsFamily || field.IsFamilyOrAssembly;

    private static bool IsVisible(EventInfo @event) => IsVisible(@event.AddMethod!);

    private static string Visibility(MethodBase? accessor)
    {
        if (accessor is null || !IsVisible(accessor))
            return "absent";
        var init = accessor is MethodInfo method
            && method.ReturnParameter.GetRequiredCustomModifiers().Any(modifier => modifier.Name == "IsExternalInit");
        return (accessor.IsPublic ? "public" : "protected") + (init ? " init" : "");
    }
}

/// <summary>What reflection lacks.</summary>
internal static class MethodBaseExtensions
{
    public static bool IsStaticConstructor(this MethodBase method) => method.IsConstructor && method.IsStatic;
}
