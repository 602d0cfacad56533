using TorchSharp.Modules;
using static TorchSharp.torch.nn;

namespace LTHKit.Models;

/// <summary>
/// ResNet-18 and ResNet-34 in their CIFAR form (He et al. 2016): 3x3 stem, no max-pool, basic blocks in four stages of widths
/// w, 2w, 4w, 8w. 64x64 inputs go through the same network; the last average runs over 8x8 instead of 4x4.
/// </summary>
internal sealed class ResNet : Module<Tensor, Tensor>
{
    private readonly ConvUnit _stem;
    private readonly List<BasicBlock> _blocks = [];
    private readonly Linear _classifier;

    public ResNet(InputSpec input, long width, int[] depths) : base(nameof(ResNet))
    {
        _stem = new(this, "1", input.Channels, width, 3);
        var channels = width;
        foreach (var (stage, depth) in depths.Index())
        {
            var blocks = ModuleList<BasicBlock>();
            for (var i = 0; i < depth; i++, channels = width << stage)
                blocks.append(new BasicBlock(channels, width << stage, stage > 0 && i == 0 ? 2 : 1));
            register_module($"layer{stage + 1}", blocks);
            _blocks.AddRange(blocks);
        }
        register_module("fc", _classifier = Linear(channels, input.Classes));
    }

    /// <summary>[N, C, H, W] -> logits [N, classes].</summary>
    public override Tensor forward(Tensor input)
    {
        var x = _stem.Forward(input);
        foreach (var block in _blocks)
            x = block.call(x);
        return _classifier.call(_stem.Means(x));
    }
}

/// <summary>Two 3x3 convolutions and the residual connection; a 1x1 convolution where the shapes differ.</summary>
internal sealed class BasicBlock : Module<Tensor, Tensor>
{
    private readonly ConvUnit _unit1, _unit2;

    public BasicBlock(long input, long output, long stride) : base(nameof(BasicBlock))
    {
        _unit1 = new(this, "1", input, output, 3, stride);
        _unit2 = new(this, "2", output, output, 3);
        if (stride != 1 || input != output)
            Shortcut = ConvUnit.Shortcut(this, input, output, stride);
    }

    public ConvUnit? Shortcut { get; }

    public override Tensor forward(Tensor x)
    {
        (var y, x) = _unit1.Fork(x);
        return _unit2.Forward(y, added: Shortcut is null ? x : Shortcut.Forward(x));
    }
}
