using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace LTHKit.Models;

/// <summary>
/// The place of one activation function in a network. It holds no parameters, so that a tweak may put another function in
/// (<see cref="Function"/>) without renaming a weight, and hooks may watch what comes out.
/// </summary>
public sealed class Activation : Module<Tensor, Tensor>
{
    internal Activation(string path, string stage) : base(nameof(Activation)) => (Path, Stage) = (path, stage);

    /// <summary>Where in the network, for instance "layer1.0.act1".</summary>
    public string Path { get; }

    /// <summary>The stage it belongs to, for instance "layer1"; activation sparsity is reported by stage (Table A1).</summary>
    public string Stage { get; }

    /// <summary>The function, elementwise; ReLU as built.</summary>
    public Func<Tensor, Tensor> Function { get; set; } = x => functional.relu(x);

    /// <summary>What figures call <see cref="Function"/>; "ReLU" as built.</summary>
    public string Label { get; set; } = "ReLU";

    /// <summary>Applies the function to <paramref name="input"/>, any shape.</summary>
    public override Tensor forward(Tensor input) => Function(input);
}
