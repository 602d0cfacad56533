using System.Text.Json;
using LTHKit.Storage;
using LTHKit.Training;

namespace LTHKit.Experiments;

/// <summary>What a <see cref="Watch"/> saw of one run, on disk: one line an epoch, the last of equals counts.</summary>
/// <param name="path">The file.</param>
internal sealed class WatchLog(string path)
{
    /// <summary>The numbers by name, after how many epochs.</summary>
    /// <exception cref="UserException">The file is damaged.</exception>
    public SortedDictionary<int, IReadOnlyDictionary<string, double>> Read()
    {
        var seen = new SortedDictionary<int, IReadOnlyDictionary<string, double>>();
        if (!File.Exists(path))
            return seen;
        try
        {
            foreach (var line in File.ReadLines(path).Select(l => JsonSerializer.Deserialize<Line>(l, SpecJson.LineOptions)!))
                seen[line.Epoch] = line.Values;
            return seen;
        }
        catch (JsonException e)
        {
            throw new UserException($"{path} is damaged: delete it and the network is watched anew.", e);
        }
    }

    /// <summary>Adds what was seen after <paramref name="epoch"/> epochs.</summary>
    public void Add(int epoch, IReadOnlyDictionary<string, double> values)
    {
        var seen = Read();
        seen[epoch] = values;
        AtomicFile.WriteText(path, string.Concat(seen.Select(s => JsonSerializer.Serialize(new Line(s.Key, s.Value), SpecJson.LineOptions) + "\n")));
    }

    private sealed record Line(int Epoch, IReadOnlyDictionary<string, double> Values);
}

/// <summary>What a <see cref="Watch"/> saw of one run.</summary>
/// <param name="Run">The run.</param>
/// <param name="Epochs">After how many epochs, ascending.</param>
/// <param name="Values">The numbers by name, one an epoch.</param>
public sealed record WatchSeries(RunResult Run, IReadOnlyList<int> Epochs, IReadOnlyDictionary<string, IReadOnlyList<double>> Values);
