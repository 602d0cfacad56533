namespace LTHKit.Analysis;

/// <summary>The silent activations of one stage.</summary>
/// <param name="Stage">As <see cref="Activation.Stage"/>, for instance "layer1"; of other modules the first part of the activation's name.</param>
/// <param name="Silent">Values of at most epsilon.</param>
/// <param name="Total">Values in all: every activation of the stage, every channel and place, every image.</param>
/// <param name="PublishedShare">
/// As the paper's published code counts (activation_analysis.py): values of at most 0.01 in what leaves one block, the last that its activation module put out. The
/// block is an argument there, and neither the paper nor the code says which one stood for a stage in Table A1; here it is the stage's last.
/// </param>
public sealed record StageSparsity(string Stage, long Silent, long Total, double PublishedShare)
{
    /// <summary>The share of silent values, in [0, 1].</summary>
    public double Share => Silent / (double)Total;
}

/// <summary>How much of what leaves the activations is zero (paper A1.1, Table A1).</summary>
public static class ActivationSparsity
{
    /// <summary>The largest absolute value that counts as zero. For ReLU it hardly matters; the share of a smooth activation depends on it.</summary>
    public const double Epsilon = 1e-3;

    private const double PublishedEpsilon = 1e-2;

    /// <summary>Counts, in eval mode, exactly: no value is left out.</summary>
    /// <param name="objective">Module and batches. Its activations are found by their type; one that is called as a function cannot be seen.</param>
    /// <param name="epsilon">The largest absolute value that counts as zero.</param>
    /// <param name="cancel">Stops between two batches, with an OperationCanceledException.</param>
    /// <returns>One entry a stage, in the order of the module's parts.</returns>
    /// <exception cref="UserException">Epsilon is out of range, or there is no activation.</exception>
    public static IReadOnlyList<StageSparsity> Measure(Objective objective, double epsilon = Epsilon, CancellationToken cancel = default)
    {
        Validate(epsilon);
        var places = Places(objective.Module).Select(place => (place.Stage, place.Activation, Counts: new Counts())).ToList();
        if (places.Count == 0)
            throw new UserException($"{objective.Module.GetName()} has no module that is an activation; count with modules (nn.ReLU()) in it.");
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        using var mode = new EvalMode(objective.Module);
        using var hooks = new Hooks();
        foreach (var (_, activation, counts) in places)
            hooks.Add(activation, (_, output) =>
            {
                var size = output.abs();
                counts.Silent += size.le(epsilon).sum().ToInt64();
                counts.Published += size.le(PublishedEpsilon).sum().ToInt64();
                counts.Total += output.numel();
            });
        objective.Each(batch => objective.Module.call(batch.Images), cancel);
        return [.. places.Where(place => place.Counts.Total > 0).GroupBy(place => place.Stage, place => place.Counts).Select(stage
            => new StageSparsity(stage.Key, stage.Sum(one => one.Silent), stage.Sum(one => one.Total), stage.Last().Published / (double)stage.Last().Total))];
    }

    /// <summary>The values that one activation put out: of at most epsilon, of at most the published code's, and all.</summary>
    private sealed class Counts
    {
        public long Silent, Published, Total;
    }

    internal static void Validate(double epsilon)
        => UserException.Require(epsilon >= 0, "Epsilon, the largest value that counts as zero,", epsilon, "0 or more, by default 0.001");

    private static IEnumerable<(string Stage, nn.Module<Tensor, Tensor> Activation)> Places(nn.Module module) => module is Network network
        ? network.Activations.Select(a => (a.Stage, (nn.Module<Tensor, Tensor>)a))
        : module.named_modules().DistinctBy(m => m.module).Where(m => ForwardPass.IsActivation(m.module))
            .Select(m => (m.name.Split('.')[0], (nn.Module<Tensor, Tensor>)m.module));
}
