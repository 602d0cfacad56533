using LTHKit.Kernels;

namespace LTHKit.Tests.Kernels;

/// <summary>
/// Memory that holds NaN until it is written, and NaN before and behind: results of what is read there are NaN, and a write there is found after the pass and
/// said in the end, for a pass of a gradient cannot throw.
/// </summary>
internal sealed unsafe class GuardedWorkspace(int threads, Passes? passes = null) : Workspace(threads, passes)
{
    private const int Guard = 64, Sentinel = 0x7fabcdef, Quiet = 0x7fc00000;

    private readonly Dictionary<nint, long> _own = [];
    private readonly List<(Tensor Memory, long Size)> _lent = [];       // since before the last pass
    private readonly List<string> _outside = [];
    private bool _passed;

    public override Tensor Floats(long size)
    {
        if (_passed)
            _lent.Clear();
        _passed = false;
        var memory = empty(size + 2 * Guard);
        Fill(Planes.Start(memory), size);
        _lent.Add((memory, size));
        return memory.narrow(0, Guard, size);
    }

    /// <summary>Each size has memory of its own.</summary>
    public override float* Own(int thread, string use, long size)
    {
        var memory = base.Own(thread, $"{use} {size}", size + 2 * Guard);
        lock (_own)
            if (_own.TryAdd((nint)memory, size))
                Fill(memory, size);
        return memory + Guard;
    }

    public override void Each(int blocks, Action<int, int> pass)
    {
        base.Each(blocks, pass);
        _passed = true;
        foreach (var (memory, size) in _own)
            Check((float*)memory, size);
        foreach (var (memory, size) in _lent.Where(lent => !lent.Memory.IsInvalid))
            Check(Planes.Start(memory), size);
    }

    public override void Dispose()
    {
        base.Dispose();
        Assert.Empty(_outside);
    }

    /// <summary>
    /// That no memory of the last passes holds a NaN which was computed, not in a border either, whose values count nowhere. The sentinel is a signalling NaN,
    /// what is computed of it a quiet one.
    /// </summary>
    public void AssertNothingUnsetWasRead()
    {
        var all = _own.Select(own => (Start: own.Key, Size: own.Value)).Concat(_lent.Select(lent => ((nint)Planes.Start(lent.Memory), lent.Size)));
        foreach (var (start, size) in all)
            foreach (var value in new Span<int>((int*)start + Guard, (int)size))
                if ((value & Quiet) == Quiet)
                    Assert.Fail($"{size} floats hold what was computed of memory that nobody set");
    }

    private static void Fill(float* memory, long size) => new Span<int>(memory, (int)size + 2 * Guard).Fill(Sentinel);

    private void Check(float* memory, long size)
    {
        foreach (var guard in new[] { 0, Guard + size })
            if (new Span<int>(memory + guard, Guard).ContainsAnyExcept(Sentinel))
                _outside.Add($"{(guard == 0 ? "before" : "behind")} {size} floats");
    }
}
