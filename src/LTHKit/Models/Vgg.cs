using static TorchSharp.torch.nn;

namespace LTHKit.Models;

/// <summary>
/// VGG-16 with BatchNorm in its CIFAR form (Simonyan and Zisserman 2014): thirteen 3x3 convolutions in five stages with max-pooling
/// between, one linear classifier on the averaged features; an image that is down to one pixel is not pooled further. "vgg5" is the same with two
/// stages of two, for tests and small machines. "conv4" is the Conv-4 of Frankle and Carbin (2019, Figure 2): these convolutions without BatchNorm, and
/// two hidden linear layers on all that the last pooling leaves; "lenet" is LeNet-300-100 (LeCun et al. 1998), hidden linear layers alone.
/// </summary>
internal sealed class Vgg : Module<Tensor, Tensor>
{
    private readonly List<Stage> _stages = [];
    private readonly List<(Linear Linear, Activation Act)> _hidden = [];
    private readonly Linear _classifier;

    /// <summary>Stages of so many convolutions, from <paramref name="width"/> channels on; hidden linear layers of these widths.</summary>
    public Vgg(InputSpec input, long width, int[] depths, bool norm = true, params long[] hidden) : base(nameof(Vgg))
    {
        long channels = input.Channels, size = input.Size;
        foreach (var (i, depth) in depths.Index())
        {
            _stages.Add(new Stage(channels, width << Math.Min(i, 3), depth, norm));
            register_module($"layer{i + 1}", _stages[i]);
            (channels, size) = (width << Math.Min(i, 3), Math.Max(1, size / 2));
        }
        var features = hidden.Length == 0 ? channels : channels * size * size;
        foreach (var (i, output) in hidden.Index())
        {
            _hidden.Add((Linear(features, output), new Activation()));
            register_module($"fc{i + 1}", _hidden[i].Linear);
            register_module($"act{i + 1}", _hidden[i].Act);
            features = output;
        }
        register_module("fc", _classifier = Linear(features, input.Classes));
    }

    public override Tensor forward(Tensor input)
    {
        var x = _stages.Aggregate(input, (y, stage) => stage.call(y));
        x = _hidden.Count == 0 ? _stages[^1].Means(x) : x.flatten(1);
        return _classifier.call(_hidden.Aggregate(x, (y, layer) => layer.Act.call(layer.Linear.call(y))));
    }

    /// <summary>3x3 convolutions of one width, then a 2x2 max-pooling.</summary>
    private sealed class Stage : Module<Tensor, Tensor>
    {
        private readonly List<ConvUnit> _units = [];

        public Stage(long input, long output, int depth, bool norm) : base(nameof(Stage))
        {
            for (var i = 0; i < depth; i++)
                _units.Add(new ConvUnit(this, $"{i + 1}", i == 0 ? input : output, output, 3, bias: true, norm: norm));
        }

        public override Tensor forward(Tensor x) => _units[^1].MaxPool(_units.Aggregate(x, (y, unit) => unit.Forward(y)));

        public Tensor Means(Tensor x) => _units[^1].Means(x);
    }
}
