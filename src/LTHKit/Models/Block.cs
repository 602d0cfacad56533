using TorchSharp.Modules;

namespace LTHKit.Models;

/// <summary>
/// One block of a network: its convolution units, each followed by its activation, in the order of the forward pass. With a residual
/// connection the block's input also reaches the last unit's output before the activation. VGG's blocks are its stages, each followed by a pooling.
/// </summary>
/// <param name="Path">Where in the network, for instance "layer1.0".</param>
/// <param name="Units">The convolutions with their BatchNorms, if any, and injected skip connections.</param>
/// <param name="Activations">One after each unit.</param>
/// <param name="Residual">Whether the architecture itself has a connection around the whole block.</param>
/// <param name="Shortcut">The 1x1 convolution on that connection; null where the shapes match.</param>
public sealed record Block(string Path, IReadOnlyList<ConvUnit> Units, IReadOnlyList<Activation> Activations, bool Residual, Conv2d? Shortcut);
