using System.Runtime.Intrinsics;

namespace LTHKit.Kernels;

/// <summary>A vector of floats as the passes need it, so that one text serves every width that a machine may have.</summary>
internal unsafe interface IVector<V> where V : struct, IVector<V>
{
    static abstract int Width { get; }

    static abstract V Load(float* from);

    static abstract void Store(V value, float* to);

    static abstract V All(float value);

    static abstract V operator +(V a, V b);

    static abstract V operator -(V a, V b);

    static abstract V operator *(V a, V b);

    static abstract V operator /(V a, V b);

    static abstract V operator &(V a, V b);

    /// <summary>All bits set where a > b.</summary>
    static abstract V GreaterThan(V a, V b);

    static abstract V Max(V a, V b);

    static abstract V Min(V a, V b);

    /// <summary>a 2^n, where n stands in the last bits of <paramref name="n"/>.</summary>
    static abstract V Scale(V a, V n);

    /// <summary>a * b + c, fused where the machine can.</summary>
    static abstract V MultiplyAdd(V a, V b, V c);

    /// <summary>The same with a vector that is read for it alone.</summary>
    static abstract V MultiplyAdd(float* a, V b, V c);

    static abstract float Sum(V a);
}

internal readonly unsafe struct Floats4(Vector128<float> value) : IVector<Floats4>
{
    private readonly Vector128<float> _value = value;

    public static int Width => 4;
    public static Floats4 Load(float* from) => new(Vector128.Load(from));
    public static void Store(Floats4 value, float* to) => value._value.Store(to);
    public static Floats4 All(float value) => new(Vector128.Create(value));
    public static Floats4 operator +(Floats4 a, Floats4 b) => new(a._value + b._value);
    public static Floats4 operator -(Floats4 a, Floats4 b) => new(a._value - b._value);
    public static Floats4 operator *(Floats4 a, Floats4 b) => new(a._value * b._value);
    public static Floats4 operator /(Floats4 a, Floats4 b) => new(a._value / b._value);
    public static Floats4 operator &(Floats4 a, Floats4 b) => new(a._value & b._value);
    public static Floats4 GreaterThan(Floats4 a, Floats4 b) => new(Vector128.GreaterThan(a._value, b._value));
    public static Floats4 Max(Floats4 a, Floats4 b) => new(Vector128.Max(a._value, b._value));
    public static Floats4 Min(Floats4 a, Floats4 b) => new(Vector128.Min(a._value, b._value));
    public static Floats4 Scale(Floats4 a, Floats4 n) => new((a._value.AsInt32() + (n._value.AsInt32() << 23)).AsSingle());
    public static Floats4 MultiplyAdd(Floats4 a, Floats4 b, Floats4 c) => new(Vector128.MultiplyAddEstimate(a._value, b._value, c._value));
    public static Floats4 MultiplyAdd(float* a, Floats4 b, Floats4 c) => new(Vector128.MultiplyAddEstimate(Vector128.Load(a), b._value, c._value));
    public static float Sum(Floats4 a) => Vector128.Sum(a._value);
}

internal readonly unsafe struct Floats8(Vector256<float> value) : IVector<Floats8>
{
    private readonly Vector256<float> _value = value;

    public static int Width => 8;
    public static Floats8 Load(float* from) => new(Vector256.Load(from));
    public static void Store(Floats8 value, float* to) => value._value.Store(to);
    public static Floats8 All(float value) => new(Vector256.Create(value));
    public static Floats8 operator +(Floats8 a, Floats8 b) => new(a._value + b._value);
    public static Floats8 operator -(Floats8 a, Floats8 b) => new(a._value - b._value);
    public static Floats8 operator *(Floats8 a, Floats8 b) => new(a._value * b._value);
    public static Floats8 operator /(Floats8 a, Floats8 b) => new(a._value / b._value);
    public static Floats8 operator &(Floats8 a, Floats8 b) => new(a._value & b._value);
    public static Floats8 GreaterThan(Floats8 a, Floats8 b) => new(Vector256.GreaterThan(a._value, b._value));
    public static Floats8 Max(Floats8 a, Floats8 b) => new(Vector256.Max(a._value, b._value));
    public static Floats8 Min(Floats8 a, Floats8 b) => new(Vector256.Min(a._value, b._value));
    public static Floats8 Scale(Floats8 a, Floats8 n) => new((a._value.AsInt32() + (n._value.AsInt32() << 23)).AsSingle());
    public static Floats8 MultiplyAdd(Floats8 a, Floats8 b, Floats8 c) => new(Vector256.MultiplyAddEstimate(a._value, b._value, c._value));
    public static Floats8 MultiplyAdd(float* a, Floats8 b, Floats8 c) => new(Vector256.MultiplyAddEstimate(Vector256.Load(a), b._value, c._value));
    public static float Sum(Floats8 a) => Vector256.Sum(a._value);
}

internal readonly unsafe struct Floats16(Vector512<float> value) : IVector<Floats16>
{
    private readonly Vector512<float> _value = value;

    public static int Width => 16;
    public static Floats16 Load(float* from) => new(Vector512.Load(from));
    public static void Store(Floats16 value, float* to) => value._value.Store(to);
    public static Floats16 All(float value) => new(Vector512.Create(value));
    public static Floats16 operator +(Floats16 a, Floats16 b) => new(a._value + b._value);
    public static Floats16 operator -(Floats16 a, Floats16 b) => new(a._value - b._value);
    public static Floats16 operator *(Floats16 a, Floats16 b) => new(a._value * b._value);
    public static Floats16 operator /(Floats16 a, Floats16 b) => new(a._value / b._value);
    public static Floats16 operator &(Floats16 a, Floats16 b) => new(a._value & b._value);
    public static Floats16 GreaterThan(Floats16 a, Floats16 b) => new(Vector512.GreaterThan(a._value, b._value));
    public static Floats16 Max(Floats16 a, Floats16 b) => new(Vector512.Max(a._value, b._value));
    public static Floats16 Min(Floats16 a, Floats16 b) => new(Vector512.Min(a._value, b._value));
    public static Floats16 Scale(Floats16 a, Floats16 n) => new((a._value.AsInt32() + (n._value.AsInt32() << 23)).AsSingle());
    public static Floats16 MultiplyAdd(Floats16 a, Floats16 b, Floats16 c) => new(Vector512.MultiplyAddEstimate(a._value, b._value, c._value));
    public static Floats16 MultiplyAdd(float* a, Floats16 b, Floats16 c) => new(Vector512.MultiplyAddEstimate(Vector512.Load(a), b._value, c._value));
    public static float Sum(Floats16 a) => Vector512.Sum(a._value);
}
