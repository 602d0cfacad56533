namespace LTHKit.Models;

/// <summary>The published form of an injected skip connection: bn(conv1x1(x)), with the stride of the convolution it goes around.</summary>
internal sealed class Projection : nn.Module<Tensor, Tensor>
{
    public Projection(long input, long output, long stride, double firstWeight)
        : base(stride > 1 ? $"1x1 convolution, stride {stride}, BatchNorm" : "1x1 convolution, BatchNorm")
    {
        using var noGrad = no_grad();
        Unit = ConvUnit.Shortcut(this, input, output, stride, "conv", "bn");
        Unit.Convolution.weight!.fill_(firstWeight);
    }

    public ConvUnit Unit { get; }

    public override Tensor forward(Tensor x) => Unit.Forward(x);
}
