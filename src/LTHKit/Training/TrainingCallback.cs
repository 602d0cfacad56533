namespace LTHKit.Training;

/// <summary>
/// Something that watches a training: logging, checkpoints, an eigenvalue. Callbacks never change the training, so
/// that what each sees does not depend on their order. One that throws ends the training, so whatever records it comes first.
/// </summary>
/// <param name="StepDone">The point reached, and how many iterations an epoch has.</param>
/// <param name="EpochTrained">The epoch whose steps are done, counted from 0, and its training loss.</param>
/// <param name="EpochDone">What the epoch brought, and how many images it has; where nobody asks for that, nothing is evaluated.</param>
/// <param name="Preparing">What is being done while the network is prepared.</param>
internal sealed record TrainingCallback(Action<Step, int>? StepDone = null, Action<int, double>? EpochTrained = null, Action<EpochMetrics, int>? EpochDone = null,
    Action<string>? Preparing = null);

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
