using LTHKit.Data;

namespace LTHKit.Analysis;

/// <summary>
/// Products of a curvature matrix of the mean loss L(z), z = f(w), with vectors, at one point of the weight space; the weights must not change while it is
/// used. The Hessian's by double backward, H v = d(g' v)/dw with g = dL/dw. The generalised Gauss-Newton matrix's, G = J' H_L J with J = dz/dw and
/// H_L = d²L/dz², by the same trick: J' u is linear in u, so J v = d((J' u)' v)/du; then H_L (J v) = d((dL/dz)' J v)/dz, and J' of that is one more
/// backward pass. Where there is one batch, its graph is kept, in the dispose scope that this object is made in; otherwise it is built again, batch by
/// batch, for each product.
/// </summary>
internal sealed class HessianProducts
{
    private readonly WeightSpace _space;
    private readonly Objective _objective;
    private readonly bool _gaussNewton;
    private readonly CancellationToken _cancel;
    private readonly Func<Tensor[], IList<Tensor>?>? _whole;

    /// <summary>Products over one batch <paramref name="only"/>, or, where that is null, over those of the objective.</summary>
    public HessianProducts(WeightSpace space, Objective objective, Batch? only, bool gaussNewton, CancellationToken cancel)
    {
        (_space, _objective, _gaussNewton, _cancel) = (space, objective, gaussNewton, cancel);
        _whole = only is null ? null : Of(only, keepGraph: true);
    }

    /// <summary>The product with a v whose pruned entries are zero. // [P] -> [P]</summary>
    public Tensor Of(Tensor vector)
    {
        _cancel.ThrowIfCancellationRequested();
        using var scope = NewDisposeScope();
        var parts = _space.Split(vector);
        var result = zeros_like(vector);
        var slots = _space.Split(result);
        if (_whole is not null)
            Add(_whole(parts), 1);
        else
            _objective.Each(batch => Add(Of(batch, keepGraph: false)(parts), batch.Count / (double)_objective.Count), _cancel);
        return _space.Project(result).MoveToOuterDisposeScope();

        void Add(IList<Tensor>? product, double weight)
        {
            using var noGrad = no_grad();
            foreach (var (slot, part) in slots.Zip(product ?? []))
                if (WeightSpace.IsThere(part))
                    slot.add_(part, alpha: weight);
        }
    }

    private Func<Tensor[], IList<Tensor>?> Of(Batch batch, bool keepGraph) => _gaussNewton ? GaussNewton(batch, keepGraph) : Hessian(batch, keepGraph);

    private Func<Tensor[], IList<Tensor>?> Hessian(Batch batch, bool keepGraph)
    {
        using var record = enable_grad();
        var gradients = _space.Gradient(_objective.Of(batch), keepGraph: true, createGraph: true);
        return v => Along(gradients, v) is { } along ? _space.Gradient(along, keepGraph: keepGraph) : null;
    }

    private Func<Tensor[], IList<Tensor>?> GaussNewton(Batch batch, bool keepGraph)
    {
        using var record = enable_grad();
        var outputs = _objective.Module.call(batch.Images);
        var u = zeros_like(outputs).requires_grad_();
        var pulled = _space.Gradient(outputs, u, keepGraph: true, createGraph: true);      // J' u
        var point = outputs.detach().requires_grad_();
        var slope = autograd.grad([_objective.Of(point, batch)], [point], retain_graph: true, create_graph: true, allow_unused: true)[0];
        return v =>
        {
            using var recording = enable_grad();
            if (Along(pulled, v) is not { } along || !WeightSpace.IsThere(slope) || !slope.requires_grad)
                return null;
            var pushed = autograd.grad([along], [u], retain_graph: true)[0];        // J v
            var curved = autograd.grad([(slope * pushed).sum()], [point], retain_graph: keepGraph)[0];
            return _space.Gradient(outputs, curved, keepGraph);
        };
    }

    /// <summary>The scalar product with v; null where nothing depends on the weights. A parameter that the loss does not depend on adds nothing.</summary>
    private static Tensor? Along(IList<Tensor> gradients, Tensor[] v)
    {
        using var record = enable_grad();
        Tensor[] along = [.. gradients.Zip(v).Where(pair => WeightSpace.IsThere(pair.First) && pair.First.requires_grad)
            .Select(pair => (pair.First * pair.Second).sum())];
        return along.Length == 0 ? null : stack(along).sum();
    }
}
