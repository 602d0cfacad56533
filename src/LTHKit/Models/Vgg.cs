using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace LTHKit.Models;

/// <summary>
/// VGG-16 with BatchNorm in its CIFAR form (Simonyan and Zisserman 2014): thirteen 3x3 convolutions in five stages with max-pooling
/// between, one linear classifier on the averaged features; an image that is down to one pixel is not pooled further. "conv4" is the same with two stages of two:
/// the convolutions of Frankle and Carbin's Conv-4 (2019), with BatchNorm and without its two hidden linear layers.
/// </summary>
public sealed class Vgg : Network
{
    private readonly List<(ConvUnit Unit, Activation Act, bool Pool)> _layers = [];
    private readonly Linear _classifier;

    internal Vgg(ModelSpec model, InputSpec input, int[] depths, int defaultWidth) : base(model, input)
    {
        long width = model.Width == 0 ? defaultWidth : model.Width;
        long channels = input.Channels;
        for (var stage = 0; stage < depths.Length; stage++)
        {
            var name = $"layer{stage + 1}";
            var container = new Stage();
            for (var i = 1; i <= depths[stage]; i++)
            {
                var output = width << Math.Min(stage, 3);
                var unit = Unit(container, name + ".", i, channels, output, 3, bias: true);
                _layers.Add((unit, Act(container, name + ".", $"act{i}", name), i == depths[stage]));
                channels = output;
            }
            register_module(name, container);
            Block(name + ".");
        }
        _classifier = Layer(this, "", "fc", Linear(channels, input.Classes), prunable: false);
    }

    /// <summary>[N, C, H, W] -> logits [N, classes].</summary>
    public override Tensor forward(Tensor input)
    {
        var x = input;
        foreach (var (unit, act, pool) in _layers)
        {
            x = act.call(unit.Forward(x));
            if (pool && x.shape[2] > 1)
                x = functional.max_pool2d(x, 2);
        }
        return _classifier.call(x.mean([2, 3]));
    }

    /// <summary>Holds the names of one stage's layers; the network itself runs them.</summary>
    private sealed class Stage() : Module(nameof(Stage));
}
