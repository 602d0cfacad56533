using static TorchSharp.torch.nn;

namespace LTHKit.Models;

/// <summary>Networks of a 3x3 stem with stride 1, blocks in stages, and one linear classifier on the averaged features.</summary>
internal sealed class Staged : Module<Tensor, Tensor>
{
    private readonly ConvUnit _stem;
    private readonly List<Module<Tensor, Tensor>> _blocks = [];
    private readonly Linear _classifier;

    private Staged(InputSpec input, long width, IEnumerable<IEnumerable<(long Width, long Stride)>> stages,
        Func<long, long, long, Module<Tensor, Tensor>> block) : base(nameof(Staged))
    {
        _stem = new(this, "1", input.Channels, width, 3);
        var channels = width;
        foreach (var (i, stage) in stages.Index())
        {
            var blocks = ModuleList<Module<Tensor, Tensor>>();
            foreach (var (output, stride) in stage)
            {
                blocks.append(block(channels, output, stride));
                channels = output;
            }
            register_module($"layer{i + 1}", blocks);
            _blocks.AddRange(blocks);
        }
        register_module("fc", _classifier = Linear(channels, input.Classes));
    }

    /// <summary>
    /// ResNet-18 and ResNet-34 in their CIFAR form (He et al. 2016): no max-pool, basic blocks in four stages of widths w, 2w, 4w, 8w. 64x64 inputs go
    /// through the same network; the last average runs over 8x8 instead of 4x4.
    /// </summary>
    public static Staged ResNet(InputSpec input, long width, int[] depths) => new(input, width,
        depths.Select((depth, stage) => Enumerable.Range(0, depth).Select(i => (width << stage, stage > 0 && i == 0 ? 2L : 1))),
        (channels, output, stride) => new BasicBlock(channels, output, stride));

    /// <summary>MobileNet v1 (Howard et al. 2017) in its CIFAR form: thirteen depthwise-separable blocks in four stages.</summary>
    public static Staged MobileNet(InputSpec input, long width)
    {
        // Output width as a multiple of the stem's, and stride.
        (int Multiple, int Stride)[][] plan =
        [
            [(2, 1), (4, 2), (4, 1)], [(8, 2), (8, 1)], [(16, 2), (16, 1), (16, 1), (16, 1), (16, 1), (16, 1)], [(32, 2), (32, 1)],
        ];
        return new(input, width, plan.Select(stage => stage.Select(block => (width * block.Multiple, (long)block.Stride))),
            (channels, output, stride) => new SeparableBlock(channels, output, stride));
    }

    public override Tensor forward(Tensor input)
        => _classifier.call(_stem.Means(_blocks.Aggregate(_stem.Forward(input), (x, block) => block.call(x))));

    /// <summary>A 3x3 depthwise convolution, then a 1x1 convolution, each with BatchNorm and activation.</summary>
    private sealed class SeparableBlock : Module<Tensor, Tensor>
    {
        private readonly ConvUnit _depthwise, _pointwise;

        public SeparableBlock(long input, long output, long stride) : base(nameof(SeparableBlock))
        {
            _depthwise = new(this, "1", input, input, 3, stride, groups: input);
            _pointwise = new(this, "2", input, output, 1);
        }

        public override Tensor forward(Tensor x) => _pointwise.Forward(_depthwise.Forward(x));
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
