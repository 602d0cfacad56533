using LTHKit.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace LTHKit.Pruning;

/// <summary>When a pruner looks at the network.</summary>
public enum PruneAt
{
    /// <summary>After each round of training; level k is cut from the trained ticket of level k-1 (IMP).</summary>
    EachRound,

    /// <summary>Once, after the dense training (OMP).</summary>
    Trained,

    /// <summary>Once, before any training.</summary>
    Initialised,
}

/// <summary>A pruner: a score for every prunable weight, the lowest are cut. The cut, the schedule and the distribution are shared.</summary>
/// <param name="When">When it looks at the network.</param>
/// <param name="Score">The score by weight name, of the weight's shape; higher is kept.</param>
/// <param name="Rounds">In how many exponential steps the cut is made, scoring anew each time.</param>
public sealed record Pruner(PruneAt When, Func<PruningContext, IReadOnlyDictionary<string, Tensor>> Score, int Rounds = 1);

/// <summary>What a score may look at.</summary>
/// <param name="Network">The network with its mask applied.</param>
/// <param name="Seed">For scores that draw random numbers.</param>
public sealed record PruningContext(Network Network, ulong Seed);

/// <summary>The pruners by name.</summary>
public static class Pruners
{
    private static readonly Dictionary<string, Pruner> All = new()
    {
        ["imp"] = new(PruneAt.EachRound, Magnitude),
        ["omp"] = new(PruneAt.Trained, Magnitude),
        ["random"] = new(PruneAt.Initialised, Random),
    };

    /// <summary>The names that <see cref="Get"/> knows.</summary>
    public static IReadOnlyList<string> Names => [.. All.Keys];

    /// <summary>The pruner of that name.</summary>
    /// <exception cref="UserException">There is none.</exception>
    public static Pruner Get(string name) => All.TryGetValue(name, out var pruner)
        ? pruner
        : throw new UserException($"There is no pruner '{name}'; the known ones are {string.Join(", ", All.Keys)}.");

    /// <summary>The ticket at <paramref name="level"/>: cut from <paramref name="before"/> by the spec's score, on the network with that mask applied.</summary>
    /// <exception cref="UserException">A score is not finite.</exception>
    public static Mask Draw(PruningSpec spec, Network network, Mask before, int level, ulong seed)
    {
        var pruner = Get(spec.Method);
        var keep = spec.KeptAt(level, before.Total);
        var mask = before.And(before);
        for (var round = 1; round <= pruner.Rounds; round++)
        {
            using var scope = NewDisposeScope();
            mask.Apply(network);
            var scores = pruner.Score(new PruningContext(network, seed));
            // Exponential schedule: density falls by the same factor each round (Tanaka et al. 2020).
            var kept = round == pruner.Rounds ? keep : (long)Math.Round(before.Kept * Math.Pow(keep / (double)before.Kept, round / (double)pruner.Rounds));
            using var previous = mask;
            mask = Cut.To(scores, previous, kept, spec.Distribution);
        }
        return mask;
    }

    /// <summary>|w| (Han et al. 2015).</summary>
    private static Dictionary<string, Tensor> Magnitude(PruningContext context)
        => context.Network.PrunableWeights().ToDictionary(w => w.Name, w => w.Weight.detach().abs());

    /// <summary>Uniform in [0, 1).</summary>
    private static Dictionary<string, Tensor> Random(PruningContext context)
    {
        using var generator = new Generator(context.Seed);
        return context.Network.PrunableWeights().ToDictionary(w => w.Name, w => rand(w.Weight.shape, generator: generator).to(w.Weight.device));
    }
}
