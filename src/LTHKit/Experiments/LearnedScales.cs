namespace LTHKit.Experiments;

/// <summary>What re-scaled initialisation learned for a run.</summary>
/// <param name="Run">The run.</param>
/// <param name="Layers">One a weight or bias that was scaled, in the network's order.</param>
public sealed record LearnedScales(RunResult Run, IReadOnlyList<LearnedScale> Layers);

/// <summary>The factor of one weight or bias.</summary>
/// <param name="Parameter">Its name, for instance "layer1.0.conv1.weight".</param>
/// <param name="IsNorm">Whether it is a BatchNorm's, and not a convolution's or a linear layer's.</param>
/// <param name="Scale">The factor; 1 leaves the initial values as they were.</param>
public sealed record LearnedScale(string Parameter, bool IsNorm, double Scale);
