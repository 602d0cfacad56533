namespace LTHKit.Analysis;

/// <summary>How the curvature of a loss is measured; the defaults are PyHessian's (Yao et al. 2020), which the paper uses.</summary>
/// <param name="MaxIterations">Most iterations an eigenvalue takes.</param>
/// <param name="Tolerance">An eigenvalue counts as found when an iteration changes it by less than this share.</param>
/// <param name="Seed">Of the random vectors.</param>
/// <param name="Parameters">Which parameters, by name, for the Hessian of a layer or block: <c>name => name.StartsWith("layer1.0.")</c>; null for all.</param>
/// <param name="GaussNewton">The generalised Gauss-Newton matrix J' H_L J instead (Martens 2010): without the network's own curvature.</param>
public sealed record HessianOptions(int MaxIterations = 100, double Tolerance = 1e-3, ulong Seed = 0, Func<string, bool>? Parameters = null,
    bool GaussNewton = false)
{
    internal HessianOptions Validated()
    {
        UserException.Require(MaxIterations >= 1, "The number of an eigenvalue's iterations", MaxIterations, "at least 1, PyHessian's default is 100");
        UserException.Require(Tolerance is >= 0 and < 1, "The tolerance", Tolerance, "in [0, 1), PyHessian's default is 0.001");
        return this;
    }
}

/// <summary>
/// The Hessian of a mean loss with respect to a module's weights, or to some of them, through Hessian-vector products (paper section 3.3 and A1.2; Yao et
/// al. 2020). The module is in eval mode while it is measured, BatchNorm included, and TF32 is off; mode, weights, buffers and gradients are afterwards what
/// they were; cancelling stops between two batches of a product. With a mask it is the Hessian of the sub-network: rows and columns of pruned weights are
/// zero; parameters that are never pruned belong to it.
/// </summary>
/// <param name="objective">Module, loss and batches.</param>
/// <param name="mask">The ticket; null for the Hessian of all weights.</param>
/// <param name="options">How to measure; null for the defaults.</param>
/// <exception cref="UserException">A setting is out of range, mask or vector do not fit, no parameter is chosen, or the curvature is not a number.</exception>
public sealed class Hessian(Objective objective, Mask? mask = null, HessianOptions? options = null) : IDisposable
{
    private readonly HessianOptions _options = (options ?? new()).Validated();
    private readonly WeightSpace _space = new(objective.Module, mask, options?.Parameters);

    // What random vectors are for; the numbers are theirs for good, as those of what is kept.
    private enum Stream { Eigenvector = 1, Density = 3 }

    /// <summary>Number of weights that are not pruned.</summary>
    public long Dimension => _space.Dimension;

    /// <summary>P, the length of vectors [P]: the weights of the module, or those of <see cref="HessianOptions.Parameters"/>, pruned ones included.</summary>
    public long Size => _space.Size;

    /// <summary>The product H v; with a mask M H M v. // [P] -> [P]</summary>
    public Tensor Product(Tensor vector, CancellationToken cancel = default)
    {
        _space.Require(vector);
        return Measure(product => product(_space.Project(vector.clone())).MoveToOuterDisposeScope(), cancel);
    }

    /// <summary>
    /// The eigenvalues largest in absolute value, in that order, by power iteration; each is sought orthogonally to those before it (deflation).
    /// </summary>
    public IReadOnlyList<Eigenpair> Top(int k = 1, CancellationToken cancel = default)
    {
        if (k < 1 || k > Dimension)
            throw new UserException($"{k} eigenvalues were asked for; take 1 to {Dimension:N0}, the number of weights that are not pruned.");
        return Measure(product =>
        {
            var found = new List<Eigenpair>();
            for (var i = 0; i < k; i++)
                found.Add(PowerIteration(product, found));
            foreach (var pair in found)
                pair.Vector.MoveToOuterDisposeScope();
            return found;
        }, cancel);
    }

    /// <summary>The density of the eigenvalues by stochastic Lanczos quadrature, each vector orthogonalised against all before it, which are kept.</summary>
    public SpectralDensity Density(int probes = 1, int steps = 80, CancellationToken cancel = default)
    {
        UserException.Require(probes >= 1, "The number of random vectors", probes, "at least 1");
        UserException.Require(steps >= 1, "The number of Lanczos steps", steps, "at least 1");
        var masses = Measure(product => Enumerable.Range(0, probes)
            .SelectMany(i => Lanczos(product, i, (int)Math.Min(steps, Dimension))).OrderBy(mass => mass.Value).ToList(), cancel);
        return new([.. masses.Select(mass => mass.Value)], [.. masses.Select(mass => mass.Weight / probes)], Dimension);
    }

    /// <summary>Frees what it holds; the network and the data stay.</summary>
    public void Dispose() => _space.Dispose();

    /// <summary>Measures with products H v of vectors whose pruned entries are zero. // [P] -> [P]</summary>
    private T Measure<T>(Func<Func<Tensor, Tensor>, T> measure, CancellationToken cancel)
    {
        using var scope = NewDisposeScope();
        using var mode = new EvalMode(objective.Module);
        using var turn = DeviceTurns.Take(_space.Device.type);       // an eigenvector's noise would consist of TF32's ten bits
        using var first = objective.Read().First();
        _space.Require(objective, first, cancel, twice: true);
        var whole = first.Count == objective.Count ? Of(first, keepGraph: true) : null;     // where there is one batch, its graph serves all products
        return measure(vector =>
        {
            cancel.ThrowIfCancellationRequested();
            using var inner = NewDisposeScope();
            var (parts, result) = (_space.Split(vector), zeros_like(vector));
            if (whole is not null)
                _space.Add(result, whole(parts), 1);
            else
                objective.Each(batch => _space.Add(result, Of(batch, keepGraph: false)(parts), batch.Count / (double)objective.Count), cancel);
            return _space.Project(result).MoveToOuterDisposeScope();
        });

        Func<Tensor[], IList<Tensor>?> Of(Batch batch, bool keepGraph) => _options.GaussNewton
            ? HessianProducts.GaussNewton(_space, objective, batch, keepGraph) : HessianProducts.Hessian(_space, objective, batch, keepGraph);
    }

    private Eigenpair PowerIteration(Func<Tensor, Tensor> product, IReadOnlyList<Eigenpair> found)
    {
        var start = Random(Stream.Eigenvector, found.Count, generator => randn(_space.Size, dtype: _space.Type, generator: generator));
        var vector = Unit(Deflated(start, found));
        var (value, residual) = (double.NaN, double.NaN);
        for (var iteration = 1; ; iteration++)
        {
            using var scope = NewDisposeScope();
            var next = Deflated(product(vector), found);
            var before = value;
            value = Finite(Dot(vector, next));
            residual = Norm(next.add(vector, alpha: -value));
            // Between two eigenvalues of equal size and opposite sign the value stands still far from both; the residual tells.
            var converged = residual == 0 || (Math.Abs(value - before) <= _options.Tolerance * Math.Abs(value) && residual <= 0.5 * Math.Abs(value));
            if (converged || iteration == _options.MaxIterations)
                return new(value, vector, residual, iteration, converged);
            using var old = vector;
            vector = Unit(next).MoveToOuterDisposeScope();
        }
    }

    /// <summary>Ritz values and their weights from one start vector: eigenvalues and squared first entries of the eigenvectors of T.</summary>
    private IReadOnlyList<(double Value, double Weight)> Lanczos(Func<Tensor, Tensor> product, int probe, int steps)
    {
        using var scope = NewDisposeScope();
        var signs = Random(Stream.Density, probe, generator => randint(0, 2, [_space.Size], generator: generator).to(_space.Type).mul_(2).sub_(1));
        var w = Unit(signs);
        var basis = zeros(steps, _space.Size, dtype: w.dtype, device: w.device);        // [m, P]
        var (diagonal, beside) = (new List<double>(), new List<double>());
        while (true)
        {
            using var inner = NewDisposeScope();
            var j = diagonal.Count;
            basis[j].copy_(w);
            w.Dispose();
            w = product(basis[j]);
            diagonal.Add(Finite(Dot(basis[j], w)));
            // Twice is enough: what the first pass leaves is of the size of rounding.
            var all = basis.narrow(0, 0, j + 1);
            for (var pass = 0; pass < 2; pass++)
                w = w - all.t().mv(all.mv(w));
            var length = Norm(w);
            // An invariant subspace: the quadrature is exact.
            if (j + 1 == steps || length <= 1e-6 * diagonal.Concat(beside).Max(Math.Abs))
                break;
            beside.Add(length);
            w = (w / length).MoveToOuterDisposeScope();
        }
        Tensor beneath = diag(tensor(beside, dtype: ScalarType.Float64), -1), tridiagonal = diag(tensor(diagonal, dtype: ScalarType.Float64)) + beneath + beneath.t();
        var (values, vectors) = linalg.eigh(tridiagonal);
        return [.. values.data<double>().Zip(vectors[0].contiguous().data<double>(), (value, first) => (value, first * first))];
    }

    /// <summary>A random vector, drawn on the CPU: a function of the seed and of the vector's purpose and number alone. // [P]</summary>
    private Tensor Random(Stream purpose, int number, Func<Generator, Tensor> draw)
    {
        using var generator = new Generator(SplitMix64.Keyed(unchecked((long)_options.Seed), (long)purpose, number).Next());
        return _space.Project(draw(generator).to(_space.Device));
    }

    private double Finite(double value) => double.IsFinite(value) ? value : throw new UserException(
        $"The curvature of {objective.Module.GetName()} is not a number: its weights or its loss have left the range of numbers, as in a training that "
        + "diverged; look at its loss, or measure it after an earlier epoch.");

    private static Tensor Deflated(Tensor vector, IReadOnlyList<Eigenpair> found)
    {
        foreach (var pair in found)
            vector = vector.add(pair.Vector, alpha: -Dot(pair.Vector, vector));
        return vector;
    }

    private static Tensor Unit(Tensor vector) => vector / Norm(vector);

    private static double Norm(Tensor vector) => Math.Sqrt(Dot(vector, vector));

    private static double Dot(Tensor a, Tensor b) => (a * b).sum(ScalarType.Float64).ToDouble();
}

/// <summary>An eigenvalue of a Hessian and its eigenvector.</summary>
/// <param name="Value">With its sign: the largest in absolute value can be negative, a direction in which the loss curves down.</param>
/// <param name="Vector">Of length one, in the order of the network's parameters, zero where weights are pruned; owned by the caller. // [P]</param>
/// <param name="Residual">||H v - lambda v||: the distance from <paramref name="Value"/> to an exact eigenvalue is at most this. Of a pair after the first, what
/// its product has along the earlier vectors is left out.</param>
/// <param name="Iterations">Hessian-vector products that it took.</param>
/// <param name="Converged">Whether, before the iterations ran out, the value had settled within the tolerance with a residual below half of it.</param>
public sealed record Eigenpair(double Value, Tensor Vector, double Residual, int Iterations, bool Converged);

/// <summary>
/// The distribution of a Hessian's eigenvalues, as stochastic Lanczos quadrature sees it (Ghorbani et al. 2019; Yao et al. 2020): point masses
/// at the Ritz values of all probes.
/// </summary>
/// <param name="Values">Ritz values, ascending.</param>
/// <param name="Weights">The share of the eigenvalues that each stands for; they add up to 1.</param>
/// <param name="Dimension">Number of eigenvalues: the weights that are not pruned.</param>
public sealed record SpectralDensity(IReadOnlyList<double> Values, IReadOnlyList<double> Weights, long Dimension)
{
    /// <summary>The mean eigenvalue, which is the trace over the dimension.</summary>
    public double Mean => Values.Zip(Weights, (value, weight) => value * weight).Sum();

    /// <summary>The density as a curve: each point mass smeared to a Gaussian.</summary>
    /// <param name="width">Standard deviation of the Gaussians; 0 for a hundredth of the range of values.</param>
    /// <returns>Equally spaced x, a little beyond the outermost masses, and the density there; its integral is 1.</returns>
    /// <exception cref="UserException">The width is negative.</exception>
    public (IReadOnlyList<double> X, IReadOnlyList<double> Density) Smoothed(double width = 0)
    {
        const int Points = 501;
        UserException.Require(width >= 0, "The width of the smoothing", width, "positive, or 0 for a hundredth of the range");
        var range = Values[^1] - Values[0];
        if (width == 0)
            width = range > 0 ? range / 100 : Math.Max(Math.Abs(Values[0]), 1) / 100;
        var (first, step) = (Values[0] - 5 * width, (range + 10 * width) / (Points - 1));
        var x = Enumerable.Range(0, Points).Select(i => first + i * step).ToArray();
        return (x, [.. x.Select(at => Values.Zip(Weights, (value, weight) => weight * MathNet.Numerics.Distributions.Normal.PDF(value, width, at)).Sum())]);
    }
}

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
        var gradients = space.Gradient(objective.LossOn(batch), keepGraph: true, createGraph: true);
        return v => Along(gradients, v) is { } along ? space.Gradient(along, keepGraph: keepGraph) : null;
    }

    public static Func<Tensor[], IList<Tensor>?> GaussNewton(WeightSpace space, Objective objective, Batch batch, bool keepGraph)
    {
        using var record = enable_grad();
        var outputs = objective.Module.call(batch.Images);
        var u = zeros_like(outputs).requires_grad_();
        var pulled = space.Gradient(outputs, u, keepGraph: true, createGraph: true);      // J' u
        var point = outputs.detach().requires_grad_();
        var loss = objective.LossOn(point, batch);
        var slope = loss.requires_grad ? autograd.grad([loss], [point], retain_graph: true, create_graph: true, allow_unused: true)[0] : null;
        return v =>
        {
            using var recording = enable_grad();
            if (Along(pulled, v) is not { } along || slope is not { IsInvalid: false, requires_grad: true })
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
