namespace LTHKit.Data;

/// <summary>
/// The kit's own small generator (Steele, Lea and Flood 2014): integers only, so that a seed gives the same data, split, order and augmentation everywhere.
/// </summary>
internal sealed class SplitMix64(ulong state)
{
    /// <summary>A generator whose seed depends on every one of <paramref name="keys"/> and on their order.</summary>
    public static SplitMix64 Keyed(params ReadOnlySpan<long> keys)
    {
        var seed = 0ul;
        foreach (var key in keys)
            seed = new SplitMix64(seed ^ (ulong)key).Next();
        return new SplitMix64(seed);
    }

    public ulong Next()
    {
        var z = state += 0x9E3779B97F4A7C15ul;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ul;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBul;
        return z ^ (z >> 31);
    }

    /// <summary>Uniform on 0 .. <paramref name="bound"/>-1 (the bias of the multiplication, below bound/2^64, is nothing here).</summary>
    public int Below(int bound) => (int)Math.BigMul(Next(), (ulong)bound, out _);

    public double Uniform(double low = 0, double high = 1) => low + (high - low) * ((Next() >> 11) * (1.0 / (1ul << 53)));

    /// <summary>A random order of 0 .. <paramref name="count"/>-1 (Fisher and Yates).</summary>
    public long[] Permutation(int count)
    {
        var order = new long[count];
        for (var i = 0; i < count; i++)
        {
            var j = Below(i + 1);
            order[i] = order[j];
            order[j] = i;
        }
        return order;
    }
}
