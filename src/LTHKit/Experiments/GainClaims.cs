namespace LTHKit.Experiments;

/// <summary>
/// The claims of the paper that rest on test accuracies (C1 to C11, C16). The number of a seed is a difference between its runs at the same nominal sparsity;
/// "vanilla" is retrained as found. All throw a UserException where sweeps share no level (a slope: fewer than two), or lack a dense network they speak of.
/// </summary>
public static partial class Claims
{
    /// <summary>
    /// C1: new skip connections hurt the dense network and help the sparse one; most at the highest sparsity, and at equal effective sparsity, are secondary.
    /// </summary>
    public static IReadOnlyList<Claim> Skip(Sweep vanilla, Sweep skip) =>
    [
        Gain($"C1 {skip.Name}", "hurts the dense network", Alternative.Less, s => s.Dense, skip, vanilla),
        Gain($"C1 {skip.Name}", "helps the sparsest network", Alternative.Greater, s => s.Sparsest, skip, vanilla),
        Gain($"C1 {skip.Name}", "helps it more than the other sparse ones", Alternative.Greater, s => s.Sparsest - s.MeanOfOthers, skip, vanilla)
            with { Primary = false },
        AtEqualEffectiveSparsity($"C1 {skip.Name}", skip, vanilla),
    ];

    /// <summary>C2: smooth activations are marginal on the dense network, and a clear gain on sparse ones.</summary>
    public static IReadOnlyList<Claim> Smooth(Sweep vanilla, Sweep smooth) =>
    [
        Marginal($"C2 {smooth.Name}", $"{smooth.Name} is marginal on the dense network", s => s.Dense, smooth, vanilla),
        Gain($"C2 {smooth.Name}", "helps sparse networks", Alternative.Greater, s => s.Mean(), smooth, vanilla),
    ];

    /// <summary>C3: the gain of the architecture tweaks grows with sparsity.</summary>
    public static IReadOnlyList<Claim> Architecture(Sweep vanilla, Sweep architecture) =>
    [
        Slope("C3", "the gain grows with sparsity", Alternative.Greater, architecture, vanilla),
        AtEqualEffectiveSparsity("C3", architecture, vanilla),
    ];

    /// <summary>C4: label smoothing helps sparse networks more than the dense one; most in the range of winning tickets (36 and 59 %) is secondary.</summary>
    public static IReadOnlyList<Claim> LabelSmoothing(Sweep vanilla, Sweep smoothing) =>
    [
        MoreThanDense("C4", smoothing, vanilla),
        Gain("C4", "helps most between 36 and 59 %", Alternative.Greater, s => s.Mean(Winning) - s.Mean(at => !Winning(at)), smoothing, vanilla)
            with { Primary = false },
    ];

    /// <summary>C5: layer-wise re-scaled initialisation helps sparse networks more than the dense one.</summary>
    public static IReadOnlyList<Claim> RescaledInit(Sweep vanilla, Sweep rescaled) => [MoreThanDense("C5", rescaled, vanilla)];

    /// <summary>C6: the recipe tweaks gain most at low sparsity, above the dense network.</summary>
    public static IReadOnlyList<Claim> Recipe(Sweep vanilla, Sweep recipe) =>
    [
        Slope("C6", "the gain falls with sparsity", Alternative.Less, recipe, vanilla),
        new("C6", $"{recipe.Name}: the least sparse tickets are above {vanilla.Name}'s dense network", Alternative.Greater,
            s => s[0].Densest - s[1].Dense, recipe, vanilla),
    ];

    /// <summary>
    /// C7: both bundles together beat each. That their tickets of 67 to 92 %, where vanilla's have lost, are still above the dense network is secondary; so
    /// is the sparsest winning ticket, which is no number of a seed: <see cref="WinningTicket"/>.
    /// </summary>
    public static IReadOnlyList<Claim> Combined(Sweep vanilla, Sweep architecture, Sweep recipe, Sweep both) =>
    [
        .. new[] { vanilla, architecture, recipe }.Select(other => Beats("C7", both, other)),
        new("C7", $"{both.Name}: tickets of 67 to 92 % are above {vanilla.Name}'s dense network", Alternative.Greater,
            s => s[0].Mean(at => at is > 0.66 and < 0.92) - s[1].Dense, both, vanilla) { Primary = false },
        AtEqualEffectiveSparsity("C7", both, vanilla),
    ];

    /// <summary>C8: the gain holds on all networks and data sets.</summary>
    /// <param name="pairs">Retrained as found, and with all tweaks; one pair a network and data set.</param>
    public static IReadOnlyList<Claim> Everywhere(params IEnumerable<(Sweep Vanilla, Sweep Both)> pairs) =>
    [
        .. from pair in pairs
           let spec = pair.Both.Sparsest.Spec
           select Gain("C8", $"helps sparse {spec.Model.Name} on {spec.Data.Label}", Alternative.Greater, s => s.Mean(), pair.Both, pair.Vanilla),
    ];

    /// <summary>
    /// C9: below a critical sparsity the tweaks from theta0 beat weight rewinding, and stay comparable at 74 to 89 % and at 97 %. The least sparse
    /// level stands for the first; a range without a ticket of the sweeps is no part of the claim.
    /// </summary>
    /// <param name="rewound">Weight rewinding.</param>
    /// <param name="both">All tweaks, from theta0.</param>
    public static IReadOnlyList<Claim> InsteadOfRewinding(Sweep rewound, Sweep both) =>
    [
        Gain("C9", $"beats {rewound.Name} at the lowest sparsity", Alternative.Greater, s => s.Densest, both, rewound),
        .. new[]
        {
            Marginal("C9", $"{both.Name} and {rewound.Name} are comparable at 74 to 89 %", s => s.Mean(at => at is > 0.73 and < 0.9), both, rewound),
            Marginal("C9", $"{both.Name} and {rewound.Name} are comparable at 97 %", s => s.Mean(at => at > 0.95), both, rewound),
        }.Where(part => part.Numbers.Count > 0),
    ];

    /// <summary>
    /// C10: on top of rewinding the architecture tweaks are marginal, the recipe's a clear gain, both together best; nearly flat in sparsity is secondary.
    /// </summary>
    public static IReadOnlyList<Claim> OnTopOfRewinding(Sweep rewound, Sweep architecture, Sweep recipe, Sweep both) =>
    [
        Marginal("C10", $"{architecture.Name} is marginal", s => s.Mean(), architecture, rewound),
        Gain("C10", "is a clear gain", Alternative.Greater, s => s.Mean(), recipe, rewound),
        Beats("C10", both, architecture),
        Beats("C10", both, recipe),
        Slope("C10", $"falls less with sparsity than {rewound.Name}", Alternative.Greater, both, rewound) with { Primary = false },
    ];

    /// <summary>C11: distillation in place of label smoothing, inside AT + TRT (paper 4.6), is marginal.</summary>
    public static IReadOnlyList<Claim> Distillation(Sweep both, Sweep distilled)
        => [Marginal("C11", $"{distilled.Name} in place of {both.Name} is marginal on sparse networks", s => s.Mean(), distilled, both)];

    /// <summary>C16: the gains stay with the tickets of another pruner.</summary>
    /// <param name="vanilla">The tickets retrained as found, named after the pruner.</param>
    /// <param name="tweaked">The same with tweaks.</param>
    public static IReadOnlyList<Claim> OtherMask(Sweep vanilla, Sweep tweaked)
        => [Gain($"C16 {vanilla.Name}", "helps sparse networks", Alternative.Greater, s => s.Mean(), tweaked, vanilla)];

    /// <summary>The sparsest winning ticket (C7): the highest sparsity whose mean over seeds is not below the dense network's; null without any.</summary>
    public static SweepPoint? WinningTicket(Sweep sweep, Sweep vanilla)
    {
        var dense = vanilla.DenseRuns.Average(run => run.TestAccuracy);
        return sweep.Points.Where(point => point.Mean >= dense).MaxBy(point => point.Sparsity);
    }

    private static bool Winning(double sparsity) => sparsity is > 0.3 and < 0.65;

    /// <summary>A number of the one sweep minus the same of the other; the sentence begins with the first one's name.</summary>
    private static Claim Gain(string id, string predicate, Alternative alternative, Func<SeedResults, double> number, Sweep sweep, Sweep other)
        => new(id, $"{sweep.Name} {predicate}", alternative, s => number(s[0]) - number(s[1]), sweep, other);

    private static Claim Marginal(string id, string sentence, Func<SeedResults, double> number, Sweep sweep, Sweep other)
        => new(id, FormattableString.Invariant($"{sentence}, within {100 * Claim.Marginal:0.#} point"), Alternative.Within,
            s => number(s[0]) - number(s[1]), sweep, other);

    private static Claim Beats(string id, Sweep sweep, Sweep other)
        => Gain(id, $"beats {other.Name} on sparse networks", Alternative.Greater, s => s.Mean(), sweep, other);

    private static Claim MoreThanDense(string id, Sweep sweep, Sweep vanilla)
        => Gain(id, "helps sparse networks more than the dense one", Alternative.Greater, s => s.Mean() - s.Dense, sweep, vanilla);

    private static Claim Slope(string id, string what, Alternative alternative, Sweep sweep, Sweep vanilla)
        => new(id, $"{sweep.Name}: {what}", alternative, s => s[0].Slope - s[1].Slope, sweep, vanilla) { Unit = "points a halving" };

    private static Claim AtEqualEffectiveSparsity(string id, Sweep sweep, Sweep vanilla)
        => new(id, $"{sweep.Name} helps at its sparsest ticket's effective sparsity", Alternative.Greater,
            s => s[0].Sparsest - s[1].AtEffective(s[0].SparsestEffective), sweep, vanilla)
        { Primary = false };
}
