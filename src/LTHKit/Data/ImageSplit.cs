using TorchSharp;
using static TorchSharp.torch;

namespace LTHKit.Data;

/// <summary>One part of a data set, whole and on one device.</summary>
public sealed class ImageSplit : IDisposable
{
    internal ImageSplit(Tensor images, Tensor labels)
    {
        Images = images.DetachFromDisposeScope();
        Labels = labels.DetachFromDisposeScope();
        Count = checked((int)images.shape[0]);
    }

    /// <summary>The images, uint8. // [N, C, H, W]</summary>
    public Tensor Images { get; }

    /// <summary>The classes, int64, from 0. // [N]</summary>
    public Tensor Labels { get; }

    /// <summary>How many images there are.</summary>
    public int Count { get; }

    /// <inheritdoc/>
    public void Dispose()
    {
        Images.Dispose();
        Labels.Dispose();
    }

    internal ImageSplit To(Device device) =>
        new(Images.to(device, copy: true), Labels.to(device, copy: true));
}
