namespace LTHKit.Training;

/// <summary>What one epoch brought. Losses are plain cross-entropy except the training loss, which is what was minimised.</summary>
/// <param name="Epoch">Counted from 0.</param>
/// <param name="LearningRate">Of the epoch's first step.</param>
/// <param name="TrainLoss">Mean over the epoch's steps, as the weights moved.</param>
/// <param name="TrainAccuracy">Likewise; a fraction.</param>
/// <param name="ValidationLoss">After the epoch.</param>
/// <param name="ValidationAccuracy">After the epoch; a fraction.</param>
/// <param name="TestLoss">After the epoch.</param>
/// <param name="TestAccuracy">After the epoch; a fraction.</param>
/// <param name="Seconds">Wall time of the epoch, evaluation included.</param>
public sealed record EpochMetrics(int Epoch, double LearningRate, double TrainLoss, double TrainAccuracy, double ValidationLoss,
    double ValidationAccuracy, double TestLoss, double TestAccuracy, double Seconds);
