using System.Collections;
using System.Diagnostics;

namespace LTHKit.Training;

/// <summary>
/// The training loop (paper section 4.1). It holds the only state of a training: network, optimiser, the point reached and the epoch's losses so far; the data
/// order of an epoch follows from seed and epoch alone, so that a training resumed from a checkpoint, at any step, goes on to the same bits.
/// </summary>
internal sealed class Trainer : IDisposable
{
    /// <summary>Under what name a checkpoint within an epoch holds its losses, summed over each batch, and the number of right answers behind them.</summary>
    internal const string EpochSoFar = "epoch";

    private readonly Recipe _recipe;
    private readonly ImageSet _data;
    private readonly Loss _loss;
    private readonly Step _start;
    private readonly SparseTraining? _sparse;
    private readonly Tensor _losses, _correct;      // [steps of an epoch], summed over each batch; [1], right answers: both of the epoch under way
    private readonly bool _alike;
    private readonly List<ICollection>? _hooks;     // of a network whose steps on CUDA are all the same work; null: they need not be, or are the CPU's
    private double _done;           // share of the training
    private int? _drawing = 0;      // steps in a row that moved the generator; null once one has not, with a user's code until the next epoch
    private int _whole;             // steps that could have been recorded before one was

    /// <summary>
    /// A training that begins at <paramref name="start"/>, with the weights that the network has and an optimiser that remembers nothing. A CUDA device is given
    /// its steps recorded where they are <paramref name="alike"/>, the same work each.
    /// </summary>
    public Trainer(Network network, Mask? mask, Recipe recipe, ImageSet data, Loss loss, ulong seed, Step start = default, bool alike = false)
    {
        recipe.Validate();
        (Network, _recipe, _data, _loss, _start, Standing, NextEpoch) = (network, recipe, data, loss, start, start, start.Epochs);
        _alike = alike && recipe.Optimiser is null;
        Batches = new(data, recipe.BatchSize, unchecked((long)seed), recipe.Augment,
            channelsLast: ChannelsLast(network, data, recipe.Precision));
        Optimiser = MaskedOptimiser.Of(network, mask, recipe);
        _hooks = alike && data.Device.type == DeviceType.CUDA && Optimiser is MaskedSgd ? SparseTraining.HooksOf(network) : null;
        _sparse = recipe.Precision == Precision.Bf16 ? null : SparseTraining.For(network, mask, recipe.Sparse);
        _losses = zeros(Iterations, device: data.Train.Labels.device).DetachFromDisposeScope();
        _correct = zeros(1, dtype: ScalarType.Int64, device: data.Train.Labels.device).DetachFromDisposeScope();
    }

    /// <summary>
    /// Whether images are laid out with the channels last, which tensor cores want and some convolutions on the CPU; the convolutions follow. Where
    /// they so lay out an odd multiple of 8 channels, the oneDNN of libtorch 2.10 and 2.11, with three threads or more, writes the weights' gradient of a strided 1x1
    /// convolution beyond its memory.
    /// </summary>
    private static bool ChannelsLast(Network network, ImageSet data, Precision precision) => data.Device.type == DeviceType.CUDA
        ? precision == Precision.Bf16
        : network.PrefersChannelsLast && (network.Units[0].Convolution.in_channels % 16 == 0 || get_num_threads() < 3);

    public Network Network { get; }

    public int NextEpoch { get; private set; }

    /// <summary>The point reached. An epoch is done when it has been evaluated; until then all its steps are.</summary>
    public Step Standing { get; private set; }

    /// <summary>Whether the network stands at <see cref="Standing"/>; false where something was thrown within a step.</summary>
    public bool IsBetweenSteps { get; private set; } = true;

    /// <summary>A step as the device does it at once; null until one has been recorded.</summary>
    public RecordedStep? Recorded { get; private set; }

    public Batches Batches { get; }
    public int Iterations => Batches.Iterations;
    internal MaskedOptimiser Optimiser { get; }

    public void Resume(string checkpoint, string run = "")
    {
        Standing = Checkpoint.Load(checkpoint, Network, run, Remember);
        NextEpoch = Standing.Epochs;

        void Remember(Step at, IReadOnlyDictionary<string, Tensor> stored)
        {
            var most = at.Epochs < _recipe.Epochs ? Iterations : 0;
            if (at.Epochs < _start.Epochs || at.Epochs > _recipe.Epochs || at.Iterations > most || at.Iterations < (at.Epochs == _start.Epochs ? _start.Iterations : 0))
                throw new InvalidDataException($"it was written at {at}, where this training never stops");
            if (at.Epochs < _recipe.Epochs)
                Optimiser.Load(stored);
            if (at.Iterations == 0)
                return;
            if (!stored.TryGetValue(EpochSoFar, out var soFar) || soFar.numel() != Iterations + 1 || soFar.dtype != ScalarType.Float64)
                throw new InvalidDataException("the losses of its epoch are missing");
            _losses.copy_(soFar.narrow(0, 0, Iterations));
            _correct.copy_(soFar.narrow(0, Iterations, 1));
        }
    }

    /// <summary>Writes a checkpoint from which <see cref="Resume"/> goes on to the same bits; after the last epoch the network alone.</summary>
    public void Save(string checkpoint, string run = "")
    {
        using var scope = NewDisposeScope();
        var memory = Standing.Epochs < _recipe.Epochs ? Optimiser.State : [];
        if (Standing.Iterations > 0)
            memory = memory.Append((EpochSoFar, cat([_losses.to(ScalarType.Float64), _correct.to(ScalarType.Float64)])));
        Checkpoint.Save(checkpoint, Network, Standing, run, memory);
    }

    public void Run(IReadOnlyList<TrainingCallback> callbacks, CancellationToken cancel = default, Step? until = null)
    {
        var end = until ?? _recipe.Epochs;
        while (NextEpoch < end.Epochs)
        {
            var clock = Stopwatch.StartNew();
            var epoch = NextEpoch;
            var (loss, accuracy) = TrainEpoch(epoch, callbacks, cancel);
            NextEpoch++;
            foreach (var callback in callbacks)
                callback.EpochTrained?.Invoke(epoch, loss);
            if (callbacks.All(callback => callback.EpochDone is null))
                continue;
            var metrics = Evaluate(epoch, loss, accuracy, clock, cancel);
            foreach (var callback in callbacks)
                callback.EpochDone?.Invoke(metrics, _data.Train.Count);
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
        foreach (var batch in Batches.Evaluation(part))
        {
            using var inner = NewDisposeScope();
            using var held = batch;
            using var sparse = _sparse?.Step();
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
        var begin = epoch == _start.Epochs ? _start.Iterations : 0;
        var first = epoch == Standing.Epochs ? Standing.Iterations : 0;
        if (first == begin)
        {
            _losses.zero_();
            _correct.zero_();
        }
        var iteration = first;
        if (!_alike)
            _drawing ??= 0;         // what did not draw so far may do it from here on
        Network.train();
        foreach (var batch in Batches.Epoch(epoch, first).Take((until ?? Iterations) - first))
        {
            using var held = batch;
            cancel.ThrowIfCancellationRequested();
            using var slot = _losses.narrow(0, iteration, 1);
            IsBetweenSteps = false;
            var done = epoch + iteration / (double)Iterations;
            _done = done / _recipe.Epochs;
            Learn(batch, _recipe.LearningRateAt(done, Iterations), slot, _correct);
            (Standing, IsBetweenSteps) = (new(epoch, ++iteration), true);
            foreach (var callback in callbacks ?? [])
                callback.StepDone?.Invoke(new(epoch, iteration), Iterations);
        }
        var images = (iteration == Iterations ? _data.Train.Count : iteration * Batches.BatchSize) - begin * Batches.BatchSize;
        var perStep = _losses.cpu().data<float>().ToArray();
        var bad = Array.FindIndex(perStep, l => !float.IsFinite(l));
        if (bad >= 0)
            throw new DivergedException(epoch, bad);
        return (perStep.Sum(l => (double)l) / images, _correct.item<long>() / (double)images);
    }

    /// <summary>
    /// One step of training; <see cref="TrainEpoch"/> calls it. The network must be in training mode. Refuses, in first steps, what draws from the
    /// generator of libtorch on the CPU: a resumed run could not draw the same again.
    /// </summary>
    public void Learn(Batch batch, double learningRate, Tensor? lossSum = null, Tensor? correct = null)
    {
        using var turn = DeviceTurns.Take(_data.Device.type, _recipe.Precision);
        Optimiser.LearningRate = learningRate;
        if (_drawing is not null)
            _drawing = Networks.Draws(() => Descend(batch, lossSum, correct)) ? _drawing + 1 : null;
        else if (CanRecord(batch) && (Recorded ??= Recording(batch)) is { } step)
            step.Run(batch, lossSum, correct);
        else
            Descend(batch, lossSum, correct);
        if (_drawing == ForwardPass.Tries)
            throw new UserException("A step draws random numbers, as dropout and randn do, in a tweak, an activation or the optimiser, which an interrupted run "
                + "could not draw again: leave that out.");
    }

    /// <summary>Whether a step is one that could be recorded: on CUDA, on a whole batch, and nobody looks on.</summary>
    private bool CanRecord(Batch batch)
        => _hooks is not null && CudaGraph.Serves && batch.Count == Batches.BatchSize && _hooks.All(hooks => hooks.Count == 0);

    /// <summary>Records a step; null for the first ones, and where others have the device for long, and the next one may try.</summary>
    private RecordedStep? Recording(Batch batch)
    {
        using var alone = ++_whole > RecordedStep.Before ? DeviceTurns.Alone() : null;
        return alone is null ? null : new(batch, Descend);
    }

    private void Descend(Batch batch, Tensor? lossSum, Tensor? correct)
    {
        using var scope = NewDisposeScope();
        using var sparse = _sparse?.Step();
        Optimiser.ZeroGradients();
        Tensor logits, loss;
        using (Autocast.On(batch.Images.device, _recipe.Precision))
        {
            logits = Network.call(batch.Images);
            loss = _loss(logits, new Target(batch.Images, batch.Labels, Done: _done));
        }
        if (loss is null)
            throw new UserException("The loss is null: it must be one number, the mean over the batch.");
        if (loss.numel() != 1 || !loss.requires_grad)
            throw new UserException($"The loss is [{string.Join(", ", loss.shape)}]{(loss.requires_grad ? "" : " and depends on no weight")}: it must be one number, the mean over the batch.");
        try
        {
            loss.backward();
            _sparse?.ThrowIfFailed();
        }
        catch (ExternalException e)
        {
            throw new UserException($"The gradient of the loss cannot be computed ({e.Message.Split('\n')[0].TrimEnd('.')})"
                + (e.Message.Contains("inplace operation") ? ": what the forward pass used may not be changed in place before; work on copies." : "."), e);
        }
        using (no_grad())
        {
            lossSum?.copy_(loss * batch.Count);
            correct?.add_(logits.argmax(1).eq(batch.Labels).sum());
        }
        Optimiser.Step();       // last: an error of the device that is found in it ends the process
    }

    public void Dispose()
    {
        Recorded?.Dispose();
        Optimiser.Dispose();
        _sparse?.Dispose();
        Batches.Dispose();
        _losses.Dispose();
        _correct.Dispose();
    }

    private EpochMetrics Evaluate(int epoch, double loss, double accuracy, Stopwatch clock, CancellationToken cancel)
    {
        using var turn = DeviceTurns.Take(_data.Device.type, _recipe.Precision);
        using var precision = Autocast.On(_data.Device, _recipe.Precision);
        var (validationLoss, validationAccuracy) = Evaluate(_data.Validation, cancel);
        var (testLoss, testAccuracy) = Evaluate(_data.Test, cancel);
        // The last update of an epoch shows in no training loss.
        if (!double.IsFinite(validationLoss + testLoss))
            throw new DivergedException(epoch, Batches.Iterations - 1);
        Standing = epoch + 1;
        return new(epoch, _recipe.LearningRateAt(epoch, Batches.Iterations), loss, accuracy, validationLoss, validationAccuracy, testLoss, testAccuracy,
            clock.Elapsed.TotalSeconds);
    }
}

/// <summary>A step of training on CUDA, recorded: batches are put where it reads them.</summary>
internal sealed class RecordedStep : IDisposable
{
    /// <summary>Steps to do before one is recorded, in which libraries choose how to compute.</summary>
    public const int Before = 3;

    private readonly Batch _batch;
    private readonly Tensor _loss, _correct;        // [1]
    private readonly CudaGraph _graph;

    /// <summary>Records, and does not do, <paramref name="step"/> for batches like this one.</summary>
    public RecordedStep(Batch like, Action<Batch, Tensor, Tensor> step)
    {
        using var scope = NewDisposeScope();
        _batch = new Batch(like.Images.clone(), like.Labels.clone());
        _loss = zeros(1, device: like.Images.device);
        _correct = zeros(1, dtype: ScalarType.Int64, device: like.Images.device);
        _graph = new CudaGraph(() =>
        {
            _correct.zero_();
            step(_batch, _loss, _correct);
        });
        _batch.Detached();
        _loss.DetachFromDisposeScope();
        _correct.DetachFromDisposeScope();
    }

    public void Run(Batch batch, Tensor? lossSum, Tensor? correct)
    {
        using var noGrad = no_grad();
        _batch.Images.copy_(batch.Images);
        _batch.Labels.copy_(batch.Labels);
        _graph.Replay();
        lossSum?.copy_(_loss);
        correct?.add_(_correct);
    }

    public void Dispose()
    {
        _graph.Dispose();
        _batch.Dispose();
        _loss.Dispose();
        _correct.Dispose();
    }
}
