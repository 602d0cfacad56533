using LTHKit.Data;

namespace LTHKit.Analysis;

/// <summary>
/// Products of a curvature matrix of the mean loss L(z), z = f(w), over one batch with vectors, given and returned by parameter, at one point of the weight
/// space; null where nothing depends on the weights. The Hessian's by double backward, H v = d(g' v)/dw with g = dL/dw. The generalised Gauss-Newton matrix's,
/// G = J' H_L J with J = dz/dw and H_L = d²L/dz², by the same trick: J' u is linear in u, so J v = d((J' u)' v)/du; then H_L (J v) = d((dL/dz)' J v)/dz, and
/// J' of that is one more backward pass. A graph that is kept, for more than one product, lives in the dispose scope of the call.
/// </summary>
internal static class HessianProducts
{
    public static Func<Tensor[], IList<Tensor>?> Hessian(WeightSpace space, Objective objective, Batch batch, bool keepGraph)
    {
        using var record = enable_grad();
        var gradients = space.Gradient(objective.Of(batch), keepGraph: true, createGraph: true);
        return v => Along(gradients, v) is { } along ? space.Gradient(along, keepGraph: keepGraph) : null;
    }

    public static Func<Tensor[], IList<Tensor>?> GaussNewton(WeightSpace space, Objective objective, Batch batch, bool keepGraph)
    {
        using var record = enable_grad();
        var outputs = objective.Module.call(batch.Images);
        var u = zeros_like(outputs).requires_grad_();
        var pulled = space.Gradient(outputs, u, keepGraph: true, createGraph: true);      // J' u
        var point = outputs.detach().requires_grad_();
        var slope = autograd.grad([objective.Of(point, batch)], [point], retain_graph: true, create_graph: true, allow_unused: true)[0];
        return v =>
        {
            using var recording = enable_grad();
            if (Along(pulled, v) is not { } along || !WeightSpace.IsThere(slope) || !slope.requires_grad)
                return null;
            var pushed = autograd.grad([along], [u], retain_graph: true)[0];        // J v
            var curved = autograd.grad([(slope * pushed).sum()], [point], retain_graph: keepGraph)[0];
            return space.Gradient(outputs, curved, keepGraph);
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
