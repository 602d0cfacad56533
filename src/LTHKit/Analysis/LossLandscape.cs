using System.Security.Cryptography;
using LTHKit.Data;
using LTHKit.Models;
using LTHKit.Pruning;
using LTHKit.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace LTHKit.Analysis;

/// <summary>Where a line through weight space is looked at; the defaults are the paper's (Figure 10).</summary>
public sealed record LineOptions
{
    /// <summary>How far the line reaches to both sides.</summary>
    public double Reach { get; init; } = 0.5;

    /// <summary>Points on it, equally spaced.</summary>
    public int Points { get; init; } = 21;

    /// <summary>The images that the loss is a mean over.</summary>
    public Sample Sample { get; init; } = new() { Part = Part.Test };

    /// <exception cref="UserException">A setting is out of range.</exception>
    internal void Validate(ImageSet data) => LossLandscape.Validate(Reach, Points, Sample, data);
}

/// <summary>Where a plane through weight space is looked at; the defaults are those of Li et al. 2017 (Figure 5).</summary>
public sealed record PlaneOptions
{
    /// <summary>How far the plane reaches to each side, in units of the filters' norms.</summary>
    public double Reach { get; init; } = 1;

    /// <summary>Points in each of the two directions, equally spaced.</summary>
    public int Points { get; init; } = 51;

    /// <summary>Of the directions; networks share them by the names of their parameters.</summary>
    public ulong Seed { get; init; }

    /// <summary>The images that the loss is a mean over.</summary>
    public Sample Sample { get; init; } = new();

    /// <exception cref="UserException">A setting is out of range.</exception>
    internal void Validate(ImageSet data) => LossLandscape.Validate(Reach, Points, Sample, data);
}

/// <summary>Where a plane through input space is looked at (Figure 11).</summary>
public sealed record InputPlaneOptions
{
    /// <summary>
    /// How far the plane reaches to each side, in the Euclidean norm of a normalised image (itself about 28 long at 16x16 pixels, 55 at 32x32).
    /// </summary>
    public double Reach { get; init; } = 3;

    /// <summary>Points in each of the two directions, equally spaced.</summary>
    public int Points { get; init; } = 51;

    /// <summary>Of the random direction; it is the same for every network.</summary>
    public ulong Seed { get; init; }

    /// <summary>The images whose surroundings are looked at.</summary>
    public Sample Sample { get; init; } = new() { Part = Part.Test };

    /// <exception cref="UserException">A setting is out of range.</exception>
    internal void Validate(ImageSet data) => LossLandscape.Validate(Reach, Points, Sample, data);
}

/// <summary>The loss along the top eigenvector of a network's Hessian.</summary>
/// <param name="Eigenvalue">The largest in absolute value, with its sign.</param>
/// <param name="Residual">An eigenvalue lies within this distance.</param>
/// <param name="Converged">As <see cref="Eigenpair.Converged"/>.</param>
/// <param name="Line">The loss over the distance from the network.</param>
public sealed record EigenvectorLine(double Eigenvalue, double Residual, bool Converged, LossLine Line);

/// <summary>
/// The loss around a network, in the space of its weights and of its inputs: cross-entropy in eval mode, BatchNorm included, on images that are not
/// augmented. Weights, buffers, gradients and mode are afterwards what they were, to the bit.
/// </summary>
public static class LossLandscape
{
    /// <summary>The loss at theta + t v (Figure 10).</summary>
    /// <param name="network">On the data's device.</param>
    /// <param name="data">Where the sample is taken from.</param>
    /// <param name="direction">v, as <see cref="Eigenpair.Vector"/>. // [P]</param>
    /// <param name="options">Which t; null for the defaults.</param>
    /// <param name="cancel">Stops the computation.</param>
    /// <exception cref="UserException">A setting is out of range, or the direction is of another network.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static LossLine Along(Network network, ImageSet data, Tensor direction, LineOptions? options = null, CancellationToken cancel = default)
    {
        options ??= new();
        options.Validate(data);
        var t = Axis(options.Reach, options.Points);
        using var scope = NewDisposeScope();
        using var space = new WeightSpace(network);
        if (direction.dim() != 1 || direction.numel() != space.Size)
            throw new UserException($"The direction is [{string.Join(", ", direction.shape)}]; it needs one entry for each of the {space.Size:N0} weights of {network.Model.Name}.");
        using var objective = new Objective(network, data, options.Sample);
        using var weights = new DisplacedWeights(space.Parameters);
        var parts = space.Split(direction);
        return new(t, [.. t.Select(length =>
        {
            weights.MoveTo((parts, length));
            return objective.Mean(cancel);
        })]);
    }

    /// <summary>The loss along the top eigenvector of the Hessian of the training loss (Figure 10).</summary>
    /// <param name="network">On the data's device.</param>
    /// <param name="data">Where the samples are taken from.</param>
    /// <param name="mask">Its mask; null for a dense network.</param>
    /// <param name="hessian">How to find the eigenvector; null for the defaults.</param>
    /// <param name="line">How to look along it; null for the defaults.</param>
    /// <param name="cancel">Stops the computation.</param>
    /// <exception cref="UserException">A setting is out of range, or the mask does not fit; nothing has been computed then.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static EigenvectorLine AlongTopEigenvector(Network network, ImageSet data, Mask? mask = null, HessianOptions? hessian = null,
        LineOptions? line = null, CancellationToken cancel = default)
    {
        (line ?? new()).Validate(data);
        using var scope = NewDisposeScope();
        using var curvature = new Hessian(network, data, mask, hessian);
        var top = curvature.Top(cancel: cancel)[0];
        return new(top.Value, top.Residual, top.Converged, Along(network, data, top.Vector, line, cancel));
    }

    /// <summary>
    /// The loss on a plane through the weights (Figure 5): theta + x d1 + y d2 with two random directions, filter-normalised as in Li et al. 2017.
    /// Weights that the mask prunes stay zero; parameters of one dimension, biases and BatchNorm, stay as they are.
    /// </summary>
    /// <param name="network">On the data's device.</param>
    /// <param name="data">Where the sample is taken from.</param>
    /// <param name="mask">Its mask; null for a dense network.</param>
    /// <param name="options">Which plane; null for the defaults.</param>
    /// <param name="keep">A file that keeps the rows as they are done, so that a computation that was stopped goes on; null for none.</param>
    /// <param name="rowDone">Told the number of rows done.</param>
    /// <param name="cancel">Stops within a row; the rows before it are kept.</param>
    /// <exception cref="UserException">
    /// A setting is out of range, the mask does not fit, or the file holds another plane; nothing has been computed then.
    /// </exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static Plane Weights(Network network, ImageSet data, Mask? mask = null, PlaneOptions? options = null, string? keep = null,
        Action<int>? rowDone = null, CancellationToken cancel = default)
    {
        options ??= new();
        options.Validate(data);
        var axis = Axis(options.Reach, options.Points);
        using var scope = NewDisposeScope();
        using var objective = new Objective(network, data, options.Sample);
        using var weights = new DisplacedWeights(network.parameters());
        var first = Directions.FilterNormalised(network, mask, options.Seed, 1);
        var second = Directions.FilterNormalised(network, mask, options.Seed, 2);
        var grid = new GridFile(keep, axis, new
        {
            options,
            data = data.Fingerprint,
            weights = Hash(network.state_dict().Values),
            directions = Hash(first.Concat(second).OfType<Tensor>()),
            origin = objective.Mean(cancel),        // tells networks apart that differ in what they compute and not in their weights
        });
        while (grid.Rows.Count < axis.Count)
        {
            var y = axis[grid.Rows.Count];
            grid.Add([.. axis.Select(x =>
            {
                weights.MoveTo((first, x), (second, y));
                return objective.Mean(cancel);
            })]);
            rowDone?.Invoke(grid.Rows.Count);
        }
        return new("", axis, axis, grid.Rows);
    }

    /// <summary>
    /// The mean loss on planes through the images (Figure 11): image i moves to x_i + x n_i + y r_i, n_i being its loss's gradient with respect to
    /// it and r_i a random direction, both of length one.
    /// </summary>
    /// <param name="network">On the data's device.</param>
    /// <param name="data">Where the sample is taken from.</param>
    /// <param name="options">Which plane; null for the defaults.</param>
    /// <param name="cancel">Stops the computation.</param>
    /// <exception cref="UserException">A setting is out of range; nothing has been computed then.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static Plane Inputs(Network network, ImageSet data, InputPlaneOptions? options = null, CancellationToken cancel = default)
    {
        options ??= new();
        options.Validate(data);
        var axis = Axis(options.Reach, options.Points);
        using var objective = new Objective(network, data, options.Sample);
        using var generator = new Generator(options.Seed);
        var sums = axis.Select(_ => new double[axis.Count]).ToArray();
        foreach (var batch in objective.Batches())
        {
            using var scope = NewDisposeScope();
            using var held = batch;
            cancel.ThrowIfCancellationRequested();
            var normal = Directions.UnitPerImage(Gradient(objective, batch));
            var random = Directions.UnitPerImage(randn(batch.Images.shape, dtype: batch.Images.dtype, generator: generator).to(data.Device));
            using var noGrad = no_grad();
            for (var i = 0; i < axis.Count; i++)
                for (var j = 0; j < axis.Count; j++)
                {
                    using var inner = NewDisposeScope();
                    cancel.ThrowIfCancellationRequested();
                    var moved = batch.Images.add(normal, alpha: axis[j]).add_(random, alpha: axis[i]);
                    sums[i][j] += objective.Of(batch with { Images = moved }).ToDouble() * batch.Count;
                }
        }
        return new("", axis, axis, [.. sums.Select(row => row.Select(sum => sum / objective.Count).ToArray())]);
    }

    private static Tensor Gradient(Objective objective, Batch batch)
    {
        using var record = enable_grad();
        var images = batch.Images.detach().clone().requires_grad_();
        return autograd.grad([objective.Of(batch with { Images = images })], [images])[0];
    }

    /// <summary>Refuses settings out of range.</summary>
    internal static void Validate(double reach, int points, Sample sample, ImageSet data)
    {
        if (!(reach > 0) || !double.IsFinite(reach))
            throw new UserException(FormattableString.Invariant($"The landscape reaches to {reach}; it must be a positive number."));
        if (points < 2)
            throw new UserException($"A landscape of {points} points a side is not possible; take at least 2, odd numbers to see the network itself.");
        sample.Validate(data);
    }

    /// <summary>Equally spaced from -reach to reach, and symmetric to the bit, so that an odd number of points has 0 in the middle.</summary>
    private static IReadOnlyList<double> Axis(double reach, int points)
        => [.. Enumerable.Range(0, points).Select(i => reach * (2 * i - (points - 1)) / (points - 1))];

    private static string Hash(IEnumerable<Tensor> tensors)
    {
        using var scope = NewDisposeScope();
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var tensor in tensors)
            hash.AppendData(tensor.detach().cpu().contiguous().bytes);
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
