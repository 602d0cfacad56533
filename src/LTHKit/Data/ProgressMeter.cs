using System.Diagnostics;

namespace LTHKit.Data;

/// <summary>Says how far a long piece of work on data has come, in bytes or in what is counted. Safe to use from several threads.</summary>
internal sealed class ProgressMeter(Action<string>? show, string stage, string unit, long total, long done = 0)
{
    private readonly Stopwatch _watch = Stopwatch.StartNew();
    private readonly Lock _lock = new();
    private readonly long _first = done;
    private long _done = done;

    public void Add(long amount)
    {
        if (show is null)
            return;
        lock (_lock)
        {
            _done += amount;
            var perSecond = (_done - _first) / Math.Max(_watch.Elapsed.TotalSeconds, 1e-3);
            var left = perSecond > 0 ? $", {TimeSpan.FromSeconds((total - _done) / perSecond):h\\:mm\\:ss} left" : "";
            show($"{stage}: {Amount(_done)} of {Amount(total)}, {Amount((long)perSecond)}/s{left}");
        }
    }

    private string Amount(long value) => unit == "bytes" ? $"{value / 1e6:F1} MB" : $"{value:N0} {unit}";
}
