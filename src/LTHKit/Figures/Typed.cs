using System.Reflection;
using Microsoft.FSharp.Core;
using Plotly.NET;

namespace LTHKit;

/// <summary>
/// Plotly.NET's typed objects from C#: its F# constructors take up to a hundred optional arguments, which C# would have to give one and all. Here those
/// wanted are the members of anonymous objects, <c>Init&lt;Title&gt;(new { Text = "loss", Standoff = 10 })</c>; a name or a type that Plotly.NET does
/// not know is refused. A member that is null is left out.
/// </summary>
internal static class Typed
{
    /// <summary><c>T.init</c> with these arguments; of equal names the last counts.</summary>
    public static T Init<T>(params object?[] arguments) => (T)Call(typeof(T).GetMethod("init")!, arguments)!;

    /// <summary>A chart of one trace with these attributes: "Scatter", "Bar", "Heatmap", "Contour" or "Surface".</summary>
    public static GenericChart Draw(string kind, params object?[] attributes)
    {
        var (styles, trace) = kind == "Surface" ? (typeof(Trace3DStyle), (Trace)new Trace3D("surface")) : (typeof(Trace2DStyle), new Trace2D(kind.ToLowerInvariant()));
        var apply = Call(styles.GetMethod(kind)!, attributes)!;
        apply.GetType().GetMethod("Invoke", [typeof(Trace)])!.Invoke(apply, [trace]);
        return GenericChart.ofTraceObject(false, trace);
    }

    private static object? Call(MethodInfo method, object?[] arguments)
    {
        var given = new Dictionary<string, object>();
        foreach (var (name, value) in arguments.OfType<object>().SelectMany(all => all.GetType().GetProperties().Select(p => (p.Name, p.GetValue(all)))))
            if (value is not null)
                given[name] = value;
        if (given.Keys.Except(method.GetParameters().Select(p => p.Name!)).FirstOrDefault() is { } unknown)
            throw new ArgumentException($"{method.DeclaringType!.Name}.{method.Name} has no argument '{unknown}'.");
        if (method.IsGenericMethodDefinition)
        {
            var types = new Dictionary<Type, Type>();
            foreach (var parameter in method.GetParameters())
                if (given.TryGetValue(parameter.Name!, out var value))
                    Infer(parameter.ParameterType.GetGenericArguments()[0], value.GetType(), types);        // FSharpOption<wanted>
            method = method.MakeGenericMethod([.. method.GetGenericArguments().Select(type => types.GetValueOrDefault(type) ?? Allowed(type))]);
        }
        return method.Invoke(null, [.. method.GetParameters()
            .Select(p => given.TryGetValue(p.Name!, out var value) ? Activator.CreateInstance(p.ParameterType, value) : null)]);
    }

    /// <summary>What type parameters are where a value is given for a wanted type: seq&lt;'a&gt; of doubles says that 'a is double, and what holds for 'a.</summary>
    private static void Infer(Type wanted, Type given, Dictionary<Type, Type> types)
    {
        if (wanted.IsGenericParameter && types.TryAdd(wanted, given))
            foreach (var constraint in wanted.GetGenericParameterConstraints())
                Infer(constraint, given, types);
        else if (wanted.IsGenericType && given.GetInterfaces().Append(given)
            .FirstOrDefault(i => i.IsGenericType && i.GetGenericTypeDefinition() == wanted.GetGenericTypeDefinition()) is { } same)
            foreach (var (inner, type) in wanted.GetGenericArguments().Zip(same.GetGenericArguments()))
                Infer(inner, type, types);
    }

    private static Type Allowed(Type parameter) => parameter.GetGenericParameterConstraints().FirstOrDefault() switch
    {
        { IsClass: true } bound => bound,
        { IsGenericType: true } => typeof(string[]),
        _ => typeof(string),
    };
}
