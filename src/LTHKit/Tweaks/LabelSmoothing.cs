namespace LTHKit.Tweaks;

/// <summary>Naive label smoothing (paper section 3.2; Szegedy et al. 2016): the target becomes (1-a) * onehot + a / classes.</summary>
/// <param name="Amount">a, in [0, 1); 0 changes nothing. The published code spreads a over the wrong classes only: its a is this a * (C-1)/C.</param>
public sealed record LabelSmoothing(double Amount = 0.1) : Tweak
{
    public override string Label => FormattableString.Invariant($"label smoothing {Amount}");

    public override void Validate(Recipe recipe) => UserException.Require(Amount is >= 0 and < 1, "Label smoothing", Amount, "in [0, 1), the paper's is 0.1");

    public override Loss Wrap(Loss loss, TweakContext context)
        => (logits, target) => loss(logits, target with { Smoothing = target.Smoothing + Amount - target.Smoothing * Amount });
}
