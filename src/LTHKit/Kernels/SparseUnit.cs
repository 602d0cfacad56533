namespace LTHKit.Kernels;

/// <summary>
/// A convolution over the weights that its mask keeps, BatchNorm, a residual and an activation as one function: on the CPU, in float32. With the BatchNorm in
/// training it takes the batch's statistics and can be differentiated; else the running ones, and it cannot.
/// </summary>
/// <param name="work">Threads and memory.</param>
/// <param name="convolution">3x3 or 1x1, padded to keep the size, of any stride and number of groups. A bias is cancelled by the BatchNorm.</param>
/// <param name="norm">The BatchNorm, whose running statistics follow.</param>
/// <param name="kept">The mask's values; null for a dense convolution.</param>
internal sealed class SparseUnit(Workspace work, Conv2d convolution, BatchNorm2d norm, bool[]? kept)
{
    private Layout? _layout;

    /// <summary>Whether this runs the unit; else TorchSharp's modules do, and this gives them images.</summary>
    public bool Serves { get; init; } = true;

    public Workspace Work { get; } = work;
    public Geometry Shape { get; } = new((int)convolution.in_channels, (int)convolution.out_channels, (int)convolution.kernel_size[0],
        (int)convolution.stride![0], (int)convolution.groups);
    public BatchNorm2d Norm { get; } = norm;
    public Tensor Weight => convolution.weight!;
    public Tensor? Bias => convolution.bias;

    /// <summary>
    /// act(bn(conv(x)) + added). Tensors are images [N, C, H, W] or in this room's layout; what comes out is in the latter. A fork gives x too, for
    /// whoever else needs it: its gradient comes back through here, where adding it costs nothing.
    /// </summary>
    public (Tensor Y, Tensor X) Forward(Tensor x, Nonlinearity act, Tensor? added = null, bool fork = false)
    {
        if (!IsLaid(x))
            Work.Images = (int)x.size(0);
        var laid = Laid(x);
        var call = new UnitCall(this, For(Planes.Of(laid, Work.Images)), act, fork);
        var residual = added is null ? null : Laid(added, call.Layout.Output);
        if (!Norm.training)
            return (UnitFunction.Evaluate(call, laid, residual), x);
        if (call.Layout.Output.Count == 1)
            throw new UserException("In training BatchNorm needs more than one value per channel: give more than one image, or larger ones.");
        var results = UnitFunction.apply(call, laid, Weight, Norm.weight!, Norm.bias!, residual!, Bias!);
        return (results[0], fork ? results[1] : x);
    }

    /// <summary>A tensor as images [N, C, H, W].</summary>
    public Tensor Images(Tensor x) => IsLaid(x) ? Planes.Of(x, Work.Images).ToImages(x) : x;

    /// <summary>images + b, b if there is one.</summary>
    public Tensor Sum(Tensor images, Tensor? b) => b is null ? images : IsLaid(b) ? b + Laid(images, Planes.Of(b, Work.Images)) : b + images;

    /// <summary>The mean of each plane. // -> [N, C]</summary>
    public Tensor Means(Tensor x) => IsLaid(x) ? Planes.Of(x, Work.Images).Means(x) : x.mean([2, 3]);

    /// <summary>What follows from mask and image size.</summary>
    public Layout For(Planes input)
    {
        if (_layout?.Input == input)
            return _layout;
        var output = Shape.Out(input);
        var (forward, transposed) = _layout is { } old && old.Output with { Images = output.Images } == output
            ? (old.Forward, old.Transposed)
            : Taps.Of(Shape, kept, output);
        return _layout = new Layout(input, output, forward, transposed, new Masks(output));
    }

    private Tensor Laid(Tensor x) => IsLaid(x) ? x : new Planes((int)x.size(0), (int)x.size(1), (int)x.size(2), (int)x.size(3)).FromImages(x, Work);

    /// <summary>In the layout of these planes; images may be one for all.</summary>
    private Tensor Laid(Tensor x, Planes planes)
        => IsLaid(x) ? x : planes.FromImages(x.expand(planes.Images, planes.Channels, planes.Height, planes.Width), Work);

    private static bool IsLaid(Tensor x) => x.dim() == 5;

    /// <summary>Layouts before and after, the weights that are kept, and the masks of the border.</summary>
    internal sealed record Layout(Planes Input, Planes Output, Taps Forward, Taps Transposed, Masks Masks);
}

/// <summary>What a call needs beside its tensors.</summary>
internal sealed record UnitCall(SparseUnit Unit, SparseUnit.Layout Layout, Nonlinearity Act, bool Fork);
