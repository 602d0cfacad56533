using System.Collections.Concurrent;
using System.Diagnostics;

namespace LTHKit.Experiments;

/// <summary>Carries out one run: draws its ticket, applies its tweaks, trains it or goes on where it stopped, records it.</summary>
internal sealed class Runner(RunStore store, Func<DataSpec, ImageSet> open, Device device, bool train = true)
{
    // A watch is the same when what it works with has changed.
    private readonly ConditionalWeakTable<Watch, string> _watchNames = [];
    private readonly ConcurrentDictionary<(ModelSpec, DataSpec), NetworkSize> _sizes = new();
    private readonly ConcurrentDictionary<object, bool> _fitting = new();       // networks that were found to repeat, and ways to train that fit
    private readonly ConcurrentDictionary<string, bool> _changing = new();      // runs whose code holds what it changes itself, a log for one

    // What the random streams of a run are for; each is a function of the run's seed alone.
    private enum Stream { Initialisation = 1, DataOrder, Pruning, Tweak, Watch, Control, Reinitialisation }

    /// <summary>The run's result; its parent must be finished.</summary>
    public RunResult Run(RunSpec spec, IReadOnlyList<Watch> watches, IReadOnlyCollection<Step> keep, TrainingCallback progress, CancellationToken cancel,
        bool weights = false)
    {
        if (Finished() is { } finished)
            return finished;
        using var held = Acquire(spec, progress, cancel);
        if (Finished() is { } meanwhile)
            return meanwhile;
        if (!train)
            throw new MissingException($"{spec.Label} would have to be trained{(IsFinished(spec) ? ", for its weights were not exported" : "")}");
        store.Begin(spec, open(spec.Data));
        using var scope = NewDisposeScope();
        using var mask = spec.Level == 0 ? null : Draw(spec, cancel, progress, held.Check);
        using var start = Prepare(spec, mask, cancel, progress, held.Check);
        using var trainer = TrainerOf(spec, mask, start);
        var folder = store.Folder(spec);
        if (File.Exists(folder.Checkpoint))
            trainer.Resume(folder.Checkpoint, folder.Run);
        _ = store.ReadMetrics(spec, until: trainer.NextEpoch);      // refused where epochs are missing
        if (trainer.Standing.Iterations == 0 || trainer.Standing == spec.Rewind)
            Look();
        try
        {
            trainer.Run([new(Keep, EpochDone: Record), progress], cancel);
        }
        catch (OperationCanceledException) when (trainer is { Standing.Iterations: > 0, IsBetweenSteps: true })
        {
            held.Check();
            trainer.Save(folder.Checkpoint, folder.Run);
            throw;
        }
        catch (DivergedException e)
        {
            throw new DivergedException($"{spec.Label}: {e.Message} {(File.Exists(folder.Checkpoint) ? $"The last good epoch is kept in {folder.Path}; try" : "Try")} a smaller learning rate.");
        }
        held.Check();
        Worked(spec);
        return store.Finish(spec, mask, start.Network);

        RunResult? Finished() => Find(spec) is { } result && (!weights || HasWeights(spec)) ? result : null;

        void Keep(Step done, int iterations)
        {
            done = done.Within(iterations);
            if (!keep.Any(at => at.Within(iterations) == done))
                return;
            held.Check();
            Checkpoint.Save(folder.Snapshot(done), start.Network, done, folder.Run);
        }

        // Metrics first, then the checkpoint that counts. An epoch is kept before it is watched: an interrupted watch looks again when the run goes on.
        void Record(EpochMetrics metrics, int images)
        {
            held.Check();
            store.AddMetrics(spec, metrics);
            trainer.Save(folder.Checkpoint, folder.Run);
            Look();
        }

        void Look()
        {
            foreach (var watch in watches.Where(w => w.EpochsOf(spec.Rewind.Epochs, spec.Recipe.Epochs).Contains(trainer.NextEpoch)))
                Measure(spec, watch, trainer.NextEpoch, start.Network, mask, held, cancel);
        }
    }

    /// <summary>Whether a run is in the store.</summary>
    public bool IsFinished(RunSpec spec) => store.Find(spec) is not null;

    /// <summary>Whether the trained weights of a finished run are there; those of an imported one need not be.</summary>
    public bool HasWeights(RunSpec spec) => File.Exists(store.Folder(spec).Checkpoint);

    /// <summary>Whether a run's ticket is there: its own, or that of the run that retrains it as found.</summary>
    public bool HasTicket(RunSpec spec) => store.Folder(spec).HasMask || IsFound(spec);

    /// <summary>Whether the ticket was drawn for the run that retrains it as found. What is drawn from untrained weights costs nothing and is drawn again.</summary>
    private bool IsFound(RunSpec spec)
    {
        if (spec.Parent is null || !store.Folder(spec.AsFound).HasMask)
            return false;
        store.Check(spec.AsFound, store.Images(spec.AsFound), open(spec.Data));
        return true;
    }

    /// <summary>Trains an imported run whose weights are asked for and were not exported; from then on it is this machine's.</summary>
    private void Regain(RunSpec spec, TrainingCallback progress, CancellationToken cancel, IReadOnlyList<Watch>? watches = null, Step? keep = null)
    {
        if (!HasWeights(spec) && IsFinished(spec))
            Run(spec, watches ?? [], keep is { } at ? [at] : [], progress, cancel, weights: true);
    }

    /// <summary>The result of a finished run, if it was trained on the images that are there now.</summary>
    private RunResult? Find(RunSpec spec)
    {
        var result = store.Find(spec);
        if (result is not null)
            store.Check(spec, result.DataFingerprint, open(spec.Data));
        return result;
    }

    /// <summary>A finished run's network at a point that its training passes, in eval mode; owned by the caller.</summary>
    private Network Load(RunSpec spec, Step at, TrainingCallback progress, CancellationToken cancel)
    {
        var stored = Snapshot(spec, at, progress, cancel);
        var mask = LoadMask(spec);
        using var mine = spec.Tweaks.Any(tweak => tweak.IsUsers) ? null : mask;     // a user's may hold on to it
        var network = Untrained(spec, mask);
        try
        {
            LoadAt(spec, stored, network, at);
        }
        catch
        {
            network.Dispose();
            throw;
        }
        network.eval();
        return network;
    }

    /// <summary>The same of a run that another builds on: where it is trained again for it, its epochs are told as the other's preparation.</summary>
    private Network LoadFor(TrainingCallback progress, RunSpec spec, CancellationToken cancel, Step? at = null)
        => Load(spec, at ?? spec.Recipe.Epochs, new(EpochDone: (done, _) => progress.Preparing?.Invoke($"{spec.Label} again, epoch {done.Epoch + 1}/{spec.Recipe.Epochs}")), cancel);

    private void LoadAt(RunSpec spec, string checkpoint, Network network, Step at)
    {
        if (Checkpoint.Load(checkpoint, network, store.Folder(spec).Run) is var written && written != at)
            throw store.Folder(spec).Damaged(checkpoint, $"it was written at {written} and not at {at}");
    }

    /// <summary>A run's network at a point of its training, in eval mode: kept aside, or trained again to the same bits. Owned by the caller.</summary>
    public Network NetworkAt(RunSpec spec, Step at, TrainingCallback progress, CancellationToken cancel)
    {
        if (IsChanged(spec) && !_changing.ContainsKey(spec.Id))
            throw new UserException($"{spec.Label} was trained with code that holds other values now, so that its network cannot be built: make the tweak or the network anew with "
                + "those that it had (in a for loop copy the variable first).");
        if (!GoesThrough(spec, at))
            throw new UserException($"{spec.Label} has no network at {at}; it goes from {spec.Rewind.Epochs}ep to {spec.Recipe.Epochs}ep.");
        return Load(spec, at.Within(Iterations(spec)), progress, cancel);
    }

    /// <summary>What a run's code holds may be other than it was because it has worked.</summary>
    public void Worked(RunSpec spec)
    {
        if (IsChanged(spec))
            _changing[spec.Id] = true;
    }

    private static bool IsChanged(RunSpec spec) => !IsAlike(spec) && SpecJson.Hash(SpecJson.Of(spec.Normalised)) != spec.Id;

    /// <summary>Whether a run's training passes that point; the epoch that it begins in stands for its beginning.</summary>
    public bool GoesThrough(RunSpec spec, Step at)
    {
        at = at.Within(Iterations(spec));
        var before = at.Epochs < spec.Rewind.Epochs || (at.Epochs == spec.Rewind.Epochs && at.Iterations > 0 && at.Iterations < spec.Rewind.Iterations);
        return !before && !IsBeyond(at, spec.Recipe);
    }

    private static bool IsBeyond(Step at, Recipe recipe) => (at.Epochs, at.Iterations).CompareTo((recipe.Epochs, 0)) > 0;

    /// <summary>Whether the network at that point need not be trained again.</summary>
    public bool IsKept(RunSpec spec, Step at)
        => at == spec.Recipe.Epochs ? HasWeights(spec) : at == spec.Rewind || File.Exists(store.Folder(spec).Snapshot(at.Within(Iterations(spec))));

    /// <summary>What a watch saw of a finished run; trains it again to the same bits where points are missing.</summary>
    public IReadOnlyDictionary<int, IReadOnlyDictionary<string, double>> Watched(RunSpec spec, Watch watch, TrainingCallback progress, CancellationToken cancel)
    {
        if (Unseen(spec, watch).Count > 0)
        {
            Regain(spec, progress, cancel, [watch]);
            using var held = Acquire(spec, progress, cancel);
            if (Unseen(spec, watch) is { Count: > 0 } left)     // by whoever held it meanwhile
                Replay(spec, [.. left.Select(epoch => (Step)epoch)], progress, cancel, (at, network, mask) =>
                    Measure(spec, watch, at.Epochs, network, mask, held, cancel));
        }
        return SeenBy(spec, watch).ToDictionary(seen => seen.Epoch, seen => seen.Values);
    }

    public IReadOnlyList<int> Unseen(RunSpec spec, Watch watch)
        => [.. watch.EpochsOf(spec.Rewind.Epochs, spec.Recipe.Epochs).Except(SeenBy(spec, watch).Select(seen => seen.Epoch))];

    public Measured<IReadOnlyList<LearnedScale>> LoadScales(RunResult run)
    {
        var path = store.Folder(run.Spec).Kept(RescaledInit.Kept);
        if (!File.Exists(path))
            throw run.Spec.Tweaks.Any(t => t is RescaledInit { Iterations: > 0 }) ? store.Folder(run.Spec).Damaged(path, "it is missing")
                : new UserException($"{run.Spec.Label} was trained without re-scaled initialisation, which learns scales: give a run with the tweak.");
        using var scope = NewDisposeScope();
        using var mask = LoadMask(run.Spec);
        using var network = Untrained(run.Spec, mask);
        var norms = network.named_modules().Where(m => m.module is TorchSharp.Modules.BatchNorm2d).Select(m => m.name).ToHashSet();
        return new(run, [.. Kept(run.Spec, path).Select(s =>
            new LearnedScale(s.Key, norms.Contains(s.Key[..s.Key.LastIndexOf('.')]), s.Value.ToDouble()))]);
    }

    /// <summary>A finished run's ticket, on the device; null for a dense run. Owned by the caller.</summary>
    public Mask? LoadMask(RunSpec spec)
    {
        if (spec.Level == 0)
            return null;
        using var stored = Mask.Load(store.Folder(spec).Mask, store.Folder(spec).Run);
        return stored.To(device);
    }

    /// <summary>
    /// The ticket of a run: what its parent's trained weights (or theta0) leave standing at its level, or what stands in for it. Kept with the run, so
    /// that it is never derived again.
    /// </summary>
    internal Mask Draw(RunSpec spec, CancellationToken cancel, TrainingCallback? progress = null, Action? check = null)
    {
        var path = store.Folder(spec).Mask;
        if (!File.Exists(path))
        {
            using var scope = NewDisposeScope();
            using var ticket = IsFound(spec) ? LoadMask(spec.AsFound)! : Drawn(spec, progress ?? new(), cancel);
            using var drawn = Controls.Of(ticket, spec.Control, Seed(spec, Stream.Control));
            check?.Invoke();
            drawn.Save(path, store.Folder(spec).Run);
        }
        return LoadMask(spec)!;
    }

    private Mask Drawn(RunSpec spec, TrainingCallback progress, CancellationToken cancel)
    {
        var parent = spec.Parent;
        using var network = parent is null ? Built(spec with { Control = Control.None }) : LoadFor(progress, parent, cancel);
        using var before = (parent is null ? null : LoadMask(parent)) ?? Mask.Dense(network);
        var keep = PruningRates.KeptAt(spec.Rates, spec.Level, before.Total);
        using var turn = DeviceTurns.Take(device.type);
        return spec.Pruning.Draw(network, before, keep, open(spec.Data), Seed(spec, Stream.Pruning), cancel);
    }

    /// <summary>The network as training finds it: rewritten, its weights theta0 or rewound, masked, initialised by the tweaks.</summary>
    internal Start Prepare(RunSpec spec, Mask? mask, CancellationToken cancel, TrainingCallback? progress = null, Action? check = null)
    {
        progress ??= new();
        var network = Untrained(spec, mask);
        var dense = spec.Tweaks.Any(tweak => tweak.NeedsDense) ? LoadFor(progress, spec.Dense, cancel) : null;
        var context = Context(spec, mask, () => dense
            ?? throw new UserException("A tweak asked for the trained dense network, which is there for those alone that say so: override NeedsDense.")) with
        {
            Network = network,
            Keep = (name, compute) => Keep(spec, name, compute, check),
            Report = doing => progress.Preparing?.Invoke(doing),
            Cancel = cancel,
        };
        var held = network.State.Select(state => state.Name).ToList();
        if (spec.IsRewound)
            GoBack(spec, network, progress, cancel);
        mask?.Apply(network);
        using var turn = DeviceTurns.Take(device.type);
        // A user's tweak may draw from libtorch's one generator.
        var loss = spec.Tweaks.Any(tweak => tweak.IsUsers) ? Networks.Seeded(context.Seed, () => Wrapped(spec, For)) : Wrapped(spec, For);
        Initialise(spec, network, For);
        if (network.State.Select(state => state.Name).Except(held).FirstOrDefault() is { } added)
            throw new UserException($"{spec.Label}: a tweak adds {added} to the network in Initialise, where weights alone may change: do that in Rewrite.");
        mask?.Apply(network);
        return new(network, loss, dense);

        // What users' tweaks keep has its own names, whatever others call theirs.
        TweakContext For(int i) => !spec.Tweaks[i].IsUsers ? context
            : context with { Keep = (name, compute) => Keep(spec, $"{spec.Tweaks[i].GetType().Name}-{i}-{name}", compute, check) };
    }

    private void GoBack(RunSpec spec, Network network, TrainingCallback progress, CancellationToken cancel)
    {
        using var source = spec.Rewinding == Rewinding.Weights ? LoadFor(progress, spec.Dense, cancel, spec.Rewind) : LoadFor(progress, spec.Parent ?? spec.Dense, cancel);
        Networks.CopyState(source, network);
    }

    private static void Initialise(RunSpec spec, Network network, Func<int, TweakContext> context)
    {
        foreach (var (i, tweak) in spec.Tweaks.Index())
            try
            {
                if (tweak.IsUsers)
                    Networks.Seeded(unchecked(context(i).Seed + 1 + (ulong)i), () => tweak.Initialise(network, context(i)));
                else
                    tweak.Initialise(network, context(i));
            }
            catch (UserException e)
            {
                throw e is DivergedException ? new DivergedException($"{spec.Label}: {e.Message}") : new UserException($"{spec.Label}: {e.Message}", e);
            }
    }

    /// <summary>The spec as it will be run, with its rewind point counted from its epoch; refuses, before anything is trained, what cannot be run.</summary>
    public RunSpec Validated(RunSpec spec)
    {
        spec.Validate();
        var data = open(spec.Data);
        if (data.Validation.Count == 0 || data.Test.Count == 0)
            throw new UserException($"{data.Name} has {data.Validation.Count} validation and {data.Test.Count} test images; a run needs some of both.");
        Recipe[] recipes = [spec.Recipe, .. new[] { spec.Drawing }.OfType<Recipe>()];
        spec = (spec with { Rewind = spec.Rewind.Within(Iterations(spec.Dense)) }).Normalised;
        foreach (var recipe in recipes)
            if (Batches.IterationsOf(data, recipe.BatchSize) is var steps && IsBeyond(recipe.WarmUp.Within(steps), recipe))
                throw new UserException($"The recipe's WarmUp is {recipe.WarmUp}; it must not be longer than the training of {recipe.Epochs} epochs with {steps} steps each.");
        spec.Validate();
        if (!IsAlike(spec) || spec.Tweaks.Count > 0 || spec.Pruning.Except.Count > 0 || recipes.Any(recipe => recipe.Optimiser is not null || recipe.RateOf is not null))
        {
            // Of one way to train, for all its sparsities and seeds.
            var way = spec.ToJson();
            Array.ForEach(["level", "rates", "seed"], name => way.Remove(name));
            Once(way.ToJsonString(), () => RequireFit(spec, recipes, data));
        }
        return spec;
    }

    /// <summary>Refuses a network that does not repeat, and tweaks, recipes and pruners that do not fit it.</summary>
    private void RequireFit(RunSpec spec, Recipe[] recipes, ImageSet data)
    {
        if (spec.Model.Factory is not null)
            Once((spec.Model, spec.Data), () => Networks.RequireRepeat(spec.Model, Input(data)));
        using var network = Networks.Build(IsAlike(spec) ? spec.Model with { Width = 1 } : spec.Model, Input(data), 0);
        foreach (var recipe in recipes)
            MaskedOptimiser.Of(network, null, recipe).Dispose();
        foreach (var tweak in spec.Tweaks)
            tweak.Validate(network);
        using var whole = Mask.Dense(network);
        Cut.LeftOut(whole, spec.Pruning.Except);
    }

    private void Once(object key, Action require) => _fitting.GetOrAdd(key, _ => { require(); return true; });

    /// <summary>How large a run's network is before any mask and tweak.</summary>
    public NetworkSize SizeOf(RunSpec spec) => _sizes.GetOrAdd((spec.Model, spec.Data), _ =>
    {
        using var network = Networks.Build(spec.Model, Input(open(spec.Data)), 0);
        return new(FormattableString.Invariant($"{spec.Model.Name} on {spec.Data.Label}: {network.ParameterCount:N0} parameters, ")
            + FormattableString.Invariant($"{Flops.Of(network).Dense / 1e6:#,0.##} million multiply-adds an image"),
            network.State.Sum(state => state.Value.numel() * state.Value.element_size()), network.ParameterCount / 8,
            network.PrunableWeights().Sum(w => w.Weight.numel()));
    });

    /// <summary>
    /// An epoch of a run's network, tweaks and images from the steps of a random ticket that half a second has room for, six of them at least if they take no more
    /// than five, the later half of them, since code is compiled in the first; batches are made beforehand, and an image that is only evaluated costs a third of a step's.
    /// </summary>
    public double SecondsAnEpoch(RunSpec spec, double sparsity, CancellationToken cancel)
    {
        using var stream = CudaStream.Own(device);
        using var scope = NewDisposeScope();
        var data = open(spec.Data);
        using var plain = Built(spec);
        using var whole = Mask.Dense(plain);
        using var mask = sparsity == 0 ? null : Pruner.Random.Draw(plain, whole, (long)((1 - sparsity) * whole.Total), data, 0);
        var network = Untrained(spec, mask);
        var loss = Wrapped(spec, _ => Context(spec, mask, () => plain) with { Network = network });
        using var timer = new StepTimer(network, mask, spec.Recipe, data, loss, IsAlike(spec));
        var steps = new List<double>();
        for (var all = Stopwatch.StartNew(); steps.Count < 2 || all.Elapsed.TotalSeconds < (steps.Count < 6 ? 5 : 0.5);)
        {
            cancel.ThrowIfCancellationRequested();
            steps.Add(timer.Time().Wall);
        }
        return steps.Skip(steps.Count / 2).Median() * Iterations(spec) * (1 + (data.Validation.Count + data.Test.Count) / (3.0 * data.Train.Count));
    }

    private static InputSpec Input(ImageSet data) => new(data.Classes, data.Height, data.Channels);

    private int Iterations(RunSpec spec) => Batches.IterationsOf(open(spec.Data), spec.Recipe.BatchSize);

    private Network Built(RunSpec spec) => Untrained(spec with { Tweaks = [] }, null);

    /// <summary>A run's network with its tweaks before it is trained; owned by the caller.</summary>
    public Network Untrained(RunSpec spec, Mask? mask)
    {
        var stream = spec.Control == Control.Reinitialised ? Stream.Reinitialisation : Stream.Initialisation;
        var network = Networks.Build(spec.Model, Input(open(spec.Data)), Seed(spec, stream));
        var context = Context(spec, mask, () => throw new UserException("A tweak's Rewrite asked for the trained dense network, which is there for Wrap and Initialise."));
        Networks.Seeded(Seed(spec, Stream.Tweak), () =>
        {
            foreach (var tweak in spec.Tweaks)
                tweak.Rewrite(network, context);
        });
        network.to(device);     // once: a module that was moved does not move what it got afterwards
        return network;
    }

    /// <summary>Cross-entropy as each tweak, by its number, wraps it.</summary>
    private static Loss Wrapped(RunSpec spec, Func<int, TweakContext> context)
        => spec.Tweaks.Index().Aggregate((Loss)Losses.CrossEntropy, (inner, tweak) => tweak.Item.Wrap(inner, context(tweak.Index)));

    private TweakContext Context(RunSpec spec, Mask? mask, Func<Network> dense)
        => new(open(spec.Data), mask, spec.Recipe, Seed(spec, Stream.Tweak), dense);

    private Dictionary<string, Tensor> Keep(RunSpec spec, string name, Func<Dictionary<string, Tensor>> compute, Action? check)
    {
        var path = store.Folder(spec).Kept(name);
        if (!File.Exists(path))
        {
            var made = compute();
            check?.Invoke();
            SafeTensors.Save(path, made.Select(t => (t.Key, t.Value)), new Dictionary<string, string> { ["run"] = store.Folder(spec).Run });
        }
        return Kept(spec, path);
    }

    private Dictionary<string, Tensor> Kept(RunSpec spec, string path)
    {
        var (tensors, metadata) = SafeTensors.Load(path);
        return metadata.GetValueOrDefault("run") == store.Folder(spec).Run ? tensors : throw store.Folder(spec).Damaged(path, "it is of another run");
    }

    private Trainer TrainerOf(RunSpec spec, Mask? mask, Start start)
        => new(start.Network, mask, Schedule(spec), open(spec.Data), start.Loss, Seed(spec, Stream.DataOrder), spec.Rewind,
            alike: IsAlike(spec));

    /// <summary>Whether each step of a run is the same work, as a recorded one must be: a user's code may do other things at every one.</summary>
    public static bool IsAlike(RunSpec spec) => spec.Model.Factory is null && !spec.Tweaks.Any(tweak => tweak.IsUsers);

    /// <summary>The recipe of a run; fine-tuning keeps the last learning rate of the training that its weights come from.</summary>
    private Recipe Schedule(RunSpec spec)
    {
        if (spec.Rewinding != Rewinding.FineTuning)
            return spec.Recipe;
        var before = spec.Drawing ?? spec.Recipe;
        var iterations = Batches.IterationsOf(open(spec.Data), before.BatchSize);
        var last = before.LearningRateAt(before.Epochs - 1.0 / iterations, iterations);
        return spec.Recipe with { LearningRate = last, DecayAt = [], Schedule = null, WarmUp = default };
    }

    private void Measure(RunSpec spec, Watch watch, int epoch, Network network, Mask? mask, RunStore.Held held, CancellationToken cancel)
    {
        using var turn = DeviceTurns.Take(device.type);
        var seed = Seed(spec, Stream.Watch);
        IReadOnlyDictionary<string, double> Look() => watch.Measure(network, mask, open(spec.Data), seed, cancel);
        // What a user's draws is the run's own, and not taken for another run's; what it changes is put back.
        var seen = new Seen(epoch, watch.GetType().Assembly == typeof(Watch).Assembly ? Look() : Networks.Seeded(seed, () => Networks.Unchanged(network, Look)));
        held.Check();
        store.Folder(spec).WriteLines(LogOf(spec, watch), SeenBy(spec, watch).Where(line => line.Epoch != epoch).Append(seen).OrderBy(line => line.Epoch));
    }

    private IReadOnlyList<Seen> SeenBy(RunSpec spec, Watch watch) => store.Folder(spec).Lines<Seen>(LogOf(spec, watch));

    private string LogOf(RunSpec spec, Watch watch) => store.Folder(spec).WatchLog(
        _watchNames.GetValue(watch, w => $"{w.Name}-{SpecJson.Hash(SpecJson.OfCode(w with { Epochs = [] }))}"));

    /// <summary>The file with a finished run's network at a point of its training; where it was not kept, the run is trained again up to there.</summary>
    private string Snapshot(RunSpec spec, Step at, TrainingCallback progress, CancellationToken cancel)
    {
        var folder = store.Folder(spec);
        if (at == spec.Recipe.Epochs)
        {
            Regain(spec, progress, cancel);
            return folder.Checkpoint;
        }
        var path = folder.Snapshot(at);
        if (File.Exists(path))
            return path;
        if (at != spec.Rewind)      // its beginning takes no training
            Regain(spec, progress, cancel, keep: at);
        using var held = Acquire(spec, progress, cancel);
        if (!File.Exists(path))
            Replay(spec, [at], progress, cancel, (_, network, _) =>
            {
                held.Check();
                Checkpoint.Save(path, network, at, folder.Run);
            });
        return path;
    }

    /// <summary>Trains a finished run again, looks at its network at some points, and sees to it that the training goes the way it went.</summary>
    private void Replay(RunSpec spec, IReadOnlyList<Step> points, TrainingCallback progress, CancellationToken cancel, Action<Step, Network, Mask?> look)
    {
        if (!train)
            throw new MissingException($"{spec.Label} would have to be trained again");
        using var scope = NewDisposeScope();
        using var mask = LoadMask(spec);
        using var start = Prepare(spec, mask, cancel, progress);
        using var trainer = TrainerOf(spec, mask, start);
        var recorded = store.ReadMetrics(spec).ToDictionary(m => m.Epoch, m => m.TrainLoss);
        // Within an epoch there is no loss to compare.
        if (points.Any(at => at.Iterations > 0) && RunStore.ReadDone(store.Folder(spec)).Made is var made && made != store.Made)
            throw Another($"is made by {store.Made} where it was made by {made}");
        foreach (var at in points)
        {
            if (at == spec.Recipe.Epochs)
                LoadAt(spec, store.Folder(spec).Checkpoint, start.Network, at);
            else
                trainer.Run([new(progress.StepDone, Compare)], cancel, at);
            look(at, start.Network, mask);
        }

        void Compare(int epoch, double loss)
        {
            if (recorded.TryGetValue(epoch, out var before) && loss != before)
                throw Another(FormattableString.Invariant($"gives another loss in epoch {epoch + 1} ({loss} instead of {before})"));
        }

        UserException Another(string how) => new($"{spec.Label} trained again {how}, so its earlier networks cannot be had: "
            + "use the device and the --jobs that it was trained with, or have them watched and kept while it trains.");
    }

    private RunStore.Held Acquire(RunSpec spec, TrainingCallback progress, CancellationToken cancel)
        => store.Acquire(spec, () => progress.Preparing?.Invoke("waiting for another process"), cancel);

    private static ulong Seed(RunSpec spec, Stream stream) => SplitMix64.Keyed(spec.Seed, (long)stream).Next();

    internal sealed record Start(Network Network, Loss Loss, Network? Dense) : IDisposable
    {
        public void Dispose()
        {
            Network.Dispose();
            Dense?.Dispose();
        }
    }
}

/// <summary>How large a network is: in a sentence, the bytes of its numbers, a bit a weight for a ticket, and how many weights pruning chooses from.</summary>
internal sealed record NetworkSize(string Sentence, long Bytes, long Ticket, long Prunable)
{
    /// <summary>What the store keeps of a run, about.</summary>
    public long Stored(RunSpec spec) => Bytes + (spec.Level > 0 ? Ticket : 0);
}
