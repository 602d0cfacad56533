using LTHKit.Models;
using LTHKit.Storage;
using TorchSharp;
using static TorchSharp.torch;

namespace LTHKit.Training;

/// <summary>
/// A network's state on disk, as safetensors: parameters and BatchNorm buffers under their own names, momentum under "momentum.NAME", and where the
/// network is an average of weights, those that are trained under "trained.NAME".
/// </summary>
public static class Checkpoint
{
    private const string Format = "lthkit-checkpoint-1";
    private const string MomentumPrefix = "momentum.";
    private const string TrainedPrefix = "trained.";

    /// <summary>Writes the network after <paramref name="epochs"/> epochs, whole or not at all; the optimiser too while training goes on.</summary>
    /// <exception cref="UserException">The file cannot be written.</exception>
    public static void Save(string path, Network network, MaskedSgd? optimiser, int epochs) => Save(path, network, optimiser, epochs, null);

    internal static void Save(string path, Network network, MaskedSgd? optimiser, int epochs, WeightAverage? average)
        => SafeTensors.Save(path,
            network.State
                .Concat((optimiser?.State ?? []).Select(s => (MomentumPrefix + s.Name, s.Momentum)))
                .Concat((average?.StateAfter(epochs) ?? []).Select(s => (TrainedPrefix + s.Name, s.Value))),
            new Dictionary<string, string> { ["format"] = Format, ["model"] = network.Model.Name, ["epochs"] = epochs.ToString() });

    /// <summary>Reads a checkpoint into a network of the same shape, and the momentum where an optimiser is given and training goes on.</summary>
    /// <param name="path">The file.</param>
    /// <param name="network">Whose weights are set.</param>
    /// <param name="optimiser">Whose momentum is set.</param>
    /// <param name="lastEpoch">Epochs of the whole training; a checkpoint written after all of them has no momentum.</param>
    /// <returns>After how many epochs it was written.</returns>
    /// <exception cref="UserException">The file is damaged, foreign, or of another network; nothing has been changed then.</exception>
    public static int Load(string path, Network network, MaskedSgd? optimiser = null, int lastEpoch = int.MaxValue)
        => Load(path, network, optimiser, lastEpoch, null);

    internal static int Load(string path, Network network, MaskedSgd? optimiser, int lastEpoch, WeightAverage? average)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var (stored, metadata) = SafeTensors.Load(path);
        if (metadata.GetValueOrDefault("format") != Format || !int.TryParse(metadata.GetValueOrDefault("epochs"), out var epochs))
            throw new UserException($"{path} is no LTHKit checkpoint; give the checkpoint.safetensors of a run.");
        var goesOn = epochs < lastEpoch;
        var targets = network.State
            .Concat((goesOn ? optimiser?.State ?? [] : []).Select(s => (Name: MomentumPrefix + s.Name, Value: s.Momentum)))
            .Concat((goesOn ? average?.StateAfter(epochs) ?? [] : []).Select(s => (Name: TrainedPrefix + s.Name, s.Value))).ToList();
        foreach (var (name, value) in targets)
            if (!stored.TryGetValue(name, out var saved) || !saved.shape.SequenceEqual(value.shape))
                throw new UserException($"{path} does not fit {network.Model.Name}: {name} is missing there or has another shape.");
        // Checkpoints of before hold some weights a second time, under the names of fields.
        var known = targets.Select(t => t.Name).Concat(network.state_dict().Keys).ToHashSet();
        if (stored.Keys.FirstOrDefault(name => !known.Contains(name) && !name.StartsWith(MomentumPrefix) && !name.StartsWith(TrainedPrefix)) is { } unknown)
            throw new UserException($"{path} does not fit {network.Model.Name}: it holds {unknown}, which the network lacks.");
        foreach (var (name, value) in targets)
            value.copy_(stored[name]);
        return epochs;
    }
}
