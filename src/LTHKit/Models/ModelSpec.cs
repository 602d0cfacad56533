using static TorchSharp.torch.nn;

namespace LTHKit.Models;

/// <summary>Which network: a built-in one by its name and width, or a user's own (<see cref="Own"/>).</summary>
/// <param name="Name">One of <see cref="Networks.Names"/>, or the name of a user's own.</param>
/// <param name="Width">
/// Channels of the first stage; the later ones keep the architecture's ratios. 0 stands for the architecture's own width
/// (64 for ResNet, VGG and Conv-4, whose hidden linear layers are four times as wide; 32 for MobileNet, 300 for LeNet).
/// </param>
public sealed record ModelSpec(string Name = "resnet18", int Width = 0)
{
    /// <summary>Makes a user's own network, [N, C, H, W] -> logits [N, classes]; null for a built-in one.</summary>
    public Func<InputSpec, Module<Tensor, Tensor>>? Factory { get; init; }

    /// <summary>Layers that pruning leaves dense beside the classifier, by name: "conv1", or "features" for all below it.</summary>
    public IReadOnlyList<string> Dense { get; init; } = [];

    /// <summary>
    /// A network of a user's own, any TorchSharp module: <c>ModelSpec.Own("plain", input => new Plain(input.Classes))</c>. Its Conv2d and hidden Linear
    /// layers are pruned; other kinds of convolution, the weights of recurrent and attention modules, its last layer and the layers named in <paramref name="dense"/> stay dense. The constructor's draws are seeded, and it must make the
    /// same weights of the same draws; those of a GroupNorm are set to 1 and 0. A run is known by the code.
    /// </summary>
    /// <param name="name">Its name in figures and tables.</param>
    /// <param name="factory">Called for every network, each time for a new module.</param>
    /// <param name="dense">Layers left dense.</param>
    public static ModelSpec Own(string name, Func<InputSpec, Module<Tensor, Tensor>> factory, params string[] dense)
        => new(name) { Factory = factory, Dense = dense };
}

/// <summary>The shape a network is built for.</summary>
/// <param name="Classes">Number of logits.</param>
/// <param name="Size">Height and width of the (square) input in pixels.</param>
/// <param name="Channels">Input channels.</param>
public sealed record InputSpec(int Classes, int Size = 32, int Channels = 3);
