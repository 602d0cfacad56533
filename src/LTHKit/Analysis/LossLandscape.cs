namespace LTHKit.Analysis;

/// <summary>Where a line or a plane is looked at: equally spaced points, symmetric around the network.</summary>
/// <param name="Points">In each direction; an odd number has the network itself in the middle.</param>
/// <param name="Reach">How far it reaches to each side.</param>
/// <param name="Seed">Of random directions; networks share them by the names of their parameters.</param>
public sealed record LossGrid(int Points, double Reach, ulong Seed = 0)
{
    internal IReadOnlyList<double> Axis => [.. Enumerable.Range(0, Points).Select(i => Reach * (2 * i - (Points - 1)) / (Points - 1))];

    internal LossGrid Validated()
    {
        UserException.Require(Reach is > 0 and < double.PositiveInfinity, "The reach of a landscape", Reach, "a positive number");
        UserException.Require(Points >= 2, "The number of a landscape's points a side", Points, "at least 2, odd to see the network itself");
        return this;
    }

    /// <summary>One that has the network itself in its middle.</summary>
    internal LossGrid Centred() => Validated().Points % 2 == 1 ? this
        : throw new UserException($"{Points} points leave the network itself out, from which the rise of the loss is told; give an odd number.");
}

/// <summary>The loss along a line.</summary>
/// <param name="X">Where, ascending.</param>
/// <param name="Y">The loss at each of <paramref name="X"/>.</param>
public sealed record LossLine(IReadOnlyList<double> X, IReadOnlyList<double> Y)
{
    /// <summary>The mean of the loss along the line above that in its middle (claim C14).</summary>
    internal double Rise => Y.Count == 0 ? double.NaN : Y.Average() - Y[Y.Count / 2];
}

/// <summary>A quantity, mostly a loss, over a plane: <c>Z[i][j]</c> belongs to <c>X[j]</c> and <c>Y[i]</c>.</summary>
/// <param name="Name">Of the network or the condition, as in the title above it.</param>
/// <param name="X">First coordinate, ascending.</param>
/// <param name="Y">Second coordinate, ascending.</param>
/// <param name="Z">One row for each of <paramref name="Y"/>; NaN where there is no value.</param>
public record Plane(string Name, IReadOnlyList<double> X, IReadOnlyList<double> Y, IReadOnlyList<IReadOnlyList<double>> Z)
{
    internal Plane Validated() => X.Count >= 2 && Y.Count >= 2 && Z.Count == Y.Count && Z.All(row => row.Count == X.Count) ? this
        : throw new UserException($"The plane '{Name}' has {X.Count} x and {Y.Count} y coordinates; it needs at least 2 of each and one row of "
            + $"{X.Count} values a y coordinate.");
}

/// <summary>The loss along the top eigenvector of a network's Hessian.</summary>
/// <param name="Eigenvalue">The largest in absolute value, with its sign.</param>
/// <param name="Residual">An eigenvalue lies within this distance.</param>
/// <param name="Converged">As <see cref="Eigenpair.Converged"/>.</param>
/// <param name="Line">The loss over the distance from the network.</param>
public sealed record EigenvectorLine(double Eigenvalue, double Residual, bool Converged, LossLine Line);

/// <summary>
/// The loss around a module, in the space of its weights and of its inputs, in eval mode, BatchNorm included. Weights, buffers, gradients and mode are
/// afterwards what they were, to the bit. Where a setting is out of range, or mask or direction do not fit, all throw a UserException before anything is
/// computed.
/// </summary>
public static class LossLandscape
{
    private const double Tiny = 1e-10;

    /// <summary>The loss at theta + t v (Figure 10).</summary>
    /// <param name="objective">Module, loss and batches.</param>
    /// <param name="direction">v, as <see cref="Eigenpair.Vector"/>. // [P]</param>
    /// <param name="grid">Which t; null for the paper's 21 points from -0.5 to 0.5.</param>
    /// <param name="parameters">Those that the direction is of, as <see cref="HessianOptions.Parameters"/>; null for all.</param>
    /// <param name="cancel">Stops the computation, with an OperationCanceledException.</param>
    public static LossLine Along(Objective objective, Tensor direction, LossGrid? grid = null, Func<string, bool>? parameters = null,
        CancellationToken cancel = default)
    {
        var t = (grid ?? new(21, 0.5)).Validated().Axis;
        using var scope = NewDisposeScope();
        using var space = new WeightSpace(objective.Module, taken: parameters);
        space.Require(direction);
        using var weights = new DisplacedWeights(space.Parameters);
        var parts = space.Split(direction);
        return new(t, [.. t.Select(length =>
        {
            weights.MoveTo((parts, length));
            return objective.Mean(cancel);
        })]);
    }

    /// <summary>The loss along the top eigenvector of the Hessian of, mostly, another: the test loss along that of the training loss (Figure 10).</summary>
    /// <param name="curved">Whose Hessian.</param>
    /// <param name="seen">The loss along it, of the same module.</param>
    /// <param name="mask">Its mask; null for a dense network.</param>
    /// <param name="hessian">How to find the eigenvector; null for the defaults.</param>
    /// <param name="grid">How to look along it; null for the paper's 21 points from -0.5 to 0.5.</param>
    /// <param name="cancel">Stops the computation, with an OperationCanceledException.</param>
    public static EigenvectorLine AlongTopEigenvector(Objective curved, Objective seen, Mask? mask = null, HessianOptions? hessian = null,
        LossGrid? grid = null, CancellationToken cancel = default)
    {
        grid?.Centred();
        using var scope = NewDisposeScope();
        using var curvature = new Hessian(curved, mask, hessian);
        var top = curvature.Top(cancel: cancel)[0];
        return new(top.Value, top.Residual, top.Converged, Along(seen, top.Vector, grid, hessian?.Parameters, cancel));
    }

    /// <summary>
    /// The loss on a plane through the weights (Figure 5): theta + x d1 + y d2 with two random directions, filter-normalised as in Li et al. 2017.
    /// Weights that the mask prunes stay zero; parameters of one dimension, biases and BatchNorm, stay as they are.
    /// </summary>
    /// <param name="objective">Module, loss and batches.</param>
    /// <param name="mask">Its mask; null for a dense network.</param>
    /// <param name="grid">Which plane, in units of the filters' norms; null for the 51 points from -1 to 1 of Li et al.</param>
    /// <param name="rowDone">Told the number of rows done.</param>
    /// <param name="cancel">Stops the computation, with an OperationCanceledException.</param>
    public static Plane Weights(Objective objective, Mask? mask = null, LossGrid? grid = null, Action<int>? rowDone = null, CancellationToken cancel = default)
    {
        grid = (grid ?? new(51, 1)).Validated();
        using var scope = NewDisposeScope();
        var first = FilterNormalised(objective.Module, mask, grid.Seed, 1);
        var second = FilterNormalised(objective.Module, mask, grid.Seed, 2);
        using var weights = new DisplacedWeights(objective.Module.parameters());
        var rows = new List<IReadOnlyList<double>>();
        foreach (var y in grid.Axis)
        {
            rows.Add([.. grid.Axis.Select(x =>
            {
                weights.MoveTo((first, x), (second, y));
                return objective.Mean(cancel);
            })]);
            rowDone?.Invoke(rows.Count);
        }
        return new("", grid.Axis, grid.Axis, rows);
    }

    /// <summary>
    /// The mean loss on planes through the images (Figure 11): image i moves to x_i + x n_i + y r_i, n_i being its loss's gradient with respect to
    /// it and r_i a random direction, both of length one.
    /// </summary>
    /// <param name="objective">Module, loss and batches.</param>
    /// <param name="grid">
    /// Which plane, in the Euclidean norm of a normalised image (itself about 28 long at 16x16 pixels, 55 at 32x32); null for 51 points from -3 to 3.
    /// </param>
    /// <param name="cancel">Stops the computation, with an OperationCanceledException.</param>
    public static Plane Inputs(Objective objective, LossGrid? grid = null, CancellationToken cancel = default)
    {
        grid = (grid ?? new(51, 3)).Validated();
        var axis = grid.Axis;
        using var mode = new EvalMode(objective.Module);
        using var generator = new Generator(grid.Seed);
        var sums = axis.Select(_ => new double[axis.Count]).ToArray();
        objective.Each(batch =>
        {
            var normal = UnitPerImage(Gradient(objective, batch));
            var random = UnitPerImage(randn(batch.Images.shape, dtype: batch.Images.dtype, generator: generator).to(batch.Images.device));
            using var noGrad = no_grad();
            for (var i = 0; i < axis.Count; i++)
                for (var j = 0; j < axis.Count; j++)
                {
                    using var inner = NewDisposeScope();
                    cancel.ThrowIfCancellationRequested();
                    var moved = batch.Images.add(normal, alpha: axis[j]).add_(random, alpha: axis[i]);
                    sums[i][j] += objective.LossOn(batch with { Images = moved }).ToDouble() * batch.Count;
                }
        }, cancel);
        return new("", axis, axis, [.. sums.Select(row => row.Select(sum => sum / objective.Count).ToArray())]);
    }

    /// <summary>
    /// A random direction in weight space with the norm of every filter that of the network's (Li et al. 2017): d * ||w|| / (||d|| + 1e-10); null for
    /// parameters of one dimension. A part follows from seed and name alone: networks with other activations or injected layers share the rest.
    /// </summary>
    internal static IReadOnlyList<Tensor?> FilterNormalised(nn.Module module, Mask? mask, ulong seed, int number)
    {
        mask?.Fit(module);
        using var noGrad = no_grad();
        return [.. module.named_parameters().Select(p => p.parameter.dim() > 1 ? Of(p.name, p.parameter) : null)];

        Tensor Of(string name, Tensor weight)
        {
            using var scope = NewDisposeScope();
            using var generator = new Generator(SplitMix64.Keyed([unchecked((long)seed), number, .. Encoding.UTF8.GetBytes(name)]).Next());
            var direction = randn(weight.shape, dtype: weight.dtype, generator: generator).to(weight.device);
            if (mask is not null && mask.Covers(name))
                direction.masked_fill_(mask[name].to(weight.device).logical_not(), 0);
            var rows = direction.view(weight.shape[0], -1);
            var scale = weight.reshape(weight.shape[0], -1).norm(1, keepdim: true) / (rows.norm(1, keepdim: true) + Tiny);
            return rows.mul_(scale).view(weight.shape).MoveToOuterDisposeScope();
        }
    }

    /// <summary>Each image of a batch divided by its Euclidean norm; an image of zeros stays one. // [B, ...]</summary>
    private static Tensor UnitPerImage(Tensor images)
        => (images.flatten(1) / linalg.vector_norm(images.flatten(1), dims: [1], keepdim: true).clamp_min(1e-30)).view(images.shape);

    private static Tensor Gradient(Objective objective, Batch batch)
    {
        using var record = enable_grad();
        var images = batch.Images.detach().clone().requires_grad_();
        Differentiation.Require(objective.Module, [images], () => objective.LossOn(batch with { Images = images }), loss: objective.Loss);
        var loss = objective.LossOn(batch with { Images = images });
        return loss.requires_grad && autograd.grad([loss], [images], allow_unused: true)[0] is { IsInvalid: false } gradient ? gradient
            : throw new UserException($"What {objective.Module.GetName()} computes does not depend on its inputs; is something in it detached?");
    }
}
