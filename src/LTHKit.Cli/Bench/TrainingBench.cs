using System.Diagnostics;
using System.Text;
using System.Text.Json.Nodes;
using LTHKit.Data;
using LTHKit.Models;
using LTHKit.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace LTHKit.Cli.Bench;

/// <summary>What is measured.</summary>
internal sealed record BenchSetting(int Width, int Size, int Batch, int Images, int Rounds, int Threads, int Workers, int MemorySteps, string Device, string Python);

/// <summary>Times a training step and an epoch, LTHKit's and PyTorch's in turns.</summary>
internal static class TrainingBench
{
    private const int StepsARound = 10;

    public static BenchReport Run(BenchSetting setting, TextWriter progress, CancellationToken cancel)
    {
        var device = setting.Device == "cuda" ? CUDA : CPU;
        if (setting.Device == "cuda" && !cuda.is_available())
            throw new UserException("There is no CUDA device, or this libtorch was built without CUDA: use --device cpu, or see `./lthkit doctor`.");
        set_num_threads(setting.Threads);
        // The split keeps a tenth for validation, so that Images are left to train on.
        using var data = DataSets.Open(new DataSpec { Size = setting.Size, TrainCount = setting.Images * 10 / 9 / 20 * 20, TestCount = 20 }, device: device);
        var actual = setting with { Images = data.Train.Count, Size = data.Height };
        var pixels = Path.GetTempFileName();
        try
        {
            using (var stream = File.Create(pixels))
            using (var onCpu = data.Train.Images.cpu())
                stream.Write(onCpu.bytes);
            using var theirs = PyTorchSide.Start(actual, data.Classes, pixels);
            using var ours = new LthKitSide(actual, data);
            var report = new BenchReport(actual, theirs?.Version);
            for (var round = -1; round < setting.Rounds; round++)      // the first round warms both up
            {
                cancel.ThrowIfCancellationRequested();
                progress.WriteLine(round < 0 ? "bench: warming up" : $"bench: round {round + 1} of {setting.Rounds}");
                var step = (ours.Steps(StepsARound) / StepsARound, theirs?.Measure($"step {StepsARound}") / StepsARound);
                var epoch = (ours.Epoch(round + 1), theirs?.Measure("epoch"));
                if (round >= 0)
                    report.Add(step, epoch);
            }
            report.Memory = ours.MemoryGrowth(setting.MemorySteps, cancel);
            return report;
        }
        finally
        {
            File.Delete(pixels);
        }
    }

    /// <summary>LTHKit's side: the parts that a training is made of, without its bookkeeping.</summary>
    private sealed class LthKitSide : IDisposable
    {
        private readonly Network _network;
        private readonly Trainer _trainer;
        private readonly Batches _batches;
        private readonly Batch _batch;
        private readonly ImageSet _data;

        public LthKitSide(BenchSetting setting, ImageSet data)
        {
            _data = data;
            _network = Networks.Build(new ModelSpec("resnet18", setting.Width), new InputSpec(data.Classes, data.Height), 0);
            _network.to(data.Device);
            _trainer = new Trainer(_network, null, new Recipe { BatchSize = setting.Batch }, data, Losses.CrossEntropy, 0);
            _batches = new Batches(data, setting.Batch, 0, channelsLast: _network.PrefersChannelsLast && data.Device.type == DeviceType.CPU);
            _batch = _batches.Epoch(0).First();
        }

        public double Steps(int count) => Time(() =>
        {
            _network.train();
            for (var i = 0; i < count; i++)
                _trainer.Step(_batch, 0.1);
        });

        public double Epoch(int epoch) => Time(() => _trainer.TrainEpoch(epoch));

        /// <summary>Resident memory before and after many steps, in MiB, after a warm-up.</summary>
        public (double Before, double After, int Steps)? MemoryGrowth(int steps, CancellationToken cancel)
        {
            if (steps == 0)
                return null;
            using var small = _batches.Epoch(0).First();
            using Batch part = new(small.Images.narrow(0, 0, Math.Min(8, small.Count)).clone(), small.Labels.narrow(0, 0, Math.Min(8, small.Count)).clone());
            double before = 0;
            for (var i = 0; i < steps + steps / 5; i++)
            {
                cancel.ThrowIfCancellationRequested();
                _trainer.Step(part, 0.01);
                if (i == steps / 5)
                    before = Resident();
            }
            return (before, Resident(), steps);
        }

        public void Dispose()
        {
            _batch.Dispose();
            _batches.Dispose();
            _trainer.Dispose();
            _network.Dispose();
        }

        private double Time(Action work)
        {
            Wait();
            var clock = Stopwatch.StartNew();
            work();
            Wait();
            return clock.Elapsed.TotalSeconds;
        }

        private void Wait()
        {
            if (_data.Device.type == DeviceType.CUDA)
                cuda.synchronize();
        }

        private static double Resident()
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
            using var self = Process.GetCurrentProcess();
            return self.WorkingSet64 / 1048576.0;
        }
    }
}

/// <summary>What was measured; times in seconds.</summary>
internal sealed class BenchReport(BenchSetting setting, string? pytorch)
{
    private readonly List<(double Ours, double? Theirs)> _steps = [], _epochs = [];

    /// <summary>Resident memory in MiB around many steps.</summary>
    public (double Before, double After, int Steps)? Memory { get; set; }

    public void Add((double, double?) step, (double, double?) epoch)
    {
        _steps.Add(step);
        _epochs.Add(epoch);
    }

    public string ToJson() => new JsonObject
    {
        ["network"] = "resnet18",
        ["width"] = setting.Width,
        ["size"] = setting.Size,
        ["batch"] = setting.Batch,
        ["images"] = setting.Images,
        ["threads"] = setting.Threads,
        ["device"] = setting.Device,
        ["libtorch"] = __version__,
        ["pytorch"] = pytorch,
        ["step"] = Json(_steps),
        ["epoch"] = Json(_epochs),
        ["memoryMiB"] = Memory is { } m ? new JsonObject { ["steps"] = m.Steps, ["before"] = Math.Round(m.Before, 1), ["after"] = Math.Round(m.After, 1) } : null,
    }.ToJsonString();

    public string ToText()
    {
        var text = new StringBuilder();
        text.AppendLine($"ResNet-18 of width {setting.Width}, {setting.Size}x{setting.Size}, batch {setting.Batch}, {setting.Images} images an epoch, "
            + $"{setting.Threads} threads, {setting.Device}, libtorch {__version__}; medians of {setting.Rounds} rounds in turns");
        text.AppendLine(FormattableString.Invariant($"{"",-28}{"LTHKit",12}{"PyTorch",12}{"ratio",8}   (range over rounds)"));
        Row("training step, ms", _steps, 1000);
        Row("epoch with augmentation, s", _epochs, 1);
        if (Memory is { } m)
            text.AppendLine(FormattableString.Invariant($"resident memory over {m.Steps:N0} steps of 8 images: {m.Before:0} -> {m.After:0} MiB"));
        if (pytorch is null)
            text.AppendLine("No Python with torch and torchvision was found (Debian: python3-torch python3-torchvision), so there is nothing to compare with.");
        return text.ToString().TrimEnd();

        void Row(string name, List<(double Ours, double? Theirs)> times, double unit)
        {
            var ours = Median(times.Select(t => t.Ours)) * unit;
            text.AppendLine(pytorch is null
                ? FormattableString.Invariant($"{name,-28}{ours,12:0.0}")
                : FormattableString.Invariant($"{name,-28}{ours,12:0.00}{Median(times.Select(t => t.Theirs!.Value)) * unit,12:0.00}{Median(Ratios(times)),8:0.00}   ({Ratios(times).Min():0.00}-{Ratios(times).Max():0.00})"));
        }
    }

    private JsonObject Json(List<(double Ours, double? Theirs)> times) => new()
    {
        ["lthkit"] = Median(times.Select(t => t.Ours)),
        ["pytorch"] = pytorch is null ? null : Median(times.Select(t => t.Theirs!.Value)),
        ["ratio"] = pytorch is null ? null : Median(Ratios(times)),
        ["ratios"] = pytorch is null ? null : new JsonArray([.. Ratios(times).Select(r => (JsonNode)r)]),
    };

    private static IEnumerable<double> Ratios(List<(double Ours, double? Theirs)> times) => times.Select(t => t.Ours / t.Theirs!.Value);

    private static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }
}
