using LTHKit.Training;

namespace LTHKit.Experiments;

/// <summary>A finished run. Accuracies and sparsities are fractions.</summary>
public sealed record RunResult
{
    /// <summary>What was run.</summary>
    public required RunSpec Spec { get; init; }

    /// <summary>Its name in the run store.</summary>
    public required string Id { get; init; }

    /// <summary>Its folder.</summary>
    public required string Folder { get; init; }

    /// <summary>Share of the prunable weights that are zero, counted in the mask.</summary>
    public required double Sparsity { get; init; }

    /// <summary>Share of zeros among the prunable weights and those that tweaks injected, which no mask prunes.</summary>
    public required double EffectiveSparsity { get; init; }

    /// <summary>Layers that the ticket has nothing left of (layer collapse, Tanaka et al. 2020): what passes them is a constant.</summary>
    public IReadOnlyList<string> Collapsed { get; init; } = [];

    /// <summary>Test accuracy at the epoch of best validation accuracy (the first of equals); what the paper reports.</summary>
    public required double TestAccuracy { get; init; }

    /// <summary>Test accuracy after the last epoch.</summary>
    public required double LastTestAccuracy { get; init; }

    /// <summary>The epoch of best validation accuracy, counted from 0.</summary>
    public required int BestEpoch { get; init; }

    /// <summary>Wall time of all its epochs.</summary>
    public required double Seconds { get; init; }

    /// <summary>The <see cref="Data.ImageSet.Fingerprint"/> of the images it was trained on.</summary>
    public string DataFingerprint { get; init; } = "";

    /// <summary>How it was made, for instance "kit 4, libtorch 2.10.0, cpu, 1 thread, vectors of 512 bits".</summary>
    public string Made { get; init; } = "";

    /// <summary>Epoch by epoch; a rewound run begins at its rewind point.</summary>
    public required IReadOnlyList<EpochMetrics> Epochs { get; init; }

    /// <inheritdoc/>
    public override string ToString() => FormattableString.Invariant($"{Spec.Label}: {100 * TestAccuracy:0.00} % test accuracy, run {Id}");
}

/// <summary>What re-scaled initialisation learned for a run.</summary>
/// <param name="Run">The run.</param>
/// <param name="Layers">One a weight or bias that was scaled, in the network's order.</param>
public sealed record LearnedScales(RunResult Run, IReadOnlyList<LearnedScale> Layers);

/// <summary>The factor of one weight or bias.</summary>
/// <param name="Parameter">Its name, for instance "layer1.0.conv1.weight".</param>
/// <param name="IsNorm">Whether it is a BatchNorm's, and not a convolution's or a linear layer's.</param>
/// <param name="Scale">The factor; 1 leaves the initial values as they were.</param>
public sealed record LearnedScale(string Parameter, bool IsNorm, double Scale);
