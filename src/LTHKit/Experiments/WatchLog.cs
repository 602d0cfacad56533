namespace LTHKit.Experiments;

/// <summary>What a <see cref="Training.Watch"/> saw of one run, on disk: one line an epoch.</summary>
internal sealed class WatchLog(RunFolder folder, string name)
{
    private readonly RunLog<Line> _log = new(folder, folder.Watch(name));

    /// <summary>The numbers by name, after how many epochs.</summary>
    public SortedDictionary<int, IReadOnlyDictionary<string, double>> Read() => new(_log.Read().ToDictionary(line => line.Epoch, line => line.Values));

    /// <summary>Adds what was seen after <paramref name="epoch"/> epochs.</summary>
    public void Add(int epoch, IReadOnlyDictionary<string, double> values)
        => _log.Write(_log.Read().Where(line => line.Epoch != epoch).Append(new(epoch, values)).OrderBy(line => line.Epoch));

    private sealed record Line(int Epoch, IReadOnlyDictionary<string, double> Values);
}

/// <summary>What a <see cref="Training.Watch"/> saw of one run.</summary>
/// <param name="Run">The run.</param>
/// <param name="Epochs">After how many epochs, ascending.</param>
/// <param name="Values">The numbers by name, one an epoch.</param>
public sealed record WatchSeries(RunResult Run, IReadOnlyList<int> Epochs, IReadOnlyDictionary<string, IReadOnlyList<double>> Values);
