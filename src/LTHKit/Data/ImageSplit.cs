using TorchSharp;
using static TorchSharp.torch;

namespace LTHKit.Data;

/// <summary>One part of a data set, whole and on one device.</summary>
public sealed class ImageSplit : IDisposable
{
    private readonly Dictionary<int, Tensor> _crops = [];

    internal ImageSplit(Tensor images, Tensor labels)
    {
        Images = images.DetachFromDisposeScope();
        Labels = labels.DetachFromDisposeScope();
        Count = checked((int)images.shape[0]);
    }

    /// <summary>The images, uint8 or float32. // [N, C, H, W]</summary>
    public Tensor Images { get; }

    /// <summary>The classes, int64, from 0. // [N]</summary>
    public Tensor Labels { get; }

    /// <summary>How many images there are.</summary>
    public int Count { get; }

    /// <summary>
    /// Every crop of the images within <paramref name="padding"/> zeros on each side: a view whose first, third and fourth index choose image, top
    /// and left. The padded images are made once and belong to this split. // [N, C, 2p+1, 2p+1, H, W]
    /// </summary>
    internal Tensor Crops(int padding)
    {
        lock (_crops)
        {
            if (!_crops.TryGetValue(padding, out var crops))
                _crops[padding] = crops = Cropped(padding);
            return crops;
        }
    }

    private Tensor Cropped(int padding)
    {
        using var scope = NewDisposeScope();
        var (channels, height, width) = (Images.shape[1], Images.shape[2], Images.shape[3]);
        var padded = Images;
        if (padding > 0)
        {
            padded = zeros([Count, channels, height + 2 * padding, width + 2 * padding], Images.dtype, Images.device);
            padded.narrow(2, padding, height).narrow(3, padding, width).copy_(Images);
        }
        return padded.unfold(2, height, 1).unfold(3, width, 1).DetachFromDisposeScope();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var crops in _crops.Values)
            crops.Dispose();
        Images.Dispose();
        Labels.Dispose();
    }

    internal ImageSplit To(Device device) =>
        new(Images.to(device, copy: true), Labels.to(device, copy: true));
}
