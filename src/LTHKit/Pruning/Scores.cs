namespace LTHKit.Pruning;

/// <summary>The scores of the kit's pruners, and what they are made of: a tensor for each prunable weight, of its shape; the highest are kept.</summary>
internal static class Scores
{
    /// <summary>
    /// What GraSP divides the logits by, as in its published code: the softmax is then nearly uniform, and the score measures the network and not
    /// how sure its first guesses are.
    /// </summary>
    private const double Temperature = 200;

    /// <summary>|w| (Han et al. 2015).</summary>
    public static Tensor Magnitude(ScoredLayer layer) => layer.Weight.abs();

    public static Tensor Random(ScoredLayer layer) => layer.Random;

    /// <summary>|g * w|: how much the loss changes, to first order, as the weight's connection is taken away (SNIP; Lee et al. 2019).</summary>
    public static Tensor Snip(ScoredLayer layer) => (layer.Weight * layer.Gradient).abs();

    /// <summary>
    /// w * Hg: to first order, half of what the squared gradient norm loses as the weight is taken away (GraSP; Wang et al. 2020, equation 8).
    /// Signed: weights that hold the gradient flow up stay, and those whose removal lets it grow go first.
    /// </summary>
    public static Tensor Grasp(ScoredLayer layer) => layer.Weight * layer.HessianGradient;

    /// <summary>|w| * dR/d|w|: the share of the flow that passes the weight, no data needed (SynFlow; Tanaka et al. 2020).</summary>
    public static Tensor SynFlow(ScoredLayer layer) => layer.Weight.abs() * layer.Flow;

    public static Dictionary<string, Tensor> Uniform(PruningContext context)
    {
        using var generator = new Generator(context.Seed);
        return context.Source.PrunableWeights().ToDictionary(w => w.Name, w => rand(w.Weight.shape, generator: generator).to(w.Weight.device));
    }

    public static Dictionary<string, Tensor> Gradient(PruningContext context)
    {
        var weights = context.Source.PrunableWeights().ToList();
        return weights.Zip(Summed(context, [.. weights.Select(w => w.Weight)], 1, (loss, of) => Differentiation.Gradients(loss, of))).ToDictionary(p => p.First.Name, p => p.Second);
    }

    public static Dictionary<string, Tensor> HessianGradient(PruningContext context)
    {
        var all = context.Source.named_parameters().Where(p => p.parameter.dim() > 1).ToList();
        Parameter[] weights = [.. all.Select(p => p.parameter)];
        var gradient = Summed(context, weights, Temperature, (loss, of) => Differentiation.Gradients(loss, of), twice: true);
        foreach (var ((name, _), whole) in all.Zip(gradient))
            if (context.Mask is { } mask && mask.Covers(name))
                whole.mul_(mask[name]);
        var product = Summed(context, weights, Temperature, (loss, of) =>
        {
            var here = Differentiation.Gradients(loss, of, createGraph: true);
            return Differentiation.Gradients(here.Zip(gradient, (g, whole) => (g * whole).sum()).Aggregate((a, b) => a + b), of);      // d/dw <g(w), g> = Hg
        });
        return all.Zip(product).ToDictionary(p => p.First.name, p => p.Second);
    }

    /// <summary>
    /// dR/d|w|. BatchNorm is in eval mode, a scaling; biases and means, zero at the initialisation of the published code, are left out, since flow
    /// that begins at a bias would starve the layers before it. In double precision: R is a product over the layers.
    /// </summary>
    public static Dictionary<string, Tensor> Flow(PruningContext context)
    {
        using var network = Networks.Copy(context.Source);
        network.to(ScalarType.Float64);
        network.eval();
        MakePositive(network);
        var weights = network.PrunableWeights().ToList();
        var input = network.Input;
        var flow = network.call(ones([1, input.Channels, input.Size, input.Size], ScalarType.Float64, weights[0].Weight.device)).sum();
        return weights.Zip(Differentiation.Gradients(flow, [.. weights.Select(w => w.Weight)])).ToDictionary(p => p.First.Name, p => p.Second);
    }

    private static void MakePositive(Network network)
    {
        using var noGrad = no_grad();
        foreach (var value in network.parameters())
            value.abs_();
        foreach (var module in network.modules())
        {
            var (bias, mean) = module switch
            {
                Convolution convolution => (convolution.bias, null),
                Linear linear => (linear.bias, null),
                BatchNorm norm => (norm.bias, norm.running_mean),
                _ => default((Tensor?, Tensor?)),
            };
            bias?.zero_();
            mean?.zero_();
        }
    }

    /// <summary>What <paramref name="value"/> makes of the cross-entropy of logits / <paramref name="temperature"/>, summed over the images; BatchNorm takes the batch's statistics.</summary>
    private static List<Tensor> Summed(PruningContext context, Parameter[] weights, double temperature, Func<Tensor, Tensor[], IList<Tensor>> value,
        bool twice = false) => Networks.Unchanged(context.Source, () =>
    {
        context.Source.train();
        List<Tensor> sums = [.. weights.Select(w => zeros_like(w, requires_grad: false))];
        foreach (var (i, batch) in context.Images().Index())
        {
            using var held = batch;
            context.Cancel.ThrowIfCancellationRequested();
            using var scope = NewDisposeScope();
            if (twice && i == 0)
                Differentiation.Require(context.Source, weights, Loss, twice);
            context.Cancel.ThrowIfCancellationRequested();
            foreach (var (sum, part) in sums.Zip(value(Loss(), weights)))
                sum.add_(part);

            Tensor Loss() => nn.functional.cross_entropy(context.Source.call(batch.Images) / temperature, batch.Labels, reduction: nn.Reduction.Sum);
        }
        return sums;
    });
}
