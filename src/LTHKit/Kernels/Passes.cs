using System.Runtime.Intrinsics;

namespace LTHKit.Kernels;

/// <summary>The loops over one block of images, in vectors of one width. Pointers stand at a block's first plane.</summary>
internal abstract unsafe class Passes
{
    /// <summary>The widest vectors that this machine has.</summary>
    public static Passes Widest => All.Last();

    /// <summary>Those that this machine has, the narrowest first.</summary>
    public static IEnumerable<Passes> All
    {
        get
        {
            yield return new Passes<Floats4>();
            if (Vector256.IsHardwareAccelerated)
                yield return new Passes<Floats8>();
            if (Vector512.IsHardwareAccelerated)
                yield return new Passes<Floats16>();
        }
    }

    public abstract int Width { get; }

    /// <summary>
    /// Floats of a tile: eight pixels (see <see cref="Planes.Tiles"/>). A vector holds a pixel of as many images as it has places, so that a tile is taken
    /// in parts.
    /// </summary>
    public const int Tile = 8 * Planes.Lanes;

    /// <summary>y = taps * x + from, for all rows; <paramref name="from"/> null for nothing. Returns what is summed, see <see cref="Sums"/>.</summary>
    /// <param name="x">The planes that the taps' columns are.</param>
    /// <param name="y">The planes that their rows are.</param>
    /// <param name="from">Planes like y.</param>
    /// <param name="taps">The weights.</param>
    /// <param name="planes">The layout of y.</param>
    /// <param name="sums">Where the sums go; null for none.</param>
    public abstract void Convolve(float* x, float* y, float* from, Taps taps, Planes planes, Sums* sums);

    /// <summary>sums[i] += x * g over all places, for each tap of the forward convolution; a vector of partial sums each.</summary>
    public abstract void WeightGradient(float* x, float* g, Taps taps, Planes planes, float* sums);

    /// <summary>The partial sums added up into the gradient of the weights.</summary>
    public abstract void AddUp(float* sums, Taps taps, float* gradient);

    /// <summary>The passes of an activation function.</summary>
    public abstract Pointwise Of(Nonlinearity act);

    /// <summary>
    /// Where a convolution's statistics go. Sums are taken of what differs from a pivot near the mean, the first pixel's: so they keep their digits.
    /// </summary>
    internal struct Sums
    {
        /// <summary>The border's masks.</summary>
        public float* Mask;

        /// <summary>Where those of the last tile stand.</summary>
        public int Tail;

        /// <summary>Pixels of a channel.</summary>
        public double Count;

        /// <summary>[channels], for the pivots.</summary>
        public float* Pivot;

        /// <summary>[channels][2][width], for the sums of each place in a vector.</summary>
        public float* Lanes;

        /// <summary>[channels][2]: what comes out, the sum of z and that of (z - its mean)^2.</summary>
        public double* Totals;
    }

    /// <summary>Every stride-th pixel of every stride-th row to planes of their own.</summary>
    public static void Split(float* x, float* phases, Planes input, Planes output, Geometry shape)
    {
        new Span<float>(phases - output.Lead, output.Lead).Clear();
        new Span<float>(phases + shape.InputPlanes * output.Plane, Planes.Tail).Clear();
        for (var plane = 0; plane < shape.InputPlanes; plane++)
        {
            var to = phases + (long)plane * output.Plane;
            new Span<float>(to + output.Run, output.Plane - output.Run).Clear();
            for (var y = 0; y < output.Height; y++, to += output.Pitch)
            {
                var (from, count) = Row(plane, y, input, shape);
                for (var i = 0; i < count; i++)
                    Vector512.Load(x + from + i * shape.Stride * Planes.Lanes).Store(to + i * Planes.Lanes);
                new Span<float>(to + count * Planes.Lanes, output.Pitch - count * Planes.Lanes).Clear();
            }
        }
    }

    /// <summary>The reverse: x = the pixels of the phases (zero where there are none) + from.</summary>
    public static void Merge(float* phases, float* x, float* from, Planes input, Planes output, Geometry shape)
    {
        var all = input.Channels * input.Plane;
        if (from != null)
            new Span<float>(from, all).CopyTo(new Span<float>(x, all));
        else if (shape.Phases < shape.Stride)
            new Span<float>(x, all).Clear();
        for (var plane = 0; plane < shape.InputPlanes; plane++)
        {
            var at = phases + (long)plane * output.Plane;
            for (var y = 0; y < output.Height; y++, at += output.Pitch)
            {
                var (start, count) = Row(plane, y, input, shape);
                var to = x + start;
                for (var i = 0; i < count; i++, to += shape.Stride * Planes.Lanes)
                {
                    var value = Vector512.Load(at + i * Planes.Lanes);
                    (from != null ? value + Vector512.Load(to) : value).Store(to);
                }
            }
        }
    }

    /// <summary>Where row y of a phase's plane begins in the input, and its pixels.</summary>
    private static (long From, int Count) Row(int plane, int y, Planes input, Geometry shape)
    {
        var (s, phases) = (shape.Stride, shape.Phases);
        var (channel, row, column) = (plane / (phases * phases), y * s + plane / phases % phases, plane % phases);
        return ((long)channel * input.Plane + row * input.Pitch + column * Planes.Lanes, row < input.Height ? (input.Width - column + s - 1) / s : 0);
    }
}

internal sealed unsafe partial class Passes<V> : Passes where V : struct, IVector<V>
{
    /// <summary>Tiles that a row is taken through before the next row's turn.</summary>
    private const int Strip = 2;

    private const int L = Planes.Lanes;

    public override int Width => V.Width;

    public override Pointwise Of(Nonlinearity act) => act switch
    {
        Nonlinearity.None => new Over<None>(),
        Nonlinearity.Relu => new Over<Relu>(),
        Nonlinearity.Swish => new Over<Swish>(),
        _ => new Over<Mish>(),
    };

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Convolve(float* x, float* y, float* from, Taps taps, Planes planes, Sums* sums)
    {
        var (run, plane, pitch, half) = (planes.Run, planes.Plane, planes.Pitch, planes.Half);
        var (rows, segments, tiles) = (taps.Rows, taps.Lone.Length, taps.Tiles.Length);
        if (sums != null)
            new Span<float>(sums->Lanes, rows * 2 * V.Width).Clear();
        fixed (int* start = taps.Start, lone = taps.Lone, offset = taps.Offset, place = taps.Tiles)
        fixed (float* value = taps.Value)
        {
            for (var begin = 0; begin < tiles; begin += Strip)
                for (var part = 0; part < L; part += V.Width)
                    for (int segment = 0, row = 0; segment < segments; segment++, row = row + 1 < rows ? row + 1 : 0)
                    {
                        var last = segment >= segments - rows && sums != null;
                        int first = start[segment], single = lone[segment], end = start[segment + 1];
                        float* into = y + (long)row * plane + part, before = segment >= rows ? into : from == null ? null : from + (long)row * plane + part;
                        if (first == end && before == into && !last)
                            continue;
                        V sum = default, squares = default;
                        for (var tile = begin; tile < Math.Min(begin + Strip, tiles); tile++)
                        {
                            var f = place[tile];
                            V a0 = default, a1 = default, a2 = default, a3 = default, a4 = default, a5 = default, a6 = default, a7 = default;
                            if (before != null)
                            {
                                float* q = before + f, r = q + half;
                                (a0, a1, a2, a3) = (V.Load(q), V.Load(q + L), V.Load(q + 2 * L), V.Load(q + 3 * L));
                                (a4, a5, a6, a7) = (V.Load(r), V.Load(r + L), V.Load(r + 2 * L), V.Load(r + 3 * L));
                            }
                            var at = x + f + part;
                            var i = first;
                            for (; i < single; i += 3)
                            {
                                float* p = at + offset[i], r = p + half;
                                V w0 = V.All(value[i]), w1 = V.All(value[i + 1]), w2 = V.All(value[i + 2]);
                                V x0 = V.Load(p), x1 = V.Load(p + L), x2, x3;
                                a0 = Three(a0, x0, w0, x1, w1, x2 = V.Load(p + 2 * L), w2);
                                a1 = Three(a1, x1, w0, x2, w1, x3 = V.Load(p + 3 * L), w2);
                                a2 = Three(a2, x2, w0, x3, w1, x0 = V.Load(p + 4 * L), w2);
                                a3 = Three(a3, x3, w0, x0, w1, V.Load(p + 5 * L), w2);
                                (x0, x1) = (V.Load(r), V.Load(r + L));
                                a4 = Three(a4, x0, w0, x1, w1, x2 = V.Load(r + 2 * L), w2);
                                a5 = Three(a5, x1, w0, x2, w1, x3 = V.Load(r + 3 * L), w2);
                                a6 = Three(a6, x2, w0, x3, w1, x0 = V.Load(r + 4 * L), w2);
                                a7 = Three(a7, x3, w0, x0, w1, V.Load(r + 5 * L), w2);
                            }
                            for (; i < end; i++)
                            {
                                float* p = at + offset[i], r = p + half;
                                var w = V.All(value[i]);
                                a0 = V.MultiplyAdd(p, w, a0);
                                a1 = V.MultiplyAdd(p + L, w, a1);
                                a2 = V.MultiplyAdd(p + 2 * L, w, a2);
                                a3 = V.MultiplyAdd(p + 3 * L, w, a3);
                                a4 = V.MultiplyAdd(r, w, a4);
                                a5 = V.MultiplyAdd(r + L, w, a5);
                                a6 = V.MultiplyAdd(r + 2 * L, w, a6);
                                a7 = V.MultiplyAdd(r + 3 * L, w, a7);
                            }
                            float* to = into + f, too = to + half;
                            V.Store(a0, to);
                            V.Store(a1, to + L);
                            V.Store(a2, to + 2 * L);
                            V.Store(a3, to + 3 * L);
                            V.Store(a4, too);
                            V.Store(a5, too + L);
                            V.Store(a6, too + 2 * L);
                            V.Store(a7, too + 3 * L);
                            if (!last)
                                continue;
                            float* mask = sums->Mask + part + (f + Tile > run ? sums->Tail : f % pitch), more = mask + half;
                            if (f + part == 0)
                                sums->Pivot[row] = V.Sum(a0 & V.Load(mask)) / V.Width;
                            var pivot = V.All(sums->Pivot[row]);
                            (a0, a1) = (a0 - pivot & V.Load(mask), a1 - pivot & V.Load(mask + L));
                            (a2, a3) = (a2 - pivot & V.Load(mask + 2 * L), a3 - pivot & V.Load(mask + 3 * L));
                            (a4, a5) = (a4 - pivot & V.Load(more), a5 - pivot & V.Load(more + L));
                            (a6, a7) = (a6 - pivot & V.Load(more + 2 * L), a7 - pivot & V.Load(more + 3 * L));
                            sum += a0 + a1 + (a2 + a3) + (a4 + a5 + (a6 + a7));
                            squares += V.MultiplyAdd(a0, a0, V.MultiplyAdd(a2, a2, V.MultiplyAdd(a4, a4, a6 * a6)))
                                + V.MultiplyAdd(a1, a1, V.MultiplyAdd(a3, a3, V.MultiplyAdd(a5, a5, a7 * a7)));
                        }
                        if (!last)
                            continue;
                        var lanes = sums->Lanes + row * 2 * V.Width;
                        V.Store(V.Load(lanes) + sum, lanes);
                        V.Store(V.Load(lanes + V.Width) + squares, lanes + V.Width);
                    }
        }
        for (var row = 0; sums != null && row < rows; row++)
        {
            var lanes = sums->Lanes + row * 2 * V.Width;
            double sum = V.Sum(V.Load(lanes)), squares = V.Sum(V.Load(lanes + V.Width));
            (sums->Totals[2 * row], sums->Totals[2 * row + 1]) = (sums->Pivot[row] * sums->Count + sum, squares - sum * sum / sums->Count);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void WeightGradient(float* x, float* g, Taps taps, Planes planes, float* sums)
    {
        var (plane, half, tiles) = (planes.Plane, planes.Half, taps.Tiles.Length);
        fixed (int* start = taps.Start, lone = taps.Lone, offset = taps.Offset, place = taps.Tiles)
        {
            // A group's sums stay in the second cache for all tiles, and what a tile multiplies in the first for all rows.
            for (var group = 0; group < taps.Lone.Length; group += taps.Rows)
                for (var begin = 0; begin < tiles; begin += Strip)
                    for (var part = 0; part < L; part += V.Width)
                        for (var (tile, row) = (begin, 0); tile < Math.Min(begin + Strip, tiles); (tile, row) = row + 1 < taps.Rows ? (tile, row + 1) : (tile + 1, 0))
                        {
                            int first = start[group + row], single = lone[group + row], end = start[group + row + 1];
                            if (first == end)
                                continue;
                            var f = place[tile] + part;
                            float* at = x + f, q = g + (long)row * plane + f, h = q + half;
                            V g0 = V.Load(q), g1 = V.Load(q + L), g2 = V.Load(q + 2 * L), g3 = V.Load(q + 3 * L);
                            V g4 = V.Load(h), g5 = V.Load(h + L), g6 = V.Load(h + 2 * L), g7 = V.Load(h + 3 * L);
                            var i = first;
                            for (; i < single; i += 3)
                            {
                                float* p = at + offset[i], r = p + half, to = sums + (long)i * V.Width;
                                V s0 = V.Load(to), s1 = V.Load(to + V.Width), s2 = V.Load(to + 2 * V.Width);
                                V x0 = V.Load(p), x1 = V.Load(p + L), x2 = V.Load(p + 2 * L);
                                (s0, s1, s2) = (V.MultiplyAdd(x0, g0, s0), V.MultiplyAdd(x1, g0, s1), V.MultiplyAdd(x2, g0, s2));
                                x0 = V.Load(p + 3 * L);
                                (s0, s1, s2) = (V.MultiplyAdd(x1, g1, s0), V.MultiplyAdd(x2, g1, s1), V.MultiplyAdd(x0, g1, s2));
                                x1 = V.Load(p + 4 * L);
                                (s0, s1, s2) = (V.MultiplyAdd(x2, g2, s0), V.MultiplyAdd(x0, g2, s1), V.MultiplyAdd(x1, g2, s2));
                                x2 = V.Load(p + 5 * L);
                                (s0, s1, s2) = (V.MultiplyAdd(x0, g3, s0), V.MultiplyAdd(x1, g3, s1), V.MultiplyAdd(x2, g3, s2));
                                (x0, x1, x2) = (V.Load(r), V.Load(r + L), V.Load(r + 2 * L));
                                (s0, s1, s2) = (V.MultiplyAdd(x0, g4, s0), V.MultiplyAdd(x1, g4, s1), V.MultiplyAdd(x2, g4, s2));
                                x0 = V.Load(r + 3 * L);
                                (s0, s1, s2) = (V.MultiplyAdd(x1, g5, s0), V.MultiplyAdd(x2, g5, s1), V.MultiplyAdd(x0, g5, s2));
                                x1 = V.Load(r + 4 * L);
                                (s0, s1, s2) = (V.MultiplyAdd(x2, g6, s0), V.MultiplyAdd(x0, g6, s1), V.MultiplyAdd(x1, g6, s2));
                                x2 = V.Load(r + 5 * L);
                                V.Store(V.MultiplyAdd(x0, g7, s0), to);
                                V.Store(V.MultiplyAdd(x1, g7, s1), to + V.Width);
                                V.Store(V.MultiplyAdd(x2, g7, s2), to + 2 * V.Width);
                            }
                            for (; i < end; i++)
                            {
                                float* p = at + offset[i], r = p + half, to = sums + (long)i * V.Width;
                                V even = V.MultiplyAdd(p, g0, V.Load(to)), odd = V.Load(p + L) * g1;
                                even = V.MultiplyAdd(p + 2 * L, g2, even);
                                odd = V.MultiplyAdd(p + 3 * L, g3, odd);
                                even = V.MultiplyAdd(r, g4, even);
                                odd = V.MultiplyAdd(r + L, g5, odd);
                                even = V.MultiplyAdd(r + 2 * L, g6, even);
                                odd = V.MultiplyAdd(r + 3 * L, g7, odd);
                                V.Store(even + odd, to);
                            }
                        }
        }
    }

    public override void AddUp(float* sums, Taps taps, float* gradient)
    {
        var source = taps.Source;
        for (var i = 0; i < source.Length; i++)
            gradient[source[i]] += V.Sum(V.Load(sums + (long)i * V.Width));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Three(V sum, V x0, V w0, V x1, V w1, V x2, V w2) => V.MultiplyAdd(x2, w2, V.MultiplyAdd(x1, w1, V.MultiplyAdd(x0, w0, sum)));
}
