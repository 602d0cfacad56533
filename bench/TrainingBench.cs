using LTHKit.Training;
using TorchSharp;

namespace LTHKit.Cli.Bench;

/// <summary>What is measured.</summary>
internal sealed record BenchSetting(int Width, int Size, int Batch, int Images, int Rounds, int Threads, int Workers, string Device, string Python);

/// <summary>One way to train the same network on the same images; both return seconds.</summary>
internal interface ISide : IDisposable
{
    /// <summary>So many steps on one batch that is there already.</summary>
    double Steps(int count);

    /// <summary>An epoch over all images, augmented.</summary>
    double Epoch();
}

/// <summary>Times a training step and an epoch: LTHKit's, a textbook TorchSharp loop's and PyTorch's, in turns.</summary>
internal static class TrainingBench
{
    private const int StepsARound = 10;

    public static BenchReport Run(BenchSetting setting, TextWriter progress, CancellationToken cancel)
    {
        using var data = Images(setting);
        var actual = setting with { Images = data.Train.Count, Size = data.Height };
        var pixels = Pixels(data);
        try
        {
            using var theirs = PyTorchSide.Start(actual, data.Classes, pixels);
            using LthKitSide ours = new(actual, data);
            using TextbookSide textbook = new(actual, data);
            var report = new BenchReport(actual, theirs?.Version);
            for (var round = -1; round < setting.Rounds; round++)      // the first round warms all up
            {
                cancel.ThrowIfCancellationRequested();
                progress.WriteLine(round < 0 ? "bench: warming up" : $"bench: round {round + 1} of {setting.Rounds}");
                Times steps = new(ours.Steps(StepsARound), textbook.Steps(StepsARound), theirs?.Steps(StepsARound));
                Times epoch = new(ours.Epoch(), textbook.Epoch(), theirs?.Epoch());
                if (round >= 0)
                    report.Add(steps / StepsARound, epoch);
            }
            return report;
        }
        finally
        {
            File.Delete(pixels);
        }
    }

    /// <summary>Procedural images on the device; the split keeps a tenth for validation, so that as many as were asked for are left to train on.</summary>
    public static ImageSet Images(BenchSetting setting)
    {
        Libtorch.Check();
        set_num_threads(setting.Threads);
        var data = DataSets.Open(new DataSpec { Size = setting.Size, TrainCount = setting.Images * 10 / 9 / 20 * 20, TestCount = 20 },
            device: setting.Device == "cuda" ? Libtorch.Cuda() : CPU);
        return data.Train.Count >= setting.Batch ? data
            : throw new UserException($"The {data.Train.Count:N0} images to train on make no batch of {setting.Batch:N0}: give a smaller --batch, or more --images.");
    }

    /// <summary>A file of the training images, for the other side.</summary>
    public static string Pixels(ImageSet data)
    {
        var path = Path.GetTempFileName();
        using var stream = File.Create(path);
        using var onCpu = data.Train.Images.cpu();
        stream.Write(onCpu.bytes);
        return path;
    }

    /// <summary>Seconds that the work takes, also what it leaves to a CUDA device.</summary>
    public static double Time(Device device, Action work)
    {
        void Wait()
        {
            if (device.type == DeviceType.CUDA)
                CudaStream.Wait();
        }
        Wait();
        var clock = Stopwatch.StartNew();
        work();
        Wait();
        return clock.Elapsed.TotalSeconds;
    }

    /// <summary>LTHKit's side: the parts that a training is made of, without its bookkeeping.</summary>
    internal sealed class LthKitSide : ISide
    {
        private readonly Network _network;
        private readonly Trainer _trainer;
        private readonly Batch _batch;
        private readonly Device _device;
        private int _epoch;

        public LthKitSide(BenchSetting setting, ImageSet data, Precision precision = default)
        {
            _device = data.Device;
            _network = Networks.Build(new ModelSpec("resnet18", setting.Width), new InputSpec(data.Classes, data.Height), 0);
            _network.to(data.Device);
            _trainer = new Trainer(_network, null, new Recipe { BatchSize = setting.Batch, Precision = precision }, data, Losses.CrossEntropy, 0, alike: true);
            _batch = _trainer.Batches.Epoch(0).First();
        }

        public double Steps(int count) => Time(_device, () =>
        {
            using var stream = CudaStream.Own(_device);
            _network.train();
            for (var i = 0; i < count; i++)
                _trainer.Learn(_batch, 0.1);
        });

        public double Epoch() => Time(_device, () =>
        {
            using var stream = CudaStream.Own(_device);
            _trainer.TrainEpoch(_epoch++);
        });

        public void Dispose()
        {
            _batch.Dispose();
            _trainer.Dispose();
            _network.Dispose();
        }
    }
}
