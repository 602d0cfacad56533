using LTHKit.Cli.Doctor;
using LTHKit.Pruning;
using LTHKit.Training;
using MathNet.Numerics.Statistics;

namespace LTHKit.Cli.Bench;

/// <summary>
/// LTHKit's training in each precision beside PyTorch's eager one in each, and its compiled one, in turns on one device; then runs side by side.
/// </summary>
internal static class CudaBench
{
    private const int StepsARound = 20, Seconds = 5;

    private static readonly int[] SideBySide = [1, 2, 4, 8];

    // Most of a device, in TFLOP/s without sparsity: float32, TF32, bfloat16 (NVIDIA's data sheets).
    private static readonly Dictionary<string, double[]> Peaks = new() { ["H200"] = [67, 494, 989], ["H100 PCIe"] = [51, 378, 756], ["H100"] = [67, 494, 989], ["A100"] = [19.5, 156, 312] };

    /// <summary>Writes each line when it is known.</summary>
    public static void Run(BenchSetting setting, TextWriter output, TextWriter progress, CancellationToken cancel)
    {
        using var data = TrainingBench.Images(setting);
        var actual = setting with { Images = data.Train.Count, Size = data.Height };
        var card = Tool.Output("nvidia-smi", "--query-gpu=name", "--format=csv,noheader")?.Split('\n')[0] ?? setting.Device;
        var peak = Peaks.FirstOrDefault(known => card.Contains(known.Key)).Value;
        using var pixels = TrainingBench.Pixels(data);
        var work = 3 * 2 * Work(setting, data) * setting.Batch / 1e12;       // a backward pass costs two forward ones
        output.WriteLine($"ResNet-18 of width {setting.Width}, {actual.Size}x{actual.Size}, batch {setting.Batch}, {actual.Images} images an epoch, on {card}; medians of {setting.Rounds} rounds in turns");
        output.WriteLine($"{"",-36}{"step, ms",10}{"epoch, s",10}{"TFLOP/s",10}{"of peak",10}");
        foreach (var precision in Enum.GetValues<Precision>())
        {
            List<Contender> all = [new($"LTHKit {Name(precision)}", () => new TrainingBench.LthKitSide(actual, data, precision)),
                Theirs(precision, precision == Precision.Bf16 ? ", channels last" : "")];
            if (precision == Precision.Bf16)
                all.Add(Theirs(precision, ", captured by hand", "--graph"));
            Compare(precision, all);
        }

        double? one = null;
        foreach (var runs in SideBySide)
        {
            cancel.ThrowIfCancellationRequested();
            progress.WriteLine($"bench: {Text.Count(runs, "run")} side by side");
            var images = Together(actual, data, runs);
            one ??= images;
            output.WriteLine($"{(runs == 1 ? "LTHKit bf16, one run" : $"LTHKit bf16, {runs} runs side by side"),-36}{images,10:#,0} images/s, {images / one:0.00} times one's");
        }
        Compare(Precision.Bf16, [Theirs(Precision.Bf16, ", torch.compile", "--compile")]);      // takes a minute to begin

        Contender Theirs(Precision precision, string kind, params string[] more) => new($"PyTorch {Name(precision)}{kind}",
            () => PyTorchSide.Start(actual, data.Classes, pixels.Name, ["--precision", Name(precision), "--on-device", .. more]));

        void Compare(Precision precision, List<Contender> all)
        {
            using var end = new Ending(() => all.ForEach(each => each.Side?.Dispose()));
            for (var round = 0; round <= setting.Rounds; round++)      // the first one warms all up
                foreach (var each in all)
                {
                    cancel.ThrowIfCancellationRequested();
                    progress.WriteLine($"bench: {each.Name}, {(round == 0 ? "warming up" : $"round {round} of {setting.Rounds}")}");
                    try
                    {
                        if (round == 0)
                            each.Side = each.Start();
                        if (each.Side is { } side)
                            each.Times.Add((side.Steps(StepsARound) / StepsARound, side.Epoch()));
                    }
                    catch (UserException e)
                    {
                        progress.WriteLine($"bench: {each.Name}: {e.Message}");
                        each.Side?.Dispose();
                        each.Side = null;
                    }
                }
            foreach (var each in all)
                output.WriteLine(each.Side is null ? $"{each.Name,-36}  is not there" : Row(each, work, peak?[(int)precision]));
        }
    }

    /// <summary>Images a second of so many runs side by side, as a laboratory trains them: a thread and a queue of the device each.</summary>
    private static double Together(BenchSetting setting, ImageSet data, int runs)
    {
        static T[] Each<T>(int runs, Func<int, T> work)
            => Task.WhenAll(Enumerable.Range(0, runs).Select(i => Task.Factory.StartNew(() => work(i), TaskCreationOptions.LongRunning))).GetAwaiter().GetResult();

        var sides = Each(runs, _ =>
        {
            var side = new TrainingBench.LthKitSide(setting, data, Precision.Bf16);
            side.Steps(StepsARound);
            return side;
        });
        var clock = Stopwatch.StartNew();
        var images = Each(runs, i =>
        {
            var count = 0L;
            for (; clock.Elapsed.TotalSeconds < Seconds; count += StepsARound * setting.Batch)
                sides[i].Steps(StepsARound);
            return count;
        }).Sum();
        var speed = images / clock.Elapsed.TotalSeconds;
        foreach (var side in sides)
            side.Dispose();
        return speed;
    }

    private static string Name(Precision precision) => precision.ToString().ToLowerInvariant();

    private static double Work(BenchSetting setting, ImageSet data)
    {
        using var network = Networks.Build(new ModelSpec("resnet18", setting.Width), new InputSpec(data.Classes, data.Height), 0);
        return Flops.Of(network).Dense;
    }

    private static string Row(Contender one, double work, double? peak)
    {
        var (step, epoch) = (one.Times.Skip(1).Select(t => t.Step).Median(), one.Times.Skip(1).Select(t => t.Epoch).Median());
        return $"{one.Name,-36}{1000 * step,10:0.00}{epoch,10:0.00}{work / step,10:0.0}{(peak is { } most ? $"{100 * work / step / most:0.0} %" : "?"),10}";
    }

    /// <summary>One of those that are compared, which begins in the first round; without a side it is not there.</summary>
    private sealed record Contender(string Name, Func<ISide?> Start)
    {
        public ISide? Side { get; set; }
        public List<(double Step, double Epoch)> Times { get; } = [];
    }
}
