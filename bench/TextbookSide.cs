using TorchSharp;
using static TorchSharp.torch.nn;

namespace LTHKit.Cli.Bench;

/// <summary>The training loop of TorchSharp's examples: default layout, torch.optim.SGD, one batch at a time, augmented as a whole. Uses nothing of LTHKit but the images.</summary>
internal sealed class TextbookSide : ISide
{
    private readonly Tensor _images, _labels;       // [N, 3, H, W] in 0..255, [N]
    private readonly int _batch;
    private readonly Module<Tensor, Tensor> _network;
    private readonly optim.Optimizer _optimiser;
    private readonly Tensor _x, _y;

    public TextbookSide(BenchSetting setting, ImageSet data)
    {
        (_images, _labels, _batch) = (data.Train.Images, data.Train.Labels, setting.Batch);
        _network = ResNet18(setting.Width, data.Classes);
        _network.to(data.Device);
        _network.train();
        _optimiser = optim.SGD(_network.parameters(), 0.1, momentum: 0.9, weight_decay: 2e-4);
        using var scope = NewDisposeScope();
        _x = Scale(_images.narrow(0, 0, _batch)).MoveToOuterDisposeScope();
        _y = _labels.narrow(0, 0, _batch).MoveToOuterDisposeScope();
    }

    public double Steps(int count) => TrainingBench.Time(_images.device, () =>
    {
        for (var i = 0; i < count; i++)
            Step(_x, _y);
    });

    public double Epoch() => TrainingBench.Time(_images.device, () =>
    {
        using var order = randperm(_images.shape[0], device: _images.device);
        for (var first = 0L; first < _images.shape[0]; first += _batch)
        {
            using var scope = NewDisposeScope();
            var chosen = order.narrow(0, first, Math.Min(_batch, _images.shape[0] - first));
            Step(Augment(Scale(_images.index_select(0, chosen))), _labels.index_select(0, chosen));
        }
    });

    public void Dispose()
    {
        _x.Dispose();
        _y.Dispose();
        _optimiser.Dispose();
        _network.Dispose();
    }

    private void Step(Tensor x, Tensor y)
    {
        using var scope = NewDisposeScope();
        _optimiser.zero_grad();
        var loss = functional.cross_entropy(_network.call(x), y);
        loss.backward();
        _optimiser.step();
    }

    private static Tensor Scale(Tensor images) => (images.to(float32) / 255 - 0.5) / 0.25;

    // A crop of the padded images and a mirror image by chance, the same for the whole batch.
    private static Tensor Augment(Tensor x)
    {
        var (size, border) = (x.shape[3], x.shape[3] / 8);
        var padded = functional.pad(x, [border, border, border, border]);
        var crop = padded.narrow(2, Random.Shared.NextInt64(2 * border + 1), size).narrow(3, Random.Shared.NextInt64(2 * border + 1), size);
        return Random.Shared.Next(2) == 0 ? crop.flip(3) : crop;
    }

    private static Module<Tensor, Tensor> ResNet18(long width, long classes)
    {
        var blocks = Enumerable.Range(0, 8).Select(i => new BasicBlock(width << Math.Max(0, (i - 1) / 2), width << (i / 2), i is 2 or 4 or 6 ? 2 : 1));
        Module<Tensor, Tensor>[] layers = [Conv2d(3, width, 3, 1L, 1L, bias: false), BatchNorm2d(width), ReLU(), .. blocks, AdaptiveAvgPool2d(1), Flatten(),
            Linear(width << 3, classes)];
        return Sequential(layers);
    }

    private sealed class BasicBlock : Module<Tensor, Tensor>
    {
        private readonly Module<Tensor, Tensor> main, shortcut;

        public BasicBlock(long inputs, long outputs, long stride)
            : base("BasicBlock")
        {
            main = Sequential(Conv2d(inputs, outputs, 3, stride, 1L, bias: false), BatchNorm2d(outputs), ReLU(),
                Conv2d(outputs, outputs, 3, 1L, 1L, bias: false), BatchNorm2d(outputs));
            shortcut = stride == 1 && inputs == outputs ? Identity() : Sequential(Conv2d(inputs, outputs, 1, stride, bias: false), BatchNorm2d(outputs));
            RegisterComponents();
        }

        public override Tensor forward(Tensor x)
        {
            using var scope = NewDisposeScope();
            return functional.relu(main.call(x) + shortcut.call(x)).MoveToOuterDisposeScope();
        }
    }
}
