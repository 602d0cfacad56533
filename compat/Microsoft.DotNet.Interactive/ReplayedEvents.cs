using Microsoft.DotNet.Interactive.Events;

namespace Microsoft.DotNet.Interactive;

/// <summary>A sequence of events in which a late subscriber first hears what it missed. One event at a time.</summary>
internal sealed class ReplayedEvents : IObservable<KernelEvent>
{
    private readonly Lock _gate = new();
    private readonly List<KernelEvent> _past = [];
    private readonly List<IObserver<KernelEvent>> _observers = [];
    private bool _completed;

    public IDisposable Subscribe(IObserver<KernelEvent> observer)
    {
        lock (_gate)
        {
            foreach (var @event in _past)
                observer.OnNext(@event);
            if (_completed)
                observer.OnCompleted();
            else
                _observers.Add(observer);
        }

        return new Subscription(this, observer);
    }

    public void Add(KernelEvent @event)
    {
        lock (_gate)
        {
            if (_completed)
                return;

            _past.Add(@event);
            foreach (var observer in _observers.ToArray())
                observer.OnNext(@event);
        }
    }

    public void Complete()
    {
        lock (_gate)
        {
            if (_completed)
                return;

            _completed = true;
            foreach (var observer in _observers.ToArray())
                observer.OnCompleted();
            _observers.Clear();
        }
    }

    private sealed class Subscription(ReplayedEvents owner, IObserver<KernelEvent> observer) : IDisposable
    {
        public void Dispose()
        {
            lock (owner._gate)
                owner._observers.Remove(observer);
        }
    }
}
