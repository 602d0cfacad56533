using TorchSharp;
using static TorchSharp.torch;

namespace LTHKit.Data;

/// <summary>What one step sees. Whoever receives a batch disposes it; no dispose scope does.</summary>
/// <param name="Images">Normalised images, float32. // [B, C, H, W]</param>
/// <param name="Labels">Their classes, int64. // [B]</param>
public sealed record Batch(Tensor Images, Tensor Labels) : IDisposable
{
    /// <summary>How many images there are.</summary>
    public int Count => (int)Labels.shape[0];

    /// <inheritdoc/>
    public void Dispose()
    {
        Images.Dispose();
        Labels.Dispose();
    }

    internal Batch Detached()
    {
        Images.DetachFromDisposeScope();
        Labels.DetachFromDisposeScope();
        return this;
    }
}
