using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace LTHKit.Models;

/// <summary>LeNet-300-100 (LeCun et al. 1998; the first network of Frankle and Carbin 2019): two hidden linear layers, for teaching.</summary>
public sealed class LeNet : Network
{
    private readonly Linear _hidden1, _hidden2, _classifier;
    private readonly Activation _act1, _act2;

    internal LeNet(ModelSpec model, InputSpec input, int defaultWidth) : base(model, input)
    {
        long width = model.Width == 0 ? defaultWidth : model.Width;
        long second = Math.Max(1, width / 3);
        _hidden1 = Layer(this, "", "fc1", Linear((long)input.Channels * input.Size * input.Size, width));
        _act1 = Act(this, "", "act1", "layer1");
        _hidden2 = Layer(this, "", "fc2", Linear(width, second));
        _act2 = Act(this, "", "act2", "layer2");
        _classifier = Layer(this, "", "fc", Linear(second, input.Classes), prunable: false);
    }

    /// <summary>[N, C, H, W] -> logits [N, classes].</summary>
    public override Tensor forward(Tensor input)
        => _classifier.call(_act2.call(_hidden2.call(_act1.call(_hidden1.call(input.flatten(1))))));
}
