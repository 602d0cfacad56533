namespace LTHKit.Pruning;

/// <summary>How the number of weights to keep is spread over the layers.</summary>
public enum Distribution
{
    /// <summary>One ranking over all layers (the paper's).</summary>
    Global,

    /// <summary>The same share in every layer.</summary>
    Uniform,

    /// <summary>Erdos-Renyi-Kernel: density proportional to (in + out + kernel height + width) / (in * out * height * width) (Evci et al. 2020).</summary>
    Erk,
}

/// <summary>How a ticket is drawn.</summary>
/// <param name="Method">One of <see cref="Pruners.Names"/>.</param>
/// <param name="Rate">Share of the surviving weights that goes with each level: the sparsity at level k is 1 - (1 - Rate)^k.</param>
/// <param name="Distribution">How the cut is spread over the layers.</param>
public sealed record PruningSpec(string Method = "imp", double Rate = 0.2, Distribution Distribution = Distribution.Global)
{
    /// <summary>
    /// Number of weights kept at <paramref name="level"/> out of <paramref name="total"/>. Each level cuts exactly
    /// round(Rate * survivors), so that one-shot and iterative tickets of a level have the same number of weights.
    /// </summary>
    public long KeptAt(int level, long total)
    {
        for (; level > 0; level--)
            total -= CutFrom(total);
        return total;
    }

    /// <summary>How many of <paramref name="survivors"/> the next level cuts.</summary>
    public long CutFrom(long survivors) => (long)Math.Round(Rate * survivors, MidpointRounding.AwayFromZero);

    /// <summary>For instance "imp", or "imp erk" where the cut is not ranked over all layers.</summary>
    internal string Label => Distribution == Distribution.Global ? Method : $"{Method} {Distribution.ToString().ToLowerInvariant()}";

    /// <summary>Nominal sparsity at <paramref name="level"/>, in [0, 1).</summary>
    public double SparsityAt(int level) => 1 - Math.Pow(1 - Rate, level);

    /// <summary>Refuses what cannot be done.</summary>
    /// <exception cref="UserException">The method or the distribution is unknown, or the rate outside (0, 1).</exception>
    public void Validate()
    {
        Pruners.Get(Method);
        if (!Enum.IsDefined(Distribution))
            throw new UserException($"There is no distribution {(int)Distribution}; choose {string.Join(", ", Enum.GetNames<Distribution>())}.");
        if (Rate is not (> 0 and < 1))
            throw new UserException($"The pruning rate is {Rate}; it is the share cut at each level and must lie between 0 and 1, both excluded.");
    }
}
