using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace LTHKit.Models;

/// <summary>
/// MobileNet v1 (Howard et al. 2017) in its CIFAR form: 3x3 stem with stride 1, thirteen depthwise-separable blocks, one linear
/// classifier on the averaged features.
/// </summary>
public sealed class MobileNet : Network
{
    // Output width as a multiple of the stem's, stride.
    private static readonly (int Multiple, int Stride)[] Plan =
    [
        (2, 1), (4, 2), (4, 1), (8, 2), (8, 1), (16, 2), (16, 1), (16, 1), (16, 1), (16, 1), (16, 1), (32, 2), (32, 1),
    ];

    private readonly Conv2d _stem;
    private readonly BatchNorm2d _norm;
    private readonly Activation _act;
    private readonly List<SeparableBlock> _blocks = [];
    private readonly Linear _classifier;

    internal MobileNet(ModelSpec model, InputSpec input, int defaultWidth) : base(model, input)
    {
        long width = model.Width == 0 ? defaultWidth : model.Width;
        _stem = Layer(this, "", "conv1", Conv2d(input.Channels, width, 3, padding: 1, bias: false));
        _norm = Layer(this, "", "bn1", BatchNorm2d(width), prunable: false);
        _act = Act(this, "", "act1", "stem");
        var (channels, stage) = (width, 1);
        var blocks = ModuleList<SeparableBlock>();
        foreach (var (multiple, stride) in Plan)
        {
            if (stride == 2 && _blocks.Count > 1)
                stage++;
            var block = new SeparableBlock(this, $"blocks.{_blocks.Count}.", $"layer{stage}", channels, width * multiple, stride);
            blocks.append(block);
            _blocks.Add(block);
            channels = width * multiple;
        }
        register_module("blocks", blocks);
        _classifier = Layer(this, "", "fc", Linear(channels, input.Classes), prunable: false);
    }

    /// <summary>[N, C, H, W] -> logits [N, classes].</summary>
    public override Tensor forward(Tensor input)
    {
        var x = _act.call(_norm.call(_stem.call(input)));
        foreach (var block in _blocks)
            x = block.call(x);
        return _classifier.call(x.mean([2, 3]));
    }

    /// <summary>A 3x3 depthwise convolution, then a 1x1 convolution, each with BatchNorm and activation.</summary>
    private sealed class SeparableBlock : Module<Tensor, Tensor>
    {
        private readonly ConvUnit _depthwise, _pointwise;
        private readonly Activation _act1, _act2;

        internal SeparableBlock(Network network, string path, string stage, long input, long output, long stride) : base(nameof(SeparableBlock))
        {
            _depthwise = network.Unit(this, path, 1, input, input, 3, stride, groups: input);
            _act1 = network.Act(this, path, "act1", stage);
            _pointwise = network.Unit(this, path, 2, input, output, 1);
            _act2 = network.Act(this, path, "act2", stage);
            network.Block(path);
        }

        public override Tensor forward(Tensor x) => _act2.call(_pointwise.Forward(_act1.call(_depthwise.Forward(x))));
    }
}
