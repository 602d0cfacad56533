namespace LTHKit.Experiments;

/// <summary>Where a run keeps what. The only place that names these files.</summary>
/// <param name="Path">The run's folder.</param>
public sealed record RunFolder(string Path)
{
    /// <summary>What was run.</summary>
    public string Spec => File("spec.json");

    /// <summary>One line an epoch.</summary>
    public string Metrics => File("metrics.jsonl");

    /// <summary>Network after the last finished epoch; with the optimiser's momentum until the run is done.</summary>
    public string Checkpoint => File("checkpoint.safetensors");

    /// <summary>The ticket; a dense run has none.</summary>
    public string Mask => File("mask.safetensors");

    /// <summary>What a tweak worked out when it initialised the weights, for instance "scales".</summary>
    public string Kept(string name) => File($"kept-{name}.safetensors");

    /// <summary>The result, written last: a run with this file is finished.</summary>
    public string Done => File("done.json");

    /// <summary>Held by the process that trains the run.</summary>
    public string Lock => File("lock");

    /// <summary>The network after <paramref name="epochs"/> epochs and a number of steps, kept for rewinding and for analyses of a training's course.</summary>
    public string Snapshot(int epochs, int iterations = 0)
        => File(iterations == 0 ? $"weights-{epochs:0000}.safetensors" : $"weights-{epochs:0000}-{iterations:000000}.safetensors");

    /// <summary>What a <see cref="Training.Watch"/> of that name saw, one line an epoch.</summary>
    public string Watch(string name) => File($"watch-{name}.jsonl");

    /// <summary>A file that an analysis keeps with the run.</summary>
    public string Analysis(string name) => File(System.IO.Path.Combine("analysis", name));

    private string File(string name) => System.IO.Path.Combine(Path, name);
}
