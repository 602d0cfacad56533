using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace LTHKit.Models;

/// <summary>
/// VGG-16 with BatchNorm in its CIFAR form (Simonyan and Zisserman 2014): thirteen 3x3 convolutions in five stages with max-pooling
/// between, one linear classifier on the averaged features; an image that is down to one pixel is not pooled further. "vgg5" is the same with two
/// stages of two, for tests and small machines. "conv4" is the Conv-4 of Frankle and Carbin (2019, Figure 2): these convolutions without BatchNorm, and
/// two hidden linear layers on all that the last pooling leaves.
/// </summary>
public sealed class Vgg : Network
{
    private readonly List<(ConvUnit Unit, Activation Act, bool Pool)> _layers = [];
    private readonly List<(Linear Linear, Activation Act)> _hidden = [];
    private readonly Linear _classifier;

    /// <param name="model">Name and width.</param>
    /// <param name="input">What it is built for.</param>
    /// <param name="depths">Convolutions of each stage.</param>
    /// <param name="defaultWidth">Channels of the first stage.</param>
    /// <param name="norm">Whether a BatchNorm follows each convolution.</param>
    /// <param name="hidden">Units of the hidden linear layers, as multiples of the first stage's channels.</param>
    internal Vgg(ModelSpec model, InputSpec input, int[] depths, int defaultWidth, bool norm = true, params int[] hidden) : base(model, input)
    {
        long width = model.Width == 0 ? defaultWidth : model.Width;
        long channels = input.Channels, size = input.Size;
        for (var stage = 0; stage < depths.Length; stage++)
        {
            var name = $"layer{stage + 1}";
            var container = new Stage();
            for (var i = 1; i <= depths[stage]; i++)
            {
                var output = width << Math.Min(stage, 3);
                var unit = Unit(container, name + ".", i, channels, output, 3, bias: true, norm: norm);
                _layers.Add((unit, Act(container, name + ".", $"act{i}", name), i == depths[stage]));
                channels = output;
            }
            register_module(name, container);
            Block(name + ".");
            size = Math.Max(1, size / 2);
        }
        var features = hidden.Length == 0 ? channels : channels * size * size;
        foreach (var (i, multiple) in hidden.Index())
        {
            _hidden.Add((Layer(this, "", $"fc{i + 1}", Linear(features, width * multiple)), Act(this, "", $"act{i + 1}", $"layer{depths.Length + i + 1}")));
            features = width * multiple;
        }
        _classifier = Layer(this, "", "fc", Linear(features, input.Classes), prunable: false);
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
        x = _hidden.Count == 0 ? x.mean([2, 3]) : x.flatten(1);
        foreach (var (linear, act) in _hidden)
            x = act.call(linear.call(x));
        return _classifier.call(x);
    }

    /// <summary>Holds the names of one stage's layers; the network itself runs them.</summary>
    private sealed class Stage() : Module(nameof(Stage));
}
