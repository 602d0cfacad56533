namespace LTHKit.Training;

/// <summary>
/// libtorch's own update of many tensors in one call, on the CPU and on CUDA, which TorchSharp does not bind: reached by name, so that a libtorch
/// without these names is possible and <see cref="Available"/> tells.
/// </summary>
internal static unsafe class FusedSgd
{
    private const string Library = "libtorch_cpu.so";
    private const string ClampMin = "_ZN2at4_ops24_foreach_clamp_min__List4callEN3c108ArrayRefINS_6TensorEEES5_";
    private const string ClampMax = "_ZN2at4_ops24_foreach_clamp_max__List4callEN3c108ArrayRefINS_6TensorEEES5_";
    private const string Update = "_ZN2at4_ops11_fused_sgd_4callEN3c108ArrayRefINS_6TensorEEES5_S5_ddddbbbRKSt8optionalIS4_ES9_";
    private const string UpdateAt = "_ZN2at4_ops21_fused_sgd__tensor_lr4callEN3c108ArrayRefINS_6TensorEEES5_S5_ddRKS4_dbbbRKSt8optionalIS4_ESB_";

    /// <summary>Whether this libtorch has what is needed.</summary>
    public static bool Available { get; } = CudaStream.Has(Library, ClampMin, ClampMax, Update, UpdateAt);

    /// <summary>Brings each value into [low, high]; with both 0 even what is infinite becomes exactly 0.</summary>
    public static void Clamp(Tensor[] values, Tensor[] low, Tensor[] high)
    {
        if (values.Length == 0)
            return;
        fixed (IntPtr* v = Handles(values), l = Handles(low), h = Handles(high))
        {
            clamp_min(new(v, values.Length), new(l, low.Length));
            clamp_max(new(v, values.Length), new(h, high.Length));
        }
        GC.KeepAlive((values, low, high));
    }

    /// <summary>g += decay * w, m = momentum * m + g, w -= rate * m; the rate may also be the number in a tensor.</summary>
    public static void Step(Tensor[] weights, Tensor[] gradients, Tensor[] momenta, double decay, double momentum, double rate, Tensor? at = null)
    {
        if (weights.Length == 0)
            return;
        var nothing = stackalloc byte[16];      // an empty std::optional<Tensor>
        new Span<byte>(nothing, 16).Clear();
        fixed (IntPtr* w = Handles(weights), g = Handles(gradients), m = Handles(momenta))
        {
            Tensors ws = new(w, weights.Length), gs = new(g, gradients.Length), ms = new(m, momenta.Length);
            if (at is null)
                fused_sgd(ws, gs, ms, decay, momentum, rate, 0, 0, 0, 0, nothing, nothing);
            else
                fused_sgd_at(ws, gs, ms, decay, momentum, (void*)at.Handle, 0, 0, 0, 0, nothing, nothing);
        }
        GC.KeepAlive((weights, gradients, momenta, at));
    }

    // A Tensor of C++ is one pointer, and a handle points to it.
    private static IntPtr[] Handles(Tensor[] tensors) => [.. tensors.Select(t => *(IntPtr*)t.Handle)];

    [DllImport(Library, EntryPoint = ClampMin)]
    private static extern void clamp_min(Tensors values, Tensors bounds);

    [DllImport(Library, EntryPoint = ClampMax)]
    private static extern void clamp_max(Tensors values, Tensors bounds);

    [DllImport(Library, EntryPoint = Update)]
    private static extern void fused_sgd(Tensors weights, Tensors gradients, Tensors momenta, double decay, double momentum, double rate,
        double dampening, byte nesterov, byte maximise, byte first, void* scale, void* infinite);

    [DllImport(Library, EntryPoint = UpdateAt)]
    private static extern void fused_sgd_at(Tensors weights, Tensors gradients, Tensors momenta, double decay, double momentum, void* rate,
        double dampening, byte nesterov, byte maximise, byte first, void* scale, void* infinite);

    /// <summary>c10::ArrayRef&lt;at::Tensor&gt;.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private readonly struct Tensors(IntPtr* first, long count)
    {
        public readonly IntPtr* First = first;
        public readonly long Count = count;
    }
}
