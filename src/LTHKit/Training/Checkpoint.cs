namespace LTHKit.Training;

/// <summary>A network's state on disk, as safetensors: parameters and BatchNorm buffers under their own names, and what the optimiser remembers.</summary>
internal static class Checkpoint
{
    private const string Format = "lthkit-checkpoint-2";

    private static readonly string[] Memories = ["momentum.", "optimiser.", Trainer.EpochSoFar];

    /// <summary>Writes the network as it is at a point of its training, whole or not at all, and what the training remembers while it goes on.</summary>
    public static void Save(string path, Network network, Step at, string run = "", IEnumerable<(string Name, Tensor Value)>? memory = null)
    {
        using var scope = NewDisposeScope();
        SafeTensors.Save(path, network.State.Concat(memory ?? []),
            new Dictionary<string, string> { ["format"] = Format, ["model"] = network.Model.Name, ["at"] = at.ToString(), ["run"] = run });
    }

    /// <summary>Reads a checkpoint into a network of the same shape, and gives its point and all that it holds to who takes up what the training remembered.</summary>
    public static Step Load(string path, Network network, string? run = null, Action<Step, IReadOnlyDictionary<string, Tensor>>? remember = null)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var (stored, metadata) = SafeTensors.Load(path, run);
        if (metadata.GetValueOrDefault("format") != Format || metadata.GetValueOrDefault("at") is not { } text)
            throw Damaged("it is no checkpoint of this version");
        foreach (var (name, value) in network.State)
            if (!stored.TryGetValue(name, out var saved) || !saved.shape.SequenceEqual(value.shape))
                throw Damaged($"it does not fit {network.Model.Name}: {name} is missing there or has another shape");
        var known = network.State.Select(s => s.Name).ToHashSet();
        if (stored.Keys.FirstOrDefault(name => !known.Contains(name) && !Memories.Any(name.StartsWith)) is { } unknown)
            throw Damaged($"it does not fit {network.Model.Name}: it holds {unknown}, which the network lacks");
        var at = Step.Parse(text);
        try
        {
            remember?.Invoke(at, stored);
        }
        catch (InvalidDataException e)
        {
            throw Damaged(e.Message);
        }
        foreach (var (name, value) in network.State)
            value.copy_(stored[name]);
        return at;

        UserException Damaged(string why) => new($"{path} is damaged ({why}): delete it and it is made anew.");
    }
}
