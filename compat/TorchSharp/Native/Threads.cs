using System;
using System.Collections.Generic;
using System.IO;
using System.Runtime.InteropServices;

namespace TorchSharp;

/// <summary>The number of threads libtorch starts with.</summary>
internal static unsafe class Threads
{
    /// <summary>
    /// Gives libtorch a thread for every physical core this process may use. Some builds (Debian's) start with one.
    /// OMP_NUM_THREADS, where it is set, has been obeyed by libtorch itself.
    /// </summary>
    internal static void UseAllCores(IntPtr library)
    {
        if (!string.IsNullOrEmpty(Environment.GetEnvironmentVariable("OMP_NUM_THREADS")))
            return;
        var set = (delegate* unmanaged<int, int>)NativeLibrary.GetExport(library, "tsc_set_num_threads");
        Library.Check(set(Math.Min(PhysicalCores(), Environment.ProcessorCount)));
    }

    private static int PhysicalCores()
    {
        // Processors whose sibling lists are equal share a core.
        var cores = new HashSet<string>();
        for (var processor = 0; processor < 4096; processor++)
        {
            var file = $"/sys/devices/system/cpu/cpu{processor}/topology/thread_siblings_list";
            if (File.Exists(file))
                cores.Add(File.ReadAllText(file));
            else if (processor >= Environment.ProcessorCount)
                break;
        }
        return cores.Count > 0 ? cores.Count : Environment.ProcessorCount;
    }
}
