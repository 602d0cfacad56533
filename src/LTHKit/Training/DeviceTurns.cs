namespace LTHKit.Training;

/// <summary>
/// Who gives work to a CUDA device. Whether float32 is multiplied in TF32 libtorch has for the whole process, so work in TF32 and work in float32 take turns: each
/// waits until what others do of the other kind is done, and any number of threads do the same kind at a time. Who records a step does so alone, for what another
/// thread has the device do meanwhile can make the recording void.
/// </summary>
internal static class DeviceTurns
{
    private static readonly object Gate = new();
    private static readonly Dictionary<Kind, int> Inside = [], Waiting = [];       // threads
    private static (bool Products, bool Convolutions) _outside;
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
            if (Inside.Values.Sum() > 0)
                _outside = default;
            else
                Switch = default;
    }

    /// <summary>
    /// Until this is disposed of, the thread has its turn; null where the work is for another device than CUDA, or the thread has such a turn already. Within a turn of
    /// another kind that one is left meanwhile.
    /// </summary>
    public static IDisposable? Take(DeviceType device, Precision precision = Precision.Fp32, bool alone = false)
    {
        var (wanted, before) = (new Kind(precision == Precision.Tf32, alone), _own);
        if (device != DeviceType.CUDA || before == wanted)
            return null;
        Change(before, wanted);
        return new Ending(() => Change(wanted, before));
    }

    private static void Change(Kind? from, Kind? to)
    {
        lock (Gate)
        {
            if (from is { } left && --CollectionsMarshal.GetValueRefOrAddDefault(Inside, left, out _) == 0)
            {
                Switch = _outside;
                Monitor.PulseAll(Gate);
            }
            if (to is { } kind)
            {
                CollectionsMarshal.GetValueRefOrAddDefault(Waiting, kind, out _)++;
                while (!Fits(kind))
                    Monitor.Wait(Gate);
                Waiting[kind]--;
                if (CollectionsMarshal.GetValueRefOrAddDefault(Inside, kind, out _)++ == 0)
                    (_outside, Switch) = (Switch, (kind.Tf32, kind.Tf32));
            }
            _own = to;
        }
    }

    // Who is inside is of this kind, and lets in others of it until one waits who is not.
    private static bool Fits(Kind kind)
        => Inside.Values.Sum() == 0 || (!kind.Alone && Inside.GetValueOrDefault(kind) > 0 && Waiting.All(waiting => waiting.Key == kind || waiting.Value == 0));

    private readonly record struct Kind(bool Tf32, bool Alone);
}
