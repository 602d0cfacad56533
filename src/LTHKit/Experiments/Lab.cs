namespace LTHKit.Experiments;

/// <summary>
/// What a notebook talks to: it turns questions ("this tweak, at these sparsities, over these seeds") into runs, trains those that the
/// store lacks, several at a time, and shares every dense network and every ticket among all who need it. Where a setting is out of range, all throw a
/// UserException before anything is trained or measured.
/// </summary>
public sealed partial class Lab : IDisposable
{
    private readonly string? _dataDir;
    private readonly Runner _runner;
    private readonly Workers _workers;
    private readonly Plan? _plan = Plan.Current;
    private readonly Dictionary<DataSpec, ImageSet> _data = [];
    private readonly bool _train;

    private Lab(Profile profile, string? dataDir, Device device, int jobs, RunStore store, bool train)
    {
        (Profile, _dataDir, Device, Jobs, Store, _train) = (profile, dataDir, device, jobs, store, train);
        _workers = new Workers(jobs, Store.Threads, device, _plan);
        _runner = new Runner(Store, Data, device, train);
    }

    public Profile Profile { get; }
    public Device Device { get; }
    public int Jobs { get; }
    public RunStore Store { get; }

    /// <summary>Opens a laboratory.</summary>
    /// <param name="profile">The experiment's size.</param>
    /// <param name="dataDir">The folder with the images of a real data set.</param>
    /// <param name="device">"cpu", "cuda", or "auto" for CUDA where there is a device.</param>
    /// <param name="jobs">Runs trained at the same time; 0 for one a core on the CPU (each with one thread) and one on CUDA.</param>
    /// <param name="store">Where runs are kept; null for <see cref="RunStore.Default"/>.</param>
    /// <param name="data">Images of your own in place of the profile's, from <c>ImageSet.From</c>; copied.</param>
    /// <param name="train">
    /// Whether to train and measure what the store lacks; otherwise such runs are holes of the sweeps, and no images are needed to look at the others.
    /// </param>
    /// <param name="libtorch">With which libtorch the runs were trained that a laboratory looks at, which does not train, for instance "2.11.0"; null for the one here.</param>
    /// <exception cref="UserException">The device is unknown or not there.</exception>
    public static Lab Open(Profile profile, string? dataDir = null, string device = "auto", int jobs = 0, RunStore? store = null, ImageSet? data = null,
        bool train = true, string? libtorch = null)
    {
        Libtorch.Check();
        if (train && libtorch is not null && libtorch != Libtorch.Version)
            throw new UserException($"Here libtorch {Libtorch.Version} trains: look at the runs of {libtorch} with train: false, or leave libtorch out.");
        UserException.Require(profile.Seeds >= 1, "The profile's number of seeds", profile.Seeds, "at least 1");
        UserException.Require(profile.Levels.All(level => level >= 0), "The least of the profile's levels", profile.Levels.DefaultIfEmpty().Min(), "0 for the dense network, or above");
        UserException.Require(jobs >= 0, "The number of jobs", jobs, "positive, or 0 to let the kit choose");
        var target = device switch
        {
            "cpu" => CPU,
            "cuda" when !train || Plan.Current is { Elsewhere: true } => CPU,       // which need not be here
            "auto" => cuda.is_available() ? Libtorch.Cuda() : CPU,
            "cuda" => Libtorch.Cuda(),
            _ => throw new UserException($"There is no device '{device}'; choose cpu, cuda or auto."),
        };
        if (target.type == DeviceType.CPU)
        {
            if (jobs == 0)
                jobs = Environment.ProcessorCount;
            Libtorch.UseThreads(Math.Max(1, Environment.ProcessorCount / jobs));
        }
        if (data is not null)
            profile = profile with { Data = data.Spec };
        store = (store ?? RunStore.Default()).On(device == "auto" ? target.type.ToString().ToLowerInvariant() : device, libtorch);
        if (libtorch is not null && !store.Own().Any())
            throw new UserException($"{store.Root} has no runs of {store.Maker}: import some with `./lthkit results import`, or name another libtorch or device.");
        var lab = new Lab(profile, string.IsNullOrEmpty(dataDir) ? null : dataDir, target, Math.Max(1, jobs), store, train);
        if (data is not null)
            lab._data[data.Spec] = data.To(target);
        return lab;
    }

    /// <summary>Trains, or finds in the store, a way to retrain over sparsities and over the profile's seeds.</summary>
    /// <param name="sparsities">Shares of the prunable weights to cut, in (0, 1), each taken to the nearest round of <paramref name="rates"/>; null for the
    /// profile's.</param>
    /// <param name="tweaks">What is changed in retraining; null for nothing, vanilla LTH.</param>
    /// <param name="name">As in the legend; null for the tweaks' own labels and what else sets it apart.</param>
    /// <param name="rewind">The point of the dense training to go back to, "33ep" or "500it"; its beginning is theta0.</param>
    /// <param name="rewinding">What goes back there: weights and schedule, or the schedule alone.</param>
    /// <param name="eachRound">Whether the rounds in which the tickets are drawn rewind this way too.</param>
    /// <param name="pruning">How the tickets are drawn; null for IMP.</param>
    /// <param name="rates">The share of the survivors that each round cuts, the last one for all rounds after it; null for the profile's.</param>
    /// <param name="control">What stands in for the tickets.</param>
    /// <param name="recipe">How tickets, and the dense network beside them, are trained after the drawing; null for the profile's.</param>
    /// <param name="model">The network; null for the profile's.</param>
    /// <param name="data">The images; null for the profile's.</param>
    /// <param name="watches">What to measure while they train; <see cref="Watched"/> tells what was seen.</param>
    /// <param name="keep">At which points to keep their networks aside, for <see cref="NetworkOf"/>.</param>
    /// <param name="dense">Whether the dense network is trained this way too.</param>
    /// <returns>The runs; those that diverged, and what builds on them, are holes of the sweep with their reasons.</returns>
    public Sweep Sweep(IEnumerable<double>? sparsities = null, IEnumerable<Tweak>? tweaks = null, string? name = null, Step rewind = default,
        Rewinding rewinding = Rewinding.Weights, bool eachRound = false, Pruner? pruning = null, IEnumerable<double>? rates = null,
        Control control = Control.None, Recipe? recipe = null, ModelSpec? model = null, DataSpec? data = null, IEnumerable<Watch>? watches = null,
        IEnumerable<Step>? keep = null, bool dense = true)
    {
        IReadOnlyList<Tweak> list = [.. tweaks ?? []];
        if (list.Any(tweak => tweak is null))
            throw new UserException("One of the tweaks is null; leave it out.");
        if (rewinding == Rewinding.FineTuning && rewind != default)
            throw new UserException($"Fine-tuning goes on from the last weights and cannot go back to {rewind}: leave rewind out, or take another rewinding.");
        if (eachRound && rewinding == Rewinding.Weights && rewind == default)
            throw new UserException("With eachRound the rounds of the drawing go back too, and no point is given: give rewind, \"3ep\" for instance.");
        if (eachRound && pruning is { At: not At.EachRound })
            throw new UserException($"{pruning.Name} draws a ticket at once and has no rounds to go back in: leave eachRound out.");
        IReadOnlyList<double> cut = [.. rates ?? Profile.Rates];
        PruningRates.Validate(cut);
        var wanted = sparsities ?? (rates is null ? null : Profile.Sparsities);
        int[] levels = [.. (wanted?.Select(sparsity => PruningRates.LevelNear(cut, sparsity)) ?? Profile.Levels).Where(level => level != 0).Distinct().Order()];
        var spec = new RunSpec(Profile.Recipe, Control: control, Rewind: rewind, Rewinding: rewinding, EachRound: eachRound)
        {
            Data = data ?? Profile.Data,
            Model = model ?? Profile.Model,
            Recipe = recipe ?? Profile.Recipe,
            Pruning = pruning ?? Pruner.Imp,
            Rates = cut,
            Tweaks = list,
        };
        var specs = Enumerable.Range(0, Profile.Seeds).SelectMany(seed => (dense ? levels.Prepend(0) : levels)
            .Select(level => (spec with { Level = level, Seed = seed }).Normalised)).ToList();
        name ??= string.Join(", ", specs.Count == 0 ? [RunSpec.NameOf(list)] : specs[^1].Ticket.Prepend(RunSpec.NameOf(list)));
        var outcomes = Outcomes(name, specs, watches, keep);
        RunResult[] runs = [.. outcomes.Select(o => o.Result).OfType<RunResult>()];
        return new Sweep(name, [.. runs.Where(r => r.Spec.Level > 0)], [.. runs.Where(r => r.Spec.Level == 0)]) { Holes = [.. HolesOf(outcomes)] };
    }

    /// <summary>Trains, or finds in the store, these runs and all that they build on; throws where one diverged, after all others have been trained.</summary>
    internal IReadOnlyList<RunResult> Run(string name, IReadOnlyList<RunSpec> specs, IEnumerable<Watch>? watches = null, IEnumerable<Step>? keep = null)
        => [.. Outcomes(name, specs, watches, keep).Select(o => o.Result ?? throw o.Reason!)];

    /// <summary>Trains planned runs.</summary>
    /// <returns>Those that diverged.</returns>
    internal IEnumerable<Hole> Train(string name, IReadOnlyList<RunSpec> specs, IReadOnlyList<Watch> watches, IReadOnlyList<Step> keep, CancellationToken cancel)
        => HolesOf(Outcomes(name, specs, watches, keep, cancel));

    private static IEnumerable<Hole> HolesOf(IEnumerable<(RunSpec Spec, RunResult? Result, UserException? Reason)> outcomes)
        => outcomes.Where(o => o.Reason is not null).Select(o => new Hole(o.Spec, o.Reason!.Message));

    private IReadOnlyList<(RunSpec Spec, RunResult? Result, UserException? Reason)> Outcomes(
        string name, IReadOnlyList<RunSpec> specs, IEnumerable<Watch>? watches, IEnumerable<Step>? keep, CancellationToken cancel = default)
    {
        if (!_train)
            return [.. specs.Select(spec => spec.Rewind.Iterations > 0 ? _runner.Validated(spec) : spec.Normalised)
                .Select(spec => Store.Find(spec) is { } run ? (spec, run, null) : (spec, (RunResult?)null, new MissingException($"{spec.Label} has not been trained")))];
        specs = [.. specs.Select(_runner.Validated)];
        RequireWeights(specs);
        IReadOnlyList<Watch> watched = [.. watches ?? []];
        foreach (var watch in watched)
            Validate(watch, specs);
        IReadOnlyList<Step> kept = [.. keep ?? []];
        foreach (var at in kept.Where(at => specs.Count > 0 && !specs.Any(spec => _runner.GoesThrough(spec, at))))
            throw new UserException($"No network can be kept at {at}: the training goes from {specs.Min(spec => spec.Rewind.Epochs)} to {specs.Max(spec => spec.Recipe.Epochs)} epochs.");
        if (_plan is { IsOpen: true })
            return [.. _plan.Add(new(this, specs, watched, kept, _plan.Origin)).Select(result => (result.Spec, (RunResult?)result, (UserException?)null))];
        var scheduler = new Scheduler(_runner, _workers, specs, watched, kept, Profile.RewindEpoch > 0 ? [Profile.RewindEpoch] : []);
        using var progress = new LabProgress(name, scheduler.All.Count, scheduler.Missing, Store,
            [.. scheduler.Missing.Select(spec => _runner.SizeOf(spec).Sentence).Distinct(), .. scheduler.Replays], _plan?.Finished);
        var outcomes = _workers.Interruptible(stop => specs.Select(s => Outcome(s, scheduler.Run(s, progress, stop))).ToArray(), cancel);
        progress.Finish([.. outcomes.Select(o => o.Result).OfType<RunResult>()], [.. outcomes.Select(o => o.Reason?.Message).OfType<string>()]);
        return outcomes;

        static async Task<(RunSpec, RunResult? Result, UserException? Reason)> Outcome(RunSpec spec, Task<RunResult> run)
        {
            try
            {
                return (spec, await run.ConfigureAwait(false), null);
            }
            catch (DivergedException e)
            {
                return (spec, null, e);
            }
        }
    }

    /// <summary>What a watch saw of finished runs. One that was trained without it is trained again, to the same bits on the CPU.</summary>
    /// <param name="runs">The runs.</param>
    /// <param name="watch">What to measure.</param>
    /// <returns>One series a run, in their order.</returns>
    /// <exception cref="OperationCanceledException"><see cref="Interrupt"/> was called; what was measured is kept.</exception>
    public IReadOnlyList<WatchSeries> Watched(IEnumerable<RunResult> runs, Watch watch)
    {
        IReadOnlyList<RunResult> all = [.. runs];
        if (!_train && all.FirstOrDefault(run => _runner.Unseen(run.Spec, watch).Count > 0) is { } unseen)
            throw new MissingException($"{unseen.Spec.Label} has not been watched for its {watch.Name}");
        if (_train)
            Validate(watch, all.Select(run => run.Spec));
        using var progress = new LabProgress(watch.Name, all.Count, [.. all.Select(r => r.Spec).Where(s => _runner.Unseen(s, watch).Count > 0)]);
        var series = _workers.Each(all, (run, stop) =>
        {
            var seen = _runner.Watched(run.Spec, watch, progress.Follow(run.Spec), stop);
            progress.Finished(run.Spec);
            var epochs = watch.EpochsOf(run.Spec.Rewind.Epochs, run.Spec.Recipe.Epochs);
            return new WatchSeries(run, epochs, epochs.SelectMany(e => seen[e].Keys).Distinct()
                .ToDictionary(n => n, n => (IReadOnlyList<double>)[.. epochs.Select(e => seen[e].GetValueOrDefault(n, double.NaN))]));
        });
        progress.Finish();
        return series;
    }

    /// <summary>A number, table or landscape of a finished run's network, computed once and kept with the run.</summary>
    /// <param name="run">The run.</param>
    /// <param name="name">What is computed, for the file's name.</param>
    /// <param name="settings">An object of what it depends on beside the run, such as <c>new { level }</c>, and beside <paramref name="measure"/> itself,
    /// whose code and captured values count anyway.</param>
    /// <param name="measure">Computes it from the network in eval mode and its mask, both on the device; a type that System.Text.Json writes and reads.</param>
    /// <param name="epochs">After how many epochs; null for the end of the training.</param>
    public T Measure<T>(RunResult run, string name, object settings, Func<Network, Mask?, T> measure, int? epochs = null)
        => MeasureKept(run, name, new { settings, code = measure }, (network, mask, _) => measure(network, mask), epochs);

    /// <summary>The same for what takes long: its last argument is cancelled by <see cref="Interrupt"/> and by an interrupt of the notebook.</summary>
    /// <inheritdoc cref="Measure{T}(RunResult, string, object, Func{Network, Mask?, T}, int?)"/>
    public T Measure<T>(RunResult run, string name, object settings, Func<Network, Mask?, CancellationToken, T> measure, int? epochs = null)
        => MeasureKept(run, name, new { settings, code = measure }, measure, epochs);

    private T MeasureKept<T>(RunResult run, string name, object settings, Func<Network, Mask?, CancellationToken, T> measure, int? epochs)
        => Kept(run, name, settings, epochs, at => NetworkOf(run, at), (network, mask) => _workers.Stoppable(stop => measure(network, mask, stop)));

    /// <summary>Draws a ticket of any network from its weights as they are, with the images of the profile; owned by the caller.</summary>
    /// <param name="pruning">How to draw it.</param>
    /// <param name="network">On <see cref="Device"/>.</param>
    /// <param name="sparsity">Share of the prunable weights to cut, in [0, 1).</param>
    /// <param name="seed">Of what is random in it.</param>
    /// <exception cref="OperationCanceledException"><see cref="Interrupt"/> was called.</exception>
    public Mask Draw(Pruner pruning, Network network, double sparsity, ulong seed = 0)
    {
        pruning.Validate();
        using var whole = Pruning.Mask.Dense(network);
        var keep = whole.Total - (long)Math.Round(sparsity * whole.Total);
        UserException.Require(sparsity is >= 0 and < 1 && keep > 0, "The sparsity", sparsity, $"in [0, 1), 0.9 for instance, and leave one of {whole.Total} weights");
        return _workers.Stoppable(stop =>
        {
            using var turn = DeviceTurns.Take(Device.type);
            return pruning.Draw(network, whole, keep, Data(), seed, stop);
        });
    }

    /// <summary>What was measured of a run's network, or is measured now and kept.</summary>
    private T Kept<T>(RunResult run, string name, object settings, int? epochs, Func<int, Network> load, Func<Network, Mask?, T> measure)
    {
        var at = epochs ?? run.Spec.Recipe.Epochs;
        var folder = Store.Folder(run.Spec);
        var path = AnalysisPath(run, name, settings, at);
        if (File.Exists(path))
            try
            {
                if (JsonSerializer.Deserialize<Computed<T>>(File.ReadAllText(path), SpecJson.LineOptions) is { Value: { } kept } file && file.Run == folder.Run)
                    return kept;
                throw new JsonException();
            }
            catch (JsonException e)
            {
                throw new UserException($"{path} is damaged: delete it and it is computed anew.", e);
            }
        if (!_train)
            throw new MissingException($"{run.Spec.Label} has not been measured for its {name}");
        var value = new Computed<T>(folder.Run, Compute());
        try
        {
            var text = JsonSerializer.Serialize(value, SpecJson.LineOptions);
            if (value.Value is not null && JsonSerializer.Serialize(JsonSerializer.Deserialize<Computed<T>>(text, SpecJson.LineOptions), SpecJson.LineOptions) == text)
            {
                AtomicFile.WriteText(path, text + "\n");
                return value.Value;
            }
        }
        catch (Exception e) when (e is NotSupportedException or JsonException or InvalidOperationException)
        {
        }
        throw new UserException($"The measurement {name} gives {(value.Value is null ? "nothing" : $"a {typeof(T).Name}")}, which cannot be kept with the run: let it give numbers, texts, or lists, dictionaries, "
            + "tuples and records of them.");

        T Compute()
        {
            using var network = load(at);
            using var mask = MaskOf(run);
            using var turn = DeviceTurns.Take(Device.type);
            using var worked = new Ending(() => _runner.Worked(run.Spec));
            return measure(network, mask);
        }
    }

    private string AnalysisPath(RunResult run, string name, object settings, int at)
        => Store.Folder(run.Spec).Analysis($"{name}-{at:0000}-{SpecJson.Hash(SpecJson.OfAll(settings))}.json");

    /// <summary>The data set of the profile, or of <paramref name="spec"/>, on the device; owned by the laboratory.</summary>
    public ImageSet Data(DataSpec? spec = null)
    {
        spec ??= Profile.Data;
        lock (_data)
            return _data.TryGetValue(spec, out var known) ? known : _data[spec] = DataSets.Open(spec, _dataDir, Device);
    }

    /// <summary>The network of a finished run, in eval mode, on the device; owned by the caller.</summary>
    /// <param name="run">The run.</param>
    /// <param name="at">At which point of its training, "5ep"; its beginning being as training found it; null for the trained network.</param>
    /// <exception cref="UserException">The run does not pass through that point.</exception>
    public Network NetworkOf(RunResult run, Step? at = null)
    {
        var point = at ?? run.Spec.Recipe.Epochs;
        using var progress = new LabProgress($"network at {point}", 1, _runner.IsKept(run.Spec, point) ? [] : [run.Spec]);
        var network = _workers.Each([point], (at, stop) => _runner.NetworkAt(run.Spec, at, progress.Follow(run.Spec), stop))[0];
        progress.Finish();
        return network;
    }

    /// <summary>The ticket of a finished run; null for a dense run. Owned by the caller.</summary>
    public Mask? MaskOf(RunResult run) => _runner.LoadMask(run.Spec);

    /// <summary>What <see cref="RescaledInit"/> learned for a finished run: the factor of each weight or bias that was scaled, in the network's order.</summary>
    /// <exception cref="UserException">The run was trained without it.</exception>
    public Measured<IReadOnlyList<LearnedScale>> Scales(RunResult run) => _runner.LoadScales(run);

    /// <summary>
    /// Stops the trainings under way after their step, and analyses and the drawing of tickets after their batch. What is done is kept, and the next
    /// call goes on from there.
    /// </summary>
    public void Interrupt() => _workers.Interrupt();

    public override string ToString() => $"laboratory: {Profile.Data.Name}, {Profile.Model.Name}, {Profile.Seeds} seeds, on {Device}, runs in {Store.Root}";

    public void Dispose()
    {
        if (_plan is not null)
            return;         // what it was asked for is trained when the cells are over
        foreach (var set in _data.Values)
            set.Dispose();
        _workers.Dispose();
    }

    /// <summary>Refuses tickets without a weight; rounds that leave one of one weight leave some of any number.</summary>
    private void RequireWeights(IEnumerable<RunSpec> specs)
    {
        if (specs.FirstOrDefault(spec => PruningRates.KeptAt(spec.Rates, spec.Level, 1) == 0 && PruningRates.KeptAt(spec.Rates, spec.Level, _runner.SizeOf(spec).Prunable) == 0)
            is not { } empty)
            return;
        var total = _runner.SizeOf(empty).Prunable;
        var last = Enumerable.Range(0, empty.Level).Last(level => PruningRates.KeptAt(empty.Rates, level, total) > 0);
        throw new UserException(FormattableString.Invariant($"A sparsity of {empty.Sparsity:0.#########} leaves none of the {total:N0} prunable weights of {empty.Model.Name}: ")
            + FormattableString.Invariant($"ask for at most {PruningRates.SparsityAt(empty.Rates, last):0.#########}, the last of these rates that leaves some, or give other rates."));
    }

    private void Validate(Watch watch, IEnumerable<RunSpec> specs)
    {
        foreach (var spec in specs)
        {
            watch.Validate(spec.Model, Data(spec.Data));
            watch.EpochsOf(spec.Rewind.Epochs, spec.Recipe.Epochs);
        }
    }

    private sealed record Computed<T>(string Run, T Value);
}

/// <summary>A laboratory that does not train was asked for what is not in its store.</summary>
internal sealed class MissingException(string what) : UserException($"{what}, and this laboratory does not train: open one that does.")
{
    public string What => what;
}
