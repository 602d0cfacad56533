using System;

namespace TorchSharp;

public sealed class Scalar : IDisposable
{
    internal readonly Tag Tag;
    internal readonly long Bits;

    internal Scalar(torch.ScalarType type, Tag tag, long bits)
    {
        Type = type;
        Tag = tag;
        Bits = bits;
    }

    internal torch.ScalarType Type { get; }

    internal double Number => Tag == Tag.Double ? BitConverter.Int64BitsToDouble(Bits) : Bits;

    public static implicit operator Scalar(byte value) => value.ToScalar();
    public static implicit operator Scalar(sbyte value) => value.ToScalar();
    public static implicit operator Scalar(short value) => value.ToScalar();
    public static implicit operator Scalar(int value) => value.ToScalar();
    public static implicit operator Scalar(long value) => value.ToScalar();
    public static implicit operator Scalar(float value) => value.ToScalar();
    public static implicit operator Scalar(double value) => value.ToScalar();
    public static implicit operator Scalar(bool value) => value.ToScalar();

    public void Dispose()
    {
    }
}

internal static class ScalarExtensionMethods
{
    // As at::Scalar, every integer is kept as 64 bits and every floating-point number as double.
    public static Scalar ToScalar(this byte value) => Integer(value);
    public static Scalar ToScalar(this sbyte value) => Integer(value);
    public static Scalar ToScalar(this short value) => Integer(value);
    public static Scalar ToScalar(this int value) => Integer(value);
    public static Scalar ToScalar(this long value) => Integer(value);
    public static Scalar ToScalar(this float value) => ToScalar((double)value);
    public static Scalar ToScalar(this double value) => new(torch.ScalarType.Float64, Tag.Double, BitConverter.DoubleToInt64Bits(value));
    public static Scalar ToScalar(this bool value) => new(torch.ScalarType.Bool, Tag.Bool, value ? 1 : 0);

    public static float ToSingle(this Scalar value) => (float)value.Number;
    public static double ToDouble(this Scalar value) => value.Number;
    public static byte ToByte(this Scalar value) => (byte)Whole(value);
    public static short ToInt16(this Scalar value) => (short)Whole(value);
    public static int ToInt32(this Scalar value) => (int)Whole(value);
    public static long ToInt64(this Scalar value) => Whole(value);
    public static bool ToBoolean(this Scalar value) => value.Number != 0;

    private static Scalar Integer(long value) => new(torch.ScalarType.Int64, Tag.Int, value);

    private static long Whole(Scalar value) => value.Tag == Tag.Double ? (long)value.Number : value.Bits;
}
