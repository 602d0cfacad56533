using System.Runtime.ExceptionServices;
using Microsoft.DotNet.Interactive;

namespace LTHKit.Experiments;

/// <summary>The places of a laboratory in which work is done side by side, each with so many threads, and what stops it.</summary>
internal sealed class Workers(int places, int threads, Device device, Plan? plan = null) : IDisposable
{
    [ThreadStatic]
    private static Workers? _at;        // whose work this thread does
    private readonly SemaphoreSlim _places = new(places);
    private CancellationTokenSource _stop = new();

    /// <summary>Stops all work under way, and none that begins later.</summary>
    public void Interrupt() => Interlocked.Exchange(ref _stop, new()).Cancel();

    /// <summary>Does a piece of work on a thread of its own when a place is free.</summary>
    public async Task<T> InPlace<T>(Func<T> work, CancellationToken cancel)
    {
        await _places.WaitAsync(cancel).ConfigureAwait(false);
        using var place = new Ending(() => _places.Release());
        return await Task.Factory.StartNew(() =>
        {
            _at = this;
            Libtorch.UseThreads(threads);
            using var stream = CudaStream.Own(device);
            return work();
        }, cancel, TaskCreationOptions.LongRunning, TaskScheduler.Default).ConfigureAwait(false);
    }

    public T[] Each<TOne, T>(IEnumerable<TOne> all, Func<TOne, CancellationToken, T> work)
        => Interruptible(stop => all.Select(one => InPlace(() => work(one, stop), stop)).ToArray());

    /// <summary>Waits for tasks that an interrupt stops; the first failure is thrown.</summary>
    public T[] Interruptible<T>(Func<CancellationToken, Task<T>[]> begin, CancellationToken cancel = default) => Stoppable(stop =>
    {
        if (_at == this || Networks.IsDrawing)
            throw new UserException("A laboratory was asked by a tweak, a watch or the like while it works for it, and they would wait for each other: ask beforehand, in "
                + "the cell, and let that use the answer.");
        using var away = DeviceTurns.Leave();       // others may need it
        try
        {
            return Task.WhenAll(begin(stop)).GetAwaiter().GetResult();      // with the line of a user's code in which a failure was thrown
        }
        catch (AggregateException e) when (e.Flatten().InnerExceptions.FirstOrDefault(inner => inner is not OperationCanceledException) is { } failure)
        {
            ExceptionDispatchInfo.Throw(failure);       // of a user's code that works on several threads
            throw;
        }
        catch (Exception e) when (e is OperationCanceledException or AggregateException)
        {
            throw new OperationCanceledException("Interrupted; what is finished is kept.", e, stop);
        }
    }, cancel);

    /// <summary>Does work on this thread, with the threads that work here has, that <see cref="Interrupt"/> and the kernel's own interrupt stop.</summary>
    public T Stoppable<T>(Func<CancellationToken, T> work, CancellationToken cancel = default)
    {
        if (plan is { IsOpen: true })
            throw new UserException("This is a plan, in which nothing is computed: the cell gets its answer when the notebook runs.");
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token, KernelInvocationContext.Current?.CancellationToken ?? default, cancel);
        var before = get_num_threads();
        set_num_threads(threads);
        using var back = new Ending(() => set_num_threads(before));
        using var stream = CudaStream.Own(device);
        return work(stop.Token);
    }

    public void Dispose() => _places.Dispose();
}
