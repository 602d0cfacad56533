using static TorchSharp.torch.nn;

namespace LTHKit.Tweaks;

/// <summary>How an injected skip connection carries the input of a convolution to its output.</summary>
public enum SkipKind
{
    /// <summary>
    /// Without parameters: the input as it is where the shapes match, else pooled to the output's size and channels. A ResNet block has a residual
    /// connection of its own, so that inputs added as they are double the signal from block to block: sixteen blocks of ResNet-34 multiply it by
    /// 65,536, and its training can diverge.
    /// </summary>
    Identity,

    /// <summary>The same with mean 0 and variance 1 in each channel, as the published form's BatchNorm has it, still without parameters.</summary>
    Normalised,

    /// <summary>The published code's 1x1 convolution with BatchNorm, dense and never pruned; the default.</summary>
    Projection,
}

/// <summary>
/// New skip connections (paper section 3.1, Figure 3): the input of every convolution inside a block also reaches that convolution's output,
/// before the activation. A <see cref="SkipKind.Projection"/> adds weights that no mask prunes (1,220,608 beside the 11,159,232 of ResNet-18), so
/// that its network is denser than its mask: see the effective sparsity.
/// </summary>
/// <param name="Kind">How the input is carried.</param>
/// <param name="FirstWeight">
/// What every weight of a projection's 1x1 convolution starts from, positive; the published code's 1e-4. The BatchNorm behind it keeps so small an input small
/// (its epsilon of 1e-5 outweighs the variance), so that training begins near the network without the new connections.
/// </param>
public sealed record SkipInjection(SkipKind Kind = SkipKind.Projection, double FirstWeight = SkipInjection.Published) : Tweak
{
    private const double Published = 1e-4;

    public override string Label => (Kind, FirstWeight) switch
    {
        (SkipKind.Projection, Published) => "skip",
        (SkipKind.Projection, _) => FormattableString.Invariant($"skip (from {FirstWeight})"),
        _ => $"skip ({Kind.ToString().ToLowerInvariant()})",
    };

    public override string? Replaces => "the skip connections";

    public override void Validate(Recipe recipe) => UserException.Require(FirstWeight is > 0 and < double.PositiveInfinity,
        "The first weight of a skip connection", FirstWeight, "positive, the published one is 1e-4");

    public override void Validate(Network network)
    {
        if (network.Units.Count == 0)
            throw new UserException($"{network.Model.Name} has no convolution that a skip connection could go around: none whose output is as large as its "
                + "input over the stride.");
    }

    /// <inheritdoc/>
    /// <exception cref="UserException">The network has skip connections injected already.</exception>
    public override void Rewrite(Network network, TweakContext context)
    {
        foreach (var unit in network.Units)
        {
            var (input, output) = (unit.Convolution.in_channels, unit.Convolution.out_channels);
            unit.Inject(Kind == SkipKind.Projection ? new Projection(input, output, unit.Stride, FirstWeight)
                : new Shortcut(input, output, unit.Stride, Kind == SkipKind.Normalised));
        }
    }

    /// <summary>
    /// The input itself, brought to the convolution's output shape without parameters: a stride averages each stride x stride window, missing
    /// channels are zero (He et al. 2016, option A), and surplus channels are averaged in neighbouring groups, so that each keeps a way through.
    /// Normalised, it has then mean 0 and variance 1 in each channel, as BatchNorm without scale and shift has it.
    /// </summary>
    private sealed class Shortcut : Module<Tensor, Tensor>
    {
        private readonly long _input, _output, _stride;
        private readonly BatchNorm2d? _norm;

        public Shortcut(long input, long output, long stride, bool normalised) : base(Describe(input, output, stride, normalised))
        {
            (_input, _output, _stride) = (input, output, stride);
            if (normalised)
                register_module("bn", _norm = BatchNorm2d(output, affine: false));
        }

        public override Tensor forward(Tensor x)
        {
            if (_stride > 1)
                x = functional.avg_pool2d(x, _stride, ceil_mode: true);             // [N, C, ceil(H/s), ceil(W/s)], as the convolution's
            if (_output > _input)
                x = functional.pad(x, [0, 0, 0, 0, 0, _output - _input]);           // [N, C', H', W']
            else if (_output < _input)
                x = functional.adaptive_avg_pool2d(x.flatten(2).unsqueeze(1), [_output, x.shape[2] * x.shape[3]])
                    .reshape(x.shape[0], _output, x.shape[2], x.shape[3]);
            return _norm is null ? x : _norm.call(x);
        }

        private static string Describe(long input, long output, long stride, bool normalised)
        {
            var pooled = stride > 1 ? $"{stride}x{stride} average" : null;
            var channels = output > input ? $"{output - input} zero channels" : output < input ? $"{input} channels averaged to {output}" : null;
            string[] parts = [.. new[] { pooled, channels, normalised ? "normalised" : null }.OfType<string>()];
            return parts.Length == 0 ? "identity" : string.Join(", ", parts);
        }
    }
}
