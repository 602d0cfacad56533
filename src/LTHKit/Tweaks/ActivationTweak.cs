using static TorchSharp.torch.nn;

namespace LTHKit.Tweaks;

/// <summary>Replaces every activation by a function of one name.</summary>
/// <param name="Name">Its name in figures and tables.</param>
public abstract record ActivationTweak(string Name) : Tweak
{
    public override string Label => Name;
    public override string? Replaces => "the activations";

    public override void Validate(Network network)
    {
        if (network.Activations.Count == 0)
            throw new UserException($"{network.Model.Name} has no activation that {Label} could replace: call modules such as torch.nn.ReLU() in its forward, "
                + "not functions.");
    }

    public override void Rewrite(Network network, TweakContext context)
    {
        foreach (var activation in network.Activations)
            (activation.Label, activation.Function) = Chosen;
    }

    private protected abstract (string Label, Func<Tensor, Tensor> Function) Chosen { get; }
}

/// <summary>
/// Replaces every ReLU by a smooth activation (paper section 3.1): "swish" is x * sigmoid(x) (Ramachandran et al. 2017), "mish" is
/// x * tanh(softplus(x)) (Misra 2019), "gelu" is x * Phi(x); "relu" changes nothing.
/// </summary>
/// <param name="Name">One of swish, mish, gelu, relu.</param>
public sealed record SmoothActivation(string Name = "swish") : ActivationTweak(Name)
{
    private static readonly Dictionary<string, (string Label, Func<Tensor, Tensor> Function)> Functions = new()
    {
        ["swish"] = ("Swish", Activation.Swish),
        ["mish"] = ("Mish", Activation.Mish),
        ["gelu"] = ("GELU", x => functional.gelu(x)),
        ["relu"] = ("ReLU", Activation.Relu),
    };

    public override void Validate(Recipe recipe)
    {
        if (!Functions.ContainsKey(Name))
            throw new UserException($"There is no activation '{Name}'; the known ones are {string.Join(", ", Functions.Keys)}.");
    }

    private protected override (string Label, Func<Tensor, Tensor> Function) Chosen => Functions[Name];
}

/// <summary>
/// Replaces every ReLU by a function of the user's own: <c>new CustomActivation("softplus", x => torch.nn.functional.softplus(x))</c>. A run is
/// known by what the function does and by the values it captures, so that an edited function is a new run.
/// </summary>
/// <param name="Name">Its name in figures and tables.</param>
/// <param name="Function">Elementwise and differentiable: [...] -> [...], the same shape.</param>
public sealed record CustomActivation(string Name, Func<Tensor, Tensor> Function) : ActivationTweak(Name)
{
    public override void Validate(Recipe recipe)
    {
        if (string.IsNullOrWhiteSpace(Name))
            throw new UserException("A custom activation needs a name for figures and tables.");
        using var scope = NewDisposeScope();
        var x = linspace(-3, 3, 24, requires_grad: true);
        Tensor y;
        try
        {
            y = Function(x.reshape(2, 3, 2, 2)) ?? throw new UserException($"The activation '{Name}' makes nothing.");
        }
        catch (ExternalException e)
        {
            throw new UserException($"The activation '{Name}' cannot be computed ({e.Message.Split('\n')[0].TrimEnd('.')}); build it from differentiable operations that change nothing in place.", e);
        }
        if (!y.shape.SequenceEqual([2, 3, 2, 2]) || y.dtype != x.dtype)
            throw new UserException($"The activation '{Name}' makes [{string.Join(", ", y.shape)}] of {y.dtype} from [2, 3, 2, 2] of {x.dtype}; "
                + "it must keep shape and type.");
        if (!y.requires_grad)
            throw new UserException($"The activation '{Name}' passes no gradient back, so that nothing before it could learn; "
                + "build it from differentiable operations.");
        if (Function(x.detach().reshape(2, 3, 2, 2)).requires_grad)
            throw new UserException($"The activation '{Name}' computes with weights of its own, which nothing would train: make them the network's in a tweak's Rewrite "
                + "(register_module), and set each activation's Function there.");
        y.sum().backward();
        if (!y.isfinite().all().ToBoolean() || x.grad is not { } gradient || !gradient.isfinite().all().ToBoolean())
            throw new UserException($"The activation '{Name}' or its gradient is not finite for inputs between -3 and 3.");
    }

    private protected override (string Label, Func<Tensor, Tensor> Function) Chosen => (Name, Function);
}
