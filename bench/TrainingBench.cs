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
        using var pixels = Pixels(data);
        using var theirs = PyTorchSide.Start(actual, data.Classes, pixels.Name);
        using LthKitSide ours = new(actual, data);
        using TextbookSide textbook = new(actual, data);
        List<Times> steps = [], epochs = [];
        for (var round = 0; round <= setting.Rounds; round++)      // the first one warms all up
        {
            cancel.ThrowIfCancellationRequested();
            progress.WriteLine(round == 0 ? "bench: warming up" : $"bench: round {round} of {setting.Rounds}");
            steps.Add(InTurns(side => side.Steps(StepsARound) / StepsARound));
            epochs.Add(InTurns(side => side.Epoch()));
        }
        return new(actual, theirs?.Version, steps[1..], epochs[1..]);

        Times InTurns(Func<ISide, double> time) => new(time(ours), time(textbook), theirs is null ? null : time(theirs));
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

    /// <summary>The training images for the other side, in a file that is there until it is closed.</summary>
    public static FileStream Pixels(ImageSet data)
    {
        var file = File.Create(Path.GetTempFileName(), 4096, FileOptions.DeleteOnClose);
        using var onCpu = data.Train.Images.cpu();
        file.Write(onCpu.bytes);
        file.Flush();
        return file;
    }

    /// <summary>Seconds that the work takes, also what it leaves to a CUDA device.</summary>
    public static double Time(Device device, Action work)
    {
        Action wait = device.type == DeviceType.CUDA ? CudaStream.Wait : () => { };
        wait();
        var clock = Stopwatch.StartNew();
        work();
        wait();
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
