using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Compat.Tests.Torch;

internal static class Networks
{
    /// <summary>The network of reference.py: two convolutions with batch normalisation, global pooling, a classifier.</summary>
    internal static Sequential Small(string activation) => Sequential(
        Conv2d(2, 3, 3, padding: 1), BatchNorm2d(3), Activation(activation),
        Conv2d(3, 4, 3, stride: 2, padding: 1, bias: false), BatchNorm2d(4), Activation(activation),
        AdaptiveAvgPool2d(1), Flatten(), Linear(4, 5));

    private static Module<Tensor, Tensor> Activation(string name) => name switch
    {
        "relu" => ReLU(),
        "silu" => SiLU(),
        "mish" => Mish(),
        _ => throw new ArgumentException(name),
    };
}
