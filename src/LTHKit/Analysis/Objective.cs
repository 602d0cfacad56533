using LTHKit.Data;
using LTHKit.Models;
using LTHKit.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace LTHKit.Analysis;

/// <summary>
/// The mean loss of a network over a sample of images, as a function of its weights. It holds the network in eval mode until it is disposed.
/// </summary>
internal sealed class Objective : IDisposable
{
    private readonly Network _network;
    private readonly Sample _sample;
    private readonly Loss _loss;
    private readonly Batches _batches;
    private readonly ImageSplit _images;
    private readonly ScalarType _dtype;
    private readonly EvalMode _mode;

    /// <param name="network">On the data's device.</param>
    /// <param name="data">Where the sample is taken from.</param>
    /// <param name="sample">Which images.</param>
    /// <param name="loss">Null: cross-entropy, whatever the network was trained with, so that networks can be compared.</param>
    /// <exception cref="UserException">The sample is out of range.</exception>
    public Objective(Network network, ImageSet data, Sample sample, Loss? loss = null)
    {
        sample.Validate(data);
        (_network, _sample, _loss) = (network, sample, loss ?? Losses.CrossEntropy);
        _dtype = network.parameters().First().dtype;
        // Channels first: libtorch 1.13 has been seen to crash in second derivatives of images laid out the other way.
        _batches = new Batches(data, sample.BatchSize, 0, Augmentation.None);
        _images = Chosen(sample, data);
        _mode = new EvalMode(network);
    }

    /// <summary>Number of images.</summary>
    public int Count => _images.Count;

    /// <summary>Number of batches.</summary>
    public int BatchCount => (Count + _sample.BatchSize - 1) / _sample.BatchSize;

    /// <summary>The images in the network's number type, in order. Each batch is disposed by whoever receives it.</summary>
    public IEnumerable<Batch> Batches()
    {
        foreach (var batch in _batches.Evaluation(_images, _sample.BatchSize))
        {
            if (_dtype == ScalarType.Float32)
            {
                yield return batch;
                continue;
            }
            using var scope = NewDisposeScope();
            using var single = batch;
            yield return new Batch(batch.Images.to(_dtype), batch.Labels.alias()).Detached();
        }
    }

    /// <summary>The mean loss over one batch, a scalar tensor that gradients flow through.</summary>
    public Tensor Of(Batch batch) => _loss(_network.call(batch.Images), new Target(batch.Images, batch.Labels));

    /// <summary>The mean loss over the sample.</summary>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public double Mean(CancellationToken cancel = default)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var sum = zeros(1, dtype: ScalarType.Float64, device: _images.Labels.device);
        foreach (var batch in Batches())
        {
            using var inner = NewDisposeScope();
            using var held = batch;
            cancel.ThrowIfCancellationRequested();
            sum.add_(Of(batch) * batch.Count);
        }
        return sum.item<double>() / Count;
    }

    /// <summary>Gives the network its mode back and frees the sample.</summary>
    public void Dispose()
    {
        _mode.Dispose();
        _images.Dispose();
        _batches.Dispose();
    }

    private static ImageSplit Chosen(Sample sample, ImageSet data)
    {
        var all = sample.Of(data);
        using var scope = NewDisposeScope();
        if (sample.Images == 0 || sample.Images == all.Count)
            return new ImageSplit(all.Images.alias(), all.Labels.alias());
        var order = SplitMix64.Keyed((long)sample.Part, all.Count).Permutation(all.Count);
        var chosen = tensor(order[..sample.Images]).to(data.Device);
        return new ImageSplit(all.Images.index_select(0, chosen), all.Labels.index_select(0, chosen));
    }
}
