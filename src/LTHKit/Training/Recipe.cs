namespace LTHKit.Training;

/// <summary>
/// How a network is trained: SGD with momentum, weight decay on every parameter, the learning rate in steps. The defaults are the
/// paper's (section 4.1); it trains without warm-up.
/// </summary>
public sealed record Recipe
{
    /// <summary>Passes over the training set.</summary>
    public int Epochs { get; init; } = 180;

    /// <summary>Images a step.</summary>
    public int BatchSize { get; init; } = 128;

    /// <summary>Learning rate of the first epoch.</summary>
    public double LearningRate { get; init; } = 0.1;

    /// <summary>Momentum.</summary>
    public double Momentum { get; init; } = 0.9;

    /// <summary>L2 penalty, on every parameter.</summary>
    public double WeightDecay { get; init; } = 2e-4;

    /// <summary>After which shares of the epochs the learning rate falls; the paper's 90 and 135 of 180.</summary>
    public IReadOnlyList<double> DecayAt { get; init; } = [0.5, 0.75];

    /// <summary>The factor it falls by.</summary>
    public double Decay { get; init; } = 0.1;

    /// <summary>Random crops and horizontal flips of the training images.</summary>
    public bool Augment { get; init; } = true;

    /// <summary>The learning rate of <paramref name="epoch"/>, counted from 0.</summary>
    public double LearningRateAt(int epoch)
        => DecayAt.Where(share => epoch >= Math.Round(share * Epochs)).Aggregate(LearningRate, (rate, _) => rate * Decay);

    /// <summary>Refuses settings that cannot train.</summary>
    /// <exception cref="UserException">One is out of its range.</exception>
    public void Validate()
    {
        Require(Epochs >= 1, nameof(Epochs), Epochs, "at least 1");
        Require(BatchSize >= 2, nameof(BatchSize), BatchSize, "at least 2, since BatchNorm needs two images");
        Require(LearningRate is > 0 and < double.PositiveInfinity, nameof(LearningRate), LearningRate, "a positive number");
        Require(Momentum is >= 0 and < 1, nameof(Momentum), Momentum, "in [0, 1)");
        Require(WeightDecay is >= 0 and < double.PositiveInfinity, nameof(WeightDecay), WeightDecay, "0 or more");
        Require(Decay is > 0 and <= 1, nameof(Decay), Decay, "in (0, 1]");
        foreach (var share in DecayAt)
            Require(share is > 0 and < 1, nameof(DecayAt), share, "a share of the epochs between 0 and 1");
    }

    private static void Require(bool ok, string name, double value, string range)
    {
        if (!ok)
            throw new UserException(FormattableString.Invariant($"The recipe's {name} is {value}; it must be {range}."));
    }
}
