using System;
using System.Collections.Generic;
using System.Linq;

namespace TorchSharp;

public sealed class DisposeScope : IDisposable
{
    private DisposeScopeManager? manager;
    private HashSet<IDisposable> members = new(ReferenceEqualityComparer.Instance);

    internal DisposeScope(DisposeScopeManager manager)
    {
        this.manager = manager;
        Outer = manager.Current;
    }

    internal DisposeScope? Outer { get; set; }

    public IReadOnlyList<IDisposable> DisposablesView
    {
        get
        {
            Manager();
            return members.ToArray();
        }
    }

    public int DisposablesCount
    {
        get
        {
            Manager();
            return members.Count;
        }
    }

    public bool Contains(IDisposable disposable) => members.Contains(disposable);

    internal T MoveToOuter<T>(T disposable) where T : IDisposable => MoveToOther(Outer, disposable);

    internal T MoveToOther<T>(DisposeScope? scope, T disposable) where T : IDisposable
    {
        Manager();
        if (scope is null)
            Remove(disposable);
        else if (members.Remove(disposable))
            scope.Adopt(disposable);
        return disposable;
    }

    internal T Detach<T>(T disposable) where T : IDisposable
    {
        Remove(disposable);
        return disposable;
    }

    public void Attach(IDisposable disposable)
    {
        var statistics = Manager().StatisticsInstance.TensorStatistics;
        if (Adopt(disposable))
            statistics.AttachedToScopeCount++;
    }

    internal void DisposeEverything() => DisposeEverythingBut([]);

    internal void DisposeEverythingBut(IEnumerable<IDisposable> inKeep)
    {
        Manager();
        var old = members;
        members = new HashSet<IDisposable>(inKeep, ReferenceEqualityComparer.Instance);
        foreach (var disposable in old)
        {
            if (!members.Contains(disposable))
                disposable.Dispose();
        }
    }

    internal void DisposeEverythingBut(params IDisposable[] keep) => DisposeEverythingBut((IEnumerable<IDisposable>)keep);

    public T DisposeEverythingBut<T>(T keep) where T : IDisposable
    {
        DisposeEverythingBut([keep]);
        return keep;
    }

    internal void MarkAsDisposed(IDisposable disposable)
    {
        Manager();
        members.Remove(disposable);
        if (disposable is torch.Tensor tensor)
            tensor.OwningDisposeScope = null;
    }

    public void Dispose()
    {
        if (manager is null)
            return;
        DisposeEverything();
        manager.Remove(this);
        manager = null;
    }

    /// <summary>Takes in a new tensor, which belongs to no scope yet.</summary>
    internal void Register(torch.Tensor tensor) => members.Add(tensor);

    /// <summary>Puts a tensor in the place of another that has given up its native tensor.</summary>
    internal static void Replace(torch.Tensor original, torch.Tensor replacement)
    {
        var scope = original.OwningDisposeScope;
        if (scope is null || !scope.members.Remove(original))
            return;
        original.OwningDisposeScope = null;
        scope.Adopt(replacement);
    }

    private DisposeScopeManager Manager() => manager ?? throw new ObjectDisposedException(GetType().FullName);

    private bool Adopt(IDisposable disposable)
    {
        if (disposable is not torch.Tensor tensor)
            throw new InvalidOperationException("DisposeScope can only manage Tensor or PackedSequence");
        if (tensor.OwningDisposeScope == this)
            return false;
        tensor.OwningDisposeScope?.members.Remove(tensor);
        tensor.OwningDisposeScope = this;
        members.Add(tensor);
        return true;
    }

    private void Remove(IDisposable disposable)
    {
        var statistics = Manager().StatisticsInstance.TensorStatistics;
        if (!members.Remove(disposable) || disposable is not torch.Tensor tensor)
            return;
        statistics.DetachedFromScopeCount++;
        tensor.OwningDisposeScope = null;
    }
}

public static partial class torch
{
    public static DisposeScope NewDisposeScope() => DisposeScopeManager.OfThread.Open();

    public static DisposeScope? CurrentDisposeScope => DisposeScopeManager.OfThread.Current;
}
