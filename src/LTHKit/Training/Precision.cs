namespace LTHKit.Training;

/// <summary>In which numbers a network's forward pass and its gradients are computed. Weights, their gradients and the optimiser are float32 always.</summary>
public enum Precision
{
    Fp32,

    /// <summary>float32 whose products have a mantissa of ten bits on CUDA devices that can; elsewhere the same as <see cref="Fp32"/>.</summary>
    Tf32,

    /// <summary>bfloat16 in convolutions and linear layers, by libtorch's automatic mixed precision; what needs more stays in float32.</summary>
    Bf16,
}

/// <summary>libtorch's automatic mixed precision, which TorchSharp does not bind: reached by name, for the thread that asks.</summary>
internal static class Autocast
{
    private const string Library = "libtorch_cpu.so", Prefix = "_ZN2at8autocast";
    private const string Enable = Prefix + "20set_autocast_enabledEN3c1010DeviceTypeEb", Type = Prefix + "18set_autocast_dtypeEN3c1010DeviceTypeENS1_10ScalarTypeE";
    private const string Cache = Prefix + "26set_autocast_cache_enabledEb";

    /// <summary>Whether this libtorch has it.</summary>
    public static bool Available { get; } = CudaStream.Has(Library, Enable, Type, Cache);

    /// <summary>Until this is disposed of, the thread computes so on a device; null where that is as always.</summary>
    public static IDisposable? On(Device device, Precision precision)
    {
        if (precision != Precision.Bf16)
            return null;
        var type = (sbyte)device.type;
        set_enabled(type, 1);
        set_type(type, (sbyte)ScalarType.BFloat16);
        // What it would keep of the weights' casts is of the process, and another training's to clear.
        set_cache(0);
        return new Ending(() => set_enabled(type, 0));
    }

    [DllImport(Library, EntryPoint = Enable)]
    private static extern void set_enabled(sbyte device, byte enabled);

    [DllImport(Library, EntryPoint = Type)]
    private static extern void set_type(sbyte device, sbyte type);

    [DllImport(Library, EntryPoint = Cache)]
    private static extern void set_cache(byte enabled);
}
