using System;
using System.Collections.Generic;
using System.Linq;
using System.Runtime.InteropServices;

namespace TorchSharp;

public static partial class torch
{
    public static Tensor tensor(float scalar, Device? device = null, bool requires_grad = false) =>
        Import<float>([scalar], [], null, device, requires_grad, null);

    public static Tensor tensor(double scalar, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
        Import<double>([scalar], [], dtype, device, requires_grad, null);

    public static Tensor tensor(long scalar, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
        Import<long>([scalar], [], dtype, device, requires_grad, null);

    public static Tensor tensor(int scalar, Device? device = null, bool requires_grad = false) =>
        Import<int>([scalar], [], null, device, requires_grad, null);

    internal static Tensor tensor(byte scalar, Device? device = null, bool requires_grad = false) =>
        Import<byte>([scalar], [], null, device, requires_grad, null);

    public static Tensor tensor(bool scalar, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
        Import<bool>([scalar], [], dtype, device, requires_grad, null);

    public static Tensor tensor(float[] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false,
        string[]? names = null) =>
        Import<float>(rawArray, [rawArray.Length], dtype, device, requires_grad, names);

    public static Tensor tensor(float[] rawArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null,
        bool requires_grad = false, string[]? names = null) =>
        Import<float>(rawArray, dimensions, dtype, device, requires_grad, names);

    public static Tensor tensor(float[,] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false,
        string[]? names = null) =>
        Import(Elements<float>(rawArray), [rawArray.GetLength(0), rawArray.GetLength(1)], dtype, device, requires_grad, names);

    public static Tensor tensor(double[] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false,
        string[]? names = null) =>
        Import<double>(rawArray, [rawArray.Length], dtype, device, requires_grad, names);

    public static Tensor tensor(double[] rawArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null,
        bool requires_grad = false, string[]? names = null) =>
        Import<double>(rawArray, dimensions, dtype, device, requires_grad, names);

    public static Tensor tensor(double[,] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false,
        string[]? names = null) =>
        Import(Elements<double>(rawArray), [rawArray.GetLength(0), rawArray.GetLength(1)], dtype, device, requires_grad, names);

    public static Tensor tensor(long[] dataArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false,
        string[]? names = null) =>
        Import<long>(dataArray, [dataArray.Length], dtype, device, requires_grad, names);

    public static Tensor tensor(long[] dataArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null,
        bool requires_grad = false, string[]? names = null) =>
        Import<long>(dataArray, dimensions, dtype, device, requires_grad, names);

    public static Tensor tensor(long[,] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false,
        string[]? names = null) =>
        Import(Elements<long>(rawArray), [rawArray.GetLength(0), rawArray.GetLength(1)], dtype, device, requires_grad, names);

    internal static Tensor tensor(int[] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false,
        string[]? names = null) =>
        Import<int>(rawArray, [rawArray.Length], dtype, device, requires_grad, names);

    public static Tensor tensor(byte[] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false,
        string[]? names = null) =>
        Import<byte>(rawArray, [rawArray.Length], dtype, device, requires_grad, names);

    public static Tensor tensor(bool[] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false,
        string[]? names = null) =>
        Import<bool>(rawArray, [rawArray.Length], dtype, device, requires_grad, names);

    public static Tensor tensor(bool[] rawArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null,
        bool requires_grad = false, string[]? names = null) =>
        Import<bool>(rawArray, dimensions, dtype, device, requires_grad, names);

    public static Tensor tensor(bool[,] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false,
        string[]? names = null) =>
        Import(Elements<bool>(rawArray), [rawArray.GetLength(0), rawArray.GetLength(1)], dtype, device, requires_grad, names);

    /// <summary>A new tensor with a copy of the elements, in row-major order.</summary>
    private static unsafe Tensor Import<T>(ReadOnlySpan<T> elements, ReadOnlySpan<long> shape, ScalarType? dtype, Device? device,
        bool requiresGrad, string[]? names) where T : unmanaged
    {
        long count = 1;
        foreach (var size in shape)
            count *= size;
        if (count != elements.Length)
            throw new ArgumentException($"mismatched total size creating a tensor from an array: {elements.Length} vs. {count}");
        RejectNames(names);

        var target = InitializeDevice(device);
        var result = Aten.empty_memory_format.Call(shape, TypeOf<T>());
        elements.CopyTo(new Span<T>(result.Data(), elements.Length));
        if (target.type != DeviceType.CPU || (dtype is { } wanted && wanted != result.dtype))
            result = result.to(dtype ?? result.dtype, target, disposeAfter: true);
        return requiresGrad ? result.requires_grad_() : result;
    }

    private static ReadOnlySpan<T> Elements<T>(Array array) where T : unmanaged =>
        MemoryMarshal.CreateReadOnlySpan(
            ref System.Runtime.CompilerServices.Unsafe.As<byte, T>(ref MemoryMarshal.GetArrayDataReference(array)), array.Length);

    private static ScalarType TypeOf<T>()
    {
        if (typeof(T) == typeof(float))
            return ScalarType.Float32;
        if (typeof(T) == typeof(double))
            return ScalarType.Float64;
        if (typeof(T) == typeof(long))
            return ScalarType.Int64;
        if (typeof(T) == typeof(int))
            return ScalarType.Int32;
        return typeof(T) == typeof(bool) ? ScalarType.Bool : ScalarType.Byte;
    }

    private static void RejectNames(string[]? names)
    {
        if (names is { Length: > 0 })
            throw new NotSupportedException("Named dimensions are not supported by this build of TorchSharp.");
    }
}
