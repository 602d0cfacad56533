using System.Diagnostics;

namespace LTHKit.Training;

/// <summary>
/// Who gives work to a CUDA device. TF32 is a switch of the whole process: work in TF32 and work in float32 alternate, in the order in which they came; any number of
/// threads do work of one kind at a time. Whoever records a step works alone, since a step, evaluation or measurement of others is thought to have made a recording void.
/// </summary>
internal static class DeviceTurns
{
    private const int Patience = 20;        // milliseconds that a step waits to be recorded

    private static readonly object Gate = new();
    private static readonly LinkedList<Kind> Line = [];
    private static (bool Products, bool Convolutions) _outside;
    private static Kind _inside;
    private static int _threads;
    [ThreadStatic]
    private static Kind? _own;

    private static (bool Products, bool Convolutions) Switch
    {
        get => (backends.cuda.matmul.allow_tf32, backends.cudnn.allow_tf32);
        set => (backends.cuda.matmul.allow_tf32, backends.cudnn.allow_tf32) = value;
    }

    /// <summary>From now on CUDA multiplies in float32 where nothing else is asked for, which is not so in libtorch from the start.</summary>
    public static void NoTf32()
    {
        lock (Gate)
            if (_threads > 0)
                _outside = default;
            else
                Switch = default;
    }

    /// <summary>
    /// Until this is disposed of, the thread has its turn; null where the work is for another device than CUDA, or the thread has such a turn already. Within a turn of the
    /// other kind that one is left meanwhile.
    /// </summary>
    public static IDisposable? Take(DeviceType device, Precision precision = Precision.Fp32)
        => device == DeviceType.CUDA && _own?.Tf32 != (precision == Precision.Tf32) ? Change(new(precision == Precision.Tf32, Alone: false)) : null;

    /// <summary>Until this is disposed of, the thread, which has a turn, is the only one; null where that cannot be had at once.</summary>
    public static IDisposable? Alone() => Change(_own!.Value with { Alone = true }, Patience);

    /// <summary>Until this is disposed of, the thread has no turn, for it waits for other threads; null where it has none.</summary>
    public static IDisposable? Leave() => _own is null ? null : Change(null);

    private static Ending? Change(Kind? to, int patience = Timeout.Infinite)
    {
        var from = _own;
        if (Go(to, patience))
            return new(() => Go(from));
        Go(from);
        return null;
    }

    private static bool Go(Kind? to, int patience = Timeout.Infinite)
    {
        lock (Gate)
        {
            if (_own is not null && --_threads == 0)
            {
                Switch = _outside;
                Monitor.PulseAll(Gate);
            }
            _own = null;
            if (to is { } kind && !Enter(kind, patience))
                return false;
            _own = to;
            return true;
        }
    }

    private static bool Enter(Kind kind, int patience)
    {
        var (place, clock) = (Line.AddLast(kind), Stopwatch.StartNew());
        while (!Fits(place) && (patience == Timeout.Infinite || clock.ElapsedMilliseconds < patience))
            Monitor.Wait(Gate, patience);
        var fits = Fits(place);
        Line.Remove(place);
        Monitor.PulseAll(Gate);
        if (fits && _threads++ == 0)
            (_inside, _outside, Switch) = (kind, Switch, (kind.Tf32, kind.Tf32));
        return fits;
    }

    // Nobody of another kind came before; and nobody is inside who is not of this kind.
    private static bool Fits(LinkedListNode<Kind> place)
    {
        var kind = place.Value;
        if (kind.Alone)
            return _threads == 0 && place.Previous is null;
        for (var before = place.Previous; before is not null; before = before.Previous)
            if (before.Value != kind)
                return false;
        return _threads == 0 || _inside == kind;
    }

    private readonly record struct Kind(bool Tf32, bool Alone);
}
