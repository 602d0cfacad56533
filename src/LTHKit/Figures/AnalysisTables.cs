using Deedle;
using LTHKit.Analysis;
using LTHKit.Experiments;

namespace LTHKit;

public static partial class Tables
{
    /// <summary>
    /// The share of silent activations by stage (Table A1): a row a ticket and way to retrain it, mean over seeds, in percent; of the whole stage, then as the
    /// published code counts (<see cref="StageSparsity.PublishedShare"/>).
    /// </summary>
    /// <param name="measured">One a run.</param>
    /// <exception cref="UserException">There is nothing to show.</exception>
    public static Frame<int, string> ActivationSparsity(IEnumerable<Measured<IReadOnlyList<StageSparsity>>> measured)
    {
        var rows = Captions.BySeed(measured, m => m.Run).OrderBy(row => row[0].Run.Spec.Level).ToList();
        if (rows.Count == 0) throw new UserException("There is nothing to show; measure at least one run.");
        var keys = Enumerable.Range(0, rows.Count).ToList();
        var ways = Captions.Ways([.. rows.Select(row => row[0].Run)]);
        var columns = new FrameBuilder.Columns<int, string>
        {
            { "nominal sparsity (%)", Column(keys, i => Round(100 * rows[i][0].Run.Sparsity)) },
            { "effective sparsity (%)", Column(keys, i => Round(100 * rows[i][0].Run.EffectiveSparsity)) },
            { "network", Column(keys, i => ways[i]) },
        };
        foreach (var (counted, share) in new (string, Func<StageSparsity, double>)[] { ("", s => s.Share), (", as published", s => s.PublishedShare) })
            foreach (var stage in rows.SelectMany(row => row[0].Value).Select(s => s.Stage).Distinct())
                columns.Add($"{stage}{counted} (%)", Column(keys, i => rows[i].Select(m => m.Value.FirstOrDefault(s => s.Stage == stage)).ToList() is var found
                    && found.TrueForAll(s => s is not null) ? (object?)Round(100 * found.Average(s => share(s!))) : null));
        columns.Add("seeds", Column(keys, i => rows[i].Count));
        return columns.Frame;
    }

    /// <summary>Multiply-adds for one image, of the dense architecture and of the network as it is, in millions.</summary>
    /// <param name="measured">One a run.</param>
    public static Frame<int, string> Flops(IEnumerable<Measured<Flops>> measured)
    {
        var rows = measured.ToList();
        var (columns, keys) = OfRuns([.. rows.Select(row => row.Run)]);
        columns.Add("dense multiply-adds (million)", Column(keys, i => Math.Round(rows[i].Value.Dense / 1e6, 3)));
        columns.Add("effective multiply-adds (million)", Column(keys, i => Math.Round(rows[i].Value.Effective / 1e6, 3)));
        columns.Add("share (%)", Column(keys, i => Round(100 * rows[i].Value.Effective / (double)rows[i].Value.Dense)));
        return columns.Frame;
    }

    /// <summary>Multiply-adds of every layer for one image.</summary>
    /// <param name="flops">Of one network.</param>
    public static Frame<string, string> FlopsByLayer(Flops flops)
    {
        var layers = flops.Layers.ToDictionary(layer => layer.Name);
        var keys = layers.Keys.ToList();
        return new FrameBuilder.Columns<string, string>
        {
            { "dense", Column(keys, key => layers[key].Dense) },
            { "effective", Column(keys, key => layers[key].Effective) },
            { "injected", Column(keys, key => layers[key].Injected ? "yes" : "") },
        }.Frame;
    }

    /// <summary>The top eigenvalue of each network, how far it can be from an exact one, and how the test loss rises along its eigenvector.</summary>
    /// <param name="measured">One a run.</param>
    public static Frame<int, string> TopEigenvectors(IEnumerable<Measured<EigenvectorLine>> measured)
    {
        var rows = measured.ToList();
        var (columns, keys) = OfRuns([.. rows.Select(row => row.Run)]);
        columns.Add("seed", Column(keys, i => rows[i].Run.Spec.Seed));
        columns.Add("top eigenvalue", Column(keys, i => Significant(rows[i].Value.Eigenvalue)));
        columns.Add("within", Column(keys, i => Significant(rows[i].Value.Residual)));
        columns.Add("converged", Column(keys, i => rows[i].Value.Converged ? "yes" : "no"));
        columns.Add("test loss at the network", Column(keys, i => Significant(rows[i].Value.Line.Y[rows[i].Value.Line.Y.Count / 2])));
        columns.Add("mean rise along it", Column(keys, i => Significant(rows[i].Value.Line.Rise)));
        return columns.Frame;
    }

    /// <summary>
    /// Claims and what the runs at hand say to them, judged together (<see cref="Judgement.Of"/>): mean over seeds with its 95 % interval, p, p after Holm
    /// over the primary claims of this table, and the verdict. Secondary rows have no verdict.
    /// </summary>
    /// <param name="claims">One a row; those of one id are one claim.</param>
    public static Frame<string, string> Claims(params IReadOnlyList<Claim> claims)
    {
        var twins = claims.CountBy(claim => claim.Id).ToDictionary();
        var rows = Judgement.Of(claims).GroupBy(row => row.Claim.Id).SelectMany(parts => parts.Select((row, i) => (row, key: twins[parts.Key] > 1 ? $"{parts.Key}.{i + 1}" : parts.Key)))
            .ToDictionary(row => row.key, row => row.row);
        var keys = rows.Keys.ToList();
        return new FrameBuilder.Columns<string, string>
        {
            { "claim", Column(keys, key => rows[key].Claim.Sentence) },
            { "here", Column(keys, key => rows[key].Says) },
            { "mean [95 %]", Column(keys, key => rows[key].Numbers) },
            { "p", Column(keys, key => P(rows[key].P) + (double.IsNaN(rows[key].SignFlip) ? "" : $" (sign-flip {P(rows[key].SignFlip)})")) },
            { "p (Holm)", Column(keys, key => P(rows[key].Adjusted)) },
        }.Frame;

        static string P(double p) => double.IsNaN(p) ? "" : p < 0.001 ? "< 0.001" : FormattableString.Invariant($"{p:0.000}");
    }

    /// <summary>The first columns of a table with a row a run: how it was retrained, and how sparse it is.</summary>
    private static (FrameBuilder.Columns<int, string> Columns, IReadOnlyList<int> Keys) OfRuns(IReadOnlyList<RunResult> runs)
    {
        var keys = Enumerable.Range(0, runs.Count).ToList();
        var ways = Captions.Ways(runs);
        var columns = new FrameBuilder.Columns<int, string>
        {
            { "network", Column(keys, i => ways[i]) },
            { "nominal sparsity (%)", Column(keys, i => Round(100 * runs[i].Sparsity)) },
            { "effective sparsity (%)", Column(keys, i => Round(100 * runs[i].EffectiveSparsity)) },
        };
        return (columns, keys);
    }

    private static double Significant(double value)
    {
        if (value == 0 || !double.IsFinite(value)) return value;
        var digits = 3 - (int)Math.Floor(Math.Log10(Math.Abs(value)));
        return digits is >= 0 and <= 15 ? Math.Round(value, digits) : value;
    }
}
