using LTHKit.Data;
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
/// <param name="Network">A copy of the network with its mask applied; the score may do with it as it likes.</param>
/// <param name="Data">The data set, on the network's device.</param>
/// <param name="Seed">For scores that draw random numbers or images.</param>
public sealed record PruningContext(Network Network, ImageSet Data, ulong Seed)
{
    /// <summary>Training images of each class that <see cref="Images"/> gives, as in the published code of GraSP; fewer where a class has fewer.</summary>
    public const int ImagesPerClass = 10;

    private const int BatchSize = 100;

    /// <summary>Stops a score that takes long, between two batches.</summary>
    public CancellationToken Cancel { get; init; }

    /// <summary>
    /// The training images for scores that look at a loss: <see cref="ImagesPerClass"/> of each class, drawn by the seed, not augmented, in batches of
    /// 100 in which the classes take turns. Whoever receives a batch disposes it.
    /// </summary>
    public IEnumerable<Batch> Images()
    {
        using var batches = new Batches(Data, BatchSize, unchecked((long)Seed), Augmentation.None);
        foreach (var batch in batches.Balanced(ImagesPerClass))
            yield return batch;
    }
}

/// <summary>The pruners by name.</summary>
public static class Pruners
{
    private static readonly Dictionary<string, Pruner> All = new()
    {
        ["imp"] = new(PruneAt.EachRound, Scores.Magnitude),
        ["omp"] = new(PruneAt.Trained, Scores.Magnitude),
        ["random"] = new(PruneAt.Initialised, Scores.Random),
        ["snip"] = new(PruneAt.Initialised, Scores.Snip),
        ["grasp"] = new(PruneAt.Initialised, Scores.Grasp),
        ["synflow"] = new(PruneAt.Initialised, Scores.SynFlow, Rounds: 100),
    };

    /// <summary>The names that <see cref="Get"/> knows.</summary>
    public static IReadOnlyList<string> Names => [.. All.Keys];

    /// <summary>The pruner of that name.</summary>
    /// <exception cref="UserException">There is none.</exception>
    public static Pruner Get(string name) => All.TryGetValue(name, out var pruner)
        ? pruner
        : throw new UserException($"There is no pruner '{name}'; the known ones are {string.Join(", ", All.Keys)}.");

    /// <summary>
    /// The ticket at <paramref name="level"/>: cut from <paramref name="before"/> by the spec's score, on the network with that mask applied. Its count
    /// follows from the level alone, whatever the pruner.
    /// </summary>
    /// <param name="spec">How to draw.</param>
    /// <param name="network">Without injected modules; it stays as it is.</param>
    /// <param name="before">The mask so far.</param>
    /// <param name="level">Pruning level, from 1.</param>
    /// <param name="data">For scores that look at images.</param>
    /// <param name="seed">For scores that draw random numbers or images.</param>
    /// <param name="cancel">Stops between two rounds, or two batches of one.</param>
    /// <exception cref="UserException">A score is not finite.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static Mask Draw(PruningSpec spec, Network network, Mask before, int level, ImageSet data, ulong seed, CancellationToken cancel = default)
    {
        var pruner = Get(spec.Method);
        var keep = spec.KeptAt(level, before.Total);
        using var copy = Networks.Copy(network);
        var context = new PruningContext(copy, data, seed) { Cancel = cancel };
        var mask = before;
        try
        {
            for (var round = 1; round <= pruner.Rounds; round++)
            {
                cancel.ThrowIfCancellationRequested();
                using var scope = NewDisposeScope();
                Networks.CopyState(network, copy);
                mask.Apply(copy);
                // Exponential schedule: density falls by the same factor each round (Tanaka et al. 2020).
                var kept = round == pruner.Rounds ? keep : (long)Math.Round(before.Kept * Math.Pow(keep / (double)before.Kept, round / (double)pruner.Rounds));
                Replace(Cut.To(pruner.Score(context), mask, kept, spec.Distribution));
            }
            return mask;
        }
        catch
        {
            Replace(before);
            throw;
        }

        void Replace(Mask drawn)
        {
            if (mask != before)
                mask.Dispose();
            mask = drawn;
        }
    }
}
