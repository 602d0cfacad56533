namespace Deedle;

#nullable disable    // the real interfaces put no constraint on the keys
/// <summary>A frame of any keys, for code that works on all of them.</summary>
public interface IFrame
{
    V Apply<V>(IFrameOperation<V> operation);
}

/// <summary>What is done with a frame once its keys' types are known.</summary>
public interface IFrameOperation<V>
{
    V Invoke<R, C>(Frame<R, C> frame);
}
#nullable restore

public partial class Frame<TRowKey, TColumnKey> : IFrame
{
    V IFrame.Apply<V>(IFrameOperation<V> operation) => operation.Invoke(this);
}
