using LTHKit.Data;
using LTHKit.Models;
using LTHKit.Pruning;
using LTHKit.Training;
using static TorchSharp.torch;

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

    /// <summary>Most iterations an eigenvalue takes.</summary>
    public int MaxIterations { get; init; } = 100;

    /// <summary>An eigenvalue counts as found when an iteration changes it by less than this share.</summary>
    public double Tolerance { get; init; } = 1e-3;

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, double> Measure(Network network, Mask? mask, ImageSet data, ulong seed, CancellationToken cancel)
    {
        using var scope = NewDisposeScope();
        using var hessian = new Hessian(network, data, mask, Options with { Seed = seed });
        var top = hessian.Top(cancel: cancel)[0];
        return new Dictionary<string, double> { [TopEigenvalue] = top.Value, [Residual] = top.Residual };
    }

    /// <inheritdoc/>
    public override void Validate(ModelSpec model, ImageSet data) => Options.Validate(data);

    private HessianOptions Options => new() { Sample = Sample, MaxIterations = MaxIterations, Tolerance = Tolerance };
}
