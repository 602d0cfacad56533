using LTHKit.Models;
using LTHKit.Training;
using static TorchSharp.torch.nn;

namespace LTHKit.Tweaks;

/// <summary>
/// Replaces every ReLU by a smooth activation (paper section 3.1): "swish" is x * sigmoid(x) (Ramachandran et al. 2017), "mish" is
/// x * tanh(softplus(x)) (Misra 2019), "gelu" is x * Phi(x); "relu" changes nothing.
/// </summary>
/// <param name="Name">One of swish, mish, gelu, relu.</param>
public sealed record SmoothActivation(string Name = "swish") : Tweak
{
    private static readonly Dictionary<string, (string Label, Func<Tensor, Tensor> Function)> Functions = new()
    {
        ["swish"] = ("Swish", Activation.Swish),
        ["mish"] = ("Mish", Activation.Mish),
        ["gelu"] = ("GELU", x => functional.gelu(x)),
        ["relu"] = ("ReLU", Activation.Relu),
    };

    /// <inheritdoc/>
    public override string Label => Name;

    /// <inheritdoc/>
    public override string? Replaces => "the activations";

    /// <inheritdoc/>
    public override void Validate(Recipe recipe)
    {
        if (!Functions.ContainsKey(Name))
            throw new UserException($"There is no activation '{Name}'; the known ones are {string.Join(", ", Functions.Keys)}.");
    }

    /// <inheritdoc/>
    public override void Validate(Network network) => RequireActivations(network);

    /// <inheritdoc/>
    public override void Rewrite(Network network, TweakContext context)
    {
        foreach (var activation in network.Activations)
            (activation.Label, activation.Function) = Functions[Name];
    }
}
