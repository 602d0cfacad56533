namespace LTHKit.Analysis;

/// <summary>An eigenvalue of a Hessian and its eigenvector.</summary>
/// <param name="Value">With its sign: the largest in absolute value can be negative, a direction in which the loss curves down.</param>
/// <param name="Vector">Of length one, in the order of the network's parameters, zero where weights are pruned; owned by the caller. // [P]</param>
/// <param name="Residual">||H v - lambda v||: the distance from <paramref name="Value"/> to an exact eigenvalue is at most this.</param>
/// <param name="Iterations">Hessian-vector products that it took.</param>
/// <param name="Converged">
/// Whether, before the iterations ran out, the value had settled within the tolerance with a residual below half of it.
/// </param>
public sealed record Eigenpair(double Value, Tensor Vector, double Residual, int Iterations, bool Converged);

/// <summary>An estimate of a Hessian's trace.</summary>
/// <param name="Value">Mean over the probes.</param>
/// <param name="StandardError">Of that mean; NaN for one probe.</param>
/// <param name="Probes">Number of random vectors.</param>
public sealed record TraceEstimate(double Value, double StandardError, int Probes);

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
    /// <param name="points">Points on the axis, which reaches a little beyond the outermost masses.</param>
    /// <param name="width">Standard deviation of the Gaussians; 0 for a hundredth of the range of values.</param>
    /// <returns>Equally spaced x and the density there; its integral is 1.</returns>
    /// <exception cref="UserException">There are fewer than two points, or the width is negative.</exception>
    public (IReadOnlyList<double> X, IReadOnlyList<double> Density) Smoothed(int points = 501, double width = 0)
    {
        if (points < 2)
            throw new UserException($"A curve of {points} points is not possible; take at least 2.");
        if (!(width >= 0))
            throw new UserException(FormattableString.Invariant(
                $"The width of the smoothing is {width}; it must be positive, or 0 for a hundredth of the range."));
        var range = Values[^1] - Values[0];
        if (width == 0)
            width = range > 0 ? range / 100 : Math.Max(Math.Abs(Values[0]), 1) / 100;
        var (first, step) = (Values[0] - 5 * width, (range + 10 * width) / (points - 1));
        var x = Enumerable.Range(0, points).Select(i => first + i * step).ToArray();
        var density = x.Select(at => Values.Zip(Weights, (value, weight) => weight * Gaussian((at - value) / width) / width).Sum());
        return (x, density.ToArray());

        static double Gaussian(double z) => Math.Exp(-z * z / 2) / Math.Sqrt(2 * Math.PI);
    }
}
