using System.Text;
using LTHKit.Kernels;
using LTHKit.Pruning;
using LTHKit.Training;
using MathNet.Numerics.Statistics;

namespace LTHKit.Cli.Bench;

/// <summary>
/// A training step over its sparsity as a share of the dense step through libtorch, in turns in one process. The masks are those of a ladder, 20 % of the
/// smallest weights of all after each short training from the same start, and random ones that are as sparse in every layer.
/// </summary>
internal static class SparseBench
{
    private const double Noise = 0.03;      // of a ratio of medians on a quiet machine

    private static readonly int[] Levels = [3, 7, 10, 16];      // of the ladder: 48.8, 79.0, 89.3 and 97.2 % sparse

    public static string Run(BenchSetting setting, string model, int ladderSteps, TextWriter progress, CancellationToken cancel)
    {
        set_num_threads(setting.Threads);
        using var data = DataSets.Open(new DataSpec { Size = setting.Size, TrainCount = Math.Max(300, setting.Batch * 6), TestCount = 20 });
        using var start = Networks.Build(new ModelSpec(model, setting.Width), new InputSpec(data.Classes, data.Height), 0);
        using var dense = Mask.Dense(start);
        List<(string Name, Mask? Mask, bool Sparse)> masks = [("libtorch, dense", null, false), ("dense", null, true),
            .. Ladder(start, dense, data, setting.Batch, ladderSteps, progress, cancel).Select(mask => ($"ladder {100 * mask.Sparsity:0.0} %", mask, true))];
        var uniform = Pruner.Random with { Distribution = Distribution.Uniform };
        masks.Add(("uniform 97.2 %", uniform.Draw(start, dense, masks[^1].Mask!.Kept, data, 0), true));

        var sides = masks.Select(m => new StepTimer(Networks.Copy(start), m.Mask, new Recipe { BatchSize = setting.Batch, Sparse = m.Sparse }, data, alike: true)).ToList();
        var times = sides.Select(_ => new List<(double Wall, double Processor)>()).ToList();
        for (var round = 0; round <= setting.Rounds; round++)
        {
            progress.WriteLine(round == 0 ? "bench: warming up" : $"bench: round {round} of {setting.Rounds}");
            foreach (var (i, side) in sides.Index())
            {
                cancel.ThrowIfCancellationRequested();
                times[i].Add(side.Time());
            }
        }
        times.ForEach(side => side.RemoveAt(0));        // its warming up
        var text = new StringBuilder();
        text.AppendLine($"{model} of width {setting.Width}, {data.Height}x{data.Height}, batch {setting.Batch}, {setting.Threads} threads, libtorch {__version__}, "
            + $"vectors of {32 * Passes.Widest.Width} bits; {setting.Rounds} steps in turns");
        text.AppendLine($"{"",-20}{"multiply-adds",14}{"ms, median",12}{"ratio",8}{"best",12}{"ratio",8}{"processor",12}{"ratio",8}  chosen");
        var wrong = new List<string>();
        Func<List<(double Wall, double Processor)>, double>[] columns =
            [side => side.Select(t => t.Wall).Median(), side => side.Min(t => t.Wall), side => side.Select(t => t.Processor).Median()];
        foreach (var (i, (name, mask, _)) in masks.Index())
        {
            var (work, sparse) = (Flops.Of(start, mask), Cost.Favours(start, mask));
            var ratios = columns.Select(column => column(times[i]) / column(times[0])).ToList();
            text.AppendLine($"{name,-20}{100 * (work.Effective / (double)work.Dense),12:0.0} %"
                + string.Concat(columns.Zip(ratios, (column, ratio) => $"{1000 * column(times[i]),12:0.0}{ratio,8:0.00}")) + $"  {(sparse ? "sparse" : "libtorch")}");
            if (i > 0 && (sparse ? ratios[0] > 1 + Noise : ratios[0] < 1 - Noise))
                wrong.Add(name);
        }
        text.AppendLine(wrong.Count == 0 ? "The kit chooses the faster of both everywhere."
            : $"The kit chooses the slower of both for {string.Join(", ", wrong)}: Cost in SparseTraining.cs expects other times of this machine.");
        sides.ForEach(side => side.Dispose());
        return text.ToString().TrimEnd();
    }

    /// <summary>Trains from the start, prunes a fifth of what is left, and so on; the masks of some levels.</summary>
    private static IEnumerable<Mask> Ladder(Network start, Mask dense, ImageSet data, int batch, int steps, TextWriter progress,
        CancellationToken cancel)
    {
        var mask = dense;
        for (var level = 1; level <= Levels.Max(); level++)
        {
            progress.WriteLine($"bench: level {level} of {Levels.Max()}");
            using var side = new StepTimer(Networks.Copy(start), level == 1 ? null : mask, new Recipe { BatchSize = batch }, data, alike: true);
            for (var i = 0; i < steps; i++)
            {
                cancel.ThrowIfCancellationRequested();
                side.Time();
            }
            mask = Pruner.Imp.Draw(side.Network, mask, (long)Math.Round(mask.Kept * 0.8), data, 0, cancel);
            if (Levels.Contains(level))
                yield return mask;
        }
    }
}
