using System.Dynamic;
using System.Reflection;
using Microsoft.FSharp.Core;

namespace DynamicObj;

/// <summary>An object whose properties are set by name; the base of every plotly.js object.</summary>
public class DynamicObj : DynamicObject
{
    private readonly Dictionary<string, object?> properties = [];

    /// <summary>The value of a dynamic or declared property, None where there is no such property.</summary>
    public FSharpOption<object>? TryGetValue(string name)
    {
        if (properties.TryGetValue(name, out var value)) return new FSharpOption<object>(value!);
        return Declared(name) is { } property ? new FSharpOption<object>(property.GetValue(this)!) : null;
    }

    /// <summary>As <see cref="TryGetValue"/>, and None too where the value is not a <typeparamref name="a"/>.</summary>
    public FSharpOption<a>? TryGetTypedValue<a>(string name) =>
        TryGetValue(name) is { Value: a value } ? new FSharpOption<a>(value) : null;

    /// <summary>Sets a declared property of that name, else a dynamic one.</summary>
    /// <exception cref="ArgumentException">The declared property cannot be written.</exception>
    public void SetValue<c>(string name, c value)
    {
        if (Declared(name) is not { } property) properties[name] = value;
        else if (property.CanWrite) property.SetValue(this, value);
        else throw new ArgumentException("Readonly property - Property set method not found.");
    }

    /// <summary>Removes a dynamic property (a declared one is set to null); whether there was one.</summary>
    public bool Remove(string name)
    {
        if (Declared(name) is not { CanWrite: true } property) return properties.Remove(name);
        property.SetValue(this, null);
        return true;
    }

    /// <summary>The dynamic properties in the order they were set, after the declared ones if those are asked for.</summary>
    public IEnumerable<KeyValuePair<string, object?>> GetProperties(bool includeInstanceProperties)
    {
        if (includeInstanceProperties)
            foreach (var property in GetType().GetProperties())
                yield return new(property.Name, property.GetValue(this));
        foreach (var pair in properties)
            yield return pair;
    }

    public override IEnumerable<string> GetDynamicMemberNames() => GetProperties(true).Select(pair => pair.Key);

    public override bool TryGetMember(GetMemberBinder binder, out object? result)
    {
        var value = TryGetValue(binder.Name);
        result = value?.Value;
        return value is not null;
    }

    public override bool TrySetMember(SetMemberBinder binder, object? value)
    {
        SetValue(binder.Name, value);
        return true;
    }

    private PropertyInfo? Declared(string name) => GetType().GetProperty(name);
}
