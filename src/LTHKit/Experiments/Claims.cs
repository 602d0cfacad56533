namespace LTHKit.Experiments;

/// <summary>
/// The claims C1 to C16 of the paper, and beside them questions of the kit's own: equal effective sparsity (C1), single tweaks (C12), pruners other than OMP
/// (C16). Of those that rest on test accuracies (C1 to C11, C16) the number of a seed is a difference between its runs, at the same nominal sparsity unless the
/// claim says otherwise; "vanilla" is retrained as found. They throw a UserException where sweeps share no level (a slope: fewer than two), or lack a dense
/// network they speak of.
/// </summary>
public static class Claims
{
    /// <summary>
    /// The claims C1 to C16 at a laboratory's size, for one table: what the store lacks is trained and measured. In a laboratory that does not train, claims
    /// without runs or measurements are there without numbers.
    /// </summary>
    /// <param name="lab">The laboratory.</param>
    /// <param name="missing">Told what has not been measured; null to throw instead.</param>
    /// <exception cref="UserException">A setting is out of range, or something has not been measured.</exception>
    public static IReadOnlyList<Claim> Of(Lab lab, Action<string>? missing = null)
    {
        var (profile, rescaling) = (lab.Profile, new RescaledInit(lab.Profile.ScaleIterations));
        Tweak[] at = [new SkipInjection(), new SmoothActivation("swish")], trt = [new LabelSmoothing(0.1), rescaling], all = [.. at, .. trt];
        Tweak[] simple = [new SmoothActivation("swish"), new LabelSmoothing(0.1)];
        // Figures 2, 5 and 10 are of the ticket nearest to the paper's 91 %.
        var (watch, early) = (profile.Analysis.Curvature(profile.Recipe), profile.EarlyEpoch);

        // First, so that they are watched while they train.
        var found = Watched();
        Sweep[] watched = [.. new Tweak[][] { [new SkipInjection()], [new SmoothActivation("swish")], [new LabelSmoothing()], [rescaling], all }.Select(Watched)];
        var (vanilla, skip, swish) = (lab.Sweep(), lab.Sweep(tweaks: [new SkipInjection()]), lab.Sweep(tweaks: [new SmoothActivation("swish")]));
        var (architecture, recipe, both) = (lab.Sweep(tweaks: at, name: "AT"), lab.Sweep(tweaks: trt, name: "TRT"), lab.Sweep(tweaks: all, name: "AT + TRT"));
        var (rewound, eigenvectors) = (Rewound("weight rewinding"), Measured(() => lab.AlongTopEigenvector(found.Runs)));
        return
        [
            .. Skip(vanilla, skip), .. Smooth(vanilla, swish), .. Smooth(vanilla, lab.Sweep(tweaks: [new SmoothActivation("mish")])),
            .. Architecture(vanilla, architecture), .. SoftLabels(vanilla, lab.Sweep(tweaks: [new LabelSmoothing(0.1)])),
            .. Rescaled(vanilla, lab.Sweep(tweaks: [rescaling])), .. TrainingRecipe(vanilla, recipe), .. Combined(vanilla, architecture, recipe, both),
            .. Everywhere([(vanilla, both),
                .. profile.OtherModels.Select(network => (lab.Sweep(model: network), lab.Sweep(model: network, tweaks: all, name: "AT + TRT"))),
                .. profile.OtherData.Select(data => (lab.Sweep(data: data), lab.Sweep(data: data, tweaks: all, name: "AT + TRT")))]),
            .. InsteadOfRewinding(rewound, both),
            .. OnTopOfRewinding(rewound, Rewound("rewinding + AT", at), Rewound("rewinding + TRT", trt), Rewound("rewinding + AT + TRT", all)),
            .. Distilled(both, lab.Sweep(tweaks: [.. at, rescaling, new Distillation(Temperature: 4, Weight: 0.9)], name: "AT + TRT, distilled")),
            .. watched.SelectMany(tweaked => Curvature(Measured(() => lab.Watched(found.Runs, watch)), Measured(() => lab.Watched(tweaked.Runs, watch)), watch.Epochs)
                .Select(claim => claim with { Id = $"C12 {tweaked.Name}" })),
            .. Contours(watched[0], 0), .. Contours(watched[2], 1), .. Contours(watched[3], -1),
            .. watched.Select(tweaked => Flatness(eigenvectors, Measured(() => lab.AlongTopEigenvector(tweaked.Runs))) with { Id = $"C14 {tweaked.Name}" }),
            .. SilentRelu(Measured(() => lab.SilentActivations(vanilla.Runs))), .. SilentSmooth(Measured(() => lab.SilentActivations(swish.Runs))),
            .. Pruner.All.SelectMany(pruner => OtherMask(
                lab.Sweep(profile.EverySecond, name: pruner.Name, pruning: pruner), lab.Sweep(profile.EverySecond, simple, $"{pruner.Name}, tweaked", pruning: pruner))),
        ];

        Sweep Rewound(string name, params Tweak[] tweaks) => lab.Sweep(rewind: profile.RewindEpoch, tweaks: tweaks, name: name);

        Sweep Watched(params Tweak[] tweaks) => lab.Sweep([0.914], tweaks, watches: [watch], keep: [early], dense: false);

        IReadOnlyList<Claim> Contours(Sweep tweaked, int expected)
            => Claims.Contours(tweaked.Name, (Planes(found, early), Planes(tweaked, early)), (Planes(found), Planes(tweaked)), expected);

        IReadOnlyList<Plane> Planes(Sweep sweep, int? epochs = null) => Measured(() => lab.WeightPlanes(sweep.Runs, epochs));

        IReadOnlyList<T> Measured<T>(Func<IReadOnlyList<T>> measure)
        {
            try
            {
                return measure();
            }
            catch (MissingException e) when (missing is not null)
            {
                missing(e.What);
                return [];
            }
        }
    }

    /// <summary>
    /// C1: new skip connections hurt the dense network and help the sparse one, also beside a vanilla ticket of the same effective sparsity, which is a claim
    /// of its own; most at the highest sparsity is secondary.
    /// </summary>
    public static IReadOnlyList<Claim> Skip(Sweep vanilla, Sweep skip) =>
    [
        Gain($"C1 {skip.Name}", "hurts the dense network", Alternative.Less, s => s.Dense, skip, vanilla),
        Gain($"C1 {skip.Name}", "helps the sparsest network", Alternative.Greater, s => s.Sparsest, skip, vanilla),
        Gain($"C1 {skip.Name}", "helps it more than the other sparse ones", Alternative.Greater, s => s.Sparsest - s.MeanOfOthers, skip, vanilla)
            with { Primary = false },
        AtEqualEffectiveSparsity($"C1 {skip.Name}, effective", skip, vanilla) with { Primary = true },
    ];

    /// <summary>C2: smooth activations are marginal on the dense network, and a clear gain on sparse ones.</summary>
    public static IReadOnlyList<Claim> Smooth(Sweep vanilla, Sweep smooth) =>
    [
        Marginal($"C2 {smooth.Name}", "is marginal on the dense network", s => s.Dense, smooth, vanilla),
        Gain($"C2 {smooth.Name}", "helps sparse networks", Alternative.Greater, s => s.Mean(), smooth, vanilla),
    ];

    /// <summary>C3: the gain of the architecture tweaks grows with sparsity.</summary>
    public static IReadOnlyList<Claim> Architecture(Sweep vanilla, Sweep architecture) =>
    [
        Slope("C3", "the gain grows with sparsity", Alternative.Greater, architecture, vanilla),
        AtEqualEffectiveSparsity("C3", architecture, vanilla),
    ];

    /// <summary>C4: label smoothing helps sparse networks more than the dense one; most in the range of winning tickets (36 and 59 %) is secondary.</summary>
    public static IReadOnlyList<Claim> SoftLabels(Sweep vanilla, Sweep smoothing) =>
    [
        MoreThanDense("C4", smoothing, vanilla),
        Gain("C4", "helps most between 36 and 59 %", Alternative.Greater, s => s.Mean(Winning) - s.Mean(at => !Winning(at)), smoothing, vanilla)
            with { Primary = false },
    ];

    /// <summary>C5: layer-wise re-scaled initialisation helps sparse networks more than the dense one.</summary>
    public static IReadOnlyList<Claim> Rescaled(Sweep vanilla, Sweep rescaled) => [MoreThanDense("C5", rescaled, vanilla)];

    /// <summary>C6: the recipe tweaks gain most at low sparsity, above the dense network.</summary>
    public static IReadOnlyList<Claim> TrainingRecipe(Sweep vanilla, Sweep recipe) =>
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

    /// <summary>C8: the gain holds on all networks and data sets; at equal effective sparsity is secondary.</summary>
    /// <param name="pairs">Retrained as found, and with all tweaks; one pair a network and data set.</param>
    public static IReadOnlyList<Claim> Everywhere(params IEnumerable<(Sweep Vanilla, Sweep Both)> pairs) => [.. pairs.SelectMany(pair =>
    {
        var spec = pair.Both.Asked.FirstOrDefault() ?? pair.Both.Sparsest.Spec;
        var place = $"{spec.Model.Name} on {spec.Data.Label}";
        return new[]
        {
            Gain("C8", $"helps sparse {place}", Alternative.Greater, s => s.Mean(), pair.Both, pair.Vanilla),
            AtEqualEffectiveSparsity("C8", pair.Both, pair.Vanilla, $" of {place}"),
        };
    })];

    /// <summary>
    /// C9: below a critical sparsity the tweaks from theta0 beat weight rewinding, and stay comparable at 74 to 89 % and at 97 %. The least sparse
    /// level stands for the first; a range in which the sweeps ask for no ticket is no part of the claim.
    /// </summary>
    /// <param name="rewound">Weight rewinding.</param>
    /// <param name="both">All tweaks, from theta0.</param>
    public static IReadOnlyList<Claim> InsteadOfRewinding(Sweep rewound, Sweep both) =>
    [
        Gain("C9", $"beats {rewound.Name} at the lowest sparsity", Alternative.Greater, s => s.Densest, both, rewound),
        .. from range in new (string Name, Func<double, bool> Has)[] { ("74 to 89 %", at => at is > 0.73 and < 0.9), ("97 %", at => at > 0.95) }
           where both.Asked.IntersectBy(rewound.Asked.Select(spec => spec.Halvings), spec => spec.Halvings).Any(spec => range.Has(spec.Sparsity))
           select Marginal("C9", $"and {rewound.Name} are comparable at {range.Name}", s => s.Mean(range.Has), both, rewound),
    ];

    /// <summary>
    /// C10: on top of rewinding the architecture tweaks are marginal, the recipe's a clear gain, both together best; nearly flat in sparsity is secondary.
    /// </summary>
    public static IReadOnlyList<Claim> OnTopOfRewinding(Sweep rewound, Sweep architecture, Sweep recipe, Sweep both) =>
    [
        Marginal("C10", "is marginal", s => s.Mean(), architecture, rewound),
        Gain("C10", "is a clear gain", Alternative.Greater, s => s.Mean(), recipe, rewound),
        Beats("C10", both, architecture),
        Beats("C10", both, recipe),
        Slope("C10", $"falls less with sparsity than {rewound.Name}", Alternative.Greater, both, rewound) with { Primary = false },
    ];

    /// <summary>C11: distillation in place of label smoothing, inside AT + TRT (paper 4.6), is marginal.</summary>
    public static IReadOnlyList<Claim> Distilled(Sweep both, Sweep distilled)
        => [Marginal("C11", $"in place of {both.Name} is marginal on sparse networks", s => s.Mean(), distilled, both)];

    /// <summary>C16: the gains stay with the tickets of another pruner.</summary>
    /// <param name="vanilla">The tickets retrained as found, named after the pruner.</param>
    /// <param name="tweaked">The same with tweaks.</param>
    public static IReadOnlyList<Claim> OtherMask(Sweep vanilla, Sweep tweaked)
        => [Gain($"C16 {vanilla.Name}", "helps sparse networks", Alternative.Greater, s => s.Mean(), tweaked, vanilla)];

    /// <summary>The sparsest winning ticket (C7): the highest sparsity whose mean over seeds is not below the dense network's; null without any.</summary>
    public static SweepPoint? WinningTicket(Sweep sweep, Sweep vanilla)
    {
        var dense = vanilla.DenseRuns.Select(run => run.TestAccuracy).DefaultIfEmpty(double.NaN).Average();
        return sweep.Points.Where(point => point.Mean >= dense).MaxBy(point => point.Sparsity);
    }

    /// <summary>
    /// C12: a tweak's top eigenvalue is higher than vanilla's early in the training (the first watched epoch) and lower late (the last). Sharpness is
    /// what is meant, so absolute values are compared: early in a training the largest eigenvalue is often negative.
    /// </summary>
    /// <param name="vanilla">One a run.</param>
    /// <param name="tweaked">One a run.</param>
    /// <param name="epochs">After which the watch looked; null for those of the first series.</param>
    public static IReadOnlyList<Claim> Curvature(IReadOnlyList<WatchSeries> vanilla, IReadOnlyList<WatchSeries> tweaked, IReadOnlyList<int>? epochs = null)
    {
        var seen = epochs ?? tweaked.FirstOrDefault()?.Epochs ?? [];
        return [Of("higher", Alternative.Greater, 0), Of("lower", Alternative.Less, ^1)];

        Claim Of(string how, Alternative alternative, Index at)
            => Difference("C12", $"{how} top eigenvalue than vanilla after epoch {seen.ElementAtOrDefault(at)}", alternative, tweaked, vanilla, s => s.Run,
                s => Math.Abs(s.Values.GetValueOrDefault(CurvatureWatch.TopEigenvalue, []).DefaultIfEmpty(double.NaN).ElementAt(at)));
    }

    /// <summary>
    /// C13: a tweak changes the landscape, as the root mean square difference of the logarithmic loss over the plane, by more than another seed of vanilla
    /// does: throughout, or more so early or late than at the other end.
    /// </summary>
    /// <param name="name">The tweak's, for instance "skip".</param>
    /// <param name="early">Planes of runs early in the training, of vanilla and with the tweak, as <see cref="Lab.WeightPlanes"/> has them: one a seed.</param>
    /// <param name="late">The same at its end.</param>
    /// <param name="expected">Expected is a larger change early (negative) or late (positive), or more than chance at both ends (0).</param>
    /// <returns>Of the seeds that all have; without numbers where vanilla has one only: a run is no yardstick for itself.</returns>
    /// <exception cref="UserException">A plane is of no run, or the planes have different points.</exception>
    public static IReadOnlyList<Claim> Contours(string name, (IReadOnlyList<Plane> Vanilla, IReadOnlyList<Plane> Tweaked) early,
        (IReadOnlyList<Plane> Vanilla, IReadOnlyList<Plane> Tweaked) late, int expected)
    {
        return expected == 0
            ? [Of("changes the contours early", Excess(early)), Of("changes the contours late", Excess(late))]
            : [Of($"changes the contours more {(expected < 0 ? "early than late" : "late than early")}",
                Excess(early).Join(Excess(late), a => a.Run.Spec.Seed, b => b.Run.Spec.Seed, (a, b) => (a.Run, expected * (b.Number - a.Number))))];

        // By how much the tweak's change exceeds that from each seed of vanilla to the next.
        static IEnumerable<(RunResult Run, double Number)> Excess((IReadOnlyList<Plane> Vanilla, IReadOnlyList<Plane> Tweaked) planes)
        {
            var vanilla = planes.Vanilla.Select(OfRun).ToList();
            return from plane in vanilla.Index()
                   join other in planes.Tweaked.Select(OfRun) on plane.Item.Run.Spec.Seed equals other.Run.Spec.Seed
                   let next = vanilla.Count > 1 ? Distance(plane.Item, vanilla[(plane.Index + 1) % vanilla.Count]) : double.NaN
                   select (other.Run, Distance(plane.Item, other) - next);
        }

        static PlaneOfRun OfRun(Plane plane)
            => plane as PlaneOfRun ?? throw new UserException($"The plane '{plane.Name}' is of no run; give planes that the laboratory measured through the weights of runs.");

        Claim Of(string what, IEnumerable<(RunResult, double)> numbers)
            => OfRuns($"C13 {name}", $"{what}, beyond what another seed does", Alternative.Greater, numbers,
                early.Vanilla.Concat(early.Tweaked).Concat(late.Vanilla).Concat(late.Tweaked).Select(plane => OfRun(plane).Run).DistinctBy(run => run.Id));
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
        => [Silence("Swish: in every stage fewer than 0.4 % of the activations are zero", [.. smooth], shares => 0.004 - shares.Max())];

    private static bool Winning(double sparsity) => sparsity is > 0.3 and < 0.65;

    /// <summary>A number of the one sweep minus the same of the other; the sentence begins with the first one's name.</summary>
    private static Claim Gain(string id, string predicate, Alternative alternative, Func<SeedResults, double> number, Sweep sweep, Sweep other)
        => new(id, $"{sweep.Name} {predicate}", alternative, s => number(s[0]) - number(s[1]), sweep, other);

    private static Claim Marginal(string id, string predicate, Func<SeedResults, double> number, Sweep sweep, Sweep other)
        => Gain(id, FormattableString.Invariant($"{predicate}, within {100 * Claim.Marginal:0.#} point"), Alternative.Within, number, sweep, other);

    private static Claim Beats(string id, Sweep sweep, Sweep other)
        => Gain(id, $"beats {other.Name} on sparse networks", Alternative.Greater, s => s.Mean(), sweep, other);

    private static Claim MoreThanDense(string id, Sweep sweep, Sweep vanilla)
        => Gain(id, "helps sparse networks more than the dense one", Alternative.Greater, s => s.Mean() - s.Dense, sweep, vanilla);

    private static Claim Slope(string id, string what, Alternative alternative, Sweep sweep, Sweep vanilla)
        => new(id, $"{sweep.Name}: {what}", alternative, s => s[0].Slope - s[1].Slope, sweep, vanilla) { Unit = "points a halving" };

    private static Claim AtEqualEffectiveSparsity(string id, Sweep sweep, Sweep vanilla, string place = "")
        => new(id, $"{sweep.Name} helps at its sparsest ticket's effective sparsity{place}", Alternative.Greater,
            s => s[0].Sparsest - s[1].AtEffective(s[0].SparsestEffective), sweep, vanilla)
        { Primary = false };

    /// <summary>The root mean square difference of the logarithmic loss; points where either is no number are left out.</summary>
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
        => OfRuns(tweaked.Count == 0 ? id : $"{id} {RunSpec.NameOf(run(tweaked[0]).Spec.Tweaks)}", sentence, alternative,
            tweaked.Join(vanilla, a => Sweep.AtSparsity(run(a)), b => Sweep.AtSparsity(run(b)), (a, b) => (run(a), number(a) - number(b))),
            vanilla.Concat(tweaked).Select(run));

    /// <summary>The least or most of each run's shares by stage, the mean over a seed's runs; the stem is not in the paper's table.</summary>
    private static Claim Silence(string sentence, IReadOnlyList<Measured<IReadOnlyList<StageSparsity>>> measured, Func<double[], double> number)
    {
        var shares = measured.Select(m => (m.Run, Shares: m.Value.Where(s => s.Stage != "stem").Select(s => s.Share).ToArray()));
        var claim = OfRuns("C15", sentence, Alternative.Greater, shares.Where(m => m.Shares.Length > 0).Select(m => (m.Run, number(m.Shares))), measured.Select(m => m.Run));
        return claim with { Unit = "points", Scale = 100 };
    }

    /// <summary>A claim about what was measured of runs, for each seed the mean over its own; what is no number is left out.</summary>
    private static Claim OfRuns(string id, string sentence, Alternative alternative, IEnumerable<(RunResult Run, double Number)> numbers,
        IEnumerable<RunResult> runs)
        => new(id, sentence, alternative, numbers.Where(n => double.IsFinite(n.Number)).GroupBy(n => n.Run.Spec.Seed)
            .ToDictionary(seed => seed.Key, seed => seed.Average(n => n.Number)), Unit: "", Scale: 1)
        { Runs = [.. runs] };
}
