using LTHKit.Data;
using LTHKit.Models;
using LTHKit.Pruning;
using LTHKit.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace LTHKit.Analysis;

/// <summary>
/// Watches how much gradient reaches each layer while a network trains (Tessera et al. 2021): the Euclidean norm of the loss's gradient with respect
/// to the layer's surviving weights, in eval mode, so that watching changes nothing. A layer that gets none is 0.
/// </summary>
public sealed record GradientFlow : Watch
{
    /// <inheritdoc/>
    public override string Name => "gradient-flow";

    /// <summary>The images that the loss is a mean over.</summary>
    public Sample Sample { get; init; } = new();

    /// <summary>Names of the weights, as in <see cref="Network.Prunable"/>; empty for all of those.</summary>
    public IReadOnlyList<string> Layers { get; init; } = [];

    /// <inheritdoc/>
    /// <exception cref="UserException">There is no such layer, or the sample is out of range.</exception>
    public override IReadOnlyDictionary<string, double> Measure(Network network, Mask? mask, ImageSet data, ulong seed, CancellationToken cancel)
    {
        Require(network);
        mask?.Validate(network);
        var weights = network.PrunableWeights().ToDictionary(w => w.Name, w => w.Weight);
        IReadOnlyList<string> names = Layers.Count == 0 ? network.Prunable : Layers;
        using var scope = NewDisposeScope();
        using var objective = new Objective(network, data, Sample);
        var sums = names.Select(name => zeros_like(weights[name], requires_grad: false)).ToList();
        foreach (var batch in objective.Batches())
        {
            using var inner = NewDisposeScope();
            using var held = batch;
            cancel.ThrowIfCancellationRequested();
            using var record = enable_grad();
            var gradients = autograd.grad([objective.Of(batch)], [.. names.Select(name => weights[name])], allow_unused: true);
            using var noGrad = no_grad();
            foreach (var (sum, gradient) in sums.Zip(gradients))
                if (gradient is { IsInvalid: false })
                    sum.add_(gradient, alpha: batch.Count / (double)objective.Count);
        }
        return names.Zip(sums, (name, sum) => (name, sum)).ToDictionary(
            pair => pair.name,
            pair => (mask is null || !mask.Covers(pair.name) ? pair.sum : pair.sum.masked_fill(mask[pair.name].to(data.Device).logical_not(), 0)).norm().ToDouble());
    }

    /// <inheritdoc/>
    public override void Validate(ModelSpec model, ImageSet data)
    {
        Sample.Validate(data);
        if (Layers.Count == 0)
            return;
        using var network = Networks.Build(model, new InputSpec(data.ClassNames.Count, data.Height, data.Channels), 0);
        Require(network);
    }

    private void Require(Network network)
    {
        if (Layers.FirstOrDefault(layer => !network.Prunable.Contains(layer)) is { } unknown)
            throw new UserException($"{network.Model.Name} has no prunable layer '{unknown}'; the known ones are {string.Join(", ", network.Prunable)}.");
    }
}
