using System;
using System.Collections;
using System.Collections.Generic;

namespace TorchSharp.Utils;

/// <summary>The elements of a CPU tensor, in row-major order whatever its strides.</summary>
public sealed unsafe class TensorAccessor<T> : IDisposable, IEnumerable<T> where T : unmanaged
{
    private readonly torch.Tensor tensor;
    private readonly T* first;
    private readonly long[] shape;
    private readonly long[] strides;
    private readonly bool contiguous;

    internal TensorAccessor(torch.Tensor tensor)
    {
        if (tensor.device_type != DeviceType.CPU)
            throw new InvalidOperationException(
                "Reading data from non-CPU memory is not supported. Move or copy the tensor to the cpu before reading.");
        this.tensor = tensor;
        first = (T*)tensor.Data();
        shape = tensor.shape;
        strides = tensor.stride();
        contiguous = tensor.is_contiguous();
        Count = tensor.numel();
    }

    public long Count { get; }

    public T this[params long[] indices]
    {
        get => first[Offset(indices)];
        set => first[Offset(indices)] = value;
    }

    public T[] ToArray()
    {
        var result = new T[Count];
        CopyTo(result);
        return result;
    }

    public void CopyTo(T[] array, int arrayIndex = 0, long tensorIndex = 0) => CopyTo(array.AsSpan(), arrayIndex, tensorIndex);

    public void CopyTo(Span<T> array, int arrayIndex = 0, long tensorIndex = 0)
    {
        var target = array[arrayIndex..];
        var count = (int)Math.Min(Count - tensorIndex, target.Length);
        if (contiguous)
        {
            new ReadOnlySpan<T>(first + tensorIndex, count).CopyTo(target);
            return;
        }
        for (var i = 0; i < count; i++)
            target[i] = first[Offset(tensorIndex + i)];
    }

    public void CopyFrom(T[] array, int arrayIndex = 0, long tensorIndex = 0) =>
        CopyFrom((ReadOnlySpan<T>)array, arrayIndex, tensorIndex);

    public void CopyFrom(ReadOnlySpan<T> array, int arrayIndex = 0, long tensorIndex = 0)
    {
        var source = array[arrayIndex..];
        var count = (int)Math.Min(Count - tensorIndex, source.Length);
        if (contiguous)
        {
            source[..count].CopyTo(new Span<T>(first + tensorIndex, count));
            return;
        }
        for (var i = 0; i < count; i++)
            first[Offset(tensorIndex + i)] = source[i];
    }

    public IEnumerator<T> GetEnumerator()
    {
        for (long i = 0; i < Count; i++)
            yield return At(i);
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    public void Dispose() => GC.KeepAlive(tensor);

    private T At(long index) => first[Offset(index)];

    private long Offset(long[] indices)
    {
        if (indices.Length == 1)
        {
            if (indices[0] >= Count)
                throw new IndexOutOfRangeException();
            if (indices[0] < 0)
                throw new ArgumentOutOfRangeException($"{indices[0]} in a collection of  ${Count} elements.");
            return Offset(indices[0]);
        }
        long offset = 0;
        for (var i = shape.Length - 1; i >= 0; i--)
        {
            if (indices[i] >= shape[i] || indices[i] < 0)
                throw new IndexOutOfRangeException($"{indices[i]} >= {shape[i]} in dimension {i}.");
            offset += indices[i] * strides[i];
        }
        return offset;
    }

    private long Offset(long index)
    {
        if (contiguous)
            return index;
        long offset = 0;
        for (var i = shape.Length - 1; i >= 0; i--)
        {
            index = Math.DivRem(index, shape[i], out var inner);
            offset += inner * strides[i];
        }
        return offset;
    }
}
