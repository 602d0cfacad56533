using static TorchSharp.torch.nn;

namespace LTHKit.Tweaks;

/// <summary>
/// Knowledge distillation from the trained dense network (paper section 3.2, Figure 9; Hinton et al. 2015): the loss becomes
/// (1 - w) * loss + w * T^2 * KL(softmax(teacher / T) || softmax(student / T)), the mean over the batch. The teacher is the dense run of the same
/// seed, in eval mode, and sees the same augmented images. The paper publishes neither T nor w.
/// </summary>
/// <param name="Temperature">T, positive.</param>
/// <param name="Weight">w, in [0, 1]; 0 changes nothing.</param>
public sealed record Distillation(double Temperature = 4, double Weight = 0.9) : Tweak
{
    public override string Label => FormattableString.Invariant($"distillation T={Temperature} w={Weight}");
    public override bool NeedsDense => Weight > 0;

    public override void Validate(Recipe recipe)
    {
        UserException.Require(Temperature is > 0 and < double.PositiveInfinity, "The distillation temperature", Temperature, "a positive number, 4 is usual");
        UserException.Require(Weight is >= 0 and <= 1, "The distillation weight", Weight, "in [0, 1], 0.9 is usual");
    }

    public override Loss Wrap(Loss loss, TweakContext context)
    {
        if (Weight == 0)
            return loss;
        var dense = context.Dense();
        return (logits, target) => (1 - Weight) * loss(logits, target) + Weight * Divergence(logits, Teach(target));

        // [B, classes]
        Tensor Teach(Target target)
        {
            using var noGrad = no_grad();
            return dense.call(target.Images);
        }
    }

    /// <summary>T^2 * KL(softmax(teacher / T) || softmax(student / T)) of logits [B, classes], the mean over the batch: a scalar.</summary>
    internal Tensor Divergence(Tensor student, Tensor teacher)
    {
        var q = functional.log_softmax(student / Temperature, 1);
        var p = functional.log_softmax(teacher / Temperature, 1);
        return Temperature * Temperature * (p.exp() * (p - q)).sum(1L).mean();
    }
}
