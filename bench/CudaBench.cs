using LTHKit.Cli.Doctor;
using LTHKit.Pruning;
using LTHKit.Training;

namespace LTHKit.Cli.Bench;

/// <summary>
/// LTHKit's training in each precision beside PyTorch's eager one in each, and its compiled one, in turns on one device; then runs side by side, a process each.
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
        var pixels = TrainingBench.Pixels(data);
        try
        {
            output.WriteLine($"ResNet-18 of width {setting.Width}, {actual.Size}x{actual.Size}, batch {setting.Batch}, {actual.Images} images an epoch, on {card}; medians of {setting.Rounds} rounds in turns");
            output.WriteLine($"{"",-36}{"step, ms",10}{"epoch, s",10}{"TFLOP/s",10}{"of peak",10}");
            var work = 3 * 2 * Work(setting, data) * setting.Batch / 1e12;       // a backward pass costs two forward ones
            foreach (var precision in Enum.GetValues<Precision>())
            {
                var name = precision.ToString().ToLowerInvariant();
                List<(string Name, ISide? Side)> sides = [($"LTHKit {name}", new TrainingBench.LthKitSide(actual, data, precision)), .. Theirs(name)];
                var times = sides.Select(_ => new List<(double Step, double Epoch)>()).ToList();
                try
                {
                    for (var round = -1; round < setting.Rounds; round++)      // the first round warms all up
                        for (var i = 0; i < sides.Count; i++)
                        {
                            cancel.ThrowIfCancellationRequested();
                            var side = sides[i];
                            progress.WriteLine($"bench: {side.Name}, {(round < 0 ? "warming up" : $"round {round + 1} of {setting.Rounds}")}");
                            sides[i] = side with { Side = Attempt(side.Name, () =>
                            {
                                if (side.Side is { } there && (there.Steps(StepsARound) / StepsARound, there.Epoch()) is var time && round >= 0)
                                    times[i].Add(time);
                                return side.Side;
                            }) };
                        }
                }
                finally
                {
                    sides.ForEach(side => side.Side?.Dispose());
                }
                foreach (var (i, (side, there)) in sides.Index())
                    output.WriteLine(there is null ? $"{side,-36}  is not there" : Row(side, Median(times[i].Select(t => t.Step)), Median(times[i].Select(t => t.Epoch)), work, peak?[(int)precision]));
            }

            double? one = null;
            foreach (var runs in SideBySide)
            {
                cancel.ThrowIfCancellationRequested();
                progress.WriteLine($"bench: {Text.Count(runs, "run")} side by side");
                var images = Together(setting, runs);
                one ??= images;
                output.WriteLine(FormattableString.Invariant($"{(runs == 1 ? "LTHKit bf16, one run" : $"LTHKit bf16, {runs} runs side by side"),-36}{images,10:#,0} images/s, {images / one:0.00} times one's"));
            }
        }
        finally
        {
            File.Delete(pixels);
        }

        IEnumerable<(string, ISide?)> Theirs(string precision)
        {
            yield return ($"PyTorch {precision}{(precision == "bf16" ? ", channels last" : "")}", Side());
            if (precision == "bf16")
                yield return ("PyTorch bf16, torch.compile", Side("--compile"));

            ISide? Side(params string[] more)
                => Attempt("PyTorch", () => PyTorchSide.Start(actual, data.Classes, pixels, ["--precision", precision, "--on-device", .. more]));
        }

        ISide? Attempt(string name, Func<ISide?> act)
        {
            try
            {
                return act();
            }
            catch (UserException e)
            {
                progress.WriteLine($"bench: {name}: {e.Message}");
                return null;
            }
        }
    }

    /// <summary>Trains in bfloat16 for so many seconds after a line on <paramref name="input"/>, and says how many images that were.</summary>
    public static void Alone(BenchSetting setting, int seconds, TextReader input, TextWriter output)
    {
        using var data = TrainingBench.Images(setting);
        using var side = new TrainingBench.LthKitSide(setting, data, Precision.Bf16);
        side.Steps(StepsARound);
        output.WriteLine("ready");
        input.ReadLine();
        var (clock, images) = (Stopwatch.StartNew(), 0L);
        for (; clock.Elapsed.TotalSeconds < seconds; images += StepsARound * setting.Batch)
            side.Steps(StepsARound);
        output.WriteLine(FormattableString.Invariant($"{images / clock.Elapsed.TotalSeconds}"));
    }

    private static double Together(BenchSetting setting, int runs)
    {
        string[] arguments = ["bench", "--for", $"{Seconds}", "--device", setting.Device, "--width", $"{setting.Width}", "--size", $"{setting.Size}", "--batch", $"{setting.Batch}",
            "--images", $"{setting.Images}", "--threads", "1"];
        var all = Enumerable.Range(0, runs).Select(_ => Process.Start(new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, "lthkit-cli"), arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        })!).ToList();
        try
        {
            all.ForEach(process => Line(process));
            all.ForEach(process => process.StandardInput.WriteLine());
            return all.Sum(process => double.Parse(Line(process), System.Globalization.CultureInfo.InvariantCulture));
        }
        finally
        {
            all.ForEach(process => process.Kill());
            all.ForEach(process => process.Dispose());
        }

        static string Line(Process process) => process.StandardOutput.ReadLine() ?? throw new UserException("One of the runs side by side has ended early; its own words are above.");
    }

    private static double Work(BenchSetting setting, ImageSet data)
    {
        using var network = Networks.Build(new ModelSpec("resnet18", setting.Width), new InputSpec(data.Classes, data.Height), 0);
        return Flops.Of(network).Dense;
    }

    private static string Row(string name, double step, double epoch, double work, double? peak)
        => FormattableString.Invariant($"{name,-36}{1000 * step,10:0.00}{epoch,10:0.00}{work / step,10:0.0}{(peak is { } most ? $"{100 * work / step / most:0.0} %" : "?"),10}");

    private static double Median(IEnumerable<double> times) => times.Order().ToList() is var sorted ? sorted[sorted.Count / 2] : 0;
}
