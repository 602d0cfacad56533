using LTHKit.Data;
using TorchSharp;
using static TorchSharp.torch;

namespace LTHKit.Analysis;

/// <summary>
/// Hessian-vector products at one point of the weight space by double backward, H v = d(g' v)/dw with g = dL/dw. The weights must not change until
/// it is disposed. Where the sample is one batch, the graph of g is kept, in the dispose scope that this object is made in; otherwise it is built
/// again, batch by batch, for each product.
/// </summary>
internal sealed class HessianProducts : IDisposable
{
    private readonly WeightSpace _space;
    private readonly Objective _objective;
    private readonly Batch? _batch;
    private readonly IList<Tensor>? _gradients;
    private readonly CancellationToken _cancel;

    /// <param name="space">The weights.</param>
    /// <param name="objective">The loss.</param>
    /// <param name="cancel">Stops a product between two batches.</param>
    public HessianProducts(WeightSpace space, Objective objective, CancellationToken cancel = default)
    {
        (_space, _objective, _cancel) = (space, objective, cancel);
        if (objective.BatchCount > 1)
            return;
        _batch = objective.Batches().First();
        _gradients = Gradients(_batch);
    }

    /// <summary>H v, for a v whose pruned entries are zero. // [P] -> [P]</summary>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public Tensor Of(Tensor vector)
    {
        _cancel.ThrowIfCancellationRequested();
        using var scope = NewDisposeScope();
        var parts = _space.Split(vector);
        var result = zeros_like(vector);
        var slots = _space.Split(result);
        if (_gradients is not null)
            Add(slots, _gradients, parts, weight: 1, keepGraph: true);
        else
            foreach (var batch in _objective.Batches())
            {
                using var inner = NewDisposeScope();
                using var held = batch;
                _cancel.ThrowIfCancellationRequested();
                Add(slots, Gradients(batch), parts, batch.Count / (double)_objective.Count, keepGraph: false);
            }
        return _space.Project(result).MoveToOuterDisposeScope();
    }

    public void Dispose() => _batch?.Dispose();

    private IList<Tensor> Gradients(Batch batch)
    {
        using var record = enable_grad();
        return autograd.grad([_objective.Of(batch)], [.. _space.Parameters], retain_graph: true, create_graph: true, allow_unused: true);
    }

    /// <summary>Adds the batch's share of H v; a parameter that the loss does not depend on, or only linearly, adds nothing.</summary>
    private void Add(Tensor[] slots, IList<Tensor> gradients, Tensor[] parts, double weight, bool keepGraph)
    {
        using var record = enable_grad();
        var along = gradients.Zip(parts).Where(pair => IsThere(pair.First) && pair.First.requires_grad)
            .Select(pair => (pair.First * pair.Second).sum()).ToArray();
        if (along.Length == 0)
            return;
        var second = autograd.grad([stack(along).sum()], [.. _space.Parameters], retain_graph: keepGraph, allow_unused: true);
        using var noGrad = no_grad();
        foreach (var (slot, part) in slots.Zip(second))
            if (IsThere(part))
                slot.add_(part, alpha: weight);
    }

    private static bool IsThere(Tensor? gradient) => gradient is { IsInvalid: false };
}
