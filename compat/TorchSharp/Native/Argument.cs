using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;
using System.Text;

namespace TorchSharp;

/// <summary>The native struct that carries one argument or result.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct Value
{
    internal Tag Tag;
    internal int Length;
    internal long Bits;
}

/// <summary>What a <see cref="Value"/> holds; the numbers are those of native/torchsharp_compat.cpp.</summary>
internal enum Tag { Default, None, Tensor, Int, Double, Bool, Ints, Doubles, Tensors, Device, Generator, String }

/// <summary>
/// One argument of an operator. It keeps the managed object that owns the native value, so that nothing is finalized
/// during the call.
/// </summary>
internal readonly struct Argument
{
    private readonly Tag tag;
    private readonly int length;
    private readonly long bits;
    internal readonly object? Owner;

    private Argument(Tag tag, long bits = 0, object? owner = null, int length = 0)
    {
        this.tag = tag;
        this.bits = bits;
        this.length = length;
        Owner = owner;
    }

    /// <summary>The schema's default.</summary>
    internal static Argument Default => default;

    internal static Argument None => new(Tag.None);

    public static implicit operator Argument(torch.Tensor? value) => value is null ? None : new(Tag.Tensor, value.Handle, value);
    public static implicit operator Argument(long value) => new(Tag.Int, value);
    public static implicit operator Argument(long? value) => value is { } v ? new(Tag.Int, v) : None;
    public static implicit operator Argument(double value) => new(Tag.Double, BitConverter.DoubleToInt64Bits(value));
    public static implicit operator Argument(double? value) => value is { } v ? (Argument)v : None;
    public static implicit operator Argument(bool value) => new(Tag.Bool, value ? 1 : 0);
    public static implicit operator Argument(bool? value) => value is { } v ? (Argument)v : None;
    public static implicit operator Argument(torch.ScalarType value) => new(Tag.Int, (long)value);
    public static implicit operator Argument(torch.ScalarType? value) => value is { } v ? (Argument)v : None;
    public static implicit operator Argument(Scalar? value) => value is null ? None : new(value.Tag, value.Bits);
    public static implicit operator Argument(torch.Device? value) =>
        value is null ? None : new(Tag.Device, value.index, null, (int)value.type);
    public static implicit operator Argument(torch.Generator? value) =>
        value is null ? None : new(Tag.Generator, value.Handle, value);
    public static implicit operator Argument(string? value) =>
        value is null ? None : new(Tag.String, 0, value, Encoding.UTF8.GetByteCount(value));
    public static implicit operator Argument(long[]? value) => value is null ? None : new(Tag.Ints, 0, value, value.Length);
    public static implicit operator Argument(ReadOnlySpan<long> value) => value.ToArray();
    public static implicit operator Argument(double[]? value) => value is null ? None : new(Tag.Doubles, 0, value, value.Length);
    public static implicit operator Argument(torch.Tensor?[] value) => new(Tag.Tensors, 0, value, value.Length);
    public static implicit operator Argument(List<torch.Tensor> value) => new(Tag.Tensors, 0, value, value.Count);

    /// <summary>The number of 8-byte words that the elements of a list take.</summary>
    internal int Words => tag switch
    {
        Tag.Ints or Tag.Doubles or Tag.Tensors => length,
        Tag.String => (length + 7) / 8,
        _ => 0,
    };

    /// <summary>The native form; the elements of a list go to the start of <paramref name="words"/>.</summary>
    internal unsafe Value Encode(Span<long> words)
    {
        var value = new Value { Tag = tag, Length = length, Bits = bits };
        switch (tag)
        {
            case Tag.Ints:
                ((long[])Owner!).CopyTo(words);
                break;
            case Tag.Doubles:
                MemoryMarshal.Cast<double, long>((double[])Owner!).CopyTo(words);
                break;
            case Tag.Tensors when Owner is torch.Tensor?[] tensors:
                for (var i = 0; i < tensors.Length; i++)
                    words[i] = tensors[i]?.Handle ?? IntPtr.Zero;
                break;
            case Tag.Tensors:
                var list = (List<torch.Tensor>)Owner!;
                for (var i = 0; i < list.Count; i++)
                    words[i] = list[i].Handle;
                break;
            case Tag.String:
                Encoding.UTF8.GetBytes((string)Owner!, MemoryMarshal.AsBytes(words));
                break;
            default:
                return value;
        }
        fixed (long* start = words)
            value.Bits = (long)start;
        return value;
    }
}
