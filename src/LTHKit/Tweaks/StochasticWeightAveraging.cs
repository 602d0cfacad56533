using LTHKit.Training;

namespace LTHKit.Tweaks;

/// <summary>
/// Stochastic weight averaging (Izmailov et al. 2018), which the paper counts among the ways to smooth a training (section 2): the network is the
/// mean of the weights at the ends of the last epochs, its BatchNorm statistics taken anew over the training images. From then on the average is what is
/// evaluated. Pruned weights are zero in each and so in the mean.
/// </summary>
/// <param name="Start">From which share of the epochs on, in (0, 1]; 1 changes nothing.</param>
/// <param name="LearningRate">The constant learning rate from there on, as Izmailov et al. have it; 0 keeps the recipe's.</param>
public sealed record StochasticWeightAveraging(double Start = 0.75, double LearningRate = 0) : Tweak
{
    /// <inheritdoc/>
    public override string Label => "weight averaging";

    /// <inheritdoc/>
    public override string? Replaces => "the final weights";

    /// <inheritdoc/>
    public override void Validate(Recipe recipe)
    {
        if (Start is not (> 0 and <= 1))
            throw new UserException(FormattableString.Invariant($"Weight averaging starts at {Start}; give a share of the epochs in (0, 1], 0.75 is usual and 1 never averages."));
        if (LearningRate is not (>= 0 and < double.PositiveInfinity))
            throw new UserException(FormattableString.Invariant($"The learning rate of weight averaging is {LearningRate}; give a positive number, or 0 to keep the recipe's."));
    }

    /// <inheritdoc/>
    public override Averaging? Average(Recipe recipe)
        => (int)Math.Round(Start * recipe.Epochs) is var from && from < recipe.Epochs ? new Averaging(from, LearningRate) : null;
}
