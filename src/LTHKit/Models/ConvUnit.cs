using static TorchSharp.torch.nn;

namespace LTHKit.Models;

/// <summary>
/// One convolution with its BatchNorm, where there is one, and the activation after them: the place where a skip connection can be injected (paper
/// section 3.1, Figure 3). The modules are registered with the module that owns the unit, under the names "convK", "bnK" and "actK".
/// </summary>
public sealed class ConvUnit
{
    private readonly Module _owner;
    private readonly string _index;
    private readonly Activation? _activation;       // null: none, or a user's own forward runs the unit

    internal ConvUnit(Module owner, string index, long input, long output, long kernel, long stride = 1, long groups = 1, bool bias = false, bool norm = true)
        : this(owner, index, "conv" + index, Conv2d(input, output, kernel, stride: stride, padding: kernel / 2, groups: groups, bias: bias))
    {
        if (norm)
            owner.register_module("bn" + index, Norm = BatchNorm2d(output));
        owner.register_module("act" + index, _activation = new Activation { Unit = this });
    }

    private ConvUnit(Module owner, string index, string name, Conv2d convolution)
    {
        (_owner, _index, Convolution) = (owner, index, convolution);
        owner.register_module(name, convolution);
    }

    /// <summary>A block's shortcut: a 1x1 convolution with BatchNorm, without activation.</summary>
    internal static ConvUnit Shortcut(Module owner, long input, long output, long stride, string convolution = "shortcut", string norm = "shortcut_bn")
    {
        var unit = new ConvUnit(owner, "", convolution, Conv2d(input, output, 1, stride: stride, bias: false)) { Norm = BatchNorm2d(output) };
        owner.register_module(norm, unit.Norm);
        return unit;
    }

    /// <summary>A unit of a user's own network, whose forward calls these modules.</summary>
    internal ConvUnit(Network network, string path, Conv2d convolution, BatchNorm2d? norm)
        => (_owner, _index, Path, Convolution, Norm) = (network, "_" + path.Replace('.', '_'), path, convolution, norm);

    /// <summary>Where in the network, for instance "layer1.0.conv1".</summary>
    public string Path { get; internal set; } = "";

    public Conv2d Convolution { get; }

    /// <summary>The BatchNorm after it; null where the architecture has none.</summary>
    public BatchNorm2d? Norm { get; private init; }

    /// <summary>The convolution's stride, the same in both directions.</summary>
    public long Stride => Convolution.stride[0];

    /// <summary>The injected skip connection; null as built.</summary>
    public Module<Tensor, Tensor>? Skip { get; private set; }

    /// <summary>Adds <paramref name="skip"/> beside the convolution: the unit's output becomes bn(conv(x)) + skip(x), without bn where there is none.</summary>
    public void Inject(Module<Tensor, Tensor> skip)
    {
        if (Skip is not null)
            throw new UserException($"{Path} has an injected skip connection already: use the skip tweak once.");
        Skip = skip;
        _owner.register_module("skip" + _index, skip);
        if (_activation is not null)
            return;
        Tensor? added = null;
        Convolution.register_forward_hook((_, x, y) =>
        {
            added = skip.call(x).alias();       // a container may free x before the BatchNorm runs
            return Norm is null ? y + added : y;
        });
        Norm?.register_forward_hook((_, _, y) => y + added!);
    }

    /// <summary>What runs it while a step of training lasts (see <see cref="SparseTraining"/>); null for TorchSharp's modules.</summary>
    internal SparseUnit? Sparse { get; set; }

    /// <summary>activation(bn(conv(x)) + skip(x) + added), the last from a residual connection. // [N, C, H, W] -> [N, C', H/stride, W/stride]</summary>
    internal Tensor Forward(Tensor x, Tensor? added = null) => Run(x, added, fork: false).Y;

    /// <summary>The same, and x for who else needs it, whose gradient then costs no pass of its own.</summary>
    internal (Tensor Y, Tensor X) Fork(Tensor x) => Run(x, null, fork: true);

    private (Tensor Y, Tensor X) Run(Tensor x, Tensor? added, bool fork)
    {
        if (Sparse is { Serves: true } && (Norm!.training || !is_grad_enabled()))
        {
            var act = _activation is null ? Nonlinearity.None : _activation.Fused;
            if (Skip is Projection projection)
                (added, x) = projection.Unit.Run(x, added, fork: true);
            else if (Skip is not null)
                added = Sparse.Sum(Skip.call(Sparse.Images(x)), added);
            (var z, x) = Sparse.Forward(x, act ?? Nonlinearity.None, added, fork);
            return (act is null ? _activation!.call(Sparse.Images(z)) : z, x);
        }
        if (Sparse is not null)
            (x, added) = (Sparse.Images(x), added is null ? null : Sparse.Images(added));
        var y = Convolution.call(x);
        if (Norm is not null)
            y = Norm.call(y);
        if (Skip is not null)
            y += Sparse is null ? Skip.call(x) : Sparse.Images(Skip.call(x));
        if (added is not null)
            y += added;
        return (_activation is null ? y : _activation.call(y), x);
    }

    /// <summary>The mean of each plane that this unit put out. // [N, C, H, W] -> [N, C]</summary>
    internal Tensor Means(Tensor y) => Sparse is null ? y.mean([2, 3]) : Sparse.Means(y);

    /// <summary>The largest of each 2x2 pixels that this unit put out.</summary>
    internal Tensor MaxPool(Tensor y)
    {
        var images = Sparse is null ? y : Sparse.Images(y);
        return images.shape[2] > 1 ? functional.max_pool2d(images, 2) : y;
    }
}

/// <summary>
/// One block of a built-in network: its convolution units, in the order of the forward pass. With a residual connection the block's input also reaches
/// the last unit's output before the activation. VGG's blocks are its stages, each followed by a pooling.
/// </summary>
/// <param name="Path">Where in the network, for instance "layer1.0".</param>
/// <param name="Units">The convolutions with their BatchNorms, if any, and injected skip connections.</param>
/// <param name="Activations">One after each unit.</param>
/// <param name="Residual">Whether the architecture itself has a connection around the whole block.</param>
/// <param name="Shortcut">The 1x1 convolution on that connection; null where the shapes match.</param>
public sealed record Block(string Path, IReadOnlyList<ConvUnit> Units, IReadOnlyList<Activation> Activations, bool Residual, Conv2d? Shortcut);
