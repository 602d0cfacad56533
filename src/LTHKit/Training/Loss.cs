using static TorchSharp.torch.nn;

namespace LTHKit.Training;

/// <summary>What a batch is trained towards; a tweak that softens labels changes it on its way to the loss.</summary>
/// <param name="Images">[B, C, H, W], as the network sees them.</param>
/// <param name="Labels">[B], class indices.</param>
/// <param name="Smoothing">Share a of the target spread over all classes: (1-a) * onehot + a / classes (paper section 3.2).</param>
/// <param name="Done">The share of the training that is done, in [0, 1), for a loss that changes with it; 0 where nothing is trained.</param>
public sealed record Target(Tensor Images, Tensor Labels, double Smoothing = 0, double Done = 0);

/// <summary>The loss of logits [B, classes] against a target: a scalar tensor, the mean over the batch.</summary>
public delegate Tensor Loss(Tensor logits, Target target);

/// <summary>The losses that tweaks build on.</summary>
public static class Losses
{
    /// <summary>Cross-entropy with the target's smoothing.</summary>
    public static Tensor CrossEntropy(Tensor logits, Target target)
        => functional.cross_entropy(logits, target.Labels, label_smoothing: target.Smoothing);
}
