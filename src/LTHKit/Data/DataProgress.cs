using System.Diagnostics;

namespace LTHKit.Data;

/// <summary>How far a long piece of work on data has come.</summary>
/// <param name="Stage">What is being done, such as "downloading cifar-10-binary.tar.gz".</param>
/// <param name="Done">How much of it is done.</param>
/// <param name="Total">How much there is; 0 when that is not known.</param>
/// <param name="Unit">"bytes", or what is counted.</param>
/// <param name="PerSecond">The rate since the work began.</param>
public sealed record DataProgress(string Stage, long Done, long Total, string Unit, double PerSecond)
{
    /// <summary>Time until the end at this rate; null when it cannot be known.</summary>
    public TimeSpan? Remaining => Total > 0 && PerSecond > 0 ? TimeSpan.FromSeconds((Total - Done) / PerSecond) : null;

    /// <inheritdoc/>
    public override string ToString()
    {
        var total = Total > 0 ? $" of {Amount(Total)}" : "";
        var left = Remaining is { } remaining ? $", {remaining:h\\:mm\\:ss} left" : "";
        return $"{Stage}: {Amount(Done)}{total}, {Amount((long)PerSecond)}/s{left}";
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
