using LTHKit.Analysis;
using LTHKit.Data;
using LTHKit.Models;
using LTHKit.Pruning;

namespace LTHKit.Experiments;

/// <summary>Something that was measured of a finished run's network.</summary>
/// <param name="Run">The run.</param>
/// <param name="Value">What was measured.</param>
public sealed record Measured<T>(RunResult Run, T Value);

/// <summary>
/// The analyses of finished runs: computed once, several at a time, kept with the run, of the size that the profile sets. Networks of one
/// architecture share their random directions.
/// </summary>
public sealed partial class Lab
{
    /// <summary>The loss on filter-normalised planes through the weights (Figure 5). One that was stopped goes on after its last row.</summary>
    /// <param name="runs">The runs; the planes are named after their tweaks.</param>
    /// <param name="epochs">After how many epochs; null for the end of the training.</param>
    /// <param name="options">Which planes; null for the profile's.</param>
    /// <returns>One plane a run, in their order.</returns>
    /// <exception cref="UserException">A setting is out of range; nothing has been computed then.</exception>
    /// <exception cref="OperationCanceledException"><see cref="Interrupt"/> was called; the finished rows are kept.</exception>
    public IReadOnlyList<Plane> WeightPlanes(IEnumerable<RunResult> runs, int? epochs = null, PlaneOptions? options = null)
    {
        options ??= Profile.Analysis.Plane;
        var measured = MeasureEach("weight planes", "weight-plane", runs, options, epochs, options.Validate,
            work => LossLandscape.Weights(
                work.Network, work.Data, work.Mask, options, Rows(work.Run, work.Epochs), done => work.Report(done / (double)options.Points), work.Cancel),
            kept: (run, at) => File.Delete(Rows(run, at)));
        return [.. measured.Select(m => m.Value with { Name = RunSpec.NameOf(m.Run.Spec.Tweaks) })];

        string Rows(RunResult run, int at) => Store.Folder(run.Spec).Analysis($"weight-plane-{at:0000}-{SpecJson.Hash(SpecJson.OfAll(options))}.rows.jsonl");
    }

    /// <summary>The loss on planes through the images (Figure 11).</summary>
    /// <param name="runs">The runs; the planes are named after their tweaks.</param>
    /// <param name="epochs">After how many epochs; null for the end of the training.</param>
    /// <param name="options">Which planes; null for the profile's.</param>
    /// <returns>One plane a run, in their order.</returns>
    /// <exception cref="UserException">A setting is out of range; nothing has been computed then.</exception>
    /// <exception cref="OperationCanceledException"><see cref="Interrupt"/> was called; the finished planes are kept.</exception>
    public IReadOnlyList<Plane> InputPlanes(IEnumerable<RunResult> runs, int? epochs = null, InputPlaneOptions? options = null)
    {
        options ??= Profile.Analysis.InputPlane;
        var measured = MeasureEach("input planes", "input-plane", runs, options, epochs, options.Validate,
            work => LossLandscape.Inputs(work.Network, work.Data, options, work.Cancel));
        return [.. measured.Select(m => m.Value with { Name = RunSpec.NameOf(m.Run.Spec.Tweaks) })];
    }

    /// <summary>The top eigenvalue of the Hessian and the test loss along its eigenvector (Figure 10).</summary>
    /// <param name="runs">The runs.</param>
    /// <param name="epochs">After how many epochs; null for the end of the training.</param>
    /// <param name="hessian">How to find the eigenvector; null for the profile's.</param>
    /// <param name="line">How to look along it; null for the profile's.</param>
    /// <exception cref="UserException">A setting is out of range; nothing has been computed then.</exception>
    /// <exception cref="OperationCanceledException"><see cref="Interrupt"/> was called; the networks that are done are kept.</exception>
    public IReadOnlyList<Measured<EigenvectorLine>> AlongTopEigenvector(IEnumerable<RunResult> runs, int? epochs = null,
        HessianOptions? hessian = null, LineOptions? line = null)
    {
        hessian ??= Profile.Analysis.Hessian;
        line ??= Profile.Analysis.Line;
        return MeasureEach("top eigenvectors", "top-eigenvector", runs, new { hessian, line }, epochs,
            data =>
            {
                hessian.Validate(data);
                line.Validate(data);
            },
            work => LossLandscape.AlongTopEigenvector(work.Network, work.Data, work.Mask, hessian, line, work.Cancel));
    }

    /// <summary>The densities of the Hessians' eigenvalues.</summary>
    /// <param name="runs">The runs.</param>
    /// <param name="epochs">After how many epochs; null for the end of the training.</param>
    /// <param name="probes">Random start vectors.</param>
    /// <param name="options">How to measure; null for the profile's.</param>
    /// <exception cref="UserException">A setting is out of range; nothing has been computed then.</exception>
    /// <exception cref="OperationCanceledException"><see cref="Interrupt"/> was called; the networks that are done are kept.</exception>
    public IReadOnlyList<Measured<SpectralDensity>> SpectralDensities(IEnumerable<RunResult> runs, int? epochs = null, int probes = 1,
        HessianOptions? options = null)
    {
        options ??= Profile.Analysis.Hessian;
        var steps = Profile.Analysis.LanczosSteps;
        return MeasureEach("spectral densities", "spectral-density", runs, new { options, probes, steps }, epochs, options.Validate, work =>
        {
            using var hessian = new Hessian(work.Network, work.Data, work.Mask, options);
            return hessian.Density(probes, steps, work.Cancel);
        });
    }

    /// <summary>The share of silent activations, stage by stage (Table A1).</summary>
    /// <param name="runs">The runs.</param>
    /// <param name="options">What counts as silent; null for the defaults.</param>
    /// <param name="epochs">After how many epochs; null for the end of the training.</param>
    /// <exception cref="UserException">A setting is out of range; nothing has been counted then.</exception>
    /// <exception cref="OperationCanceledException"><see cref="Interrupt"/> was called; the networks that are done are kept.</exception>
    public IReadOnlyList<Measured<IReadOnlyList<StageSparsity>>> ActivationSparsity(IEnumerable<RunResult> runs,
        ActivationSparsityOptions? options = null, int? epochs = null)
    {
        options ??= new();
        return MeasureEach("activation sparsity", "activation-sparsity", runs, options, epochs, options.Validate,
            work => Analysis.ActivationSparsity.Measure(work.Network, work.Data, options, work.Cancel));
    }

    /// <summary>The multiply-adds of networks, dense and as they are.</summary>
    /// <param name="runs">The runs.</param>
    public IReadOnlyList<Measured<Flops>> Flops(IEnumerable<RunResult> runs)
        => MeasureEach("multiply-adds", "flops", runs, new { }, null, _ => { }, work => Analysis.Flops.Of(work.Network, work.Mask));

    private IReadOnlyList<Measured<T>> MeasureEach<T>(string title, string name, IEnumerable<RunResult> runs, object settings, int? epochs,
        Action<ImageSet> validate, Func<Work, T> measure, Action<RunResult, int>? kept = null)
    {
        IReadOnlyList<RunResult> all = [.. runs];
        foreach (var run in all)
        {
            validate(Data(run.Spec.Data));
            if (epochs < run.Spec.Rewind || epochs > run.Spec.Recipe.Epochs)
                throw new UserException($"{run.Spec.Label} has no network after {epochs} epochs; it goes from {run.Spec.Rewind} to {run.Spec.Recipe.Epochs}.");
        }
        using var progress = new ShareProgress(title, all.Count);
        var results = Interruptible(stop => all.Select((run, i) => InPlace(() =>
        {
            var value = Kept(run, name, settings, epochs, at =>
            {
                progress.Report(i, 0);
                using var network = _runner.NetworkAt(run.Spec, at, [], stop);
                using var mask = Mask(run);
                return measure(new(run, at, network, mask, Data(run.Spec.Data), share => progress.Report(i, share), stop));
            });
            kept?.Invoke(run, epochs ?? run.Spec.Recipe.Epochs);
            progress.Report(i, 1);
            return new Measured<T>(run, value);
        }, stop)).ToArray());
        progress.Finish();
        return results;
    }

    /// <summary>What one measurement has at hand.</summary>
    private sealed record Work(RunResult Run, int Epochs, Network Network, Mask? Mask, ImageSet Data, Action<double> Report, CancellationToken Cancel);

    /// <summary>The progress of several pieces of work as one line.</summary>
    private sealed class ShareProgress(string title, int count) : IDisposable
    {
        private readonly ProgressLine _line = new();
        private readonly double[] _shares = new double[count];
        private bool _computed;

        /// <summary>Of piece <paramref name="i"/>, <paramref name="share"/> is done, from 0 to 1; one that begins at 1 was found.</summary>
        public void Report(int i, double share)
        {
            lock (_shares)
            {
                _computed |= share < 1;
                _shares[i] = share;
                if (_computed)
                    _line.Show(FormattableString.Invariant($"{title}: {_shares.Count(s => s == 1)} of {count}, {100 * _shares.Sum() / count:0} %"));
            }
        }

        public void Finish()
        {
            if (_computed)
                _line.Show($"{title}: {count} of {count}", last: true);
        }

        public void Dispose() => _line.Dispose();
    }
}
