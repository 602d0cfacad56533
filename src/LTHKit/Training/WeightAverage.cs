using LTHKit.Data;
using LTHKit.Models;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace LTHKit.Training;

/// <summary>Averaging of the weights along a training (Izmailov et al. 2018).</summary>
/// <param name="FromEpoch">The first epoch, counted from 0, at whose end the weights enter the average.</param>
/// <param name="LearningRate">The constant learning rate from that epoch on; 0 for the recipe's own.</param>
public sealed record Averaging(int FromEpoch, double LearningRate = 0);

/// <summary>
/// The mean of a network's weights at the ends of epochs. Between epochs the network holds the average, so that whatever looks at it then (evaluation,
/// checkpoints, watches) sees the network that the training is to deliver; the weights that are trained lie aside meanwhile. Where every weight
/// is zero at a place, so is the average.
/// </summary>
internal sealed class WeightAverage : IDisposable
{
    private readonly Network _network;
    private readonly int _from;
    private Dictionary<string, Tensor>? _aside;

    /// <param name="network">Whose weights are averaged.</param>
    /// <param name="averaging">From when.</param>
    /// <param name="firstEpoch">Where the training begins.</param>
    public WeightAverage(Network network, Averaging averaging, int firstEpoch)
        => (_network, _from) = (network, Math.Max(averaging.FromEpoch, firstEpoch));

    /// <summary>The weights and buffers that lie aside after that many epochs; what a checkpoint must hold beside the network.</summary>
    public IEnumerable<(string Name, Tensor Value)> StateAfter(int epochs)
        => epochs <= _from ? [] : Aside.Select(p => (p.Key, p.Value));

    private Dictionary<string, Tensor> Aside => _aside ??= _network.State
        .ToDictionary(p => p.Name, p => zeros_like(p.Value, requires_grad: false).DetachFromDisposeScope());

    /// <summary>Before an epoch: the network holds the weights that are trained.</summary>
    public void Resume(int epoch)
    {
        if (epoch > _from)
            Swap();
    }

    /// <summary>After an epoch: its weights enter the average, which the network holds then, its BatchNorm statistics taken anew.</summary>
    /// <param name="epoch">Counted from 0.</param>
    /// <param name="batches">The training images.</param>
    /// <param name="cancel">Stops between two batches.</param>
    public void Take(int epoch, Batches batches, CancellationToken cancel)
    {
        if (epoch < _from)
            return;
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var count = epoch - _from + 1;
        // Aside lies the average so far, which the first of them replaces.
        foreach (var (name, weight) in _network.named_parameters())
            Aside[name].add_((weight - Aside[name]) / count);
        Swap();
        Renormalise(epoch, batches, cancel);
    }

    /// <summary>BatchNorm's mean and variance over the training images as the epoch augmented them: the mean over its batches.</summary>
    private void Renormalise(int epoch, Batches batches, CancellationToken cancel)
    {
        var norms = _network.modules().OfType<BatchNorm2d>().Select(norm => (Norm: norm, norm.momentum)).ToList();
        foreach (var (norm, _) in norms)
        {
            norm.reset_running_stats();
            norm.momentum = null;       // cumulative
        }
        _network.train();
        foreach (var batch in norms.Count == 0 ? [] : batches.Epoch(epoch))
        {
            using var inner = NewDisposeScope();
            using var held = batch;
            cancel.ThrowIfCancellationRequested();
            _network.call(batch.Images);
        }
        foreach (var (norm, momentum) in norms)
            norm.momentum = momentum;
    }

    private void Swap()
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        foreach (var (name, value) in _network.State)
        {
            var held = value.clone();
            value.copy_(Aside[name]);
            Aside[name].copy_(held);
        }
    }

    /// <summary>Frees what lies aside.</summary>
    public void Dispose()
    {
        foreach (var value in _aside?.Values ?? Enumerable.Empty<Tensor>())
            value.Dispose();
    }
}
