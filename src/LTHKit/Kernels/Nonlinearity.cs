namespace LTHKit.Kernels;

/// <summary>The activation functions that a unit can apply by itself.</summary>
internal enum Nonlinearity
{
    None,
    Relu,
    Swish,
    Mish,
}

/// <summary>An activation function and its derivative, elementwise.</summary>
internal interface INonlinearity<S, V> where S : struct, ISimd<V> where V : struct
{
    static abstract V Value(V u);

    static abstract V Slope(V u);
}

internal readonly struct None<S, V> : INonlinearity<S, V> where S : struct, ISimd<V> where V : struct
{
    public static V Value(V u) => u;

    public static V Slope(V u) => S.All(1);
}

internal readonly struct Relu<S, V> : INonlinearity<S, V> where S : struct, ISimd<V> where V : struct
{
    public static V Value(V u) => S.Max(u, S.All(0));

    public static V Slope(V u) => S.And(S.Greater(u, S.All(0)), S.All(1));
}

/// <summary>u * sigmoid(u).</summary>
internal readonly struct Swish<S, V> : INonlinearity<S, V> where S : struct, ISimd<V> where V : struct
{
    public static V Value(V u) => S.Multiply(u, Sigmoid(u));

    public static V Slope(V u)
    {
        var s = Sigmoid(u);
        return S.Multiply(s, S.MultiplyAdd(u, S.Subtract(S.All(1), s), S.All(1)));      // s (1 + u (1 - s))
    }

    public static V Sigmoid(V u) => S.Divide(S.All(1), S.Add(S.All(1), S.Exp(S.Subtract(S.All(0), u))));
}

/// <summary>u * tanh(softplus(u)); with e = exp(u) the tanh is e (e + 2) / (e (e + 2) + 2).</summary>
internal readonly struct Mish<S, V> : INonlinearity<S, V> where S : struct, ISimd<V> where V : struct
{
    public static V Value(V u) => S.Multiply(u, TanhSoftplus(u));

    public static V Slope(V u)
    {
        var t = TanhSoftplus(u);
        var rest = S.Subtract(S.All(1), S.Multiply(t, t));
        return S.MultiplyAdd(S.Multiply(u, Swish<S, V>.Sigmoid(u)), rest, t);            // t + u sigmoid(u) (1 - t^2)
    }

    private static V TanhSoftplus(V u)
    {
        var e = S.Exp(S.Min(u, S.All(20)));
        var n = S.Multiply(e, S.Add(e, S.All(2)));
        return S.Divide(n, S.Add(n, S.All(2)));
    }
}
