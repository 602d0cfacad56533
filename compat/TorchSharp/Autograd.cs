using System;
using System.Collections.Generic;

namespace TorchSharp;

/// <summary>Sets whether operations of this thread are recorded, until it is disposed.</summary>
internal sealed class GradientMode : IDisposable
{
    private readonly bool before;

    internal GradientMode(bool enabled)
    {
        before = IsEnabled;
        Library.tsc_set_grad_mode(enabled ? 1 : 0);
    }

    internal static bool IsEnabled => Library.tsc_grad_mode() != 0;

    public void Dispose() => Library.tsc_set_grad_mode(before ? 1 : 0);
}

public static partial class torch
{
    public static IDisposable no_grad() => new GradientMode(false);

    public static IDisposable enable_grad(bool enabled = true) => new GradientMode(enabled);

    public static bool is_grad_enabled() => GradientMode.IsEnabled;

    public static partial class autograd
    {
        public static unsafe IList<Tensor> grad(IList<Tensor> outputs, IList<Tensor> inputs, IList<Tensor>? grad_outputs = null,
            bool retain_graph = false, bool create_graph = false, bool allow_unused = false)
        {
            var results = new IntPtr[inputs.Count];
            fixed (IntPtr* output = Handles(outputs))
            fixed (IntPtr* input = Handles(inputs))
            fixed (IntPtr* gradient = Handles(grad_outputs))
            fixed (IntPtr* result = results)
            {
                Library.Check(Library.tsc_gradients(output, outputs.Count, input, inputs.Count, gradient, grad_outputs?.Count ?? 0,
                    retain_graph ? 1 : 0, create_graph ? 1 : 0, allow_unused ? 1 : 0, result));
            }
            GC.KeepAlive(outputs);
            GC.KeepAlive(inputs);
            GC.KeepAlive(grad_outputs);
            // An unused input's gradient is an invalid tensor.
            return Array.ConvertAll(results, handle => new Tensor(handle));
        }

        internal static unsafe void backward(IList<Tensor> tensors, IList<Tensor>? grad_tensors = null, bool? retain_graph = null,
            bool create_graph = false, IList<Tensor>? inputs = null)
        {
            fixed (IntPtr* tensor = Handles(tensors))
            fixed (IntPtr* gradient = Handles(grad_tensors))
            fixed (IntPtr* input = Handles(inputs))
            {
                Library.Check(Library.tsc_backward(tensor, tensors.Count, gradient, grad_tensors?.Count ?? 0,
                    retain_graph ?? create_graph ? 1 : 0, create_graph ? 1 : 0, input, inputs?.Count ?? 0));
            }
            GC.KeepAlive(tensors);
            GC.KeepAlive(grad_tensors);
            GC.KeepAlive(inputs);
        }

        internal static void backward(Tensor tensor, IList<Tensor>? grad_tensors = null, bool? retain_graph = null,
            bool create_graph = false, IList<Tensor>? inputs = null) =>
            backward([tensor], grad_tensors, retain_graph, create_graph, inputs);

        private static IntPtr[]? Handles(IList<Tensor>? tensors)
        {
            if (tensors is null)
                return null;
            var handles = new IntPtr[tensors.Count];
            for (var i = 0; i < handles.Length; i++)
                handles[i] = tensors[i].Handle;
            return handles;
        }
    }
}
