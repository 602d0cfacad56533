namespace LTHKit.Tweaks;

/// <summary>
/// Layer-wise re-scaled initialisation (paper section 3.2): GradInit (Zhu et al. 2021) learns one factor for every weight and bias of the
/// convolutions, linear layers and BatchNorms, such that the first step of SGD lowers the loss most while the gradient stays small. It acts on the
/// masked weights, theta0 or rewound: a zero stays zero. The settings' defaults are those of the paper's published code.
/// </summary>
/// <remarks>
/// Where texts and published code differ it follows GradInit's code: the loss is the plain cross-entropy, whatever other tweaks make of the training's
/// loss; it is divided by eta, which matters since the clip and Adam's second moment are shared by both branches. It draws S~ as two halves of
/// one training batch, augmented as in training. The paper's code learns the factors on the dense network and masks afterwards; here the mask comes
/// first, as the paper's text has it, and a pruned weight takes no part in the gradient either.
/// </remarks>
/// <param name="Iterations">Updates of the factors; 0 changes nothing.</param>
/// <param name="LearningRate">Of Adam on the factors.</param>
/// <param name="Eta">Length of the SGD step whose outcome is judged.</param>
/// <param name="Gamma">The gradient's norm above which the factors are learned to lower the norm, and not the loss.</param>
/// <param name="Minimum">The smallest factor of a weight; a bias may reach 0.</param>
/// <param name="Clip">The largest size of the derivative by a factor.</param>
public sealed record RescaledInit(
    int Iterations = 180, double LearningRate = 1e-2, double Eta = 0.1, double Gamma = 1, double Minimum = 0.01, double Clip = 1) : Tweak
{
    /// <summary>Under which name the learned factors are kept with the run: a number for each weight and bias.</summary>
    internal const string Kept = "scales";

    public override string Label => "re-scaled init";
    public override string? Replaces => "the scales of the first weights";

    public override void Validate(Recipe recipe)
    {
        Require(Iterations >= 0, nameof(Iterations), Iterations, "0 or more");
        Require(LearningRate is > 0 and < double.PositiveInfinity, nameof(LearningRate), LearningRate, "a positive number");
        Require(Eta is > 0 and < double.PositiveInfinity, nameof(Eta), Eta, "a positive number");
        Require(Gamma > 0, nameof(Gamma), Gamma, "positive");
        Require(Minimum is >= 0 and <= 1, nameof(Minimum), Minimum, "in [0, 1]");
        Require(Clip > 0, nameof(Clip), Clip, "positive");

        static void Require(bool holds, string name, double value, string range)
            => UserException.Require(holds, $"The re-scaled initialisation's {name}", value, range);
    }

    public override void Initialise(Network network, TweakContext context)
    {
        if (Iterations == 0)
            return;
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var parameters = network.named_parameters().ToDictionary(p => p.name, p => p.parameter);
        foreach (var (name, scale) in context.Keep(Kept, () => Learn(network, context)))
            if (parameters.TryGetValue(name, out var parameter))
                parameter.mul_(scale.ToDouble());
            else
                throw new UserException($"The learned scales kept with this run are of another network, which has {name}: "
                    + $"delete kept-{Kept}.safetensors in its folder.");
    }

    private Dictionary<string, Tensor> Learn(Network network, TweakContext context)
    {
        using var grad = enable_grad();
        using var batches = new Batches(context.Data, Math.Max(1, context.Recipe.BatchSize / 2), unchecked((long)context.Seed),
            context.Recipe.Augment);
        using var halves = Enumerable.Range(0, int.MaxValue).SelectMany(epoch => batches.Epoch(epoch)).GetEnumerator();
        return new GradInit(network, context.Mask, this).Learn(halves, context).ToDictionary(s => s.Key, s => tensor(s.Value, ScalarType.Float64));
    }
}
