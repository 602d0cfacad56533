namespace LTHKit.Training;

/// <summary>
/// Something that watches a training: logging, checkpoints, a Hessian trace. Callbacks read the trainer and never change it, so
/// that what each sees does not depend on their order. One that throws ends the training, so whatever records it comes first.
/// </summary>
public abstract class TrainingCallback
{
    /// <summary>While the network is prepared.</summary>
    /// <param name="doing">What is done, and how far it is.</param>
    public virtual void Preparing(string doing)
    {
    }

    /// <summary>After a step.</summary>
    /// <param name="trainer">The training.</param>
    /// <param name="epoch">Counted from 0.</param>
    /// <param name="iteration">Steps done in this epoch.</param>
    /// <param name="iterations">Steps an epoch has.</param>
    public virtual void StepDone(Trainer trainer, int epoch, int iteration, int iterations)
    {
    }

    /// <summary>After an epoch and its evaluation.</summary>
    public virtual void EpochDone(Trainer trainer, EpochMetrics metrics)
    {
    }
}

/// <summary>The training loss became infinite or not a number; what was kept of the run is its last good epoch.</summary>
/// <param name="epoch">Counted from 0.</param>
/// <param name="iteration">Counted from 0 within the epoch.</param>
public sealed class DivergedException(int epoch, int iteration)
    : UserException($"The training loss became infinite or not a number in epoch {epoch + 1}, step {iteration + 1}.");
