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
