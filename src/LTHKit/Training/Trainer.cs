using System.Diagnostics;
using LTHKit.Data;
using LTHKit.Models;
using LTHKit.Pruning;
using TorchSharp;
using static TorchSharp.torch;

namespace LTHKit.Training;

/// <summary>
/// The training loop (paper section 4.1). It holds the only state of a training: network, optimiser and next epoch; the data order of an
/// epoch follows from seed and epoch alone, so that a training resumed from a checkpoint goes on to the same bits.
/// </summary>
public sealed class Trainer : IDisposable
{
    private readonly Recipe _recipe;
    private readonly ImageSet _data;
    private readonly Batches _batches;
    private readonly Loss _loss;
    private readonly Averaging? _averaging;
    private readonly WeightAverage? _average;
    private readonly int _firstEpoch, _firstIteration;

    /// <summary>A training that begins at <paramref name="firstEpoch"/>, with the weights that the network has and no momentum.</summary>
    /// <param name="network">On the data's device; its mask, if any, already applied.</param>
    /// <param name="mask">On the same device; null for a dense network.</param>
    /// <param name="recipe">How to train.</param>
    /// <param name="data">The data set, on the training device.</param>
    /// <param name="loss">What to minimise.</param>
    /// <param name="seed">Of data order and augmentation.</param>
    /// <param name="firstEpoch">Not 0 for a rewound ticket: schedule and data order go on from there.</param>
    /// <param name="firstIteration">The step of that epoch to begin with.</param>
    /// <param name="averaging">Whether the trained network is an average of weights along the training; null for the weights of the last epoch.</param>
    public Trainer(Network network, Mask? mask, Recipe recipe, ImageSet data, Loss loss, ulong seed, int firstEpoch = 0, int firstIteration = 0,
        Averaging? averaging = null)
    {
        recipe.Validate();
        (_firstEpoch, _firstIteration) = (firstEpoch, firstIteration);
        (Network, Mask, _recipe, _data, _loss, NextEpoch) = (network, mask, recipe, data, loss, firstEpoch);
        _batches = new Batches(data, recipe.BatchSize, unchecked((long)seed), recipe.Augment ? null : Augmentation.None,
            channelsLast: network.PrefersChannelsLast && data.Device.type == DeviceType.CPU);
        Optimiser = new MaskedSgd(network, mask, recipe);
        (_averaging, _average) = (averaging, averaging is null ? null : new WeightAverage(network, averaging, firstEpoch));
    }

    /// <summary>The network.</summary>
    public Network Network { get; }

    /// <summary>Its mask; null for a dense network.</summary>
    public Mask? Mask { get; }

    /// <summary>The optimiser.</summary>
    public MaskedSgd Optimiser { get; }

    /// <summary>The epoch that <see cref="Run"/> begins with, counted from 0.</summary>
    public int NextEpoch { get; private set; }

    /// <summary>Training images an epoch.</summary>
    public int ImagesPerEpoch => _data.Train.Count;

    /// <summary>Goes on from a checkpoint of this training.</summary>
    /// <exception cref="UserException">The file is damaged or of another network.</exception>
    public void Resume(string checkpoint) => NextEpoch = Checkpoint.Load(checkpoint, Network, Optimiser, _recipe.Epochs, _average);

    /// <summary>Writes a checkpoint from which <see cref="Resume"/> goes on to the same bits; after the last epoch the network alone.</summary>
    /// <exception cref="UserException">The file cannot be written.</exception>
    public void Save(string checkpoint)
    {
        var goesOn = NextEpoch < _recipe.Epochs;
        Checkpoint.Save(checkpoint, Network, goesOn ? Optimiser : null, NextEpoch, goesOn ? _average : null);
    }

    /// <summary>Trains the epochs that remain.</summary>
    /// <param name="callbacks">Told of every step and epoch.</param>
    /// <param name="cancel">Stops after the step under way.</param>
    /// <exception cref="DivergedException">The loss is no longer finite.</exception>
    /// <exception cref="OperationCanceledException">Cancelled; the epoch under way is lost, those before it are not.</exception>
    public void Run(IReadOnlyList<TrainingCallback> callbacks, CancellationToken cancel = default)
    {
        while (NextEpoch < _recipe.Epochs)
        {
            var clock = Stopwatch.StartNew();
            var epoch = NextEpoch;
            var (trainLoss, trainAccuracy) = WholeEpoch(epoch, callbacks, cancel);
            var (validationLoss, validationAccuracy) = Evaluate(Network, _batches, _data.Validation, cancel);
            var (testLoss, testAccuracy) = Evaluate(Network, _batches, _data.Test, cancel);
            // The last update of an epoch shows in no training loss.
            if (!double.IsFinite(validationLoss + testLoss))
                throw new DivergedException(epoch, _batches.Iterations - 1);
            NextEpoch++;
            var metrics = new EpochMetrics(epoch, RateAt(epoch), trainLoss, trainAccuracy, validationLoss, validationAccuracy,
                testLoss, testAccuracy, clock.Elapsed.TotalSeconds);
            foreach (var callback in callbacks)
                callback.EpochDone(this, metrics);
        }
    }

    /// <summary>Trains up to a point of the schedule, without evaluation: what a training passed through, to the bit.</summary>
    /// <param name="epochs">Epochs that are done then.</param>
    /// <param name="iterations">Steps of the next epoch that are done too; after them this training cannot go on.</param>
    /// <param name="callbacks">Told of every step.</param>
    /// <param name="trained">Told of every epoch and its training loss.</param>
    /// <param name="cancel">Stops after the step under way.</param>
    public void RunTo(int epochs, int iterations = 0, IReadOnlyList<TrainingCallback>? callbacks = null, Action<int, double>? trained = null,
        CancellationToken cancel = default)
    {
        for (; NextEpoch < epochs; NextEpoch++)
        {
            var (loss, _) = WholeEpoch(NextEpoch, callbacks, cancel);
            trained?.Invoke(NextEpoch, loss);
        }
        if (iterations == 0)
            return;
        _average?.Resume(epochs);
        TrainEpoch(epochs, callbacks, cancel, iterations);
    }

    /// <summary>Mean cross-entropy and accuracy of <paramref name="network"/> in eval mode on a part of a data set, unaugmented.</summary>
    public static (double Loss, double Accuracy) Evaluate(Network network, Batches batches, ImageSplit part, CancellationToken cancel = default)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        network.eval();
        var loss = zeros(1, dtype: ScalarType.Float64, device: part.Labels.device);
        var correct = zeros(1, dtype: ScalarType.Int64, device: part.Labels.device);
        foreach (var batch in batches.Evaluation(part))
        {
            using var inner = NewDisposeScope();
            using var held = batch;
            cancel.ThrowIfCancellationRequested();
            var logits = network.call(batch.Images);
            loss.add_(nn.functional.cross_entropy(logits, batch.Labels, reduction: nn.Reduction.Sum));
            correct.add_(logits.argmax(1).eq(batch.Labels).sum());
        }
        return (loss.item<double>() / part.Count, correct.item<long>() / (double)part.Count);
    }

    /// <summary>Trains one epoch, or its first steps; <see cref="Run"/> calls it.</summary>
    /// <returns>Mean training loss and accuracy over the steps done.</returns>
    /// <exception cref="DivergedException">The loss is no longer finite.</exception>
    public (double Loss, double Accuracy) TrainEpoch(
        int epoch, IReadOnlyList<TrainingCallback>? callbacks = null, CancellationToken cancel = default, int? until = null)
    {
        using var scope = NewDisposeScope();
        var iterations = _batches.Iterations;
        var images = 0;
        var rate = RateAt(epoch);
        var losses = zeros(iterations, device: _data.Train.Labels.device);      // summed over each batch
        var correct = zeros(1, dtype: ScalarType.Int64, device: _data.Train.Labels.device);
        var first = epoch == _firstEpoch ? _firstIteration : 0;
        var iteration = first;
        Network.train();
        foreach (var batch in _batches.Epoch(epoch, first).Take((until ?? iterations) - first))
        {
            using var held = batch;
            cancel.ThrowIfCancellationRequested();
            using var slot = losses.narrow(0, iteration, 1);
            Step(batch, rate, slot, correct);
            foreach (var callback in callbacks ?? [])
                callback.StepDone(this, epoch, iteration + 1, iterations);
            images += batch.Count;
            iteration++;
        }
        var perStep = losses.cpu().data<float>().ToArray();
        var bad = Array.FindIndex(perStep, l => !float.IsFinite(l));
        if (bad >= 0)
            throw new DivergedException(epoch, bad);
        return (perStep.Sum(l => (double)l) / images, correct.item<long>() / (double)images);
    }

    /// <summary>One step of training; <see cref="TrainEpoch"/> calls it. The network must be in training mode.</summary>
    /// <param name="batch">What to learn from.</param>
    /// <param name="learningRate">How fast.</param>
    /// <param name="lossSum">[1], set to the batch's summed loss.</param>
    /// <param name="correct">[1], int64, to which the number of right answers is added.</param>
    public void Step(Batch batch, double learningRate, Tensor? lossSum = null, Tensor? correct = null)
    {
        using var scope = NewDisposeScope();
        Optimiser.ZeroGradients();
        var logits = Network.call(batch.Images);
        var loss = _loss(logits, new Target(batch.Images, batch.Labels));
        loss.backward();
        Optimiser.Step(learningRate);
        using var noGrad = no_grad();
        lossSum?.copy_(loss * batch.Count);
        correct?.add_(logits.argmax(1).eq(batch.Labels).sum());
    }

    /// <summary>Frees the optimiser and the batches; network and data stay.</summary>
    public void Dispose()
    {
        Optimiser.Dispose();
        _average?.Dispose();
        _batches.Dispose();
    }

    /// <summary>Trains an epoch; what the network holds after it is what the training is to deliver.</summary>
    private (double Loss, double Accuracy) WholeEpoch(int epoch, IReadOnlyList<TrainingCallback>? callbacks, CancellationToken cancel)
    {
        _average?.Resume(epoch);
        var trained = TrainEpoch(epoch, callbacks, cancel);
        _average?.Take(epoch, _batches, cancel);
        return trained;
    }

    private double RateAt(int epoch)
        => _averaging is { LearningRate: > 0 } averaging && epoch >= averaging.FromEpoch ? averaging.LearningRate : _recipe.LearningRateAt(epoch);
}
