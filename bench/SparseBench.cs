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
        var masks = new List<(string Name, Mask? Mask, bool? Sparse)> { ("libtorch, dense", null, false), ("dense", null, true) };
        foreach (var (level, mask) in Ladder(start, dense, data, setting.Batch, ladderSteps, progress, cancel))
            if (Levels.Contains(level))
                masks.Add(($"ladder {100 * mask.Sparsity:0.0} %", mask, true));
        var uniform = Pruner.Random with { Distribution = Distribution.Uniform };
        masks.Add(("uniform 97.2 %", uniform.Draw(start, dense, masks[^1].Mask!.Kept, data, 0), true));

        Recipe Recipe(bool? sparse) => new() { BatchSize = setting.Batch, Sparse = sparse };
        var sides = masks.Select(m => new StepTimer(Networks.Copy(start), m.Mask, Recipe(m.Sparse), data, alike: true)).ToList();
        var times = sides.Select(_ => new List<(double Wall, double Processor)>()).ToList();
        for (var round = -1; round < setting.Rounds; round++)
        {
            progress.WriteLine(round < 0 ? "bench: warming up" : $"bench: round {round + 1} of {setting.Rounds}");
            foreach (var (i, side) in sides.Index())
            {
                cancel.ThrowIfCancellationRequested();
                var time = side.Step();
                if (round >= 0)
                    times[i].Add(time);
            }
        }
        var text = new StringBuilder();
        text.AppendLine(FormattableString.Invariant($"{model} of width {setting.Width}, {data.Height}x{data.Height}, batch {setting.Batch}, ")
            + FormattableString.Invariant($"{setting.Threads} threads, libtorch {__version__}, vectors of {32 * Passes.Widest.Width} bits; ")
            + $"{setting.Rounds} steps in turns");
        text.AppendLine($"{"",-20}{"multiply-adds",14}{"ms, median",12}{"ratio",8}{"best",12}{"ratio",8}{"processor",12}{"ratio",8}  chosen");
        var wrong = new List<string>();
        foreach (var (i, (name, mask, _)) in masks.Index())
        {
            double median = times[i].Select(t => t.Wall).Median(), best = times[i].Min(t => t.Wall), processor = times[i].Select(t => t.Processor).Median();
            string Column(double value, Func<(double Wall, double Processor), double> of, Func<IEnumerable<double>, double> take)
                => FormattableString.Invariant($"{1000 * value,12:0.0}{value / take(times[0].Select(of)),8:0.00}");
            text.AppendLine(FormattableString.Invariant($"{name,-20}{100 * Share(start, mask),12:0.0} %") + Column(median, t => t.Wall, all => all.Median())
                + Column(best, t => t.Wall, Enumerable.Min) + Column(processor, t => t.Processor, all => all.Median()) + $"  {(Cost.Favours(start, mask) ? "sparse" : "libtorch")}");
            var ratio = median / times[0].Select(t => t.Wall).Median();
            if (i > 0 && (Cost.Favours(start, mask) ? ratio > 1 + Noise : ratio < 1 - Noise))
                wrong.Add(name);
        }
        text.AppendLine(wrong.Count == 0 ? "The kit chooses the faster of both everywhere."
            : $"The kit chooses the slower of both for {string.Join(", ", wrong)}: Cost in SparseTraining.cs expects other times of this machine.");
        foreach (var side in sides)
            side.Dispose();
        return text.ToString().TrimEnd();
    }

    /// <summary>Trains from the start, prunes a fifth of what is left, and so on.</summary>
    private static IEnumerable<(int Level, Mask Mask)> Ladder(Network start, Mask dense, ImageSet data, int batch, int steps, TextWriter progress,
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
                side.Step();
            }
            mask = Pruner.Imp.Draw(side.Network, mask, (long)Math.Round(mask.Kept * 0.8), data, 0, cancel);
            yield return (level, mask);
        }
    }

    /// <summary>Multiply-adds over the surviving weights as a share of all.</summary>
    private static double Share(Network network, Mask? mask)
    {
        var flops = Flops.Of(network, mask);
        return flops.Effective / (double)flops.Dense;
    }
}
