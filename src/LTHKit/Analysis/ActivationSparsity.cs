using LTHKit.Data;
using LTHKit.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace LTHKit.Analysis;

/// <summary>What counts as a silent activation.</summary>
public sealed record ActivationSparsityOptions
{
    /// <summary>The largest absolute value that counts as zero. For ReLU it makes almost no difference; the share of a smooth activation depends on it.</summary>
    public double Epsilon { get; init; } = 1e-3;

    /// <summary>The images.</summary>
    public Sample Sample { get; init; } = new() { Part = Part.Test };

    /// <exception cref="UserException">A setting is out of range.</exception>
    internal void Validate(ImageSet data)
    {
        if (!(Epsilon >= 0))
            throw new UserException(FormattableString.Invariant($"Epsilon is {Epsilon}; the largest value that counts as zero must be 0 or more, the default is 0.001."));
        Sample.Validate(data);
    }
}

/// <summary>The silent activations of one stage.</summary>
/// <param name="Stage">As <see cref="Activation.Stage"/>, for instance "layer1".</param>
/// <param name="Silent">Values of at most epsilon.</param>
/// <param name="Total">Values in all: every activation of the stage, every channel and place, every image.</param>
public sealed record StageSparsity(string Stage, long Silent, long Total)
{
    /// <summary>The share of silent values, in [0, 1].</summary>
    public double Share => Silent / (double)Total;
}

/// <summary>How much of what leaves the activations is zero (paper A1.1, Table A1).</summary>
public static class ActivationSparsity
{
    /// <summary>Counts, in eval mode, exactly: no value is left out.</summary>
    /// <param name="network">On the data's device; it comes back as it was.</param>
    /// <param name="data">Where the images are taken from.</param>
    /// <param name="options">What to count; null for the defaults.</param>
    /// <param name="cancel">Stops between two batches.</param>
    /// <returns>One entry a stage, in the order of the forward pass.</returns>
    /// <exception cref="UserException">A setting is out of range.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static IReadOnlyList<StageSparsity> Measure(Network network, ImageSet data, ActivationSparsityOptions? options = null,
        CancellationToken cancel = default)
    {
        options ??= new();
        options.Validate(data);
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        using var objective = new Objective(network, data, options.Sample);
        var stages = network.Activations.Select(a => a.Stage).Distinct().ToList();
        var silent = stages.ToDictionary(stage => stage, _ => zeros(1, dtype: ScalarType.Int64, device: data.Device));
        var total = stages.ToDictionary(stage => stage, _ => 0L);
        var hooks = network.Activations.Select(activation => activation.register_forward_hook((_, _, output) =>
        {
            silent[activation.Stage].add_(output.abs().le(options.Epsilon).sum());
            total[activation.Stage] += output.numel();
            return output;
        })).ToList();
        try
        {
            foreach (var batch in objective.Batches())
            {
                using var inner = NewDisposeScope();
                using var held = batch;
                cancel.ThrowIfCancellationRequested();
                network.call(batch.Images);
            }
        }
        finally
        {
            hooks.ForEach(hook => hook.remove());
        }
        return [.. stages.Select(stage => new StageSparsity(stage, silent[stage].item<long>(), total[stage]))];
    }
}
