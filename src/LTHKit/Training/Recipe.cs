namespace LTHKit.Training;

/// <summary>
/// How a network is trained: SGD with momentum, weight decay on every parameter, the learning rate in steps. The defaults are the
/// paper's (section 4.1); it trains without warm-up.
/// </summary>
/// <param name="Epochs">Passes over the training set.</param>
/// <param name="BatchSize">Images a step.</param>
/// <param name="LearningRate">The learning rate that the schedule starts from.</param>
/// <param name="Momentum">Momentum of SGD.</param>
/// <param name="WeightDecay">L2 penalty of SGD, on every parameter.</param>
/// <param name="Decay">The factor by which the learning rate falls, after the shares of the training in <see cref="DecayAt"/>.</param>
/// <param name="WarmUp">Over how long the learning rate rises to its value, "5ep" or "500it", in equal steps; none in the paper.</param>
/// <param name="Schedule">
/// In place of <see cref="DecayAt"/>: the learning rate's factor after a share of the training, from 0 to 1, for instance <see cref="Cosine"/>
/// or <c>done => 1 - done</c>.
/// </param>
/// <param name="Optimiser">
/// In place of SGD: any optimiser of torch.optim that steps without a closure and by the rate that it is given (all but LBFGS, Rprop, ASGD and RAdam), or one's own that derives from
/// TorchSharp's OptimizerHelper as they do, for instance
/// <c>p => torch.optim.AdamW(p, weight_decay: 0.01)</c>. Its learning rate is set before every step from the recipe's, which SGD's 0.1 is mostly too much for; <paramref name="Momentum"/> and
/// <paramref name="WeightDecay"/> are SGD's. Pruned weights are held at zero.
/// </param>
/// <param name="RateOf">The factor of a parameter's learning rate by its name, for instance <c>name => name.StartsWith("fc") ? 0.1 : 1</c>; null for 1.</param>
/// <param name="Augment">Random crops and horizontal flips of the training images.</param>
/// <param name="Sparse">
/// Whether a step on the CPU goes over the surviving weights only, in the kit's own kernels, or through libtorch's: their numbers differ in the last
/// digits. Null for what is expected to be faster for network and mask.
/// </param>
/// <param name="Precision">In which numbers it computes.</param>
public sealed record Recipe(int Epochs = 180, int BatchSize = 128, double LearningRate = 0.1, double Momentum = 0.9, double WeightDecay = 2e-4,
    double Decay = 0.1, Step WarmUp = default, Func<double, double>? Schedule = null, Func<IEnumerable<Parameter>, optim.Optimizer>? Optimiser = null,
    Func<string, double>? RateOf = null, bool Augment = true, bool? Sparse = null, Precision Precision = default)
{
    /// <summary>After which shares of the training the learning rate falls; the paper's 90 and 135 of 180 epochs. They may lie inside an epoch.</summary>
    public IReadOnlyList<double> DecayAt { get; init; } = [0.5, 0.75];

    /// <summary>Half a cosine from 1 to 0 (Loshchilov and Hutter 2017), for <see cref="Schedule"/>.</summary>
    public static double Cosine(double done) => (1 + Math.Cos(Math.PI * done)) / 2;

    /// <summary>The learning rate of the step that begins after <paramref name="done"/> epochs.</summary>
    /// <param name="done">Epochs, 2.5 being the middle of the third.</param>
    /// <param name="iterations">Steps an epoch has, which a warm-up counts.</param>
    public double LearningRateAt(double done, int iterations = 1)
    {
        var factor = Schedule is not null ? Checked(nameof(Schedule), Schedule(done / Epochs)) : DecayAt.Where(share => done >= share * Epochs - 1e-9).Aggregate(1.0, (all, _) => all * Decay);
        var rise = WarmUp.Epochs + WarmUp.Iterations / (double)iterations;
        return LearningRate * factor * (rise == 0 ? 1 : Math.Min(1, (done + 1.0 / iterations) / rise));
    }

    /// <summary>The factor of a parameter's learning rate.</summary>
    /// <exception cref="UserException">It is negative or no number.</exception>
    internal double RateFor(string parameter) => RateOf is null ? 1 : Checked($"{nameof(RateOf)} of {parameter}", RateOf(parameter));

    private static double Checked(string name, double value)
    {
        UserException.Require(value is >= 0 and < double.PositiveInfinity, $"The recipe's {name}", value, "0 or more everywhere");
        return value;
    }

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
        if (WarmUp.Epochs < 0 || WarmUp.Iterations < 0 || WarmUp.Epochs > Epochs)
            throw new UserException($"The recipe's WarmUp is {WarmUp}; it must not be longer than the training of {Epochs} epochs.");
        if (Precision == Precision.Bf16 && !Autocast.Available)
            throw new UserException($"The recipe's precision is {Precision}, which this libtorch lacks; give Fp32 or Tf32.");
        if (Precision == Precision.Bf16 && Sparse == true)
            throw new UserException("The kit's own kernels compute in float32: give a recipe with Sparse = true another precision than Bf16.");
        foreach (var share in DecayAt)
            Require(share is > 0 and < 1, nameof(DecayAt), share, "a share of the training between 0 and 1");
        for (var done = 0.0; done < Epochs; done += 0.499)      // a schedule's factors are tried here
            LearningRateAt(done);
        LearningRateAt(Epochs - 0.001);

        static void Require(bool holds, string name, double value, string range) => UserException.Require(holds, $"The recipe's {name}", value, range);
    }
}
