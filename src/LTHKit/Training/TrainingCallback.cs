namespace LTHKit.Training;

/// <summary>
/// Something that watches a training: logging, checkpoints, a Hessian trace. Callbacks read the trainer and never change it, so
/// that what each sees does not depend on their order. One that throws ends the training, so whatever records it comes first.
/// </summary>
internal abstract class TrainingCallback
{
    /// <summary>While the network is prepared.</summary>
    /// <param name="doing">What is done, and how far it is.</param>
    public virtual void Preparing(string doing)
    {
    }

    /// <summary>After a step.</summary>
    /// <param name="trainer">The training.</param>
    /// <param name="done">The point that it has reached, its steps counted from 1 to <paramref name="iterations"/>.</param>
    /// <param name="iterations">Steps an epoch has.</param>
    public virtual void StepDone(Trainer trainer, Step done, int iterations)
    {
    }

    /// <summary>After an epoch.</summary>
    /// <param name="trainer">The training.</param>
    /// <param name="epoch">What it brought.</param>
    public virtual void EpochDone(Trainer trainer, TrainedEpoch epoch)
    {
    }
}

/// <summary>An epoch that has just been trained.</summary>
/// <param name="Epoch">Counted from 0.</param>
/// <param name="TrainLoss">Mean over the epoch's steps, as the weights moved.</param>
/// <param name="Evaluation">The network on the validation and test images: computed for the first callback that asks, and for nobody if none does.</param>
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
