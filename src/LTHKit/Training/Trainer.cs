using System.Diagnostics;
using LTHKit.Data;
using LTHKit.Kernels;
using LTHKit.Models;
using LTHKit.Pruning;

namespace LTHKit.Training;

/// <summary>
/// The training loop (paper section 4.1). It holds the only state of a training: network, optimiser and next epoch; the data order of an
/// epoch follows from seed and epoch alone, so that a training resumed from a checkpoint goes on to the same bits.
/// </summary>
internal sealed class Trainer : IDisposable
{
    private readonly Recipe _recipe;
    private readonly ImageSet _data;
    private readonly Batches _batches;
    private readonly Loss _loss;
    private readonly Step _start;
    private readonly SparseTraining? _sparse;

    /// <summary>A training that begins at <paramref name="start"/>, with the weights that the network has and an optimiser that remembers nothing.</summary>
    public Trainer(Network network, Mask? mask, Recipe recipe, ImageSet data, Loss loss, ulong seed, Step start = default)
    {
        recipe.Validate();
        (Network, Mask, _recipe, _data, _loss, _start, NextEpoch) = (network, mask, recipe, data, loss, start, start.Epochs);
        _batches = new Batches(data, recipe.BatchSize, unchecked((long)seed), recipe.Augment ? null : Augmentation.None,
            channelsLast: ChannelsLast(network, data, recipe.Precision));
        Optimiser = MaskedOptimiser.Of(network, mask, recipe);
        _sparse = recipe.Precision == Precision.Bf16 ? null : SparseTraining.For(network, mask, recipe.Sparse);
    }

    /// <summary>Whether images are laid out with the channels last, which tensor cores want and some convolutions on the CPU; the convolutions follow.</summary>
    public static bool ChannelsLast(Network network, ImageSet data, Precision precision)
        => data.Device.type == DeviceType.CUDA ? precision == Precision.Bf16 : network.PrefersChannelsLast;

    public Network Network { get; }

    /// <summary>Its mask; null for a dense network.</summary>
    public Mask? Mask { get; }

    public int NextEpoch { get; private set; }
    public int Iterations => _batches.Iterations;
    public int ImagesPerEpoch => _data.Train.Count;
    internal MaskedOptimiser Optimiser { get; }

    public void Resume(string checkpoint, string run = "")
    {
        var at = Checkpoint.Load(checkpoint, Network, run, Optimiser, _recipe.Epochs);
        NextEpoch = at.Iterations == 0 && at.Epochs >= _start.Epochs && at.Epochs <= _recipe.Epochs ? at.Epochs
            : throw new UserException($"{checkpoint} is damaged (it was written at {at}, where this training never stops): delete it and it is made anew.");
    }

    /// <summary>Writes a checkpoint from which <see cref="Resume"/> goes on to the same bits; after the last epoch the network alone.</summary>
    public void Save(string checkpoint, string run = "")
        => Checkpoint.Save(checkpoint, Network, NextEpoch, run, NextEpoch < _recipe.Epochs ? Optimiser : null);

    public void Run(IReadOnlyList<TrainingCallback> callbacks, CancellationToken cancel = default, Step? until = null)
    {
        var end = until ?? _recipe.Epochs;
        while (NextEpoch < end.Epochs)
        {
            var clock = Stopwatch.StartNew();
            var epoch = NextEpoch;
            var (loss, accuracy) = TrainEpoch(epoch, callbacks, cancel);
            NextEpoch++;
            var trained = new TrainedEpoch(epoch, loss, new(() => Evaluate(epoch, loss, accuracy, clock, cancel)));
            foreach (var callback in callbacks)
                callback.EpochDone(this, trained);
        }
        if (end.Iterations > 0)
            TrainEpoch(end.Epochs, callbacks, cancel, end.Iterations);
    }

    /// <summary>Mean cross-entropy and accuracy of the network in eval mode on a part of the data set, unaugmented.</summary>
    public (double Loss, double Accuracy) Evaluate(ImageSplit part, CancellationToken cancel = default)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        Network.eval();
        var loss = zeros(1, dtype: ScalarType.Float64, device: part.Labels.device);
        var correct = zeros(1, dtype: ScalarType.Int64, device: part.Labels.device);
        foreach (var batch in _batches.Evaluation(part))
        {
            using var inner = NewDisposeScope();
            using var held = batch;
            using var sparse = _sparse?.Step(batch.Count);
            cancel.ThrowIfCancellationRequested();
            var logits = Network.call(batch.Images);
            loss.add_(nn.functional.cross_entropy(logits, batch.Labels, reduction: nn.Reduction.Sum));
            correct.add_(logits.argmax(1).eq(batch.Labels).sum());
        }
        return (loss.item<double>() / part.Count, correct.item<long>() / (double)part.Count);
    }

    /// <summary>Trains one epoch, or its first steps; <see cref="Run"/> calls it.</summary>
    public (double Loss, double Accuracy) TrainEpoch(
        int epoch, IReadOnlyList<TrainingCallback>? callbacks = null, CancellationToken cancel = default, int? until = null)
    {
        using var scope = NewDisposeScope();
        var iterations = _batches.Iterations;
        var images = 0;
        var losses = zeros(iterations, device: _data.Train.Labels.device);      // summed over each batch
        var correct = zeros(1, dtype: ScalarType.Int64, device: _data.Train.Labels.device);
        var first = epoch == _start.Epochs ? _start.Iterations : 0;
        var iteration = first;
        Network.train();
        foreach (var batch in _batches.Epoch(epoch, first).Take((until ?? iterations) - first))
        {
            using var held = batch;
            cancel.ThrowIfCancellationRequested();
            using var slot = losses.narrow(0, iteration, 1);
            Learn(batch, _recipe.LearningRateAt(epoch + iteration / (double)iterations, iterations), slot, correct);
            images += batch.Count;
            iteration++;
            foreach (var callback in callbacks ?? [])
                callback.StepDone(this, new(epoch, iteration), iterations);
        }
        var perStep = losses.cpu().data<float>().ToArray();
        var bad = Array.FindIndex(perStep, l => !float.IsFinite(l));
        if (bad >= 0)
            throw new DivergedException(epoch, bad);
        return (perStep.Sum(l => (double)l) / images, correct.item<long>() / (double)images);
    }

    /// <summary>One step of training; <see cref="TrainEpoch"/> calls it. The network must be in training mode.</summary>
    public void Learn(Batch batch, double learningRate, Tensor? lossSum = null, Tensor? correct = null)
    {
        using var scope = NewDisposeScope();
        using var sparse = _sparse?.Step(batch.Count);
        Optimiser.ZeroGradients();
        Tensor logits, loss;
        using (Autocast.On(batch.Images.device, _recipe.Precision))
        {
            logits = Network.call(batch.Images);
            loss = _loss(logits, new Target(batch.Images, batch.Labels));
        }
        loss.backward();
        Optimiser.Step(learningRate);
        using var noGrad = no_grad();
        lossSum?.copy_(loss * batch.Count);
        correct?.add_(logits.argmax(1).eq(batch.Labels).sum());
    }

    public void Dispose()
    {
        Optimiser.Dispose();
        _sparse?.Dispose();
        _batches.Dispose();
    }

    private EpochMetrics Evaluate(int epoch, double loss, double accuracy, Stopwatch clock, CancellationToken cancel)
    {
        using var precision = Autocast.On(_data.Device, _recipe.Precision);
        var (validationLoss, validationAccuracy) = Evaluate(_data.Validation, cancel);
        var (testLoss, testAccuracy) = Evaluate(_data.Test, cancel);
        // The last update of an epoch shows in no training loss.
        if (!double.IsFinite(validationLoss + testLoss))
            throw new DivergedException(epoch, _batches.Iterations - 1);
        return new(epoch, _recipe.LearningRateAt(epoch, _batches.Iterations), loss, accuracy, validationLoss, validationAccuracy, testLoss, testAccuracy,
            clock.Elapsed.TotalSeconds);
    }
}
