namespace LTHKit;

/// <summary>Something that lasts until it is disposed of, and what is done then.</summary>
internal sealed class Ending(Action end) : IDisposable
{
    public void Dispose() => end();
}
