namespace LTHKit.Experiments;

/// <summary>A finished run. Accuracies and sparsities are fractions.</summary>
/// <param name="Spec">What was run.</param>
/// <param name="Folder">Its folder.</param>
/// <param name="Sparsity">Share of the prunable weights that are zero, counted in the mask.</param>
/// <param name="EffectiveSparsity">Share of zeros among all weights, the classifier's and those that tweaks injected included.</param>
/// <param name="Collapsed">Layers that the ticket has nothing left of (layer collapse, Tanaka et al. 2020): what passes them is a constant.</param>
/// <param name="Epochs">Epoch by epoch; a rewound run begins at its rewind point.</param>
/// <param name="DataFingerprint">The <see cref="Data.ImageSet.Fingerprint"/> of the images it was trained on.</param>
/// <param name="Made">How it was made, for instance "kit 5, libtorch 2.10.0, cpu, 1 thread, vectors of 512 bits".</param>
/// <param name="Finished">When it was finished.</param>
/// <param name="Imported">Whether it came with <c>./lthkit results import</c>: how and when it was made is then that of the machine that trained it.</param>
public sealed record RunResult(RunSpec Spec, string Folder, double Sparsity, double EffectiveSparsity, IReadOnlyList<string> Collapsed,
    IReadOnlyList<EpochMetrics> Epochs, string DataFingerprint = "", string Made = "", DateTime Finished = default, bool Imported = false)
{
    private EpochMetrics? Best => Epochs.MaxBy(epoch => epoch.ValidationAccuracy);       // the first of equals

    public string Id => Spec.Id;

    /// <summary>By which another run's specification knows it: its own and who made it, not where it lies.</summary>
    internal string Name => RunStore.Name(Id, string.Join(", ", Made.Split("; ")[0].Split(", ").Take(3)));

    /// <summary>Test accuracy at the epoch of best validation accuracy (the first of equals); what the paper reports.</summary>
    public double TestAccuracy => Best?.TestAccuracy ?? double.NaN;

    public double LastTestAccuracy => Epochs.Count == 0 ? double.NaN : Epochs[^1].TestAccuracy;

    /// <summary>The epoch of best validation accuracy, counted from 0.</summary>
    public int BestEpoch => Best?.Epoch ?? -1;

    /// <summary>Wall time of all its epochs.</summary>
    public double Seconds => Epochs.Sum(epoch => epoch.Seconds);

    public override string ToString() => FormattableString.Invariant($"{Spec.Label}: {100 * TestAccuracy:0.00} % test accuracy, run {Id}{(Imported ? ", imported" : "")}");
}

/// <summary>Something that was measured of a finished run's network.</summary>
public sealed record Measured<T>(RunResult Run, T Value);

/// <summary>What a <see cref="Training.Watch"/> saw of one run.</summary>
/// <param name="Run">The run.</param>
/// <param name="Epochs">After how many epochs, ascending.</param>
/// <param name="Values">The numbers by name, one an epoch.</param>
public sealed record WatchSeries(RunResult Run, IReadOnlyList<int> Epochs, IReadOnlyDictionary<string, IReadOnlyList<double>> Values);

/// <summary>What re-scaled initialisation learned of one weight or bias.</summary>
/// <param name="Parameter">Its name, for instance "layer1.0.conv1.weight".</param>
/// <param name="IsNorm">Whether it is a BatchNorm's, and not a convolution's or a linear layer's.</param>
/// <param name="Scale">The factor; 1 leaves the initial values as they were.</param>
public sealed record LearnedScale(string Parameter, bool IsNorm, double Scale);
