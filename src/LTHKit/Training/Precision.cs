using System.Reflection;

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

    private static readonly Lock Counting = new();
    private static int _wanted, _refused;
    private static (bool Products, bool Convolutions) _before;

    private static (bool Products, bool Convolutions) Switch
    {
        get => (backends.cuda.matmul.allow_tf32, backends.cudnn.allow_tf32);
        set => (backends.cuda.matmul.allow_tf32, backends.cudnn.allow_tf32) = value;
    }

    /// <summary>Whether this libtorch has it.</summary>
    public static bool Available { get; } = NativeLibrary.TryLoad(Library, Assembly.GetExecutingAssembly(), null, out var library)
        && new[] { Enable, Type, Cache }.All(name => NativeLibrary.TryGetExport(library, name, out _));

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

    /// <summary>
    /// Until this and others like it are disposed of, products of float32 on CUDA are TF32; null where the precision does not want that. It is so for the whole
    /// process, whoever computes: that is how libtorch has it.
    /// </summary>
    public static IDisposable? Products(DeviceType device, Precision precision)
    {
        if (device != DeviceType.CUDA || precision != Precision.Tf32)
            return null;
        Want(1);
        return new Ending(() => Want(-1));
    }

    /// <summary>So many more trainings want TF32; without any it is off, which is not so in libtorch from the start.</summary>
    public static void Want(int more)
    {
        lock (Counting)
        {
            var on = (_wanted += more) > 0;
            if (_refused > 0)
                _before = (on, on);
            else
                Switch = (on, on);
        }
    }

    /// <summary>Keeps CUDA from multiplying in TF32 until it is disposed of, also for trainings that want it; then it is as it was, or as they want it by then.</summary>
    public static Ending Full()
    {
        lock (Counting)
            if (_refused++ == 0)
                (_before, Switch) = (Switch, (false, false));
        return new(() =>
        {
            lock (Counting)
                if (--_refused == 0)
                    Switch = _before;
        });
    }

    [DllImport(Library, EntryPoint = Enable)]
    private static extern void set_enabled(sbyte device, byte enabled);

    [DllImport(Library, EntryPoint = Type)]
    private static extern void set_type(sbyte device, sbyte type);

    [DllImport(Library, EntryPoint = Cache)]
    private static extern void set_cache(byte enabled);
}
