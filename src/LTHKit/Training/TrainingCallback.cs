namespace LTHKit.Training;

/// <summary>
/// Something that watches a training: logging, checkpoints, a Hessian trace. Callbacks read the trainer and never change it, so
/// that what each sees does not depend on their order. One that throws ends the training, so whatever records it comes first.
/// </summary>
internal abstract class TrainingCallback
{
    /// <summary>While the network is prepared.</summary>
    public virtual void Preparing(string doing) { }

    public virtual void StepDone(Trainer trainer, Step done, int iterations) { }

    public virtual void EpochDone(Trainer trainer, TrainedEpoch epoch) { }
}

/// <summary>An epoch that has just been trained.</summary>
internal sealed record TrainedEpoch(int Epoch, double TrainLoss, Lazy<EpochMetrics> Evaluation);

/// <summary>The training loss became infinite or not a number; what was kept of the run is its last good epoch.</summary>
/// <param name="message">Where.</param>
public sealed class DivergedException(string message) : UserException(message)
{
    /// <summary>In a step of an epoch, both counted from 0.</summary>
    internal DivergedException(int epoch, int iteration)
        : this($"The training loss became infinite or not a number in epoch {epoch + 1}, step {iteration + 1}.")
    {
    }
}

/// <summary>What one epoch brought. Losses are plain cross-entropy except the training loss, which is what was minimised.</summary>
/// <param name="Epoch">Counted from 0.</param>
/// <param name="LearningRate">Of the epoch's first step.</param>
/// <param name="TrainLoss">Mean over the epoch's steps, as the weights moved.</param>
/// <param name="TrainAccuracy">Likewise; a fraction.</param>
/// <param name="ValidationLoss">After the epoch.</param>
/// <param name="ValidationAccuracy">After the epoch; a fraction.</param>
/// <param name="TestLoss">After the epoch.</param>
/// <param name="TestAccuracy">After the epoch; a fraction.</param>
/// <param name="Seconds">Wall time of the epoch, evaluation included; of one that was stopped and went on, of what came after.</param>
public sealed record EpochMetrics(int Epoch, double LearningRate, double TrainLoss, double TrainAccuracy, double ValidationLoss,
    double ValidationAccuracy, double TestLoss, double TestAccuracy, double Seconds);
