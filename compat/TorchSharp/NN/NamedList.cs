using System.Collections;
using System.Collections.Generic;

namespace TorchSharp;

/// <summary>Values by name, in the order in which they were added.</summary>
internal sealed class NamedList<T> : IEnumerable<(string Name, T Value)>
{
    private readonly List<(string Name, T Value)> entries = new();

    internal bool Contains(string name) => IndexOf(name) >= 0;

    internal bool TryAdd(string name, T value)
    {
        if (Contains(name))
            return false;
        entries.Add((name, value));
        return true;
    }

    internal void Set(string name, T value)
    {
        var index = IndexOf(name);
        if (index < 0)
            entries.Add((name, value));
        else
            entries[index] = (name, value);
    }

    internal void Remove(string name)
    {
        var index = IndexOf(name);
        if (index >= 0)
            entries.RemoveAt(index);
    }

    public IEnumerator<(string Name, T Value)> GetEnumerator() => entries.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    private int IndexOf(string name) => entries.FindIndex(entry => entry.Name == name);
}
