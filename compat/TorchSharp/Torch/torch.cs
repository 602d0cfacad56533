using System;
using System.Runtime.InteropServices;

namespace TorchSharp;

public static partial class torch
{
    public static ScalarType @bool = ScalarType.Bool;
    public static ScalarType @short = ScalarType.Int16;
    public static ScalarType int32 = ScalarType.Int32;
    public static ScalarType @int = ScalarType.Int32;
    public static ScalarType int64 = ScalarType.Int64;
    public static ScalarType float32 = ScalarType.Float32;
    public static ScalarType float64 = ScalarType.Float64;
    public static ScalarType @double = ScalarType.Float64;

    public static unsafe string __version__ => Marshal.PtrToStringUTF8((IntPtr)Library.tsc_version())!;

    public static int get_num_threads() => Library.tsc_num_threads();

    public static void set_num_threads(int num) => Library.Check(Library.tsc_set_num_threads(num));

    internal static bool is_floating_point(ScalarType type) =>
        type is ScalarType.Float16 or ScalarType.BFloat16 or ScalarType.Float32 or ScalarType.Float64;

    internal static bool is_integral(ScalarType type) =>
        type is ScalarType.Byte or ScalarType.Int8 or ScalarType.Int16 or ScalarType.Int32 or ScalarType.Int64 or ScalarType.Bool;

    public static partial class cuda
    {
        public static bool is_available() => Library.tsc_cuda_available() != 0;

        public static int device_count() => Library.tsc_cuda_count();

        public static void synchronize(Device? device = null) => Library.Check(Library.tsc_cuda_synchronize(device?.index ?? -1));
    }
}
