namespace LTHKit.Training;

/// <summary>
/// Something that watches a training: logging, checkpoints, an eigenvalue. Callbacks never change the training, so
/// that what each sees does not depend on their order. One that throws ends the training, so whatever records it comes first.
/// </summary>
/// <param name="StepDone">The point reached, and how many iterations an epoch has.</param>
/// <param name="EpochDone">Before its evaluation, which the first who asks for it has made.</param>
/// <param name="Preparing">What is being done while the network is prepared.</param>
internal sealed record TrainingCallback(Action<Step, int>? StepDone = null, Action<TrainedEpoch>? EpochDone = null, Action<string>? Preparing = null);

/// <summary>An epoch of so many images that has just been trained.</summary>
internal sealed record TrainedEpoch(int Epoch, int Images, double TrainLoss, Lazy<EpochMetrics> Evaluation);

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
