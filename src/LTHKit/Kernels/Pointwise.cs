namespace LTHKit.Kernels;

/// <summary>The activation functions that a unit can apply by itself.</summary>
internal enum Nonlinearity
{
    None,
    Relu,
    Swish,
    Mish,
}

/// <summary>
/// The passes of one activation function over a block: u = scale z + shift + residual, where <c>residual</c> may be null. What is in the border of z and of
/// what is like it does not matter: <c>mask</c> has zeros there. The numbers of each channel and the layout are those of <c>numbers</c>.
/// </summary>
internal abstract unsafe class Pointwise
{
    /// <summary>y = act(u).</summary>
    public abstract void Activate(float* z, float* residual, float* y, BatchStatistics numbers, float* mask);

    /// <summary>du = gy act'(u), kept in <paramref name="du"/> where that is not null; for each channel its sum and that of du (z - mean).</summary>
    public abstract void Slopes(float* gy, float* z, float* residual, float* du, BatchStatistics numbers, float* mask, Span<double> sums);

    /// <summary>dz = a du + b + c z, with du as in <see cref="Slopes"/>; a, b and c are the <see cref="BatchStatistics.Coefficients"/>.</summary>
    public abstract void Gradients(float* gy, float* z, float* residual, float* dz, BatchStatistics numbers, float* mask);
}

internal sealed unsafe partial class Passes<V>
{
    /// <summary>An activation function and its derivative, elementwise.</summary>
    private interface INonlinearity
    {
        static abstract V Value(V u);

        static abstract V Slope(V u);
    }

    private readonly struct None : INonlinearity
    {
        public static V Value(V u) => u;

        public static V Slope(V u) => V.All(1);
    }

    private readonly struct Relu : INonlinearity
    {
        public static V Value(V u) => V.Max(u, V.All(0));

        public static V Slope(V u) => V.GreaterThan(u, V.All(0)) & V.All(1);
    }

    /// <summary>u * sigmoid(u).</summary>
    private readonly struct Swish : INonlinearity
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static V Value(V u) => u * Sigmoid(u);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static V Slope(V u)
        {
            var s = Sigmoid(u);
            return s * V.MultiplyAdd(u, V.All(1) - s, V.All(1));      // s (1 + u (1 - s))
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static V Sigmoid(V u) => V.All(1) / (V.All(1) + Exp(V.All(0) - u));
    }

    /// <summary>u * tanh(softplus(u)); with e = exp(u) the tanh is e (e + 2) / (e (e + 2) + 2).</summary>
    private readonly struct Mish : INonlinearity
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static V Value(V u) => u * TanhSoftplus(u);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static V Slope(V u)
        {
            var t = TanhSoftplus(u);
            return V.MultiplyAdd(u * Swish.Sigmoid(u), V.All(1) - t * t, t);        // t + u sigmoid(u) (1 - t^2)
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static V TanhSoftplus(V u)
        {
            var e = Exp(V.Min(u, V.All(20)));
            var n = e * (e + V.All(2));
            return n / (n + V.All(2));
        }
    }

    /// <summary>exp(a) to some 1e-7 of it, for a in [-86, 88] and at the ends beyond them: 2^n exp(r), the latter by its series up to r^7 / 7!.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Exp(V a)
    {
        const float inverse = 1.44269504f, high = 0.693359375f, low = -2.12194440e-4f, point = 12582912;       // 1 / ln 2, ln 2 in two parts, 1.5 2^23
        a = V.Min(V.Max(a, V.All(-86)), V.All(88));
        var n = V.MultiplyAdd(a, V.All(inverse), V.All(point));         // the nearest whole number, in the last bits
        var whole = n - V.All(point);
        var r = V.MultiplyAdd(whole, V.All(-low), V.MultiplyAdd(whole, V.All(-high), a));
        var p = V.MultiplyAdd(r, V.All(1 / 5040f), V.All(1 / 720f));
        p = V.MultiplyAdd(p, r, V.All(1 / 120f));
        p = V.MultiplyAdd(p, r, V.All(1 / 24f));
        p = V.MultiplyAdd(p, r, V.All(1 / 6f));
        p = V.MultiplyAdd(p, r, V.All(0.5f));
        p = V.MultiplyAdd(p, r, V.All(1));
        return V.Scale(V.MultiplyAdd(p, r, V.All(1)), n);
    }

    private sealed class Over<A> : Pointwise where A : struct, INonlinearity
    {
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public override void Activate(float* z, float* residual, float* y, BatchStatistics numbers, float* mask)
        {
            var planes = numbers.Planes;
            var (pitch, height, plane) = (planes.Pitch, planes.Height, planes.Plane);
            new Span<float>(y - planes.Lead, planes.Lead).Clear();
            for (var channel = 0; channel < planes.Channels; channel++)
            {
                V a = V.All(numbers.Scale[channel]), b = V.All(numbers.Shift[channel]);
                for (var row = 0; row < height; row++)
                {
                    var at = (long)channel * plane + row * pitch;
                    float* from = z + at, to = y + at, extra = residual == null ? null : residual + at;
                    for (var j = 0; j < pitch; j += V.Width)
                    {
                        var u = V.MultiplyAdd(V.Load(from + j), a, b);
                        if (extra != null)
                            u += V.Load(extra + j);
                        V.Store(A.Value(u) & V.Load(mask + j), to + j);
                    }
                }
                new Span<float>(y + (long)channel * plane + planes.Run, plane - planes.Run).Clear();
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public override void Slopes(float* gy, float* z, float* residual, float* du, BatchStatistics numbers, float* mask, Span<double> sums)
        {
            var planes = numbers.Planes;
            var (pitch, width, height, plane) = (planes.Pitch, planes.Width * L, planes.Height, planes.Plane);
            for (var channel = 0; channel < planes.Channels; channel++)
            {
                V a = V.All(numbers.Scale[channel]), b = V.All(numbers.Shift[channel]), m = V.All(numbers.Mean[channel]), sum = default, product = default;
                for (var row = 0; row < height; row++)
                {
                    var at = (long)channel * plane + row * pitch;
                    float* g = gy + at, from = z + at, extra = residual == null ? null : residual + at, to = du == null ? null : du + at;
                    for (var j = 0; j < width; j += V.Width)
                    {
                        var value = V.Load(from + j);
                        var u = V.MultiplyAdd(value, a, b);
                        if (extra != null)
                            u += V.Load(extra + j);
                        var d = V.Load(g + j) * A.Slope(u) & V.Load(mask + j);
                        if (to != null)
                            V.Store(d, to + j);
                        sum += d;
                        product = V.MultiplyAdd(d, value - m, product);
                    }
                }
                (sums[2 * channel], sums[2 * channel + 1]) = (V.Sum(sum), V.Sum(product));
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public override void Gradients(float* gy, float* z, float* residual, float* dz, BatchStatistics numbers, float* mask)
        {
            var planes = numbers.Planes;
            var (pitch, height, plane) = (planes.Pitch, planes.Height, planes.Plane);
            new Span<float>(dz - planes.Lead, planes.Lead).Clear();
            for (var channel = 0; channel < planes.Channels; channel++)
            {
                V a = V.All(numbers.Scale[channel]), b = V.All(numbers.Shift[channel]);
                var coefficients = numbers.Coefficients + 3 * channel;
                V k = V.All(coefficients[0]), c0 = V.All(coefficients[1]), c1 = V.All(coefficients[2]);
                for (var row = 0; row < height; row++)
                {
                    var at = (long)channel * plane + row * pitch;
                    float* g = gy + at, from = z + at, extra = residual == null ? null : residual + at, to = dz + at;
                    for (var j = 0; j < pitch; j += V.Width)
                    {
                        var value = V.Load(from + j);
                        var u = V.MultiplyAdd(value, a, b);
                        if (extra != null)
                            u += V.Load(extra + j);
                        V.Store(V.MultiplyAdd(V.Load(g + j) * A.Slope(u), k, V.MultiplyAdd(value, c1, c0)) & V.Load(mask + j), to + j);
                    }
                }
                new Span<float>(dz + (long)channel * plane + planes.Run, plane - planes.Run).Clear();
            }
        }
    }
}
