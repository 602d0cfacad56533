using System.Diagnostics;

namespace LTHKit.Data;

/// <summary>How far a long piece of work on data has come: bytes, or what is counted; a total of 0 is not known.</summary>
internal sealed record DataProgress(string Stage, long Done = 0, long Total = 0, string Unit = "", double PerSecond = 0)
{
    public override string ToString()
    {
        if (Total == 0)
            return Stage;
        var left = PerSecond > 0 ? $", {TimeSpan.FromSeconds((Total - Done) / PerSecond):h\\:mm\\:ss} left" : "";
        return $"{Stage}: {Amount(Done)} of {Amount(Total)}, {Amount((long)PerSecond)}/s{left}";
    }

    private string Amount(long value) => Unit == "bytes" ? $"{value / 1e6:F1} MB" : $"{value:N0} {Unit}";
}

/// <summary>Reports progress a few times a second, and at the end. Safe to use from several threads.</summary>
internal sealed class ProgressMeter(IProgress<DataProgress>? progress, string stage, string unit, long total, long done = 0)
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(200);
    private readonly Stopwatch _watch = Stopwatch.StartNew();
    private readonly Lock _lock = new();
    private readonly long _first = done;
    private long _done = done;
    private TimeSpan _last = -Interval;

    public void Add(long amount)
    {
        if (progress is null)
            return;
        lock (_lock)
        {
            _done += amount;
            if (_watch.Elapsed - _last < Interval && _done != total)
                return;
            _last = _watch.Elapsed;
            progress.Report(new DataProgress(stage, _done, total, unit, (_done - _first) / Math.Max(_last.TotalSeconds, 1e-3)));
        }
    }
}
