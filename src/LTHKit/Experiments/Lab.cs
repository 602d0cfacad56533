using System.Collections.Concurrent;
using System.Text.Json;
using LTHKit.Data;
using LTHKit.Models;
using LTHKit.Pruning;
using LTHKit.Storage;
using LTHKit.Training;
using LTHKit.Tweaks;
using Microsoft.DotNet.Interactive;
using TorchSharp;
using static TorchSharp.torch;

namespace LTHKit.Experiments;

/// <summary>
/// What a notebook talks to: it turns questions ("this tweak, at these sparsities, over these seeds") into runs, trains those that the
/// store lacks, several at a time, and shares every dense network and every ticket among all who need it.
/// </summary>
public sealed partial class Lab : IDisposable
{
    private readonly string? _dataDir;
    private readonly Runner _runner;
    private readonly ConcurrentDictionary<DataSpec, Lazy<ImageSet>> _data = new();
    private readonly Dictionary<string, Task<RunResult>> _runs = [];
    private readonly SemaphoreSlim _places;
    private readonly List<CancellationTokenSource> _underWay = [];

    private Lab(Profile profile, string? dataDir, Device device, int jobs, RunStore store)
    {
        (Profile, _dataDir, Device, Store) = (profile, dataDir, device, store);
        _places = new SemaphoreSlim(jobs);
        _runner = new Runner(store, Data, device, profile.RewindEpoch > 0 ? [profile.RewindEpoch] : []);
    }

    /// <summary>The experiment's size.</summary>
    public Profile Profile { get; }

    /// <summary>Where training takes place.</summary>
    public Device Device { get; }

    /// <summary>Where runs are kept.</summary>
    public RunStore Store { get; }

    /// <summary>Opens a laboratory.</summary>
    /// <param name="profile">The experiment's size.</param>
    /// <param name="dataDir">The folder with the images of a real data set.</param>
    /// <param name="device">"cpu", "cuda", or "auto" for CUDA where there is a device.</param>
    /// <param name="jobs">Runs trained at the same time; 0 for one a core on the CPU (each with one thread) and one on CUDA.</param>
    /// <param name="store">Where runs are kept; null for <see cref="RunStore.Default"/>.</param>
    /// <param name="data">Images of your own in place of the profile's, from <c>ImageSet.From</c>; copied.</param>
    /// <exception cref="UserException">The device is unknown or not there.</exception>
    public static Lab Open(Profile profile, string? dataDir = null, string device = "auto", int jobs = 0, RunStore? store = null, ImageSet? data = null)
    {
        Libtorch.Check();
        if (jobs < 0)
            throw new UserException($"{jobs} jobs are not possible; give a positive number, or 0 to let the kit choose.");
        var target = device switch
        {
            "cpu" => CPU,
            "auto" => cuda.is_available() ? CUDA : CPU,
            "cuda" => cuda.is_available() ? CUDA
                : throw new UserException("There is no CUDA device, or this libtorch was built without CUDA: use --device cpu, or see `./lthkit doctor`."),
            _ => throw new UserException($"There is no device '{device}'; choose cpu, cuda or auto."),
        };
        if (target.type == DeviceType.CPU)
        {
            if (jobs == 0)
                jobs = Environment.ProcessorCount;
            set_num_threads(Math.Max(1, Environment.ProcessorCount / jobs));
        }
        if (data is not null)
            profile = profile with { Data = data.Spec };
        var lab = new Lab(profile, string.IsNullOrEmpty(dataDir) ? null : dataDir, target, Math.Max(1, jobs), store ?? RunStore.Default());
        if (data is not null)
            lab._data[data.Spec] = new Lazy<ImageSet>(data.To(target));
        return lab;
    }

    /// <summary>Trains, or finds in the store, a way to retrain over sparsity levels and over the profile's seeds.</summary>
    /// <param name="levels">Pruning levels; null for the profile's.</param>
    /// <param name="tweaks">What is changed in retraining; null for nothing, vanilla LTH.</param>
    /// <param name="name">As in the legend; null for the tweaks' own labels.</param>
    /// <param name="rewind">Epoch of the dense training to rewind to; 0 for theta0.</param>
    /// <param name="rewindIteration">Steps into that epoch.</param>
    /// <param name="pruning">How the tickets are drawn; null for the profile's.</param>
    /// <param name="model">The network; null for the profile's.</param>
    /// <param name="watches">What to measure while they train; <see cref="Watch"/> tells what was seen.</param>
    /// <param name="keep">After how many epochs to keep their networks aside, for <see cref="Network"/>.</param>
    /// <param name="dense">Whether the dense network is trained this way too.</param>
    /// <exception cref="UserException">A setting is out of range; nothing has been trained then.</exception>
    public Sweep Sweep(IEnumerable<int>? levels = null, IEnumerable<Tweak>? tweaks = null, string? name = null, int rewind = 0,
        int rewindIteration = 0, PruningSpec? pruning = null, ModelSpec? model = null, IEnumerable<Watch>? watches = null, IEnumerable<int>? keep = null,
        bool dense = true)
    {
        IReadOnlyList<Tweak> list = [.. tweaks ?? []];
        int[] all = [.. (levels ?? Profile.Levels).Distinct().Order()];
        if (all.FirstOrDefault(l => l < 1, 1) is < 1 and var wrong)
            throw new UserException($"Level {wrong} is no sparsity level; give whole numbers from 1 on, the dense network is always there.");
        var specs = Enumerable.Range(0, Profile.Seeds).SelectMany(seed => (dense ? all.Prepend(0) : all).Select(level => new RunSpec
        {
            Data = Profile.Data,
            Model = model ?? Profile.Model,
            Recipe = Profile.Recipe,
            Pruning = pruning ?? Profile.Pruning,
            Level = level,
            Rewind = rewind,
            RewindIteration = rewindIteration,
            Tweaks = list,
            Seed = seed,
        }.Normalised)).ToList();
        name ??= RunSpec.NameOf(list);
        var results = Run(name, specs, watches, keep);
        return new Sweep(name, [.. results.Where(r => r.Spec.Level > 0)], [.. results.Where(r => r.Spec.Level == 0)]);
    }

    /// <summary>Trains, or finds in the store, these runs and all that they build on.</summary>
    /// <param name="name">For the progress line.</param>
    /// <param name="specs">What to run.</param>
    /// <param name="watches">What to measure while these runs train.</param>
    /// <param name="keep">After how many epochs to keep their networks aside, for <see cref="Network"/>.</param>
    /// <returns>One result a spec, in their order.</returns>
    /// <exception cref="UserException">A setting is out of range (nothing has been trained then), or a training diverged.</exception>
    /// <exception cref="OperationCanceledException"><see cref="Interrupt"/> was called; finished epochs are kept.</exception>
    public IReadOnlyList<RunResult> Run(string name, IReadOnlyList<RunSpec> specs, IEnumerable<Watch>? watches = null, IEnumerable<int>? keep = null)
    {
        foreach (var spec in specs)
            _runner.Validate(spec);
        IReadOnlyList<Watch> watched = [.. watches ?? []];
        foreach (var watch in watched)
            Validate(watch, specs);
        var asked = new Asked(specs.Select(s => s.Id).ToHashSet(), watched, [.. keep ?? []]);
        var plan = specs.SelectMany(Ancestry).DistinctBy(s => s.Id).ToList();
        var missing = plan.Where(s => Store.Find(s) is null).ToList();
        using var progress = new LabProgress(name, plan.Count, missing);
        var results = Interruptible(stop => specs.Select(s => Ensure(s, asked, progress, stop)).ToArray());
        progress.Finish(results);
        return results;
    }

    /// <summary>What a watch saw of finished runs. One that was trained without it is trained again, to the same bits on the CPU.</summary>
    /// <param name="runs">The runs.</param>
    /// <param name="watch">What to measure.</param>
    /// <returns>One series a run, in their order.</returns>
    /// <exception cref="UserException">A setting is out of range; nothing has been measured then.</exception>
    /// <exception cref="OperationCanceledException"><see cref="Interrupt"/> was called; what was measured is kept.</exception>
    public IReadOnlyList<WatchSeries> Watch(IEnumerable<RunResult> runs, Watch watch)
    {
        IReadOnlyList<RunResult> all = [.. runs];
        Validate(watch, all.Select(run => run.Spec));
        using var progress = new LabProgress(watch.Name, all.Count, [.. all.Select(r => r.Spec).Where(s => _runner.Unseen(s, watch).Count > 0)]);
        var seen = Interruptible(stop => all.Select(run => InPlace(() =>
        {
            var values = _runner.Watched(run.Spec, watch, [progress.Watch(run.Spec)], stop);
            progress.Finished(run.Spec);
            return values;
        }, stop)).ToArray());
        progress.Finish();
        return [.. all.Zip(seen, (run, values) => Series(run, watch, values))];
    }

    /// <summary>A number, table or landscape of a finished run's network, computed once and kept with the run.</summary>
    /// <param name="run">The run.</param>
    /// <param name="name">What is computed, for the file's name.</param>
    /// <param name="settings">An object of everything that it depends on beside the run; where <paramref name="measure"/> itself is edited, give another name.</param>
    /// <param name="measure">Computes it from the network in eval mode and its mask, both on the device; a type that System.Text.Json can write and read.</param>
    /// <param name="epochs">After how many epochs; null for the end of the training.</param>
    public T Measure<T>(RunResult run, string name, object settings, Func<Network, Mask?, T> measure, int? epochs = null)
        => Measure(run, name, settings, (network, mask, _) => measure(network, mask), epochs);

    /// <summary>The same for what takes long: its last argument is cancelled by <see cref="Interrupt"/> and by an interrupt of the notebook.</summary>
    /// <inheritdoc cref="Measure{T}(RunResult, string, object, Func{Network, Mask?, T}, int?)"/>
    public T Measure<T>(RunResult run, string name, object settings, Func<Network, Mask?, CancellationToken, T> measure, int? epochs = null)
        => Kept(run, name, settings, epochs, at =>
        {
            using var network = Network(run, at);
            using var mask = Mask(run);
            return Stoppable(stop => measure(network, mask, stop));
        });

    /// <summary>Draws a ticket of any network from its weights as they are, with the images of the profile; owned by the caller.</summary>
    /// <param name="pruning">How to draw it.</param>
    /// <param name="network">On <see cref="Device"/>.</param>
    /// <param name="level">Pruning level, from 1 on.</param>
    /// <param name="seed">Of what is random in it.</param>
    /// <exception cref="UserException">A setting is out of range.</exception>
    /// <exception cref="OperationCanceledException"><see cref="Interrupt"/> was called.</exception>
    public Mask Draw(PruningSpec pruning, Network network, int level, ulong seed = 0)
    {
        using var whole = Pruning.Mask.Dense(network);
        return Stoppable(stop => Pruners.Draw(pruning, network, whole, level, Data(), seed, stop));
    }

    /// <summary>What was computed before, or what is computed now and kept.</summary>
    private T Kept<T>(RunResult run, string name, object settings, int? epochs, Func<int, T> compute)
    {
        var at = epochs ?? run.Spec.Recipe.Epochs;
        var path = Store.Folder(run.Spec).Analysis($"{name}-{at:0000}-{SpecJson.Hash(SpecJson.OfAll(settings))}.json");
        if (File.Exists(path))
            try
            {
                return JsonSerializer.Deserialize<T>(File.ReadAllText(path), SpecJson.LineOptions)!;
            }
            catch (JsonException e)
            {
                throw new UserException($"{path} is damaged: delete it and it is computed anew.", e);
            }
        var value = compute(at);
        AtomicFile.CreateFolder(Path.GetDirectoryName(path)!);
        AtomicFile.WriteText(path, JsonSerializer.Serialize(value, SpecJson.LineOptions) + "\n");
        return value;
    }

    /// <summary>The data set of the profile, or of <paramref name="spec"/>, on the device; owned by the laboratory.</summary>
    public ImageSet Data(DataSpec? spec = null)
    {
        var key = spec ?? Profile.Data;
        try
        {
            return _data.GetOrAdd(key, s => new Lazy<ImageSet>(() => DataSets.Open(s, _dataDir, Device))).Value;
        }
        catch (UserException)
        {
            _data.TryRemove(key, out _);        // the user may put it right and ask again
            throw;
        }
    }

    /// <summary>The network of a finished run, in eval mode, on the device; owned by the caller.</summary>
    /// <param name="run">The run.</param>
    /// <param name="epochs">After how many epochs, 0 or the rewind point being as training found it; null for the trained network.</param>
    /// <exception cref="UserException">The run does not pass through that point.</exception>
    public Network Network(RunResult run, int? epochs = null)
    {
        if (epochs is not { } at)
            return _runner.Load(run.Spec);
        using var progress = new LabProgress($"network after {at} epochs", 1, _runner.IsKept(run.Spec, at) ? [] : [run.Spec]);
        var network = Interruptible<Network>(stop =>
            [InPlace(() => _runner.NetworkAt(run.Spec, at, [progress.Watch(run.Spec)], stop), stop)])[0];
        progress.Finish();
        return network;
    }

    /// <summary>The ticket of a finished run; null for a dense run. Owned by the caller.</summary>
    public Mask? Mask(RunResult run) => _runner.LoadMask(run.Spec);

    /// <summary>What <see cref="RescaledInit"/> learned for a finished run.</summary>
    /// <exception cref="UserException">The run was trained without it.</exception>
    public LearnedScales Scales(RunResult run) => _runner.LoadScales(run);

    /// <summary>
    /// Stops the trainings under way after their step, and analyses and the drawing of tickets after their batch. What is done is kept, and the next
    /// call goes on from there.
    /// </summary>
    public void Interrupt()
    {
        lock (_underWay)
            _underWay.ForEach(stop => stop.Cancel());
    }

    /// <inheritdoc/>
    public override string ToString() => $"laboratory: {Profile.Data.Name}, {Profile.Model.Name}, {Profile.Seeds} seeds, on {Device}, runs in {Store.Root}";

    /// <summary>Frees the data sets.</summary>
    public void Dispose()
    {
        foreach (var set in _data.Values.Where(d => d.IsValueCreated))
            set.Value.Dispose();
        _places.Dispose();
    }

    /// <summary>A run after all it builds on, the dense network first.</summary>
    private static IEnumerable<RunSpec> Ancestry(RunSpec spec)
        => Needs(spec).SelectMany(Ancestry).Append(spec);

    /// <summary>The runs that must be finished before this one begins.</summary>
    private static IEnumerable<RunSpec> Needs(RunSpec spec)
    {
        if (spec.Parent is { } parent)
            yield return parent;
        if (spec.IsRewound || spec.Tweaks.Any(t => t.NeedsDense))
            yield return spec.Dense;
    }

    private Task<RunResult> Ensure(RunSpec spec, Asked asked, LabProgress progress, CancellationToken cancel)
    {
        lock (_runs)
        {
            // A run that failed or was interrupted is tried again when asked for again.
            if (_runs.TryGetValue(spec.Id, out var known) && !known.IsFaulted && !known.IsCanceled)
                return known;
            return _runs[spec.Id] = Start(spec, asked, progress, cancel);
        }
    }

    private async Task<RunResult> Start(RunSpec spec, Asked asked, LabProgress progress, CancellationToken cancel)
    {
        await Task.WhenAll(Needs(spec).Select(need => Ensure(need, asked, progress, cancel))).ConfigureAwait(false);
        return await InPlace(() =>
        {
            var (watches, keep) = asked.Ids.Contains(spec.Id) ? (asked.Watches, asked.Keep) : ([], []);
            var result = _runner.Run(spec, watches, keep, [progress.Watch(spec)], () => progress.Waiting(spec), cancel);
            progress.Finished(spec);
            return result;
        }, cancel).ConfigureAwait(false);
    }

    /// <summary>Does a piece of work on a thread of its own when one of the laboratory's places is free.</summary>
    private async Task<T> InPlace<T>(Func<T> work, CancellationToken cancel)
    {
        await _places.WaitAsync(cancel).ConfigureAwait(false);
        try
        {
            return await Task.Factory.StartNew(work, cancel, TaskCreationOptions.LongRunning, TaskScheduler.Default).ConfigureAwait(false);
        }
        finally
        {
            _places.Release();
        }
    }

    /// <summary>Waits for tasks that <see cref="Interrupt"/> and the kernel's own interrupt stop; the first failure is thrown.</summary>
    private T[] Interruptible<T>(Func<CancellationToken, Task<T>[]> begin) => Stoppable(stop =>
    {
        var tasks = begin(stop);
        try
        {
            Task.WaitAll(tasks);
        }
        catch (AggregateException e)
        {
            var inner = e.Flatten().InnerExceptions;
            throw inner.FirstOrDefault(i => i is not OperationCanceledException)
                ?? new OperationCanceledException("Interrupted; what is finished is kept.", inner[0], stop);
        }
        return tasks.Select(t => t.Result).ToArray();
    });

    /// <summary>Does work that <see cref="Interrupt"/> and the kernel's own interrupt stop.</summary>
    private T Stoppable<T>(Func<CancellationToken, T> work)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(KernelInvocationContext.Current?.CancellationToken ?? default);
        lock (_underWay)
            _underWay.Add(stop);
        try
        {
            return work(stop.Token);
        }
        finally
        {
            lock (_underWay)
                _underWay.Remove(stop);
        }
    }

    private void Validate(Watch watch, IEnumerable<RunSpec> specs)
    {
        foreach (var spec in specs)
        {
            watch.Validate(spec.Model, Data(spec.Data));
            watch.EpochsOf(spec.Rewind, spec.Recipe.Epochs);
        }
    }

    /// <summary>What is wanted of the runs that were asked for by name, beside their results.</summary>
    private sealed record Asked(IReadOnlySet<string> Ids, IReadOnlyList<Watch> Watches, IReadOnlyList<int> Keep);

    private static WatchSeries Series(RunResult run, Watch watch, SortedDictionary<int, IReadOnlyDictionary<string, double>> seen)
    {
        var epochs = watch.EpochsOf(run.Spec.Rewind, run.Spec.Recipe.Epochs);
        var names = epochs.Count == 0 ? [] : seen[epochs[0]].Keys;
        return new(run, epochs, names.ToDictionary(n => n, n => (IReadOnlyList<double>)[.. epochs.Select(e => seen[e][n])]));
    }
}
