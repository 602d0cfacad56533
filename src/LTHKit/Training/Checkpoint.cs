using LTHKit.Models;
using LTHKit.Storage;

namespace LTHKit.Training;

/// <summary>A network's state on disk, as safetensors: parameters and BatchNorm buffers under their own names, and what the optimiser remembers.</summary>
internal static class Checkpoint
{
    private const string Format = "lthkit-checkpoint-2";

    /// <summary>Writes the network as it is at a point of its training, whole or not at all; the optimiser too while training goes on.</summary>
    public static void Save(string path, Network network, Step at, string run = "", MaskedOptimiser? optimiser = null)
    {
        using var scope = NewDisposeScope();
        SafeTensors.Save(path, network.State.Concat(optimiser?.State ?? []),
            new Dictionary<string, string> { ["format"] = Format, ["model"] = network.Model.Name, ["at"] = at.ToString(), ["run"] = run });
    }

    /// <summary>Reads a checkpoint into a network of the same shape, and the optimiser's memory where one is given and training goes on.</summary>
    public static Step Load(string path, Network network, string? run = null, MaskedOptimiser? optimiser = null, int lastEpoch = int.MaxValue)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var (stored, metadata) = SafeTensors.Load(path);
        if (metadata.GetValueOrDefault("format") != Format || metadata.GetValueOrDefault("at") is not { } text)
            throw Damaged("it is no checkpoint of this version");
        if (run is not null && metadata.GetValueOrDefault("run") != run)
            throw Damaged("it is of another run");
        foreach (var (name, value) in network.State)
            if (!stored.TryGetValue(name, out var saved) || !saved.shape.SequenceEqual(value.shape))
                throw Damaged($"it does not fit {network.Model.Name}: {name} is missing there or has another shape");
        var known = network.State.Select(s => s.Name).ToHashSet();
        if (stored.Keys.FirstOrDefault(name => !known.Contains(name) && !name.StartsWith("momentum.") && !name.StartsWith("optimiser.")) is { } unknown)
            throw Damaged($"it does not fit {network.Model.Name}: it holds {unknown}, which the network lacks");
        var at = Step.Parse(text);
        if (at.Epochs < lastEpoch)
            try
            {
                optimiser?.Load(stored);
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
