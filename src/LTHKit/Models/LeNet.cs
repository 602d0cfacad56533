using TorchSharp.Modules;
using static TorchSharp.torch.nn;

namespace LTHKit.Models;

/// <summary>LeNet-300-100 (LeCun et al. 1998; the first network of Frankle and Carbin 2019): two hidden linear layers, for teaching.</summary>
internal sealed class LeNet : Module<Tensor, Tensor>
{
    private readonly Linear fc1, fc2, fc;
    private readonly Activation act1 = new(), act2 = new();

    public LeNet(InputSpec input, long width) : base(nameof(LeNet))
    {
        fc1 = Linear((long)input.Channels * input.Size * input.Size, width);
        fc2 = Linear(width, Math.Max(1, width / 3));
        fc = Linear(Math.Max(1, width / 3), input.Classes);
        RegisterComponents();
    }

    /// <summary>[N, C, H, W] -> logits [N, classes].</summary>
    public override Tensor forward(Tensor input) => fc.call(act2.call(fc2.call(act1.call(fc1.call(input.flatten(1))))));
}
