using TorchSharp.Modules;
using static TorchSharp.torch;

namespace LTHKit.Kernels;

/// <summary>
/// A convolution over the weights that its mask keeps, BatchNorm with the batch's statistics, a residual and an activation as one function: on the CPU, in
/// training, in float32.
/// </summary>
/// <param name="work">Threads and memory.</param>
/// <param name="convolution">3x3 or 1x1, padded to keep the size, of any stride and number of groups. A bias is cancelled by the BatchNorm.</param>
/// <param name="norm">The BatchNorm, whose running statistics follow.</param>
/// <param name="kept">The mask's values; null for a dense convolution.</param>
internal sealed class SparseUnit(Workspace work, Conv2d convolution, BatchNorm2d norm, bool[]? kept)
{
    private Layout? _layout;

    /// <summary>Threads and memory.</summary>
    public Workspace Work { get; } = work;

    /// <summary>The convolution's shape.</summary>
    public Geometry Shape { get; } = new((int)convolution.in_channels, (int)convolution.out_channels, (int)convolution.kernel_size[0], (int)convolution.stride![0], (int)convolution.groups);

    /// <summary>The BatchNorm.</summary>
    public BatchNorm2d Norm { get; } = norm;

    /// <summary>The convolution's bias; null for none.</summary>
    public Tensor? Bias => convolution.bias;

    /// <summary>act(bn(conv(x)) + residual), and x itself for whoever else needs it: its gradient comes back through here, where adding it costs nothing.</summary>
    public (Tensor Y, Tensor X) Forward(Tensor x, int images, Nonlinearity act, Tensor? residual = null)
    {
        var results = UnitFunction.apply(new UnitCall(this, images, act), x, convolution.weight, Norm.weight!, Norm.bias!, residual!);
        return (results[0], results[1]);
    }

    /// <summary>What follows from mask and image size.</summary>
    public Layout For(Planes input)
    {
        if (_layout?.Input == input)
            return _layout;
        var output = Shape.Out(input);
        var (forward, transposed) = _layout is { } old && old.Output with { Images = output.Images } == output ? (old.Forward, old.Transposed) : Taps.Of(Shape, kept, output);
        return _layout = new Layout(input, output, forward, transposed, new Masks(output));
    }

    /// <summary>Layouts before and after, the weights that are kept, and the masks of the border.</summary>
    internal sealed record Layout(Planes Input, Planes Output, Taps Forward, Taps Transposed, Masks Masks);
}

/// <summary>What a call needs beside its tensors.</summary>
internal sealed record UnitCall(SparseUnit Unit, int Images, Nonlinearity Act);
