namespace LTHKit.Experiments;

/// <summary>
/// The claims that rest on test accuracies (C1 to C7, C9 to C11, C16). Each is a difference taken seed by seed at the same nominal sparsity, and holds or fails
/// only where its 95 % confidence interval leaves no doubt.
/// </summary>
public static partial class Claims
{
    /// <summary>
    /// What counts as marginal or comparable, as a fraction: one percentage point, a little less than the smallest of the gains that the paper
    /// reports for all tweaks together (1.05 points).
    /// </summary>
    public const double Marginal = 0.01;

    /// <summary>C1: new skip connections hurt the dense network and help the sparse one, most at the highest sparsity.</summary>
    /// <param name="vanilla">Retrained as found.</param>
    /// <param name="skip">With skip connections.</param>
    /// <exception cref="UserException">The sweeps share no dense network or no level.</exception>
    public static IReadOnlyList<Claim> Skip(Sweep vanilla, Sweep skip)
    {
        var gains = new Gains(skip, vanilla);
        return
        [
            Negative("C1", $"{skip.Name} hurts the dense network", gains.Dense),
            Positive("C1", $"{skip.Name} helps the sparsest network", gains.At(gains.Sparsest)),
            Positive("C1", $"{skip.Name} helps the sparsest network more than the other sparse ones", gains.Of(of => of[gains.Sparsest] - MeanOf(of, gains.Levels.Where(level => level != gains.Sparsest)))),
        ];
    }

    /// <summary>C2: smooth activations are marginal on the dense network, and a clear gain on sparse ones.</summary>
    /// <param name="vanilla">With ReLU.</param>
    /// <param name="smooth">With a smooth activation.</param>
    /// <exception cref="UserException">The sweeps share no dense network or no level.</exception>
    public static IReadOnlyList<Claim> Smooth(Sweep vanilla, Sweep smooth)
    {
        var gains = new Gains(smooth, vanilla);
        return
        [
            Within("C2", $"{smooth.Name} is marginal on the dense network", gains.Dense),
            Positive("C2", $"{smooth.Name} helps sparse networks", gains.Sparse),
        ];
    }

    /// <summary>C3: the gain of the architecture tweaks grows with sparsity.</summary>
    /// <param name="vanilla">Retrained as found.</param>
    /// <param name="architecture">With skip connections and a smooth activation.</param>
    /// <exception cref="UserException">The sweeps share fewer than two levels.</exception>
    public static IReadOnlyList<Claim> Architecture(Sweep vanilla, Sweep architecture)
        => [Positive("C3", $"{architecture.Name}: the gain grows with sparsity", new Gains(architecture, vanilla).Slope, "points a level")];

    /// <summary>C4: label smoothing helps sparse networks more than the dense one, most in the range of winning tickets (36 and 59 %).</summary>
    /// <param name="vanilla">With one-hot labels.</param>
    /// <param name="smoothing">With smoothed labels.</param>
    /// <exception cref="UserException">The sweeps share no dense network or no level.</exception>
    public static IReadOnlyList<Claim> LabelSmoothing(Sweep vanilla, Sweep smoothing)
    {
        var gains = new Gains(smoothing, vanilla);
        var inside = gains.Levels.Where(level => gains.Sparsity(level) is > 0.3 and < 0.65).ToList();
        return
        [
            MoreThanDense("C4", smoothing, gains),
            Positive("C4", $"{smoothing.Name} helps most between 36 and 59 %", gains.Of(of => MeanOf(of, inside) - MeanOf(of, gains.Levels.Except(inside)))),
        ];
    }

    /// <summary>C5: layer-wise re-scaled initialisation helps sparse networks more than the dense one.</summary>
    /// <param name="vanilla">From theta0.</param>
    /// <param name="rescaled">From theta0, re-scaled.</param>
    /// <exception cref="UserException">The sweeps share no dense network or no level.</exception>
    public static IReadOnlyList<Claim> RescaledInit(Sweep vanilla, Sweep rescaled) => [MoreThanDense("C5", rescaled, new Gains(rescaled, vanilla))];

    /// <summary>C6: the recipe tweaks gain most at low sparsity, above the dense network.</summary>
    /// <param name="vanilla">Retrained as found.</param>
    /// <param name="recipe">With label smoothing and re-scaled initialisation.</param>
    /// <exception cref="UserException">The sweeps share no dense network or fewer than two levels.</exception>
    public static IReadOnlyList<Claim> Recipe(Sweep vanilla, Sweep recipe)
    {
        var gains = new Gains(recipe, vanilla);
        return
        [
            Negative("C6", $"{recipe.Name}: the gain falls with sparsity", gains.Slope, "points a level"),
            Positive("C6", $"{recipe.Name}: the least sparse tickets are above {vanilla.Name}'s dense network", AboveDense(vanilla, recipe, gains.Levels[0])),
        ];
    }

    /// <summary>C7: both bundles together beat each, and there are winning tickets at higher sparsity than vanilla's.</summary>
    /// <param name="vanilla">Retrained as found; with its dense network, which a winning ticket must reach.</param>
    /// <param name="architecture">With the one bundle.</param>
    /// <param name="recipe">With the other.</param>
    /// <param name="both">With both.</param>
    /// <exception cref="UserException">The sweeps share no dense network or no level.</exception>
    public static IReadOnlyList<Claim> Combined(Sweep vanilla, Sweep architecture, Sweep recipe, Sweep both) =>
    [
        Positive("C7", $"{both.Name} beats {vanilla.Name} on sparse networks", new Gains(both, vanilla).Sparse),
        Positive("C7", $"{both.Name} beats {architecture.Name} on sparse networks", new Gains(both, architecture).Sparse),
        Positive("C7", $"{both.Name} beats {recipe.Name} on sparse networks", new Gains(both, recipe).Sparse),
        Positive("C7", $"{both.Name} has winning tickets at higher levels than {vanilla.Name}", WinningLevels(vanilla, both), "levels", 1),
    ];

    /// <summary>
    /// C9: below a critical sparsity the tweaks from theta0 beat weight rewinding, and stay comparable at 74 to 89 % and at 97 %. The least sparse
    /// level stands for the first; of the others those that lie nearest.
    /// </summary>
    /// <param name="rewound">Weight rewinding.</param>
    /// <param name="both">All tweaks, from theta0.</param>
    /// <exception cref="UserException">The sweeps share no level.</exception>
    public static IReadOnlyList<Claim> InsteadOfRewinding(Sweep rewound, Sweep both)
    {
        var gains = new Gains(both, rewound);
        return
        [
            Positive("C9", $"{both.Name} beats {rewound.Name} at {Percent(gains.Sparsity(gains.Levels[0]))}", gains.At(gains.Levels[0])),
            .. gains.Levels.Skip(1).Where(level => gains.Sparsity(level) is > 0.73 and < 0.9 or > 0.95)
                .Select(level => Within("C9", $"{both.Name} and {rewound.Name} are comparable at {Percent(gains.Sparsity(level))}", gains.At(level))),
        ];
    }

    /// <summary>C10: on top of rewinding the architecture tweaks are marginal, the recipe's a clear gain, both together best and nearly flat in sparsity.</summary>
    /// <param name="rewound">Weight rewinding.</param>
    /// <param name="architecture">With the architecture tweaks on top.</param>
    /// <param name="recipe">With the recipe tweaks on top.</param>
    /// <param name="both">With both.</param>
    /// <exception cref="UserException">The sweeps share fewer than two levels.</exception>
    public static IReadOnlyList<Claim> OnTopOfRewinding(Sweep rewound, Sweep architecture, Sweep recipe, Sweep both) =>
    [
        Within("C10", $"{architecture.Name} is marginal", new Gains(architecture, rewound).Sparse),
        Positive("C10", $"{recipe.Name} is a clear gain", new Gains(recipe, rewound).Sparse),
        Positive("C10", $"{both.Name} beats {architecture.Name}", new Gains(both, architecture).Sparse),
        Positive("C10", $"{both.Name} beats {recipe.Name}", new Gains(both, recipe).Sparse),
        Positive("C10", $"{both.Name} falls less with sparsity than {rewound.Name}", new Gains(both, rewound).Slope, "points a level"),
    ];

    /// <summary>C11: distillation in place of label smoothing is marginal.</summary>
    /// <param name="smoothing">With smoothed labels.</param>
    /// <param name="distilled">With a teacher's.</param>
    /// <exception cref="UserException">The sweeps share no level.</exception>
    public static IReadOnlyList<Claim> Distillation(Sweep smoothing, Sweep distilled)
        => [Within("C11", $"{distilled.Name} in place of {smoothing.Name} is marginal on sparse networks", new Gains(distilled, smoothing).Sparse)];

    /// <summary>C16: the gains stay with the tickets of another pruner.</summary>
    /// <param name="vanilla">The tickets retrained as found.</param>
    /// <param name="tweaked">The same with tweaks.</param>
    /// <exception cref="UserException">The sweeps share no level.</exception>
    public static IReadOnlyList<Claim> OtherMask(Sweep vanilla, Sweep tweaked)
        => [Positive("C16", $"the tweaks help the tickets of {vanilla.Name}", new Gains(tweaked, vanilla).Sparse)];

    private static Claim MoreThanDense(string id, Sweep tweaked, Gains gains)
        => Positive(id, $"{tweaked.Name} helps sparse networks more than the dense one", gains.Of(of => MeanOf(of, gains.Levels) - of[0], dense: true));

    private static Claim Positive(string id, string statement, Contrast contrast, string unit = "points", double scale = 100)
        => new(id, statement, contrast.IsPositive, contrast.Text(scale, unit));

    private static Claim Negative(string id, string statement, Contrast contrast, string unit = "points")
        => new(id, statement, contrast.IsNegative, contrast.Text(100, unit));

    private static Claim Within(string id, string statement, Contrast contrast)
        => new(id, FormattableString.Invariant($"{statement}, within {100 * Marginal:0.#} point"), contrast.IsWithin(Marginal), contrast.Text(100, "points"));

    /// <summary>How far the tickets of one level lie above the dense network trained without tweaks.</summary>
    private static Contrast AboveDense(Sweep vanilla, Sweep tweaked, int level) => new(
        [.. tweaked.Runs.Where(run => run.Spec.Level == level).Join(vanilla.DenseRuns, run => run.Spec.Seed, dense => dense.Spec.Seed,
            (run, dense) => run.TestAccuracy - dense.TestAccuracy)]);

    /// <summary>
    /// Up to how many pruning levels further than vanilla's the tweaked tickets stay winning: at least as accurate as the dense network trained without
    /// tweaks, at this level and each before it that both have.
    /// </summary>
    private static Contrast WinningLevels(Sweep vanilla, Sweep tweaked)
    {
        var gains = new Gains(tweaked, vanilla);
        return new([.. vanilla.DenseRuns.Where(dense => gains.Seeds.Contains(dense.Spec.Seed)).Select(dense => (double)(Last(tweaked, dense) - Last(vanilla, dense)))]);

        int Last(Sweep sweep, RunResult dense) => sweep.Runs.Where(run => run.Spec.Seed == dense.Spec.Seed && gains.Levels.Contains(run.Spec.Level))
            .OrderBy(run => run.Spec.Level).TakeWhile(run => run.TestAccuracy >= dense.TestAccuracy).LastOrDefault()?.Spec.Level ?? 0;
    }

    private static double MeanOf(IReadOnlyDictionary<int, double> gains, IEnumerable<int> levels) => levels.Select(level => gains[level]).DefaultIfEmpty(double.NaN).Average();

    private static string Percent(double sparsity) => FormattableString.Invariant($"{100 * sparsity:0.#} %");

    /// <summary>The gains of one way to retrain over another, seed by seed.</summary>
    private sealed class Gains
    {
        private readonly Sweep _tweaked, _vanilla;
        private readonly Dictionary<int, Dictionary<int, double>> _seeds;       // seed -> level -> gain
        private readonly Dictionary<int, double> _sparsity;

        public Gains(Sweep tweaked, Sweep vanilla)
        {
            (_tweaked, _vanilla) = (tweaked, vanilla);
            var gains = tweaked.GainsOver(vanilla);
            _sparsity = gains.Select(gain => gain.Run).DistinctBy(run => run.Spec.Level).ToDictionary(run => run.Spec.Level, run => run.Sparsity);
            Levels = [.. _sparsity.Keys.Where(level => level > 0).Order()];
            if (Levels.Count == 0)
                throw new UserException($"'{tweaked.Name}' and '{vanilla.Name}' share no level and seed; sweep the same levels to compare them.");
            _seeds = gains.GroupBy(gain => gain.Run.Spec.Seed).ToDictionary(seed => seed.Key, seed => seed.ToDictionary(gain => gain.Run.Spec.Level, gain => gain.Gain))
                .Where(seed => Levels.All(seed.Value.ContainsKey)).ToDictionary();
        }

        /// <summary>The sparse levels that both have, least sparse first.</summary>
        public IReadOnlyList<int> Levels { get; }

        /// <summary>The seeds that have all of them in both.</summary>
        public IReadOnlyCollection<int> Seeds => _seeds.Keys;

        public int Sparsest => Levels[^1];

        /// <summary>Of the dense networks.</summary>
        public Contrast Dense => Of(gains => gains[0], dense: true);

        /// <summary>The mean over all sparse levels.</summary>
        public Contrast Sparse => Of(gains => MeanOf(gains, Levels));

        /// <summary>How much the gain grows from level to level: the slope of the least-squares line over the levels, which are even steps in the logarithm of the density.</summary>
        public Contrast Slope
        {
            get
            {
                if (Levels.Count < 2)
                    throw new UserException($"'{_tweaked.Name}' and '{_vanilla.Name}' share one level only; sweep at least two to see how the gain changes.");
                var middle = Levels.Average();
                return Of(gains => Levels.Sum(level => (level - middle) * gains[level]) / Levels.Sum(level => Math.Pow(level - middle, 2)));
            }
        }

        public double Sparsity(int level) => _sparsity[level];

        public Contrast At(int level) => Of(gains => gains[level]);

        /// <summary>A number of each seed's gains.</summary>
        public Contrast Of(Func<IReadOnlyDictionary<int, double>, double> number, bool dense = false)
        {
            if (dense && !_sparsity.ContainsKey(0))
                throw new UserException($"'{_tweaked.Name}' and '{_vanilla.Name}' share no dense network; sweep them with the dense one to compare it with.");
            return new([.. _seeds.Values.Where(seed => !dense || seed.ContainsKey(0)).Select(number)]);
        }
    }
}
