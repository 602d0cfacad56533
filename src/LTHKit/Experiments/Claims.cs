using LTHKit.Analysis;

namespace LTHKit.Experiments;

/// <summary>The claims of the paper; here those that rest on curvature, landscapes and activations (C12 to C15).</summary>
public static partial class Claims
{
    /// <summary>
    /// C12: a tweak's top eigenvalue is higher than vanilla's early in the training (the first watched epoch) and lower late (the last). Sharpness is
    /// what is meant, so absolute values are compared: early in a training the largest eigenvalue is often negative.
    /// </summary>
    public static IReadOnlyList<Claim> Curvature(IReadOnlyList<WatchSeries> vanilla, IReadOnlyList<WatchSeries> tweaked)
    {
        return [Of("higher", Alternative.Greater, last: false), Of("lower", Alternative.Less, last: true)];

        Claim Of(string how, Alternative alternative, bool last)
        {
            return Difference("C12", $"{how} top eigenvalue than vanilla after epoch {End(tweaked.FirstOrDefault()?.Epochs ?? [])}", alternative, tweaked, vanilla,
                s => s.Run, s => s.Values.GetValueOrDefault(CurvatureWatch.TopEigenvalue) is { Count: > 0 } seen ? Math.Abs(End(seen)) : double.NaN);

            T? End<T>(IReadOnlyList<T> all) => last ? all.LastOrDefault() : all.FirstOrDefault();
        }
    }

    /// <summary>
    /// C13: a tweak changes the landscape, as the root mean square difference of the logarithmic loss over the plane, by more than another seed of vanilla
    /// does: throughout, or more so early or late than at the other end.
    /// </summary>
    /// <param name="name">The tweak's, for instance "skip".</param>
    /// <param name="early">Planes early in the training, of vanilla and with the tweak: one a seed, in the same order.</param>
    /// <param name="late">The same at its end.</param>
    /// <param name="expected">Expected is a larger change early (negative) or late (positive), or more than chance at both ends (0).</param>
    /// <returns>Without numbers where vanilla has one seed only: a run is no yardstick for itself.</returns>
    public static IReadOnlyList<Claim> Contours(string name, (IReadOnlyList<Plane> Vanilla, IReadOnlyList<Plane> Tweaked) early,
        (IReadOnlyList<Plane> Vanilla, IReadOnlyList<Plane> Tweaked) late, int expected)
    {
        return expected == 0
            ? [Of("changes the contours early", Excess(early)), Of("changes the contours late", Excess(late))]
            : [Of($"changes the contours more {(expected < 0 ? "early than late" : "late than early")}",
                [.. Excess(early).Zip(Excess(late), (a, b) => expected * (b - a))])];

        // By how much the tweak's change exceeds that from each seed of vanilla to the next.
        static double[] Excess((IReadOnlyList<Plane> Vanilla, IReadOnlyList<Plane> Tweaked) planes)
        {
            var (vanilla, count) = (planes.Vanilla, planes.Vanilla.Count);
            return [.. vanilla.Zip(planes.Tweaked).Select((pair, seed)
                => Distance(pair.First, pair.Second) - (count > 1 ? Distance(pair.First, vanilla[(seed + 1) % count]) : double.NaN))];
        }

        Claim Of(string what, double[] numbers) => new($"C13 {name}", $"{what}, beyond what another seed does", Alternative.Greater,
            numbers.Index().Where(n => double.IsFinite(n.Item)).ToDictionary(n => n.Index, n => n.Item))
        { Unit = "", Scale = 1 };
    }

    /// <summary>C14: the test loss of the tweaked networks rises less along the top eigenvector.</summary>
    public static Claim Flatness(IReadOnlyList<Measured<EigenvectorLine>> vanilla, IReadOnlyList<Measured<EigenvectorLine>> tweaked)
        => Difference("C14", "flatter than vanilla along the top eigenvector", Alternative.Less, tweaked, vanilla,
            m => m.Run, m => m.Value.Line.Rise);

    /// <summary>C15, ReLU: 28 to 66 % of the activations are zero, more in deeper stages.</summary>
    public static IReadOnlyList<Claim> SilentRelu(IEnumerable<Measured<IReadOnlyList<StageSparsity>>> relu)
    {
        var measured = relu.ToList();
        return
        [
            Silence("ReLU: in every stage at least 28 % of the activations are zero", measured, shares => shares.Min() - 0.28),
            Silence("ReLU: in every stage at most 66 % of the activations are zero", measured, shares => 0.66 - shares.Max()),
            Silence("ReLU: more in deeper stages", measured, shares => shares.Zip(shares.Skip(1), (a, b) => b - a).DefaultIfEmpty(double.NaN).Min()),
        ];
    }

    /// <summary>C15, smooth activations: fewer than 0.4 % of the activations are zero.</summary>
    public static IReadOnlyList<Claim> SilentSmooth(IEnumerable<Measured<IReadOnlyList<StageSparsity>>> smooth)
        => [Silence("Swish: in no stage 0.4 % of the activations are zero", [.. smooth], shares => 0.004 - shares.Max())];

    /// <summary>The root mean square difference of the logarithmic loss; points where either is no number are left out.</summary>
    /// <exception cref="UserException">The planes have not the same points.</exception>
    internal static double Distance(Plane a, Plane b)
    {
        if (!a.X.SequenceEqual(b.X) || !a.Y.SequenceEqual(b.Y))
            throw new UserException($"The planes of {a.Name} and {b.Name} have different points; measure both on one grid to compare them.");
        var squares = a.Z.SelectMany(row => row).Zip(b.Z.SelectMany(row => row), (x, y) => Math.Pow(Math.Log(x) - Math.Log(y), 2))
            .Where(double.IsFinite).ToList();
        return squares.Count == 0 ? double.NaN : Math.Sqrt(squares.Average());
    }

    /// <summary>A number of the tweaked networks minus the same of vanilla's at their sparsity and seed; the mean over the sparsities.</summary>
    private static Claim Difference<T>(string id, string sentence, Alternative alternative, IReadOnlyList<T> tweaked, IReadOnlyList<T> vanilla,
        Func<T, RunResult> run, Func<T, double> number)
        => new(tweaked.Count == 0 ? id : $"{id} {RunSpec.NameOf(run(tweaked[0]).Spec.Tweaks)}", sentence, alternative, BySeed(
            from a in tweaked
            from b in vanilla
            where run(a).Spec.Halvings == run(b).Spec.Halvings && run(a).Spec.Seed == run(b).Spec.Seed
            select (run(a), number(a) - number(b))))
        {
            Unit = "",
            Scale = 1,
            Runs = [.. vanilla.Concat(tweaked).Select(run)],
        };

    /// <summary>The least or most of each run's shares by stage, the mean over a seed's runs; the stem is not in the paper's table.</summary>
    private static Claim Silence(string sentence, IReadOnlyList<Measured<IReadOnlyList<StageSparsity>>> measured, Func<double[], double> number)
        => new("C15", sentence, Alternative.Greater, BySeed(from m in measured
                                                            let shares = m.Value.Where(s => s.Stage != "stem").Select(s => s.Share).ToArray()
                                                            where shares.Length > 0
                                                            select (m.Run, number(shares))))
        {
            Runs = [.. measured.Select(m => m.Run)],
        };

    private static Dictionary<int, double> BySeed(IEnumerable<(RunResult Run, double Number)> numbers)
        => numbers.Where(n => double.IsFinite(n.Number)).GroupBy(n => n.Run.Spec.Seed).ToDictionary(seed => seed.Key, seed => seed.Average(n => n.Number));
}
