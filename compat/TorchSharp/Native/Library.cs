using System;
using System.IO;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace TorchSharp;

/// <summary>The entries of native/torchsharp_compat.cpp.</summary>
internal static unsafe partial class Library
{
    private const string Name = "torchsharp_compat";

    private static readonly Lazy<IntPtr> Loaded = new(Load);

    // The resolver must be in place before the first call, and a module initializer costs nothing until then.
#pragma warning disable CA2255
    [ModuleInitializer]
#pragma warning restore CA2255
    internal static void SetResolver() => NativeLibrary.SetDllImportResolver(typeof(Library).Assembly, Resolve);

    // The resolver is asked once for every entry.
    private static IntPtr Resolve(string name, Assembly assembly, DllImportSearchPath? path) =>
        name == Name ? Loaded.Value : IntPtr.Zero;

    private static IntPtr Load()
    {
        var assembly = typeof(Library).Assembly;
        var folder = Path.GetDirectoryName(assembly.Location);
        var file = $"lib{Name}.so";
        var full = string.IsNullOrEmpty(folder) ? file : Path.Combine(folder, file);
        if (!File.Exists(full))
            throw new DllNotFoundException(
                $"{file} is not beside {assembly.GetName().Name}.dll: run `./lthkit setup`, which builds it, and build again.");
        IntPtr library;
        try
        {
            library = NativeLibrary.Load(full);
        }
        catch (DllNotFoundException e)
        {
            throw new DllNotFoundException(
                $"{file} could not be loaded, probably because the libtorch it was built for is gone: run `./lthkit setup`. ({e.Message})");
        }
        Threads.UseAllCores(library);
        return library;
    }

    internal static void Check(int code)
    {
        if (code != 0)
            Throw();
    }

    internal static void Throw() => throw new ExternalException(Marshal.PtrToStringUTF8((IntPtr)tsc_error()));

    [LibraryImport(Name)] internal static partial byte* tsc_error();

    [LibraryImport(Name)] internal static partial int tsc_find(byte* name, byte* overload, IntPtr* op);
    [LibraryImport(Name)] internal static partial int tsc_call(IntPtr op, Value* arguments, int count, Value* results, int capacity);
    [LibraryImport(Name)] internal static partial void tsc_free_list(IntPtr handles);

    [LibraryImport(Name)] internal static partial void tsc_release(IntPtr tensor);
    [LibraryImport(Name), SuppressGCTransition] internal static partial IntPtr tsc_retain(IntPtr tensor);
    [LibraryImport(Name), SuppressGCTransition] internal static partial long tsc_dim(IntPtr tensor);
    [LibraryImport(Name), SuppressGCTransition] internal static partial long tsc_numel(IntPtr tensor);
    [LibraryImport(Name)] internal static partial int tsc_sizes(IntPtr tensor, long* sizes);
    [LibraryImport(Name)] internal static partial int tsc_strides(IntPtr tensor, long* strides);
    [LibraryImport(Name), SuppressGCTransition] internal static partial int tsc_scalar_type(IntPtr tensor);
    [LibraryImport(Name), SuppressGCTransition] internal static partial long tsc_item_size(IntPtr tensor);
    [LibraryImport(Name), SuppressGCTransition] internal static partial int tsc_device_type(IntPtr tensor);
    [LibraryImport(Name), SuppressGCTransition] internal static partial int tsc_device_index(IntPtr tensor);
    [LibraryImport(Name)] internal static partial int tsc_is_contiguous(IntPtr tensor);
    [LibraryImport(Name)] internal static partial int tsc_data(IntPtr tensor, void** data);
    [LibraryImport(Name)] internal static partial int tsc_item(IntPtr tensor, Value* value);

    [LibraryImport(Name)] internal static partial int tsc_requires_grad(IntPtr tensor);
    [LibraryImport(Name)] internal static partial int tsc_set_requires_grad(IntPtr tensor, int requiresGrad);
    [LibraryImport(Name)] internal static partial int tsc_is_leaf(IntPtr tensor);
    [LibraryImport(Name)] internal static partial int tsc_retain_grad(IntPtr tensor);
    [LibraryImport(Name)] internal static partial int tsc_grad_of(IntPtr tensor, IntPtr* grad);
    [LibraryImport(Name)] internal static partial int tsc_set_grad(IntPtr tensor, IntPtr grad);
    [LibraryImport(Name)]
    internal static partial int tsc_backward(IntPtr* tensors, long count, IntPtr* grads, long gradCount, int retainGraph,
        int createGraph, IntPtr* inputs, long inputCount);
    [LibraryImport(Name)]
    internal static partial int tsc_gradients(IntPtr* outputs, long outputCount, IntPtr* inputs, long inputCount,
        IntPtr* grads, long gradCount, int retainGraph, int createGraph, int allowUnused, IntPtr* results);
    [LibraryImport(Name)] internal static partial int tsc_grad_mode();
    [LibraryImport(Name)] internal static partial void tsc_set_grad_mode(int enabled);

    [LibraryImport(Name)] internal static partial int tsc_manual_seed(long seed);
    [LibraryImport(Name)] internal static partial int tsc_generator_default(int deviceType, int deviceIndex, IntPtr* generator);
    [LibraryImport(Name)] internal static partial int tsc_generator_new(int deviceType, int deviceIndex, ulong seed, IntPtr* generator);
    [LibraryImport(Name)] internal static partial void tsc_generator_release(IntPtr generator);
    [LibraryImport(Name)] internal static partial int tsc_generator_seed(IntPtr generator, ulong seed);
    [LibraryImport(Name)] internal static partial ulong tsc_generator_initial_seed(IntPtr generator);
    [LibraryImport(Name)] internal static partial int tsc_generator_state(IntPtr generator, IntPtr* state);
    [LibraryImport(Name)] internal static partial int tsc_generator_set_state(IntPtr generator, IntPtr state);

    [LibraryImport(Name)] internal static partial int tsc_num_threads();
    [LibraryImport(Name)] internal static partial int tsc_set_num_threads(int count);
    [LibraryImport(Name)] internal static partial int tsc_cuda_available();
    [LibraryImport(Name)] internal static partial int tsc_cuda_count();
    [LibraryImport(Name)] internal static partial int tsc_cuda_synchronize(long device);
    [LibraryImport(Name)] internal static partial byte* tsc_version();
}
