using System.Collections.Concurrent;
using System.Text.Json.Serialization;

namespace LTHKit.Experiments;

/// <summary>What a ticket is retrained from (Renda et al. 2020).</summary>
public enum Rewinding
{
    /// <summary>Weights and schedule of the dense training at the rewind point; at its beginning theta0 (Frankle and Carbin 2019).</summary>
    Weights,

    /// <summary>The trained weights that the ticket was drawn from, the schedule from the rewind point on.</summary>
    LearningRate,

    /// <summary>The trained weights that the ticket was drawn from, at the last learning rate of the training that they come from.</summary>
    FineTuning,
}

/// <summary>
/// Everything that decides the outcome of one training. Runs form a tree: a dense run; the tickets cut from it; each ticket retrained with
/// tweaks. Two equal specs are one run, trained once.
/// </summary>
/// <param name="Drawing">How the networks were trained that the ticket is drawn from and rewound to; null for as this one.</param>
/// <param name="Level">Pruning level: rounds of cutting; 0 is the dense network.</param>
/// <param name="Control">What stands in for the ticket.</param>
/// <param name="Rewind">The point of the dense training to which weights and schedule go back, or the schedule alone; the beginning is theta0.</param>
/// <param name="Rewinding">What goes back there.</param>
/// <param name="EachRound">
/// Whether the rounds in which the ticket is drawn rewind this way too. Otherwise survivors are reset to theta0 in the drawing, so that every way to retrain
/// spends the same ticket.
/// </param>
/// <param name="Seed">Of initialisation, data order and everything else that is random.</param>
public sealed record RunSpec(Recipe? Drawing = null, int Level = 0, Control Control = Control.None, Step Rewind = default,
    Rewinding Rewinding = Rewinding.Weights, bool EachRound = false, int Seed = 0)
{
    // Copies of a spec share this table, in which each has an entry of its own.
    private readonly ConditionalWeakTable<RunSpec, ConcurrentDictionary<string, Lazy<object?>>> _known = [];

    public DataSpec Data { get; init; } = new();
    public ModelSpec Model { get; init; } = new();
    public Recipe Recipe { get; init; } = new();
    public Pruner Pruning { get; init; } = Pruner.Imp;

    /// <summary>The share of the survivors that each round cuts; the last one holds for all rounds after it.</summary>
    public IReadOnlyList<double> Rates { get; init; } = [0.2];

    public IReadOnlyList<Tweak> Tweaks { get; init; } = [];

    /// <summary>
    /// The spec with what does not matter set to its default, so that runs which must agree are one: a dense run has no pruning, and the
    /// order of tweaks is not part of a run.
    /// </summary>
    internal RunSpec Normalised
    {
        get
        {
            var (sparse, plain) = (Level > 0, new RunSpec());
            var back = sparse && IsRewound;
            var drawn = (sparse && (Pruning.At != At.Initialised || back)) || Tweaks.Any(t => t.NeedsDense);
            return this with
            {
                Drawing = Drawing is not null && drawn && !IsSame(Drawing, Recipe) ? Drawing : null,
                Pruning = sparse ? Pruning : plain.Pruning,
                Rates = sparse ? PruningRates.Needed(Rates, Level) : plain.Rates,
                Control = sparse ? Control : plain.Control,
                Rewind = back && Rewinding != Rewinding.FineTuning ? Rewind : default,
                Rewinding = sparse ? Rewinding : plain.Rewinding,
                EachRound = EachRound && back && Level > 1 && Pruning.At == At.EachRound,
                Tweaks = [.. Tweaks.OrderBy(t => t.GetType().Name, StringComparer.Ordinal).ThenBy(OrderOfTwins, StringComparer.Ordinal)],
            };
        }
    }

    /// <summary>The canonical JSON form, of a user's code and of what it holds when this is first asked.</summary>
    internal JsonObject ToJson() => Once(() => SpecJson.Of(Normalised)).DeepClone().AsObject();

    /// <summary>The run's name: twelve hexadecimal digits from its content.</summary>
    [JsonIgnore]
    public string Id => Once(() => SpecJson.Hash(ToJson()));

    /// <summary>What it has in common with the runs of other seeds.</summary>
    internal string ButSeed => ToJson().Without("seed").ToJsonString();

    /// <summary>The dense run of the same seed, from which tickets are drawn.</summary>
    internal RunSpec Dense => Once(() => (Drawn with { Level = 0 }).Normalised);

    /// <summary>
    /// The run whose trained weights decide this one's mask: for IMP the untweaked ticket one level up, for pruners that look at the
    /// trained dense network that one; null for a dense run and for pruners that look at theta0.
    /// </summary>
    internal RunSpec? Parent => Once(() => Level == 0 ? null : Pruning.At switch
    {
        At.EachRound => (Drawn with { Level = Level - 1 }).Normalised,
        At.Trained => Dense,
        _ => null,
    });

    /// <summary>The run of the drawing that has this run's ticket, retrained as found; a run's own control stands in for it afterwards.</summary>
    internal RunSpec AsFound => Once(() => Drawn.Normalised);

    /// <summary>Whether training starts from weights that were trained before instead of theta0.</summary>
    internal bool IsRewound => Rewinding != Rewinding.Weights || Rewind != default;

    /// <summary>The runs whose trained weights must be there before this one begins; a ticket that is there need not be drawn.</summary>
    internal IEnumerable<RunSpec> Needs(Func<RunSpec, bool> hasTicket)
    {
        if (Parent is { } parent && (Rewinding != Rewinding.Weights || !hasTicket(this)))
            yield return parent;
        if (IsRewound || Tweaks.Any(t => t.NeedsDense))
            yield return Dense;
    }

    /// <summary>The run after all it builds on, the dense network first.</summary>
    internal IEnumerable<RunSpec> Ancestry(Func<RunSpec, bool> hasTicket) => Needs(hasTicket).SelectMany(need => need.Ancestry(hasTicket)).Append(this);

    /// <summary>Nominal sparsity of the prunable weights, in [0, 1).</summary>
    public double Sparsity => PruningRates.SparsityAt(Rates, Level);

    /// <summary>How often the weights were halved, -log2(1 - sparsity), by which sweeps of different rates are joined: to 0.7 % of the weights left.</summary>
    internal double Halvings => Math.Round(-Math.Log2(1 - Sparsity), 2);

    /// <summary>For instance "resnet18 on synthetic, 89.3 % sparse, snip, swish, seed 0"; IMP over all layers goes without saying.</summary>
    public string Label => string.Join(", ",
        [$"{Model.Name} on {Data.Label}", Level == 0 ? "dense" : FormattableString.Invariant($"{100 * Sparsity:0.0} % sparse"),
            .. Ticket, .. Tweaks.Select(t => t.Label), $"seed {Seed}"]);

    public override string ToString() => Label;
    public bool Equals(RunSpec? other) => Id == other?.Id;
    public override int GetHashCode() => Id.GetHashCode();

    /// <summary>How its ticket was drawn and from where it is retrained, as far as that goes not without saying: "snip", "rewound to epoch 33".</summary>
    internal IEnumerable<string> Ticket => new[]
    {
        Level > 0 && Pruning.ToString() != Pruner.Imp.Name ? Pruning.ToString() : null,
        Control switch { Control.None => null, Control.Random => "random in each layer", Control.Shuffled => "shuffled in each filter", _ => "re-initialised" },
        Rewinding switch { Rewinding.Weights => null, Rewinding.LearningRate => "learning-rate rewinding", _ => "fine-tuning" },
        Rewind == default ? null : $"rewound to epoch {Rewind.Epochs}{(Rewind.Iterations > 0 ? $" step {Rewind.Iterations}" : "")}",
        EachRound ? "in each round" : null,
        Drawing is null ? null : "a recipe of its own",
    }.OfType<string>();

    /// <summary>How figures call networks that are retrained with these tweaks: "vanilla LTH", "skip + swish".</summary>
    public static string NameOf(IReadOnlyList<Tweak> tweaks) => tweaks.Count == 0 ? "vanilla LTH" : string.Join(" + ", tweaks.Select(t => t.Label));

    /// <summary>Refuses settings that cannot be run, before anything is trained.</summary>
    internal void Validate()
    {
        Networks.Validate(Model);
        Recipe.Validate();
        Drawing?.Validate();
        Pruning.Validate();
        PruningRates.Validate(Rates);
        UserException.Require(Data.ValidationFraction is > 0 and < 1, "The validation share", Data.ValidationFraction,
            "in (0, 1) for a run to choose its best epoch, the paper's is 0.1");
        UserException.Require(Level is >= 0 and <= PruningRates.MaxLevel, "The pruning level", Level, $"0 for the dense network, or up to {PruningRates.MaxLevel}");
        if (Control == Control.Reinitialised && IsRewound)
            throw new UserException("A re-initialised ticket starts from weights drawn anew and cannot be rewound: leave one of the two out.");
        if (Control != Control.None && Rewinding != Rewinding.Weights && Pruning.At == At.EachRound && Level > 1)
            throw new UserException("A control keeps other weights than the ticket, and of these the trained sparse network, from which learning-rate rewinding and fine-tuning go on, "
                + "has mostly zeros: rewind its weights, or leave the control out.");
        if (Rewinding == Rewinding.FineTuning && Drawing is { LearningRate: var rate, Decay: var decay, DecayAt: var at, Schedule: var schedule, WarmUp: var warmUp }
            && !IsSame(Recipe, Recipe with { LearningRate = rate, Decay = decay, DecayAt = at, Schedule = schedule, WarmUp = warmUp }))
            throw new UserException("Fine-tuning goes on at the last learning rate of the drawing, so that a rate or schedule of its recipe would not count: leave LearningRate, Decay, DecayAt, Schedule and WarmUp "
                + "as the drawing has them, or take Rewinding.LearningRate, which trains by the recipe's.");
        var epochs = Math.Min(Recipe.Epochs, Drawing?.Epochs ?? Recipe.Epochs);
        if (Rewind.Epochs < 0 || Rewind.Iterations < 0 || Rewind.Epochs >= epochs)
            throw new UserException($"The rewind point is {Rewind}; it must lie in [0ep, {epochs}ep), before the end of the training.");
        if (Rewind.Iterations > 0 && Drawing is not null && Drawing.BatchSize != Recipe.BatchSize)
            throw new UserException($"The rewind point {Rewind} counts steps of {Drawing.BatchSize} images, tickets have {Recipe.BatchSize}: give epochs.");
        foreach (var tweak in Tweaks)
        {
            tweak.Validate(Recipe);
            if (string.IsNullOrWhiteSpace(tweak.Label))
                throw new UserException($"The tweak {tweak.GetType().Name} has no Label; figures and tables need one.");
        }
        if (Tweaks.GroupBy(t => t.Replaces).FirstOrDefault(g => g.Key is not null && g.Count() > 1) is { } rivals)
            throw new UserException($"{string.Join(" and ", rivals.Select(t => t.Label))} would both replace {rivals.Key}; give one of them.");
    }

    /// <summary>A round of the drawing, at this level.</summary>
    private RunSpec Drawn => this with
    {
        Recipe = Drawing ?? Recipe,
        Drawing = null,
        Control = Control.None,
        Rewind = EachRound ? Rewind : default,
        Rewinding = EachRound ? Rewinding : Rewinding.Weights,
        Tweaks = [],
    };

    private static bool IsSame(Recipe a, Recipe b) => SpecJson.Hash(SpecJson.Of(a)) == SpecJson.Hash(SpecJson.Of(b));

    private string OrderOfTwins(Tweak tweak)
        => Tweaks.Count(t => t.GetType().Name == tweak.GetType().Name) > 1 ? $"{SpecJson.Of(tweak).ToJsonString()} {SpecJson.OfCode(tweak).ToJsonString()}" : "";

    /// <summary>Computes a member's value on first use and keeps it under the member's name: a user's object may change while it is trained with, its spec may not.</summary>
    private T Once<T>(Func<T> find, [CallerMemberName] string name = "")
        => (T)_known.GetValue(this, _ => new()).GetOrAdd(name, _ => new(() => find())).Value!;
}
