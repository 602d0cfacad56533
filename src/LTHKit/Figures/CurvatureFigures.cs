using LTHKit.Analysis;
using LTHKit.Experiments;
using Plotly.NET;

namespace LTHKit;

public static partial class Figures
{
    /// <summary>Densities below this share of the highest are left out: smoothing alone decides them.</summary>
    private const double DensityFloor = 1e-5;

    /// <summary>
    /// The top eigenvalue of the Hessian over training (Figures 2 and A12): one line a way to retrain, mean over seeds with a band of one standard
    /// deviation; logarithmic where all values are positive.
    /// </summary>
    /// <param name="series">What <see cref="CurvatureWatch"/> saw of each run.</param>
    public static GenericChart TopEigenvalue(IEnumerable<WatchSeries> series)
    {
        IReadOnlyList<WatchSeries> all = [.. series];
        if (all.Count == 0) throw new UserException("There are no series to draw; watch at least one run.");
        if (all.FirstOrDefault(s => !s.Values.ContainsKey(CurvatureWatch.TopEigenvalue)) is { } other)
            throw new UserException($"{other.Run.Spec.Label} was watched for something else than its top eigenvalue; give what a CurvatureWatch saw.");
        var ways = Captions.BySeed(all, s => s.Run);
        var curves = ways.Zip(Captions.NamesOf([.. ways.Select(way => way[0].Run)]), (group, name) =>
        {
            var epochs = group.SelectMany(s => s.Epochs).Distinct().Order().ToList();
            var values = epochs.Select(epoch => group.SelectMany(s => s.Epochs.Zip(s.Values[CurvatureWatch.TopEigenvalue]))
                .Where(v => v.First == epoch).Select(v => v.Second).ToArray());
            return new Curve(name, [.. epochs.Select(epoch => (double)epoch)], [.. values.Select(v => v.Average())],
                group.Count > 1 ? [.. values.Select(Statistics.Deviation)] : null);
        }).ToList();
        var positive = all.All(s => s.Values[CurvatureWatch.TopEigenvalue].All(value => !(value <= 0)));
        return Curves("Top Hessian eigenvalue over training", "Epoch", "Top eigenvalue", curves, positive, Captions.At([.. all.Select(s => s.Run)]));
    }

    /// <summary>The test loss along the top eigenvector of the Hessian (Figure 10).</summary>
    public static GenericChart AlongTopEigenvector(IEnumerable<Measured<EigenvectorLine>> lines)
    {
        IReadOnlyList<Measured<EigenvectorLine>> all = [.. lines];
        return Curves("Test loss along the top eigenvector", "Distance along the eigenvector, t", "Test loss",
            [.. all.Zip(Captions.NamesOf([.. all.Select(m => m.Run)]), (m, name) => new Curve(name, m.Value.Line.X, m.Value.Line.Y))],
            subtitle: Captions.At([.. all.Select(m => m.Run)]));
    }

    /// <summary>Densities of the Hessians' eigenvalues on a logarithmic scale.</summary>
    public static GenericChart SpectralDensities(IEnumerable<Measured<SpectralDensity>> densities)
    {
        IReadOnlyList<Measured<SpectralDensity>> all = [.. densities];
        if (all.Count == 0) throw new UserException("There are no densities to draw; measure at least one run.");
        if (all.FirstOrDefault(m => m.Value.Values.Count == 0 || !m.Value.Values.All(double.IsFinite)) is { } odd)
            throw new UserException($"The density of {odd.Run.Spec.Label} has eigenvalues that are no numbers, or none; the network may have diverged.");
        // One width for all, so that a peak is as wide in one network as in another.
        var width = (all.Max(m => m.Value.Values[^1]) - all.Min(m => m.Value.Values[0])) / 200;
        return Curves("Density of the Hessian's eigenvalues", "Eigenvalue", "Density",
            [.. all.Zip(Captions.NamesOf([.. all.Select(m => m.Run)]), (m, name) =>
            {
                var (x, density) = m.Value.Smoothed(width: width);
                var floor = DensityFloor * density.Max();
                return new Curve(name, x, [.. density.Select(d => d < floor ? double.NaN : d)]);
            })],
            logarithmic: true, Captions.At([.. all.Select(m => m.Run)]));
    }

    /// <summary>The share of silent activations by stage, at the lowest and the highest sparsity of each way to retrain, mean over seeds (Table A1).</summary>
    public static GenericChart ActivationSparsity(IEnumerable<Measured<IReadOnlyList<StageSparsity>>> measured)
    {
        var tickets = Captions.BySeed(measured, m => m.Run);
        if (tickets.Count == 0) throw new UserException("There is nothing to draw; measure at least one run.");
        var stages = tickets.SelectMany(ticket => ticket).SelectMany(m => m.Value).Select(s => s.Stage).Distinct().ToList();
        var groups = tickets.Zip(Captions.Ways([.. tickets.Select(ticket => ticket[0].Run)]), (ticket, way) => (Ticket: ticket, Way: way)).GroupBy(t => t.Way)
            .SelectMany(way => way.OrderBy(t => t.Ticket[0].Run.Spec.Sparsity).ToList() is var levels && levels.Count > 1 ? [levels[0], levels[^1]] : levels)
            .Select(t => new BarGroup($"{Captions.Percent(t.Ticket[0].Run.Sparsity)} % sparse, {t.Way}",
                [.. stages.Select(stage => 100 * t.Ticket.SelectMany(m => m.Value).Where(s => s.Stage == stage)
                    .Select(s => s.Share).DefaultIfEmpty(double.NaN).Average())]));
        return Bars("Silent activations", "Share of all activations, %", stages, [.. groups]);
    }
}
