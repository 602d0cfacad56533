using System.Reflection;
using Microsoft.FSharp.Core;
using Plotly.NET;

namespace LTHKit;

/// <summary>
/// Plotly.NET's typed objects from C#: its F# constructors take up to a hundred optional arguments, which C# would have to give one and all. Here those
/// wanted are the members of an anonymous object, <c>Init&lt;Title&gt;(new { Text = "loss", Standoff = 10 })</c>; a name or a type that Plotly.NET does
/// not know is refused. A member that is null is left out.
/// </summary>
internal static class Typed
{
    /// <summary><c>T.init</c> with these arguments; of equal names the last counts.</summary>
    public static T Init<T>(params object?[] arguments) => (T)Call(typeof(T).GetMethod("init")!, arguments)!;

    /// <summary>Plotly.NET's style of the trace's kind, as <c>Trace2DStyle.Scatter</c>, with these arguments on every trace of a chart.</summary>
    public static GenericChart Trace(this GenericChart chart, object arguments)
    {
        foreach (var trace in GenericChart.getTraces(chart))
        {
            var style = new[] { typeof(Trace2DStyle), typeof(Trace3DStyle) }.SelectMany(all => all.GetMethods())
                .First(method => method.Name.Equals(trace.type, StringComparison.OrdinalIgnoreCase));
            var apply = Call(style, arguments)!;
            apply.GetType().GetMethod("Invoke", [typeof(Trace)])!.Invoke(apply, [trace]);
        }
        return chart;
    }

    /// <summary>Sets a plotly.js attribute that Plotly.NET has no type for, by name.</summary>
    public static T With<T>(this T target, string name, object value) where T : DynamicObj.DynamicObj
    {
        target.SetProperty(name, value);
        return target;
    }

    private static object? Call(MethodInfo method, params object?[] arguments)
    {
        var given = new Dictionary<string, object>();
        foreach (var (name, value) in arguments.OfType<object>().SelectMany(all => all.GetType().GetProperties().Select(p => (p.Name, p.GetValue(all)))))
            if (value is not null)
                given[name] = value;
        if (given.Keys.Except(method.GetParameters().Select(p => p.Name!)).FirstOrDefault() is { } unknown)
            throw new ArgumentException($"{method.DeclaringType!.Name}.{method.Name} has no argument '{unknown}'.");
        if (method.IsGenericMethodDefinition)
            method = method.MakeGenericMethod([.. method.GetGenericArguments().Select(type => Inferred(type, method, given))]);
        return method.Invoke(null, [.. method.GetParameters()
            .Select(p => given.TryGetValue(p.Name!, out var value) ? Activator.CreateInstance(p.ParameterType, value) : null)]);
    }

    /// <summary>The type that an argument gives a type parameter as its value or its elements; where none does, one that the parameter allows.</summary>
    private static Type Inferred(Type parameter, MethodInfo method, Dictionary<string, object> given)
    {
        foreach (var (name, type) in method.GetParameters().Select(p => (p.Name!, p.ParameterType)).Where(p => p.ParameterType.IsGenericType))
            if (given.TryGetValue(name, out var value))
            {
                var option = type.GetGenericArguments()[0];         // FSharpOption<option>
                if (option == parameter)
                    return value.GetType();
                if (option.IsGenericType && option.GetGenericArguments()[0] == parameter)
                    return value.GetType().GetInterfaces().First(i => i.IsGenericType && i.GetGenericTypeDefinition() == typeof(IEnumerable<>))
                        .GetGenericArguments()[0];
            }
        var bound = parameter.GetGenericParameterConstraints().FirstOrDefault();
        return bound is { IsClass: true } ? bound : bound is { IsGenericType: true } ? typeof(string[]) : typeof(string);
    }
}
