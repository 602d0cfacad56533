using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using LTHKit.Data;
using LTHKit.Models;
using LTHKit.Pruning;
using LTHKit.Training;
using LTHKit.Tweaks;
using TorchSharp;
using static TorchSharp.torch;

namespace LTHKit.Experiments;

/// <summary>Carries out one run: draws its ticket, applies its tweaks, trains it or goes on where it stopped, records it.</summary>
/// <param name="store">Where runs are kept.</param>
/// <param name="open">Gives the data set of a spec, on <paramref name="device"/>; owned by the caller.</param>
/// <param name="device">Where to train.</param>
/// <param name="keepAfter">After how many epochs the weights are kept aside, for rewinding and for analyses.</param>
internal sealed class Runner(RunStore store, Func<DataSpec, ImageSet> open, Device device, IReadOnlyList<int> keepAfter)
{
    // What the random streams of a run are for; each is a function of the run's seed alone.
    private enum Stream { Initialisation = 1, DataOrder, Pruning, Tweak }

    /// <summary>The run's result; its parent must be finished.</summary>
    /// <param name="spec">What to run.</param>
    /// <param name="callbacks">Told of every step and epoch.</param>
    /// <param name="waiting">Called when another process holds the run.</param>
    /// <param name="cancel">Stops after the step under way.</param>
    /// <exception cref="UserException">Bad settings, a damaged folder, or a loss that is no longer finite.</exception>
    public RunResult Run(RunSpec spec, IReadOnlyList<TrainingCallback> callbacks, Action waiting, CancellationToken cancel)
    {
        if (Find(spec) is { } finished)
            return finished;
        using var held = store.Acquire(spec, waiting, cancel);
        if (Find(spec) is { } meanwhile)
            return meanwhile;
        store.Begin(spec);
        using var scope = NewDisposeScope();
        using var mask = spec.Level == 0 ? null : Draw(spec, cancel);
        using var network = Prepare(spec, mask, out var loss, cancel);
        using var trainer = new Trainer(network, mask, spec.Recipe, open(spec.Data), loss, Seed(spec, Stream.DataOrder), spec.Rewind);
        var folder = store.Folder(spec);
        if (File.Exists(folder.Checkpoint))
            trainer.Resume(folder.Checkpoint);
        try
        {
            trainer.Run([new Recorder(store, spec, spec.Level == 0 ? keepAfter : []), .. callbacks], cancel);
        }
        catch (DivergedException e)
        {
            throw new UserException($"{spec.Label}: {e.Message} The last good epoch is kept in {folder.Path}; try a smaller learning rate.", e);
        }
        return store.Finish(spec, mask?.Sparsity ?? 0, EffectiveSparsity(network, mask), open(spec.Data).Fingerprint, Describe());
    }

    /// <summary>The result of a finished run, if it was trained on the images that are there now.</summary>
    private RunResult? Find(RunSpec spec)
    {
        var result = store.Find(spec);
        if (result is not null && result.DataFingerprint != open(spec.Data).Fingerprint)
            throw new UserException($"{spec.Label} was trained on other images than those that {spec.Data.Name} holds now: use another run store (LTHKIT_RUNS) for them, or delete {result.Folder}.");
        return result;
    }

    /// <summary>A finished run's network with its trained weights, in eval mode; owned by the caller.</summary>
    public Network Load(RunSpec spec)
    {
        var network = Rewritten(spec, null, default);
        Checkpoint.Load(store.Folder(spec).Checkpoint, network);
        network.eval();
        return network;
    }

    /// <summary>A finished run's ticket, on the device; null for a dense run. Owned by the caller.</summary>
    public Mask? LoadMask(RunSpec spec)
    {
        if (spec.Level == 0)
            return null;
        using var stored = Mask.Load(store.Folder(spec).Mask);
        return stored.To(device);
    }

    /// <summary>
    /// The ticket of a run: what its parent's trained weights (or theta0) leave standing at its level. Kept with the run, so that it is
    /// never derived again.
    /// </summary>
    internal Mask Draw(RunSpec spec, CancellationToken cancel)
    {
        var path = store.Folder(spec).Mask;
        if (!File.Exists(path))
        {
            using var scope = NewDisposeScope();
            var parent = spec.Parent;
            using var network = parent is null ? Rewritten(spec with { Tweaks = [] }, null, cancel) : Load(parent);
            using var before = (parent is null ? null : LoadMask(parent)) ?? Mask.Dense(network);
            using var drawn = Pruners.Draw(spec.Pruning, network, before, spec.Level, Seed(spec, Stream.Pruning));
            drawn.Save(path);
        }
        return LoadMask(spec)!;
    }

    /// <summary>The network as training finds it: rewritten, its weights theta0 or rewound, masked, initialised by the tweaks.</summary>
    internal Network Prepare(RunSpec spec, Mask? mask, out Loss loss, CancellationToken cancel)
    {
        var network = Rewritten(spec, mask, cancel);
        if (spec.Rewind > 0)
            Rewind(spec, network, cancel);
        mask?.Apply(network);
        var context = Context(spec, mask, cancel);
        loss = spec.Tweaks.Aggregate((Loss)Losses.CrossEntropy, (inner, tweak) => tweak.Wrap(inner, context));
        foreach (var tweak in spec.Tweaks)
            tweak.Initialise(network, context);
        mask?.Apply(network);
        return network;
    }

    private Network Rewritten(RunSpec spec, Mask? mask, CancellationToken cancel)
    {
        var data = open(spec.Data);
        var network = Networks.Build(spec.Model, new InputSpec(data.ClassNames.Count, data.Height, data.Channels), Seed(spec, Stream.Initialisation));
        network.to(device);
        foreach (var tweak in spec.Tweaks)
            tweak.Rewrite(network, Context(spec, mask, cancel));
        network.to(device);
        return network;
    }

    private TweakContext Context(RunSpec spec, Mask? mask, CancellationToken cancel)
        => new(open(spec.Data), mask, spec.Recipe, Seed(spec, Stream.Tweak));

    /// <summary>Sets what the network shares with the dense one to the dense weights after the rewind point's epochs.</summary>
    private void Rewind(RunSpec spec, Network network, CancellationToken cancel)
    {
        var dense = spec.Dense;
        var path = store.Folder(dense).Snapshot(spec.Rewind);
        using (store.Acquire(dense, () => { }, cancel))
            if (!File.Exists(path))
                TrainTo(dense, spec.Rewind, path, cancel);
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        using var source = Rewritten(dense, null, cancel);
        Checkpoint.Load(path, source);
        var weights = source.state_dict();
        foreach (var (name, value) in network.state_dict())
            if (weights.TryGetValue(name, out var rewound))
                value.copy_(rewound);
    }

    /// <summary>Trains the dense network again up to an epoch that was not kept: the same bits as the first time.</summary>
    private void TrainTo(RunSpec dense, int epochs, string path, CancellationToken cancel)
    {
        using var network = Prepare(dense, null, out var loss, cancel);
        using var trainer = new Trainer(network, null, dense.Recipe, open(dense.Data), loss, Seed(dense, Stream.DataOrder));
        trainer.Run([], cancel, epochs);
        Checkpoint.Save(path, network, null, epochs);
    }

    private static double EffectiveSparsity(Network network, Mask? mask)
    {
        var injected = network.Units.Where(u => u.Skip is not null).SelectMany(u => u.Skip!.parameters()).Where(p => p.dim() > 1).Sum(p => p.numel());
        var total = network.PrunableWeights().Sum(w => w.Weight.numel());
        return 1 - ((mask?.Kept ?? total) + injected) / (double)(total + injected);
    }

    private JsonObject Describe() => new()
    {
        ["lthkit"] = typeof(Runner).Assembly.GetName().Version!.ToString(3),
        ["libtorch"] = __version__,
        ["device"] = device.ToString(),
        ["threads"] = get_num_threads(),
        ["processor"] = RuntimeInformation.ProcessArchitecture.ToString(),
        ["finished"] = DateTime.UtcNow.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'"),
    };

    private static ulong Seed(RunSpec spec, Stream stream) => SplitMix64.Keyed(spec.Seed, (long)stream).Next();

    /// <summary>Keeps a run on disk, epoch by epoch: metrics first, then the checkpoint that counts.</summary>
    private sealed class Recorder(RunStore store, RunSpec spec, IReadOnlyList<int> keepAfter) : TrainingCallback
    {
        public override void EpochDone(Trainer trainer, EpochMetrics metrics)
        {
            var folder = store.Folder(spec);
            store.AddMetrics(spec, metrics);
            if (keepAfter.Contains(trainer.NextEpoch))
                Checkpoint.Save(folder.Snapshot(trainer.NextEpoch), trainer.Network, null, trainer.NextEpoch);
            Checkpoint.Save(folder.Checkpoint, trainer.Network, trainer.NextEpoch < spec.Recipe.Epochs ? trainer.Optimiser : null, trainer.NextEpoch);
        }
    }
}
