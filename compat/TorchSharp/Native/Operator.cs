using System;
using System.Text;

namespace TorchSharp;

/// <summary>An ATen operator, found in libtorch's dispatcher at its first call.</summary>
internal sealed unsafe class Operator(string name, string overload = "")
{
    private const int StackWords = 256;

    private IntPtr native;

    /// <summary>Calls the operator for its effect and returns the first argument: the form of in-place members.</summary>
    internal torch.Tensor InPlace(params ReadOnlySpan<Argument> arguments)
    {
        Run(arguments, []);
        return (torch.Tensor)arguments[0].Owner!;
    }

    internal torch.Tensor Call(params ReadOnlySpan<Argument> arguments)
    {
        Value result = default;
        Run(arguments, new Span<Value>(ref result));
        return new torch.Tensor((IntPtr)result.Bits);
    }

    internal (torch.Tensor, torch.Tensor) CallPair(params ReadOnlySpan<Argument> arguments)
    {
        Span<Value> results = stackalloc Value[2];
        Run(arguments, results);
        return (new torch.Tensor((IntPtr)results[0].Bits), new torch.Tensor((IntPtr)results[1].Bits));
    }

    internal (torch.Tensor, torch.Tensor, torch.Tensor) CallTriple(params ReadOnlySpan<Argument> arguments)
    {
        Span<Value> results = stackalloc Value[3];
        Run(arguments, results);
        return (new torch.Tensor((IntPtr)results[0].Bits), new torch.Tensor((IntPtr)results[1].Bits),
            new torch.Tensor((IntPtr)results[2].Bits));
    }

    internal torch.Tensor[] CallList(params ReadOnlySpan<Argument> arguments)
    {
        Value result = default;
        Run(arguments, new Span<Value>(ref result));
        var handles = new ReadOnlySpan<IntPtr>((void*)result.Bits, result.Length);
        var tensors = new torch.Tensor[handles.Length];
        for (var i = 0; i < tensors.Length; i++)
            tensors[i] = new torch.Tensor(handles[i]);
        Library.tsc_free_list((IntPtr)result.Bits);
        return tensors;
    }

    internal bool CallBool(params ReadOnlySpan<Argument> arguments)
    {
        Value result = default;
        Run(arguments, new Span<Value>(ref result));
        return result.Bits != 0;
    }

    private void Run(ReadOnlySpan<Argument> arguments, Span<Value> results)
    {
        if (native == IntPtr.Zero)
            native = Find();

        var total = 0;
        foreach (ref readonly var argument in arguments)
            total += argument.Words;
        // The elements of lists must not move until the call is over.
        var pinned = total > StackWords ? GC.AllocateUninitializedArray<long>(total, pinned: true) : null;
        Span<long> words = pinned ?? stackalloc long[StackWords];

        var values = stackalloc Value[arguments.Length];
        for (var i = 0; i < arguments.Length; i++)
        {
            values[i] = arguments[i].Encode(words);
            words = words[arguments[i].Words..];
        }

        int code;
        fixed (Value* first = results)
            code = Library.tsc_call(native, values, arguments.Length, first, results.Length);
        foreach (ref readonly var argument in arguments)
            GC.KeepAlive(argument.Owner);
        GC.KeepAlive(pinned);
        Library.Check(code);
    }

    private IntPtr Find()
    {
        IntPtr found;
        fixed (byte* nativeName = Encoding.UTF8.GetBytes($"aten::{name}\0"))
        fixed (byte* nativeOverload = Encoding.UTF8.GetBytes(overload + "\0"))
            Library.Check(Library.tsc_find(nativeName, nativeOverload, &found));
        return found;
    }
}
