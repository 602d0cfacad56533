using System.Diagnostics;

namespace LTHKit.Training;

/// <summary>Times steps of a training, always on the same few batches, of a network that is its own from then on. The mask must live as long.</summary>
internal sealed class StepTimer : IDisposable
{
    private readonly Trainer _trainer;
    private readonly Batch[] _images;
    private int _step;

    public StepTimer(Network network, Mask? mask, Recipe recipe, ImageSet data, Loss? loss = null, bool alike = false)
    {
        Network = network;
        mask?.Apply(Network);
        _trainer = new Trainer(Network, mask, recipe, data, loss ?? Losses.CrossEntropy, 0, alike: alike);
        _images = [.. _trainer.Batches.Epoch(0).Take(4)];
        Network.train();
        for (var i = 0; i < RecordedStep.Before + 2 && data.Device.type == DeviceType.CUDA; i++)
            Time();
    }

    public Network Network { get; }

    /// <summary>Seconds of one step, on the clock and of all processors.</summary>
    public (double Wall, double Processor) Time()
    {
        using var process = Process.GetCurrentProcess();
        var (clock, before) = (Stopwatch.StartNew(), process.TotalProcessorTime);
        _trainer.Learn(_images[_step++ % _images.Length], 0.1);
        if (Network.parameters().First().device_type == DeviceType.CUDA)
            CudaStream.Wait();
        process.Refresh();
        return (clock.Elapsed.TotalSeconds, (process.TotalProcessorTime - before).TotalSeconds);
    }

    public void Dispose()
    {
        foreach (var batch in _images)
            batch.Dispose();
        _trainer.Dispose();
        Network.Dispose();
    }
}
