using System.Collections;

namespace Deedle;

/// <summary>A series whose values' type is not known to the one who holds it.</summary>
public interface ISeries<K>;

/// <summary>Values by key, in order; null and NaN count as missing.</summary>
public class Series<K, V> : ISeries<K>, IColumn<K> where K : notnull
{
    private readonly Index<K> index;
    private readonly OptionalValue<V>[] values;

    /// <exception cref="ArgumentException">A key occurs twice.</exception>
    /// <exception cref="InvalidOperationException">There are more keys than values, or fewer.</exception>
    public Series(IEnumerable<K> keys, IEnumerable<V> values)
    {
        this.values = [.. values.Select(Cells.Present)];
        index = new([.. keys]);
        if (index.Keys.Count != this.values.Length)
            throw new InvalidOperationException("Index and vector of a series should have the same length!");
    }

    internal Series(Index<K> index, OptionalValue<V>[] values) => (this.index, this.values) = (index, values);

    public IEnumerable<K> Keys => index.Keys;

    /// <summary>The values that are not missing.</summary>
    public IEnumerable<V> Values => values.Where(value => value.HasValue).Select(value => value.Value);

    /// <summary>The keys and values that are not missing.</summary>
    public IEnumerable<KeyValuePair<K, V>> Observations =>
        index.Keys.Zip(values).Where(pair => pair.Second.HasValue).Select(pair => KeyValuePair.Create(pair.First, pair.Second.Value));

    public int KeyCount => values.Length;

    public int ValueCount => values.Count(value => value.HasValue);

    /// <exception cref="KeyNotFoundException">There is no such key.</exception>
    /// <exception cref="MissingValueException">The key's value is missing.</exception>
    public V this[K a] => Get(a);

    /// <inheritdoc cref="this"/>
    public V Get(K key)
    {
        var value = values[index.Find(key)];
        return value.HasValue ? value.Value : throw new MissingValueException(key, $"Value at the key {key} is missing");
    }

    /// <summary>The key's value; missing too where there is no such key.</summary>
    public OptionalValue<V> TryGet(K key) => index.TryFind(key, out var at) ? values[at] : default;

    Type IColumn<K>.Type => typeof(V);

    Index<K> IColumn<K>.Index => index;

    object? IColumn<K>.At(int position) => values[position].HasValue ? values[position].Value : null;
}

/// <summary>A series as a frame sees it.</summary>
internal interface IColumn<K> where K : notnull
{
    Type Type { get; }

    Index<K> Index { get; }

    /// <summary>The value there, null where it is missing.</summary>
    object? At(int position);
}

/// <summary>Distinct keys in order, and where each stands.</summary>
internal sealed class Index<K> where K : notnull
{
    private readonly Dictionary<K, int> positions;

    public Index(IReadOnlyList<K> keys)
    {
        Keys = keys;
        positions = new(keys.Count);
        foreach (var key in keys)
            if (!positions.TryAdd(key, positions.Count))
                throw new ArgumentException(
                    $"Duplicate key '{(key is string ? $"\"{key}\"" : key)}'. Duplicate keys are not allowed in the index.", nameof(keys));
    }

    public IReadOnlyList<K> Keys { get; }

    public bool TryFind(K key, out int position) => positions.TryGetValue(key, out position);

    public int Find(K key) =>
        TryFind(key, out var position) ? position : throw new KeyNotFoundException($"The key {key} is not present in the index");

    /// <summary>The keys of both: sorted if both are, else this index's keys and then the new ones.</summary>
    public Index<K> Union(Index<K> other)
    {
        if (Keys.SequenceEqual(other.Keys)) return this;
        var union = Keys.Union(other.Keys).ToList();
        if (IsSorted && other.IsSorted) union.Sort();
        return new(union);
    }

    private bool IsSorted => Keys.Zip(Keys.Skip(1)).All(pair => Comparer<K>.Default.Compare(pair.First, pair.Second) <= 0);
}

internal static class Cells
{
    /// <summary>The value, missing if it is null or NaN.</summary>
    public static OptionalValue<V> Present<V>(V value)
    {
        var missing = typeof(V) == typeof(double) ? double.IsNaN((double)(object)value!)
            : typeof(V) == typeof(float) ? float.IsNaN((float)(object)value!)
            : value is null;
        return missing ? default : new(value);
    }

    /// <summary>A cell as another type, by conversion where it is not one; missing if it is null.</summary>
    public static OptionalValue<R> As<R>(object? value) => value switch
    {
        null => default,
        R same => new(same),
        _ => new((R)System.Convert.ChangeType(value, typeof(R), System.Globalization.CultureInfo.InvariantCulture)),
    };
}
