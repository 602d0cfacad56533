using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace LTHKit.Models;

/// <summary>
/// ResNet-18 and ResNet-34 in their CIFAR form (He et al. 2016): 3x3 stem, no max-pool, basic blocks in four stages of widths
/// w, 2w, 4w, 8w. 64x64 inputs go through the same network; the last average runs over 8x8 instead of 4x4.
/// </summary>
public sealed class ResNet : Network
{
    private readonly Conv2d _stem;
    private readonly BatchNorm2d _norm;
    private readonly Activation _act;
    private readonly List<BasicBlock> _blocks = [];
    private readonly Linear _classifier;

    internal ResNet(ModelSpec model, InputSpec input, int[] depths, int defaultWidth) : base(model, input)
    {
        long width = model.Width == 0 ? defaultWidth : model.Width;
        _stem = Layer(this, "", "conv1", Conv2d(input.Channels, width, 3, padding: 1, bias: false));
        _norm = Layer(this, "", "bn1", BatchNorm2d(width), prunable: false);
        _act = Act(this, "", "act1", "stem");
        var channels = width;
        for (var stage = 0; stage < depths.Length; stage++)
        {
            var name = $"layer{stage + 1}";
            var blocks = ModuleList<BasicBlock>();
            for (var i = 0; i < depths[stage]; i++)
            {
                var output = width << stage;
                var block = new BasicBlock(this, $"{name}.{i}.", name, channels, output, stage > 0 && i == 0 ? 2 : 1);
                blocks.append(block);
                _blocks.Add(block);
                channels = output;
            }
            register_module(name, blocks);
        }
        _classifier = Layer(this, "", "fc", Linear(channels, input.Classes), prunable: false);
    }

    /// <inheritdoc/>
    public override bool PrefersChannelsLast => _stem.out_channels % 8 == 0;

    /// <summary>[N, C, H, W] -> logits [N, classes].</summary>
    public override Tensor forward(Tensor input)
    {
        var x = _act.call(_norm.call(_stem.call(input)));
        foreach (var block in _blocks)
            x = block.call(x);
        return _classifier.call(x.mean([2, 3]));
    }

    /// <summary>Two 3x3 convolutions and the residual connection; a 1x1 convolution where the shapes differ.</summary>
    private sealed class BasicBlock : Module<Tensor, Tensor>
    {
        private readonly ConvUnit _unit1, _unit2;
        private readonly Activation _act1, _act2;
        private readonly Conv2d? _shortcut;
        private readonly BatchNorm2d? _shortcutNorm;

        internal BasicBlock(Network network, string path, string stage, long input, long output, long stride) : base(nameof(BasicBlock))
        {
            _unit1 = network.Unit(this, path, 1, input, output, 3, stride);
            _act1 = network.Act(this, path, "act1", stage);
            _unit2 = network.Unit(this, path, 2, output, output, 3);
            _act2 = network.Act(this, path, "act2", stage);
            if (stride != 1 || input != output)
            {
                _shortcut = network.Layer(this, path, "shortcut", Conv2d(input, output, 1, stride: stride, bias: false));
                _shortcutNorm = network.Layer(this, path, "shortcut_bn", BatchNorm2d(output), prunable: false);
            }
            network.Block(path, residual: true, _shortcut);
        }

        public override Tensor forward(Tensor x)
        {
            var y = _unit2.Forward(_act1.call(_unit1.Forward(x)));
            var residual = _shortcut is null ? x : _shortcutNorm!.call(_shortcut.call(x));
            return _act2.call(y + residual);
        }
    }
}
