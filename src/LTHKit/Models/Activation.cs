using static TorchSharp.torch.nn;

namespace LTHKit.Models;

/// <summary>
/// The place of one activation function in a network. It holds no parameters, so that a tweak may put another function in
/// (<see cref="Function"/>) without renaming a weight, and hooks may watch what comes out.
/// </summary>
public sealed class Activation : Module<Tensor, Tensor>
{
    internal static readonly Func<Tensor, Tensor> Relu = x => functional.relu(x), Swish = x => functional.silu(x), Mish = x => functional.mish(x);

    private readonly Func<Tensor, Tensor> _asBuilt;

    internal Activation() : this("ReLU", Relu) { }

    private Activation(string label, Func<Tensor, Tensor> function) : base(nameof(Activation))
        => (Label, Function, _asBuilt) = (label, function, function);

    /// <summary>Where in the network, for instance "layer1.0.act1".</summary>
    public string Path { get; internal set; } = "";

    /// <summary>The stage it belongs to, "stem" or the first part of its path; activation sparsity is reported by stage (Table A1).</summary>
    public string Stage => Unit is not null && !Path.Contains('.') ? "stem" : Path.Split('.')[0];

    /// <summary>The function, elementwise; ReLU as built, or what a user's own network has there.</summary>
    public Func<Tensor, Tensor> Function { get; set; }

    /// <summary>What figures call <see cref="Function"/>.</summary>
    public string Label { get; set; }

    internal bool Replaced => Function != _asBuilt;

    /// <summary>The function, where a unit can apply it by itself; null where not.</summary>
    internal Nonlinearity? Fused => Function == Relu ? Nonlinearity.Relu : Function == Swish ? Nonlinearity.Swish : Function == Mish ? Nonlinearity.Mish : null;

    /// <summary>The unit that it ends; null where there is none.</summary>
    internal ConvUnit? Unit { get; init; }

    /// <summary>Applies the function to <paramref name="input"/>, any shape.</summary>
    public override Tensor forward(Tensor input) => Function(input);

    /// <summary>The place of an activation module of a user's own network: what that module puts out goes through here.</summary>
    internal static Activation Around(string path, Module<Tensor, Tensor> module)
    {
        module.GetType().GetProperty("inplace")?.SetValue(module, false);       // the function put in its place needs the input
        Tensor? output = null;
        var activation = new Activation(module.GetName(), _ => output!) { Path = path };
        module.register_forward_hook((_, x, y) =>
        {
            output = y;
            return activation.call(x);
        });
        return activation;
    }
}
