using System.Diagnostics;

namespace LTHKit.Experiments;

/// <summary>What a step of training takes, in seconds.</summary>
/// <param name="Run">Of which network.</param>
/// <param name="Masked">Through libtorch, whose zeros cost what other weights cost.</param>
/// <param name="Own">As the run's recipe has it: over the surviving weights where that is expected to be faster (see <see cref="Recipe.Sparse"/>).</param>
public sealed record StepTime(RunResult Run, double Masked, double Own);

/// <summary>A plane that knows whose network it was measured of.</summary>
internal sealed record PlaneOfRun : Plane
{
    public PlaneOfRun(Plane plane, RunResult run) : base(plane) => Run = run;

    public RunResult Run { get; }
}

/// <summary>
/// The analyses of finished runs: computed once, several at a time, kept with the run, of the size that the profile sets. Networks of one
/// architecture share their random directions.
/// </summary>
public sealed partial class Lab
{
    /// <summary>The loss on filter-normalised planes through the weights (Figure 5).</summary>
    /// <param name="runs">Finished runs; planes are named after their tweaks.</param>
    /// <param name="epochs">After how many epochs; null for the end of the training.</param>
    /// <param name="grid">Where to look; null for the profile's points from -1 to 1 (inputs: -3 to 3), on a line the paper's 21 from -0.5 to 0.5.</param>
    /// <param name="sample">Which images; null for the profile's number, of the test images for landscapes of the inputs, else of the training images.</param>
    /// <returns>One value a run, in their order.</returns>
    /// <exception cref="OperationCanceledException"><see cref="Interrupt"/> was called; what is finished is kept.</exception>
    public IReadOnlyList<Plane> WeightPlanes(IEnumerable<RunResult> runs, int? epochs = null, LossGrid? grid = null, Sample? sample = null)
    {
        grid = (grid ?? new(Profile.Analysis.PlanePoints, 1)).Validated();
        sample ??= Profile.Analysis.LandscapeSample(Part.Train);
        return Named(MeasureEach("weight planes", "weight-plane", runs, new { grid, sample }, epochs, sample,
            work => LossLandscape.Weights(work.On(sample), work.Mask, grid, done => work.Report(done / (double)grid.Points), work.Cancel)));
    }

    /// <summary>The loss on planes through the images (Figure 11).</summary>
    /// <inheritdoc cref="WeightPlanes" path="/*[not(self::summary)]"/>
    public IReadOnlyList<Plane> InputPlanes(IEnumerable<RunResult> runs, int? epochs = null, LossGrid? grid = null, Sample? sample = null)
    {
        grid = (grid ?? new(Profile.Analysis.PlanePoints, 3)).Validated();
        sample ??= Profile.Analysis.LandscapeSample(Part.Test);
        return Named(MeasureEach("input planes", "input-plane", runs, new { grid, sample }, epochs, sample,
            work => LossLandscape.Inputs(work.On(sample), grid, work.Cancel)));
    }

    /// <summary>The top eigenvalue of the Hessian of the training loss and the test loss along its eigenvector (Figure 10).</summary>
    /// <inheritdoc cref="WeightPlanes" path="/*[not(self::summary)]"/>
    public IReadOnlyList<Measured<EigenvectorLine>> AlongTopEigenvector(IEnumerable<RunResult> runs, int? epochs = null, HessianOptions? options = null,
        LossGrid? grid = null, Sample? sample = null)
    {
        options = (options ?? new()).Validated();
        grid = (grid ?? new(21, 0.5)).Centred();
        sample ??= Profile.Analysis.CurvatureSample;
        var test = Profile.Analysis.LandscapeSample(Part.Test);
        return MeasureEach("top eigenvectors", "top-eigenvector", runs, new { options, grid, sample, test }, epochs, sample,
            work => LossLandscape.AlongTopEigenvector(work.On(sample), work.On(test), work.Mask, options, grid, work.Cancel));
    }

    /// <summary>The densities of the Hessians' eigenvalues, each from <paramref name="probes"/> random start vectors.</summary>
    /// <inheritdoc cref="WeightPlanes" path="/*[not(self::summary)]"/>
    public IReadOnlyList<Measured<SpectralDensity>> SpectralDensities(IEnumerable<RunResult> runs, int? epochs = null, int probes = 1,
        HessianOptions? options = null, Sample? sample = null)
    {
        options = (options ?? new()).Validated();
        sample ??= Profile.Analysis.CurvatureSample;
        var steps = Profile.Analysis.LanczosSteps;
        return MeasureEach("spectral densities", "spectral-density", runs, new { options, probes, steps, sample }, epochs, sample, work =>
        {
            using var hessian = new Hessian(work.On(sample), work.Mask, options);
            return hessian.Density(probes, steps, work.Cancel);
        });
    }

    /// <summary>The share of silent activations, at most epsilon in absolute value, stage by stage (Table A1), by default on all test images.</summary>
    /// <inheritdoc cref="WeightPlanes" path="/*[not(self::summary)]"/>
    public IReadOnlyList<Measured<IReadOnlyList<StageSparsity>>> SilentActivations(IEnumerable<RunResult> runs,
        double epsilon = Analysis.ActivationSparsity.Epsilon, int? epochs = null, Sample? sample = null)
    {
        Analysis.ActivationSparsity.Validate(epsilon);
        sample ??= new() { Part = Part.Test };
        return MeasureEach("activation sparsity", "activation-sparsity", runs, new { epsilon, sample }, epochs, sample,
            work => Analysis.ActivationSparsity.Measure(work.On(sample), epsilon, work.Cancel));
    }

    /// <summary>The multiply-adds of networks, dense and as they are.</summary>
    public IReadOnlyList<Measured<Flops>> MultiplyAdds(IEnumerable<RunResult> runs)
        => MeasureEach("multiply-adds", "flops", runs, new { }, null, null, work => Pruning.Flops.Of(work.Network, work.Mask));

    /// <summary>
    /// How long a step of training takes, of each network masked through libtorch and as its recipe has it: measured now, in turns, the medians.
    /// On the CPU with the threads that a run here has.
    /// </summary>
    /// <param name="runs">The runs; of a sweep's dense network and of its tickets one seed is enough.</param>
    /// <exception cref="OperationCanceledException"><see cref="Interrupt"/> was called.</exception>
    public IReadOnlyList<StepTime> StepTimes(IEnumerable<RunResult> runs)
    {
        const int Rounds = 9;
        return _workers.Stoppable(stop => runs.Select(run =>
        {
            using var mask = MaskOf(run);
            using StepTimer masked = Timer(run.Spec.Recipe with { Sparse = false }), own = Timer(run.Spec.Recipe);
            var times = new List<(double Masked, double Own)>();
            // First for a second without measuring: .NET compiles what runs often anew, libtorch chooses.
            for (var warm = Stopwatch.StartNew(); times.Count < Rounds;)
            {
                stop.ThrowIfCancellationRequested();
                var measured = warm.Elapsed > TimeSpan.FromSeconds(1);
                var time = (masked.Time().Wall, own.Time().Wall);
                if (measured)
                    times.Add(time);
            }
            return new StepTime(run, times.Select(t => t.Masked).Median(), times.Select(t => t.Own).Median());

            StepTimer Timer(Recipe recipe) => new(_runner.Untrained(run.Spec, mask), mask, recipe, Data(run.Spec.Data), alike: Runner.IsAlike(run.Spec));
        }).ToArray());
    }

    private IReadOnlyList<Measured<T>> MeasureEach<T>(string title, string name, IEnumerable<RunResult> runs, object settings, int? epochs,
        Sample? sample, Func<Work, T> measure)
    {
        IReadOnlyList<RunResult> all = [.. runs];
        foreach (var run in all)
        {
            if (_train)
                sample?.Validated(Data(run.Spec.Data));
            if (epochs < run.Spec.Rewind.Epochs || epochs > run.Spec.Recipe.Epochs)
                throw new UserException($"{run.Spec.Label} has no network after {epochs} epochs; "
                    + $"it goes from {run.Spec.Rewind.Epochs} to {run.Spec.Recipe.Epochs}.");
        }
        IReadOnlyList<RunSpec> lost = !_train ? [] : [.. all.Where(run => (epochs ?? run.Spec.Recipe.Epochs) is var at && !_runner.IsKept(run.Spec, at)
            && !File.Exists(AnalysisPath(run, name, settings, at))).Select(run => run.Spec)];
        using var again = new LabProgress($"{title}: networks that were not kept", lost.Count, lost);
        var (shares, computed) = (new double[all.Count], false);
        using var line = new ProgressLine();
        var results = _workers.Each(all.Index(), (one, stop) =>
        {
            var (i, run) = one;
            var value = Kept(run, name, settings, epochs, at =>
            {
                Report(i, 0);
                var network = _runner.NetworkAt(run.Spec, at, again.Follow(run.Spec), stop);
                again.Finished(run.Spec);
                return network;
            }, (network, mask) => measure(new(network, mask, Data(run.Spec.Data), share => Report(i, share), stop)));
            Report(i, 1);
            return new Measured<T>(run, value);
        });
        again.Finish();
        if (computed)
            line.Finish($"{title}: {all.Count} of {all.Count}");
        return results;

        // Of one run this share is done; one that begins at 1 was found.
        void Report(int i, double share)
        {
            lock (shares)
            {
                (shares[i], computed) = (share, computed || share < 1);
                if (computed)
                    line.Show(FormattableString.Invariant($"{title}: {shares.Count(s => s == 1)} of {all.Count}, {100 * shares.Sum() / all.Count:0} %"));
            }
        }
    }

    private static IReadOnlyList<Plane> Named(IReadOnlyList<Measured<Plane>> planes)
        => [.. planes.Select(m => new PlaneOfRun(m.Value with { Name = RunSpec.NameOf(m.Run.Spec.Tweaks) }, m.Run))];

    private sealed record Work(Network Network, Mask? Mask, ImageSet Data, Action<double> Report, CancellationToken Cancel)
    {
        public Objective On(Sample sample) => new(Network, Data, sample);
    }
}
