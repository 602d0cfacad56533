using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using LTHKit.Data;
using LTHKit.Models;
using LTHKit.Pruning;
using LTHKit.Storage;
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
    private enum Stream { Initialisation = 1, DataOrder, Pruning, Tweak, Watch }

    /// <summary>The run's result; its parent must be finished.</summary>
    /// <param name="spec">What to run.</param>
    /// <param name="watches">What to measure on the way.</param>
    /// <param name="keep">After how many epochs to keep the network aside, beside those for rewinding.</param>
    /// <param name="callbacks">Told of every step and epoch.</param>
    /// <param name="waiting">Called when another process holds the run.</param>
    /// <param name="cancel">Stops after the step under way.</param>
    /// <exception cref="UserException">Bad settings, a damaged folder, or a loss that is no longer finite.</exception>
    public RunResult Run(
        RunSpec spec, IReadOnlyList<Watch> watches, IReadOnlyList<int> keep, IReadOnlyList<TrainingCallback> callbacks, Action waiting, CancellationToken cancel)
    {
        if (Find(spec) is { } finished)
            return finished;
        using var held = store.Acquire(spec, waiting, cancel);
        if (Find(spec) is { } meanwhile)
            return meanwhile;
        store.Begin(spec);
        using var scope = NewDisposeScope();
        using var mask = spec.Level == 0 ? null : Draw(spec, cancel);
        using var start = Prepare(spec, mask, cancel, callbacks);
        using var trainer = Trainer(spec, mask, start);
        var folder = store.Folder(spec);
        if (File.Exists(folder.Checkpoint))
            trainer.Resume(folder.Checkpoint);
        var watchers = watches.Select(w => new Watcher(w, Log(spec, w), spec, open(spec.Data), Seed(spec, Stream.Watch), cancel)).ToList();
        watchers.ForEach(w => w.Look(trainer));
        try
        {
            // An epoch is kept before it is watched: an interrupted watch looks again when the run goes on, and no training is lost.
            trainer.Run([new Recorder(store, spec, spec.Level == 0 ? [.. keepAfter, .. keep] : keep), .. watchers, .. callbacks], cancel);
        }
        catch (DivergedException e)
        {
            throw new UserException($"{spec.Label}: {e.Message} The last good epoch is kept in {folder.Path}; try a smaller learning rate.", e);
        }
        return store.Finish(spec, mask, mask?.EffectiveSparsity(start.Network) ?? 0, open(spec.Data).Fingerprint, Describe());
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
    public Network Load(RunSpec spec) => Load(spec, store.Folder(spec).Checkpoint);

    private Network Load(RunSpec spec, string checkpoint)
    {
        using var mask = LoadMask(spec);
        var network = Rewritten(spec, mask);
        Checkpoint.Load(checkpoint, network);
        network.eval();
        return network;
    }

    /// <summary>A run's network after that many epochs of the schedule, in eval mode: kept aside, or trained again to the same bits. Owned by the caller.</summary>
    /// <param name="spec">A finished run.</param>
    /// <param name="epochs">From the run's first epoch, as training found it, to its last.</param>
    /// <param name="callbacks">Told of every step that is trained again.</param>
    /// <param name="cancel">Stops after the step under way.</param>
    /// <exception cref="UserException">The run does not pass through that point.</exception>
    public Network NetworkAt(RunSpec spec, int epochs, IReadOnlyList<TrainingCallback> callbacks, CancellationToken cancel)
    {
        if (epochs < spec.Rewind || epochs > spec.Recipe.Epochs)
            throw new UserException($"{spec.Label} has no network after {epochs} epochs; it goes from {spec.Rewind} to {spec.Recipe.Epochs}.");
        if (epochs == spec.Recipe.Epochs)
            return Load(spec);
        return Load(spec, Snapshot(spec, epochs, 0, callbacks, cancel));
    }

    /// <summary>Whether the network after that many epochs need not be trained again.</summary>
    public bool IsKept(RunSpec spec, int epochs) => epochs == spec.Recipe.Epochs || File.Exists(store.Folder(spec).Snapshot(epochs));

    /// <summary>What a watch saw of a finished run; trains it again to the same bits where points are missing.</summary>
    /// <param name="spec">A finished run.</param>
    /// <param name="watch">What to measure.</param>
    /// <param name="callbacks">Told of every step that is trained again.</param>
    /// <param name="cancel">Stops after the step under way; what has been measured is kept.</param>
    public SortedDictionary<int, IReadOnlyDictionary<string, double>> Watched(
        RunSpec spec, Watch watch, IReadOnlyList<TrainingCallback> callbacks, CancellationToken cancel)
    {
        var log = Log(spec, watch);
        if (Unseen(spec, watch).Count > 0)
        {
            using var held = store.Acquire(spec, () => { }, cancel);
            using var scope = NewDisposeScope();
            using var mask = LoadMask(spec);
            using var start = Prepare(spec, mask, cancel, callbacks);
            using var trainer = Trainer(spec, mask, start);
            foreach (var epoch in Unseen(spec, watch))
            {
                if (epoch == spec.Recipe.Epochs)
                    Checkpoint.Load(store.Folder(spec).Checkpoint, start.Network);
                else
                    Replay(spec, trainer, epoch, 0, callbacks, cancel);
                log.Add(epoch, watch.Measure(start.Network, mask, open(spec.Data), Seed(spec, Stream.Watch), cancel));
            }
        }
        return log.Read();
    }

    /// <summary>The points of a run that a watch has not seen yet.</summary>
    public IReadOnlyList<int> Unseen(RunSpec spec, Watch watch)
        => [.. watch.EpochsOf(spec.Rewind, spec.Recipe.Epochs).Except(Log(spec, watch).Read().Keys)];

    /// <summary>The factors that a finished run's initialisation learned.</summary>
    /// <exception cref="UserException">The run was trained without re-scaled initialisation.</exception>
    public LearnedScales LoadScales(RunResult run)
    {
        var path = store.Folder(run.Spec).Kept(RescaledInit.Kept);
        if (!File.Exists(path))
            throw new UserException($"{run.Spec.Label} was trained without re-scaled initialisation and has no learned scales: give a run with the tweak RescaledInit.");
        using var scope = NewDisposeScope();
        using var network = Load(run.Spec);
        var norms = network.named_modules().Where(m => m.module is TorchSharp.Modules.BatchNorm2d).Select(m => m.name).ToHashSet();
        return new(run, [.. SafeTensors.Load(path).Tensors.Select(s =>
            new LearnedScale(s.Key, norms.Contains(s.Key[..s.Key.LastIndexOf('.')]), s.Value.ToDouble()))]);
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
            using var network = parent is null ? Built(spec) : Load(parent);
            using var before = (parent is null ? null : LoadMask(parent)) ?? Mask.Dense(network);
            using var drawn = Pruners.Draw(spec.Pruning, network, before, spec.Level, open(spec.Data), Seed(spec, Stream.Pruning), cancel);
            drawn.Save(path);
        }
        return LoadMask(spec)!;
    }

    /// <summary>The network as training finds it: rewritten, its weights theta0 or rewound, masked, initialised by the tweaks.</summary>
    internal Start Prepare(RunSpec spec, Mask? mask, CancellationToken cancel, IReadOnlyList<TrainingCallback>? callbacks = null)
    {
        var dense = new Lazy<Network>(() => Load(spec.Dense));
        var context = Context(spec, mask, () => dense.Value) with
        {
            Keep = (name, compute) => Keep(store.Folder(spec).Kept(name), compute),
            Report = doing => (callbacks ?? []).ToList().ForEach(c => c.Preparing(doing)),
            Cancel = cancel,
        };
        var network = Rewritten(spec, mask);
        if (spec.IsRewound)
            Rewind(spec, network, cancel);
        mask?.Apply(network);
        var loss = spec.Tweaks.Aggregate((Loss)Losses.CrossEntropy, (inner, tweak) => tweak.Wrap(inner, context));
        foreach (var tweak in spec.Tweaks)
            try
            {
                tweak.Initialise(network, context);
            }
            catch (UserException e)
            {
                throw new UserException($"{spec.Label}: {e.Message}", e);
            }
        mask?.Apply(network);
        return new(network, loss, dense);
    }

    /// <summary>Refuses what only the data can tell to be impossible.</summary>
    /// <exception cref="UserException">The rewind point lies past the end of its epoch.</exception>
    public void Validate(RunSpec spec)
    {
        spec.Validate();
        if (spec.Tweaks.Count > 0 || spec.Model.Factory is not null)
        {
            using var network = Networks.Build(spec.Model.Factory is null ? spec.Model with { Width = 1 } : spec.Model, Input(open(spec.Data)), 0);
            foreach (var tweak in spec.Tweaks)
                tweak.Validate(network);
        }
        if (spec.RewindIteration > 0 && Batches.IterationsOf(open(spec.Data), spec.Recipe.BatchSize) is var iterations && spec.RewindIteration >= iterations)
            throw new UserException($"The rewind point is step {spec.RewindIteration} of epoch {spec.Rewind}; an epoch has {iterations} steps, so give a later epoch.");
    }

    private static InputSpec Input(ImageSet data) => new(data.Classes, data.Height, data.Channels);

    private Network Built(RunSpec spec)
    {
        var network = Networks.Build(spec.Model, Input(open(spec.Data)), Seed(spec, Stream.Initialisation));
        network.to(device);
        return network;
    }

    private Network Rewritten(RunSpec spec, Mask? mask)
    {
        var network = Built(spec);
        var context = Context(spec, mask, () => throw new InvalidOperationException("The dense network is there for Wrap and Initialise, not for Rewrite."));
        Networks.Seeded(Seed(spec, Stream.Tweak), () =>
        {
            foreach (var tweak in spec.Tweaks)
                tweak.Rewrite(network, context);
            return network;
        });
        network.to(device);
        return network;
    }

    private TweakContext Context(RunSpec spec, Mask? mask, Func<Network> dense)
        => new(open(spec.Data), mask, spec.Recipe, Seed(spec, Stream.Tweak), dense);

    private static Dictionary<string, Tensor> Keep(string path, Func<Dictionary<string, Tensor>> compute)
    {
        if (!File.Exists(path))
            SafeTensors.Save(path, compute().Select(t => (t.Key, t.Value)));
        return SafeTensors.Load(path).Tensors;
    }

    private Trainer Trainer(RunSpec spec, Mask? mask, Start start)
        => new(start.Network, mask, spec.Recipe, open(spec.Data), start.Loss, Seed(spec, Stream.DataOrder), spec.Rewind, spec.RewindIteration,
            spec.Tweaks.Select(t => t.Average(spec.Recipe)).FirstOrDefault(a => a is not null));

    private WatchLog Log(RunSpec spec, Watch watch)
        => new(store.Folder(spec).Watch($"{watch.Name}-{SpecJson.Hash(SpecJson.OfCode(watch with { Epochs = [] }))}"));

    /// <summary>Sets what the network shares with the dense one to the dense weights at the rewind point.</summary>
    private void Rewind(RunSpec spec, Network network, CancellationToken cancel)
    {
        var dense = spec.Dense;
        var path = Snapshot(dense, spec.Rewind, spec.RewindIteration, [], cancel);
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        using var source = Load(dense, path);
        var weights = source.State.ToDictionary();
        foreach (var (name, value) in network.State)
            if (weights.TryGetValue(name, out var rewound))
                value.copy_(rewound);
    }

    /// <summary>The file with a finished run's network at a point of its training; where it was not kept, the run is trained again up to there.</summary>
    private string Snapshot(RunSpec spec, int epochs, int iterations, IReadOnlyList<TrainingCallback> callbacks, CancellationToken cancel)
    {
        var path = store.Folder(spec).Snapshot(epochs, iterations);
        if (File.Exists(path))
            return path;
        using var held = store.Acquire(spec, () => callbacks.ToList().ForEach(c => c.Preparing("waiting for another process")), cancel);
        if (File.Exists(path))
            return path;
        using var scope = NewDisposeScope();
        using var mask = LoadMask(spec);
        using var start = Prepare(spec, mask, cancel, callbacks);
        using var trainer = Trainer(spec, mask, start);
        Replay(spec, trainer, epochs, iterations, callbacks, cancel);
        Checkpoint.Save(path, start.Network, null, epochs);
        return path;
    }

    /// <summary>Trains a finished run again up to a point, and sees to it that it goes the way it went.</summary>
    /// <exception cref="UserException">It goes another way: there are other threads, another device or another libtorch.</exception>
    private void Replay(RunSpec spec, Trainer trainer, int epochs, int iterations, IReadOnlyList<TrainingCallback> callbacks, CancellationToken cancel)
    {
        var recorded = store.ReadMetrics(spec).ToDictionary(m => m.Epoch, m => m.TrainLoss);
        trainer.RunTo(epochs, iterations, callbacks, (epoch, loss) =>
        {
            if (recorded.TryGetValue(epoch, out var before) && loss != before)
                throw new UserException(FormattableString.Invariant($"{spec.Label} trained again gives another loss in epoch {epoch + 1} ({loss} instead of {before}), so its earlier networks cannot be had: use the device and the --jobs that it was trained with, or have them watched and kept while it trains."));
        }, cancel);
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
            trainer.Save(folder.Checkpoint);
        }
    }

    /// <summary>What a training starts from.</summary>
    /// <param name="Network">Rewritten, masked, initialised.</param>
    /// <param name="Loss">What to minimise.</param>
    /// <param name="Dense">The trained dense network, where a tweak has asked for it.</param>
    internal sealed record Start(Network Network, Loss Loss, Lazy<Network> Dense) : IDisposable
    {
        /// <summary>Frees the networks.</summary>
        public void Dispose()
        {
            Network.Dispose();
            if (Dense.IsValueCreated)
                Dense.Value.Dispose();
        }
    }

    /// <summary>Takes a watch's measurements at its epochs and keeps them.</summary>
    private sealed class Watcher(Watch watch, WatchLog log, RunSpec spec, ImageSet data, ulong seed, CancellationToken cancel) : TrainingCallback
    {
        private readonly HashSet<int> _epochs = [.. watch.EpochsOf(spec.Rewind, spec.Recipe.Epochs)];

        public override void EpochDone(Trainer trainer, EpochMetrics metrics) => Look(trainer);

        public void Look(Trainer trainer)
        {
            if (_epochs.Contains(trainer.NextEpoch))
                log.Add(trainer.NextEpoch, watch.Measure(trainer.Network, trainer.Mask, data, seed, cancel));
        }
    }
}
