using System.Runtime.CompilerServices;
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
            yield return new Passes<Simd128, Vector128<float>>();
            if (Vector256.IsHardwareAccelerated)
                yield return new Passes<Simd256, Vector256<float>>();
            if (Vector512.IsHardwareAccelerated)
                yield return new Passes<Simd512, Vector512<float>>();
        }
    }

    /// <summary>Floats in a vector.</summary>
    public abstract int Width { get; }

    /// <summary>Floats of a tile: eight pixels. A vector holds a pixel of as many images as it has places, so that a tile is taken in parts.</summary>
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

    /// <summary>y = act(scale z + shift + residual).</summary>
    public abstract void Activate(float* z, float* residual, float* y, float* scale, float* shift, Planes planes, float* mask, Nonlinearity act);

    /// <summary>
    /// du = gy act'(scale z + shift + residual), kept in <paramref name="du"/> where that is not null; for each channel its sum and that of
    /// du (z - mean).
    /// </summary>
    public abstract void Slopes(float* gy, float* z, float* residual, float* du, float* scale, float* shift, float* mean, Planes planes, float* mask,
        Nonlinearity act, double* sums);

    /// <summary>dz = a du + b + c z, with du as in <see cref="Slopes"/>; <paramref name="coefficients"/> holds a, b, c for each channel.</summary>
    public abstract void Gradients(float* gy, float* z, float* residual, float* dz, float* scale, float* shift, float* coefficients, Planes planes,
        float* mask, Nonlinearity act);

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

/// <inheritdoc/>
internal sealed unsafe class Passes<S, V> : Passes where S : struct, ISimd<V> where V : struct
{
    /// <inheritdoc/>
    public override int Width => S.Width;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Convolve(float* x, float* y, float* from, Taps taps, Planes planes, Sums* sums)
    {
        var (run, plane, pitch, rows, groups, strip) = (planes.Run, planes.Plane, planes.Pitch, taps.Rows, taps.Groups, Taps.Strip * Tile);
        if (sums != null)
            new Span<float>(sums->Lanes, rows * 2 * S.Width).Clear();
        fixed (int* start = taps.Start, lone = taps.Lone, offset = taps.Offset)
        fixed (float* value = taps.Value)
        {
            for (var part = 0; part < Planes.Lanes; part += S.Width)
                for (var begin = 0; begin < run; begin += strip)
                    for (var segment = 0; segment < groups * rows; segment++)
                    {
                        var (row, last) = (segment % rows, segment >= (groups - 1) * rows && sums != null);
                        int first = start[segment], single = lone[segment], end = start[segment + 1];
                        float* into = y + (long)row * plane + part, before = segment >= rows ? into : from == null ? null : from + (long)row * plane + part;
                        if (first == end && before == into && !last)
                            continue;
                        V sum = default, squares = default;
                        for (var f = begin; f < Math.Min(begin + strip, run); f += Tile)
                        {
                            var count = (run - f) / Planes.Lanes;
                            V a0 = default, a1 = default, a2 = default, a3 = default, a4 = default, a5 = default, a6 = default, a7 = default;
                            if (before != null)
                            {
                                var q = before + f;
                                a0 = S.Load(q);
                                a1 = S.Load(q + Planes.Lanes);
                                a2 = S.Load(q + 2 * Planes.Lanes);
                                a3 = S.Load(q + 3 * Planes.Lanes);
                                a4 = S.Load(q + 4 * Planes.Lanes);
                                a5 = S.Load(q + 5 * Planes.Lanes);
                                a6 = S.Load(q + 6 * Planes.Lanes);
                                a7 = S.Load(q + 7 * Planes.Lanes);
                            }
                            var at = x + f + part;
                            var i = first;
                            for (; i < single; i += 3)
                            {
                                var p = at + offset[i];
                                V w0 = S.All(value[i]), w1 = S.All(value[i + 1]), w2 = S.All(value[i + 2]);
                                V x0 = S.Load(p), x1 = S.Load(p + Planes.Lanes), x2;
                                x2 = S.Load(p + 2 * Planes.Lanes);
                                a0 = S.MultiplyAdd(x2, w2, S.MultiplyAdd(x1, w1, S.MultiplyAdd(x0, w0, a0)));
                                x0 = S.Load(p + 3 * Planes.Lanes);
                                a1 = S.MultiplyAdd(x0, w2, S.MultiplyAdd(x2, w1, S.MultiplyAdd(x1, w0, a1)));
                                x1 = S.Load(p + 4 * Planes.Lanes);
                                a2 = S.MultiplyAdd(x1, w2, S.MultiplyAdd(x0, w1, S.MultiplyAdd(x2, w0, a2)));
                                x2 = S.Load(p + 5 * Planes.Lanes);
                                a3 = S.MultiplyAdd(x2, w2, S.MultiplyAdd(x1, w1, S.MultiplyAdd(x0, w0, a3)));
                                x0 = S.Load(p + 6 * Planes.Lanes);
                                a4 = S.MultiplyAdd(x0, w2, S.MultiplyAdd(x2, w1, S.MultiplyAdd(x1, w0, a4)));
                                x1 = S.Load(p + 7 * Planes.Lanes);
                                a5 = S.MultiplyAdd(x1, w2, S.MultiplyAdd(x0, w1, S.MultiplyAdd(x2, w0, a5)));
                                x2 = S.Load(p + 8 * Planes.Lanes);
                                a6 = S.MultiplyAdd(x2, w2, S.MultiplyAdd(x1, w1, S.MultiplyAdd(x0, w0, a6)));
                                x0 = S.Load(p + 9 * Planes.Lanes);
                                a7 = S.MultiplyAdd(x0, w2, S.MultiplyAdd(x2, w1, S.MultiplyAdd(x1, w0, a7)));
                            }
                            for (; i < end; i++)
                            {
                                var p = at + offset[i];
                                var w = S.All(value[i]);
                                a0 = S.MultiplyAdd(S.Load(p), w, a0);
                                a1 = S.MultiplyAdd(S.Load(p + Planes.Lanes), w, a1);
                                a2 = S.MultiplyAdd(S.Load(p + 2 * Planes.Lanes), w, a2);
                                a3 = S.MultiplyAdd(S.Load(p + 3 * Planes.Lanes), w, a3);
                                a4 = S.MultiplyAdd(S.Load(p + 4 * Planes.Lanes), w, a4);
                                a5 = S.MultiplyAdd(S.Load(p + 5 * Planes.Lanes), w, a5);
                                a6 = S.MultiplyAdd(S.Load(p + 6 * Planes.Lanes), w, a6);
                                a7 = S.MultiplyAdd(S.Load(p + 7 * Planes.Lanes), w, a7);
                            }
                            var to = into + f;
                            S.Store(a0, to);
                            if (count > 1)
                                S.Store(a1, to + Planes.Lanes);
                            if (count > 2)
                                S.Store(a2, to + 2 * Planes.Lanes);
                            if (count > 3)
                                S.Store(a3, to + 3 * Planes.Lanes);
                            if (count > 4)
                                S.Store(a4, to + 4 * Planes.Lanes);
                            if (count > 5)
                                S.Store(a5, to + 5 * Planes.Lanes);
                            if (count > 6)
                                S.Store(a6, to + 6 * Planes.Lanes);
                            if (count > 7)
                                S.Store(a7, to + 7 * Planes.Lanes);
                            if (!last)
                                continue;
                            var mask = sums->Mask + part + (count < 8 ? sums->Tail : f % pitch);
                            if (f + part == 0)
                                sums->Pivot[row] = S.Sum(S.And(a0, S.Load(mask))) / S.Width;
                            var pivot = S.All(sums->Pivot[row]);
                            a0 = S.And(S.Subtract(a0, pivot), S.Load(mask));
                            a1 = S.And(S.Subtract(a1, pivot), S.Load(mask + Planes.Lanes));
                            a2 = S.And(S.Subtract(a2, pivot), S.Load(mask + 2 * Planes.Lanes));
                            a3 = S.And(S.Subtract(a3, pivot), S.Load(mask + 3 * Planes.Lanes));
                            a4 = S.And(S.Subtract(a4, pivot), S.Load(mask + 4 * Planes.Lanes));
                            a5 = S.And(S.Subtract(a5, pivot), S.Load(mask + 5 * Planes.Lanes));
                            a6 = S.And(S.Subtract(a6, pivot), S.Load(mask + 6 * Planes.Lanes));
                            a7 = S.And(S.Subtract(a7, pivot), S.Load(mask + 7 * Planes.Lanes));
                            sum = S.Add(sum, S.Add(S.Add(S.Add(a0, a1), S.Add(a2, a3)), S.Add(S.Add(a4, a5), S.Add(a6, a7))));
                            var even = S.MultiplyAdd(a0, a0, S.MultiplyAdd(a2, a2, S.MultiplyAdd(a4, a4, S.Multiply(a6, a6))));
                            var odd = S.MultiplyAdd(a1, a1, S.MultiplyAdd(a3, a3, S.MultiplyAdd(a5, a5, S.Multiply(a7, a7))));
                            squares = S.Add(squares, S.Add(even, odd));
                        }
                        if (!last)
                            continue;
                        var lanes = sums->Lanes + row * 2 * S.Width;
                        S.Store(S.Add(S.Load(lanes), sum), lanes);
                        S.Store(S.Add(S.Load(lanes + S.Width), squares), lanes + S.Width);
                    }
        }
        for (var row = 0; sums != null && row < rows; row++)
        {
            var lanes = sums->Lanes + row * 2 * S.Width;
            double sum = S.Sum(S.Load(lanes)), squares = S.Sum(S.Load(lanes + S.Width));
            (sums->Totals[2 * row], sums->Totals[2 * row + 1]) = (sums->Pivot[row] * sums->Count + sum, squares - sum * sum / sums->Count);
        }
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void WeightGradient(float* x, float* g, Taps taps, Planes planes, float* sums)
    {
        var (run, plane, rows, groups, strip) = (planes.Run, planes.Plane, taps.Rows, taps.Groups, Taps.Strip * Tile);
        fixed (int* start = taps.Start, lone = taps.Lone, offset = taps.Offset)
        {
            for (var part = 0; part < Planes.Lanes; part += S.Width)
                for (var begin = 0; begin < run; begin += strip)
                    for (var segment = 0; segment < groups * rows; segment++)
                    {
                        int first = start[segment], single = lone[segment], end = start[segment + 1];
                        if (first == end)
                            continue;
                        var from = g + (long)(segment % rows) * plane + part;
                        for (var f = begin; f < Math.Min(begin + strip, run); f += Tile)
                        {
                            var count = (run - f) / Planes.Lanes;
                            float* at = x + f + part, q = from + f;
                            V g0 = S.Load(q), g1 = default, g2 = default, g3 = default, g4 = default, g5 = default, g6 = default, g7 = default;
                            if (count > 1)
                                g1 = S.Load(q + Planes.Lanes);
                            if (count > 2)
                                g2 = S.Load(q + 2 * Planes.Lanes);
                            if (count > 3)
                                g3 = S.Load(q + 3 * Planes.Lanes);
                            if (count > 4)
                                g4 = S.Load(q + 4 * Planes.Lanes);
                            if (count > 5)
                                g5 = S.Load(q + 5 * Planes.Lanes);
                            if (count > 6)
                                g6 = S.Load(q + 6 * Planes.Lanes);
                            if (count > 7)
                                g7 = S.Load(q + 7 * Planes.Lanes);
                            var i = first;
                            for (; i < single; i += 3)
                            {
                                var p = at + offset[i];
                                var to = sums + (long)i * S.Width;
                                V s0 = S.Load(to), s1 = S.Load(to + S.Width), s2 = S.Load(to + 2 * S.Width);
                                V x0 = S.Load(p), x1 = S.Load(p + Planes.Lanes), x2;
                                x2 = S.Load(p + 2 * Planes.Lanes);
                                (s0, s1, s2) = (S.MultiplyAdd(x0, g0, s0), S.MultiplyAdd(x1, g0, s1), S.MultiplyAdd(x2, g0, s2));
                                x0 = S.Load(p + 3 * Planes.Lanes);
                                (s0, s1, s2) = (S.MultiplyAdd(x1, g1, s0), S.MultiplyAdd(x2, g1, s1), S.MultiplyAdd(x0, g1, s2));
                                x1 = S.Load(p + 4 * Planes.Lanes);
                                (s0, s1, s2) = (S.MultiplyAdd(x2, g2, s0), S.MultiplyAdd(x0, g2, s1), S.MultiplyAdd(x1, g2, s2));
                                x2 = S.Load(p + 5 * Planes.Lanes);
                                (s0, s1, s2) = (S.MultiplyAdd(x0, g3, s0), S.MultiplyAdd(x1, g3, s1), S.MultiplyAdd(x2, g3, s2));
                                x0 = S.Load(p + 6 * Planes.Lanes);
                                (s0, s1, s2) = (S.MultiplyAdd(x1, g4, s0), S.MultiplyAdd(x2, g4, s1), S.MultiplyAdd(x0, g4, s2));
                                x1 = S.Load(p + 7 * Planes.Lanes);
                                (s0, s1, s2) = (S.MultiplyAdd(x2, g5, s0), S.MultiplyAdd(x0, g5, s1), S.MultiplyAdd(x1, g5, s2));
                                x2 = S.Load(p + 8 * Planes.Lanes);
                                (s0, s1, s2) = (S.MultiplyAdd(x0, g6, s0), S.MultiplyAdd(x1, g6, s1), S.MultiplyAdd(x2, g6, s2));
                                x0 = S.Load(p + 9 * Planes.Lanes);
                                (s0, s1, s2) = (S.MultiplyAdd(x1, g7, s0), S.MultiplyAdd(x2, g7, s1), S.MultiplyAdd(x0, g7, s2));
                                S.Store(s0, to);
                                S.Store(s1, to + S.Width);
                                S.Store(s2, to + 2 * S.Width);
                            }
                            for (; i < end; i++)
                            {
                                var p = at + offset[i];
                                var to = sums + (long)i * S.Width;
                                var even = S.MultiplyAdd(S.Load(p), g0, S.Load(to));
                                var odd = S.Multiply(S.Load(p + Planes.Lanes), g1);
                                even = S.MultiplyAdd(S.Load(p + 2 * Planes.Lanes), g2, even);
                                odd = S.MultiplyAdd(S.Load(p + 3 * Planes.Lanes), g3, odd);
                                even = S.MultiplyAdd(S.Load(p + 4 * Planes.Lanes), g4, even);
                                odd = S.MultiplyAdd(S.Load(p + 5 * Planes.Lanes), g5, odd);
                                even = S.MultiplyAdd(S.Load(p + 6 * Planes.Lanes), g6, even);
                                odd = S.MultiplyAdd(S.Load(p + 7 * Planes.Lanes), g7, odd);
                                S.Store(S.Add(even, odd), to);
                            }
                        }
                    }
        }
    }

    /// <inheritdoc/>
    public override void AddUp(float* sums, Taps taps, float* gradient)
    {
        var source = taps.Source;
        for (var i = 0; i < source.Length; i++)
            gradient[source[i]] += S.Sum(S.Load(sums + (long)i * S.Width));
    }

    /// <inheritdoc/>
    public override void Activate(float* z, float* residual, float* y, float* scale, float* shift, Planes planes, float* mask, Nonlinearity act)
    {
        switch (act)
        {
            case Nonlinearity.None: Activate<None<S, V>>(z, residual, y, scale, shift, planes, mask); break;
            case Nonlinearity.Relu: Activate<Relu<S, V>>(z, residual, y, scale, shift, planes, mask); break;
            case Nonlinearity.Swish: Activate<Swish<S, V>>(z, residual, y, scale, shift, planes, mask); break;
            default: Activate<Mish<S, V>>(z, residual, y, scale, shift, planes, mask); break;
        }
    }

    /// <inheritdoc/>
    public override void Slopes(float* gy, float* z, float* residual, float* du, float* scale, float* shift, float* mean, Planes planes, float* mask,
        Nonlinearity act, double* sums)
    {
        switch (act)
        {
            case Nonlinearity.None: Slopes<None<S, V>>(gy, z, residual, du, scale, shift, mean, planes, mask, sums); break;
            case Nonlinearity.Relu: Slopes<Relu<S, V>>(gy, z, residual, du, scale, shift, mean, planes, mask, sums); break;
            case Nonlinearity.Swish: Slopes<Swish<S, V>>(gy, z, residual, du, scale, shift, mean, planes, mask, sums); break;
            default: Slopes<Mish<S, V>>(gy, z, residual, du, scale, shift, mean, planes, mask, sums); break;
        }
    }

    /// <inheritdoc/>
    public override void Gradients(float* gy, float* z, float* residual, float* dz, float* scale, float* shift, float* coefficients, Planes planes,
        float* mask, Nonlinearity act)
    {
        switch (act)
        {
            case Nonlinearity.None: Gradients<None<S, V>>(gy, z, residual, dz, scale, shift, coefficients, planes, mask); break;
            case Nonlinearity.Relu: Gradients<Relu<S, V>>(gy, z, residual, dz, scale, shift, coefficients, planes, mask); break;
            case Nonlinearity.Swish: Gradients<Swish<S, V>>(gy, z, residual, dz, scale, shift, coefficients, planes, mask); break;
            default: Gradients<Mish<S, V>>(gy, z, residual, dz, scale, shift, coefficients, planes, mask); break;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Activate<A>(float* z, float* residual, float* y, float* scale, float* shift, Planes planes, float* mask)
        where A : struct, INonlinearity<S, V>
    {
        var (pitch, height, plane) = (planes.Pitch, planes.Height, planes.Plane);
        new Span<float>(y - planes.Lead, planes.Lead).Clear();
        for (var channel = 0; channel < planes.Channels; channel++)
        {
            V a = S.All(scale[channel]), b = S.All(shift[channel]);
            for (var row = 0; row < height; row++)
            {
                var at = (long)channel * plane + row * pitch;
                float* from = z + at, to = y + at, extra = residual == null ? null : residual + at;
                for (var j = 0; j < pitch; j += S.Width)
                {
                    var u = S.MultiplyAdd(S.Load(from + j), a, b);
                    if (extra != null)
                        u = S.Add(u, S.Load(extra + j));
                    S.Store(S.And(A.Value(u), S.Load(mask + j)), to + j);
                }
            }
            new Span<float>(y + (long)channel * plane + planes.Run, plane - planes.Run).Clear();
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Slopes<A>(float* gy, float* z, float* residual, float* du, float* scale, float* shift, float* mean, Planes planes, float* mask,
        double* sums)
        where A : struct, INonlinearity<S, V>
    {
        var (pitch, height, plane) = (planes.Pitch, planes.Height, planes.Plane);
        for (var channel = 0; channel < planes.Channels; channel++)
        {
            V a = S.All(scale[channel]), b = S.All(shift[channel]), m = S.All(mean[channel]), sum = default, product = default;
            for (var row = 0; row < height; row++)
            {
                var at = (long)channel * plane + row * pitch;
                float* g = gy + at, from = z + at, extra = residual == null ? null : residual + at, to = du == null ? null : du + at;
                for (var j = 0; j < pitch; j += S.Width)
                {
                    var value = S.Load(from + j);
                    var u = S.MultiplyAdd(value, a, b);
                    if (extra != null)
                        u = S.Add(u, S.Load(extra + j));
                    var d = S.And(S.Multiply(S.Load(g + j), A.Slope(u)), S.Load(mask + j));
                    if (to != null)
                        S.Store(d, to + j);
                    sum = S.Add(sum, d);
                    product = S.MultiplyAdd(d, S.Subtract(value, m), product);
                }
            }
            (sums[2 * channel], sums[2 * channel + 1]) = (S.Sum(sum), S.Sum(product));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Gradients<A>(float* gy, float* z, float* residual, float* dz, float* scale, float* shift, float* coefficients, Planes planes,
        float* mask)
        where A : struct, INonlinearity<S, V>
    {
        var (pitch, height, plane) = (planes.Pitch, planes.Height, planes.Plane);
        new Span<float>(dz - planes.Lead, planes.Lead).Clear();
        for (var channel = 0; channel < planes.Channels; channel++)
        {
            V a = S.All(scale[channel]), b = S.All(shift[channel]);
            V k = S.All(coefficients[3 * channel]), c0 = S.All(coefficients[3 * channel + 1]), c1 = S.All(coefficients[3 * channel + 2]);
            for (var row = 0; row < height; row++)
            {
                var at = (long)channel * plane + row * pitch;
                float* g = gy + at, from = z + at, extra = residual == null ? null : residual + at, to = dz + at;
                for (var j = 0; j < pitch; j += S.Width)
                {
                    var value = S.Load(from + j);
                    var u = S.MultiplyAdd(value, a, b);
                    if (extra != null)
                        u = S.Add(u, S.Load(extra + j));
                    var d = S.Multiply(S.Load(g + j), A.Slope(u));
                    S.Store(S.And(S.MultiplyAdd(d, k, S.MultiplyAdd(value, c1, c0)), S.Load(mask + j)), to + j);
                }
            }
            new Span<float>(dz + (long)channel * plane + planes.Run, plane - planes.Run).Clear();
        }
    }
}
