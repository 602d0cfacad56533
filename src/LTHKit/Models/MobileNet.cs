using TorchSharp.Modules;
using static TorchSharp.torch.nn;

namespace LTHKit.Models;

/// <summary>
/// MobileNet v1 (Howard et al. 2017) in its CIFAR form: 3x3 stem with stride 1, thirteen depthwise-separable blocks in four stages, one linear
/// classifier on the averaged features.
/// </summary>
internal sealed class MobileNet : Module<Tensor, Tensor>
{
    // Output width as a multiple of the stem's, stride; stage by stage.
    private static readonly (int Multiple, int Stride)[][] Plan =
    [
        [(2, 1), (4, 2), (4, 1)], [(8, 2), (8, 1)], [(16, 2), (16, 1), (16, 1), (16, 1), (16, 1), (16, 1)], [(32, 2), (32, 1)],
    ];

    private readonly ConvUnit _stem;
    private readonly List<SeparableBlock> _blocks = [];
    private readonly Linear _classifier;

    public MobileNet(InputSpec input, long width) : base(nameof(MobileNet))
    {
        _stem = new(this, "1", input.Channels, width, 3);
        var channels = width;
        foreach (var (stage, plan) in Plan.Index())
        {
            var blocks = ModuleList<SeparableBlock>();
            foreach (var (multiple, stride) in plan)
            {
                blocks.append(new SeparableBlock(channels, width * multiple, stride));
                channels = width * multiple;
            }
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
