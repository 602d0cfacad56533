using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace LTHKit.Models;

/// <summary>
/// One convolution inside a block, with its BatchNorm where the architecture has one: the place where a skip connection can be injected (paper
/// section 3.1, Figure 3). The modules are registered with the block that owns the unit, under the names "convK" and "bnK".
/// </summary>
public sealed class ConvUnit
{
    private readonly Module _owner;
    private readonly string _index;

    internal ConvUnit(Module owner, string path, string index, long input, long output, long kernel, long stride = 1,
        long groups = 1, bool bias = false, bool norm = true)
    {
        (_owner, Path, _index) = (owner, path, index);
        Convolution = Conv2d(input, output, kernel, stride: stride, padding: kernel / 2, groups: groups, bias: bias);
        Stride = stride;
        owner.register_module("conv" + index, Convolution);
        if (norm)
            owner.register_module("bn" + index, Norm = BatchNorm2d(output));
    }

    /// <summary>Where in the network, for instance "layer1.0.conv1".</summary>
    public string Path { get; }

    /// <summary>The convolution.</summary>
    public Conv2d Convolution { get; }

    /// <summary>The BatchNorm after it; null where the architecture has none.</summary>
    public BatchNorm2d? Norm { get; }

    /// <summary>The convolution's stride, the same in both directions.</summary>
    public long Stride { get; }

    /// <summary>The injected skip connection; null as built.</summary>
    public Module<Tensor, Tensor>? Skip { get; private set; }

    /// <summary>Adds <paramref name="skip"/> beside the convolution: the unit's output becomes bn(conv(x)) + skip(x), without bn where there is none.</summary>
    public void Inject(Module<Tensor, Tensor> skip)
    {
        if (Skip is not null)
            throw new UserException($"{Path} has an injected skip connection already: use the skip tweak once.");
        Skip = skip;
        _owner.register_module("skip" + _index, skip);
    }

    /// <summary>[N, C, H, W] -> [N, C', H/stride, W/stride], before the activation.</summary>
    public Tensor Forward(Tensor x)
    {
        var y = Convolution.call(x);
        if (Norm is not null)
            y = Norm.call(y);
        return Skip is null ? y : y + Skip.call(x);
    }
}
