namespace LTHKit.Models;

/// <summary>Which network: its name and its width.</summary>
/// <param name="Name">One of <see cref="Networks.Names"/>.</param>
/// <param name="Width">
/// Channels of the first stage; the later ones keep the architecture's ratios. 0 stands for the architecture's own width
/// (64 for ResNet, VGG and Conv-4, whose hidden linear layers are four times as wide; 32 for MobileNet, 300 for LeNet).
/// </param>
public sealed record ModelSpec(string Name = "resnet18", int Width = 0);

/// <summary>The shape a network is built for.</summary>
/// <param name="Classes">Number of logits.</param>
/// <param name="Size">Height and width of the (square) input in pixels.</param>
/// <param name="Channels">Input channels.</param>
public sealed record InputSpec(int Classes, int Size = 32, int Channels = 3);
