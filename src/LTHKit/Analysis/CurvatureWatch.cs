using LTHKit.Data;
using LTHKit.Models;
using LTHKit.Pruning;
using LTHKit.Training;

namespace LTHKit.Analysis;

/// <summary>
/// Watches the top eigenvalue of the Hessian while a network trains (Figures 2 and A12): the largest in absolute value, with its sign, of the
/// sub-network that the mask leaves, and how far the power iteration came.
/// </summary>
public sealed record CurvatureWatch : Watch
{
    /// <summary>The name of the eigenvalue among the numbers.</summary>
    public const string TopEigenvalue = "top eigenvalue";

    /// <summary>The name of the error bound among the numbers: an eigenvalue lies within this distance.</summary>
    public const string Residual = "residual";

    /// <inheritdoc/>
    public override string Name => "curvature";

    /// <summary>The images that the loss is a mean over.</summary>
    public Sample Sample { get; init; } = new();

    /// <summary>How it is measured; the seed is the run's.</summary>
    public HessianOptions Hessian { get; init; } = new();

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, double> Measure(Network network, Mask? mask, ImageSet data, ulong seed, CancellationToken cancel)
    {
        using var scope = NewDisposeScope();
        using var hessian = new Hessian(new Objective(network, data, Sample), mask, Hessian with { Seed = seed });
        var top = hessian.Top(cancel: cancel)[0];
        return new Dictionary<string, double> { [TopEigenvalue] = top.Value, [Residual] = top.Residual };
    }

    /// <inheritdoc/>
    public override void Validate(ModelSpec model, ImageSet data)
    {
        Hessian.Validate();
        Sample.Validated(data);
    }
}
