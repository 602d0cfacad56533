namespace LTHKit.Kernels;

/// <summary>Threads over blocks of images, and memory of each thread's own that is kept from step to step.</summary>
/// <param name="threads">How many; results are the same bits for the same number.</param>
/// <param name="passes">The width of the vectors; null for the widest.</param>
internal unsafe class Workspace(int threads, Passes? passes = null) : IDisposable
{
    private readonly Dictionary<(int Thread, string Use), (nint Memory, long Size)> _memory = [];

    public Passes Passes { get; } = passes ?? Passes.Widest;
    public int Images { get; set; }

    /// <summary>What a backward pass met first: nothing may be thrown through libtorch, which calls it.</summary>
    public Exception? Failure { get; set; }

    /// <summary>Threads that work on this many blocks.</summary>
    public int Threads(int blocks) => Math.Min(threads, blocks);

    /// <summary>Does something for each block: each thread a run of blocks, always the same one.</summary>
    public virtual void Each(int blocks, Action<int, int> pass)
    {
        var count = Threads(blocks);
        void Share(int thread)
        {
            for (var block = blocks * thread / count; block < blocks * (thread + 1) / count; block++)
                pass(thread, block);
        }
        if (count == 1)
            Share(0);
        else
            Parallel.For(0, count, Share);
    }

    /// <summary>A tensor in this layout, not set but for what a tile may reach past the last plane: there times a gradient of zero must be zero.</summary>
    public Tensor Empty(Planes planes)
    {
        var memory = Floats(planes.Size);
        new Span<float>(Planes.Start(memory) + planes.Size - Planes.Tail, Planes.Tail).Clear();
        return planes.View(memory);
    }

    /// <summary>Memory for a tensor of this many floats, not set.</summary>
    public virtual Tensor Floats(long size) => empty(size);

    /// <summary>A thread's own memory of this many floats; what it holds is what its last use left.</summary>
    public virtual float* Own(int thread, string use, long size)
    {
        lock (_memory)
        {
            var (memory, had) = _memory.GetValueOrDefault((thread, use));
            if (had < size)
            {
                NativeMemory.AlignedFree((void*)memory);
                memory = (nint)NativeMemory.AlignedAlloc((nuint)size * sizeof(float), 64);
                _memory[(thread, use)] = (memory, size);
            }
            return (float*)memory;
        }
    }

    public virtual void Dispose()
    {
        foreach (var (memory, _) in _memory.Values)
            NativeMemory.AlignedFree((void*)memory);
        _memory.Clear();
    }
}
