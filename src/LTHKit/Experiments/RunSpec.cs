using System.Text.Json.Nodes;
using LTHKit.Data;
using LTHKit.Models;
using LTHKit.Pruning;
using LTHKit.Training;
using LTHKit.Tweaks;

namespace LTHKit.Experiments;

/// <summary>
/// Everything that decides the outcome of one training. Runs form a tree: a dense run; the tickets cut from it; each ticket retrained with
/// tweaks. Two equal specs are one run, trained once.
/// </summary>
public sealed record RunSpec
{
    /// <summary>The data set.</summary>
    public DataSpec Data { get; init; } = new();

    /// <summary>The network.</summary>
    public ModelSpec Model { get; init; } = new();

    /// <summary>How it is trained.</summary>
    public Recipe Recipe { get; init; } = new();

    /// <summary>How the ticket is drawn.</summary>
    public PruningSpec Pruning { get; init; } = new();

    /// <summary>Pruning level; 0 is the dense network.</summary>
    public int Level { get; init; }

    /// <summary>
    /// The epoch of the dense training from which the survivors' weights come and training goes on; 0 is theta0. The ticket itself is always drawn
    /// with survivors reset to theta0, so that every way to retrain spends the same one.
    /// </summary>
    public int Rewind { get; init; }

    /// <summary>Steps into the epoch <see cref="Rewind"/> at which the survivors' weights are taken: "epoch 0, step 500" is late resetting.</summary>
    public int RewindIteration { get; init; }

    /// <summary>What is changed in retraining.</summary>
    public IReadOnlyList<Tweak> Tweaks { get; init; } = [];

    /// <summary>Of initialisation, data order and everything else that is random.</summary>
    public int Seed { get; init; }

    /// <summary>
    /// The spec with what does not matter set to its default, so that runs which must agree are one: a dense run has no pruning, and the
    /// order of tweaks is not part of a run.
    /// </summary>
    public RunSpec Normalised => this with
    {
        Pruning = Level == 0 ? new() : Pruning,
        Rewind = Level == 0 ? 0 : Rewind,
        RewindIteration = Level == 0 ? 0 : RewindIteration,
        Tweaks = [.. Tweaks.OrderBy(t => t.GetType().Name, StringComparer.Ordinal).ThenBy(OrderOfTwins, StringComparer.Ordinal)],
    };

    /// <summary>The canonical JSON form, defaults left out.</summary>
    public JsonObject ToJson() => SpecJson.Of(Normalised);

    /// <summary>The run's name: twelve hexadecimal digits from its content.</summary>
    public string Id => SpecJson.Hash(ToJson());

    /// <summary>The dense run of the same seed.</summary>
    public RunSpec Dense => (this with { Level = 0, Tweaks = [] }).Normalised;

    /// <summary>
    /// The run whose trained weights decide this one's mask: for IMP the untweaked ticket one level up, for pruners that look at the
    /// trained dense network that one; null for a dense run and for pruners that look at theta0.
    /// </summary>
    public RunSpec? Parent => Level == 0 ? null : Pruners.Get(Pruning.Method).When switch
    {
        PruneAt.EachRound => (this with { Level = Level - 1, Rewind = 0, RewindIteration = 0, Tweaks = [] }).Normalised,
        PruneAt.Trained => Dense,
        _ => null,
    };

    /// <summary>Whether training starts from weights of the dense training instead of theta0.</summary>
    public bool IsRewound => Rewind > 0 || RewindIteration > 0;

    /// <summary>Nominal sparsity of the prunable weights, in [0, 1).</summary>
    public double Sparsity => Pruning.SparsityAt(Level);

    /// <summary>For instance "resnet18 on synthetic, 89.3 % sparse, snip, swish, seed 0"; IMP over all layers goes without saying.</summary>
    public string Label => string.Join(", ",
        [$"{Model.Name} on {Data.Name}", Level == 0 ? "dense" : FormattableString.Invariant($"{100 * Sparsity:0.0} % sparse"),
            .. Ticket, .. Tweaks.Select(t => t.Label), $"seed {Seed}"]);

    /// <inheritdoc/>
    public override string ToString() => Label;

    /// <summary>How its ticket was drawn and from where it is retrained, as far as that goes not without saying: "snip", "rewound to epoch 33".</summary>
    internal IEnumerable<string> Ticket
    {
        get
        {
            if (Level > 0 && Pruning.Label != new PruningSpec().Label)
                yield return Pruning.Label;
            if (IsRewound)
                yield return $"rewound to epoch {Rewind}{(RewindIteration > 0 ? $" step {RewindIteration}" : "")}";
        }
    }

    /// <summary>How figures call networks that are retrained with these tweaks: "vanilla LTH", "skip + swish".</summary>
    public static string NameOf(IReadOnlyList<Tweak> tweaks) => tweaks.Count == 0 ? "vanilla LTH" : string.Join(" + ", tweaks.Select(t => t.Label));

    /// <summary>Refuses settings that cannot be run, before anything is trained.</summary>
    /// <exception cref="UserException">A setting is out of range.</exception>
    public void Validate()
    {
        Networks.Validate(Model);
        Recipe.Validate();
        Pruning.Validate();
        if (Data.ValidationFraction is not (> 0 and < 1))
            throw new UserException(FormattableString.Invariant($"The validation share is {Data.ValidationFraction}; a run needs one in (0, 1) to choose its best epoch, the paper's is 0.1."));
        if (Level is < 0 or > 200)
            throw new UserException($"The pruning level is {Level}; give 0 for the dense network or a whole number up to 200.");
        if (Rewind < 0 || Rewind >= Recipe.Epochs)
            throw new UserException($"The rewind point is epoch {Rewind}; it must lie in [0, {Recipe.Epochs}), before the end of the training.");
        if (RewindIteration < 0)
            throw new UserException($"The rewind point is step {RewindIteration} of epoch {Rewind}; steps are counted from 0.");
        foreach (var tweak in Tweaks)
            tweak.Validate(Recipe);
        if (Tweaks.GroupBy(t => t.Replaces).FirstOrDefault(g => g.Key is not null && g.Count() > 1) is { } rivals)
            throw new UserException($"{string.Join(" and ", rivals.Select(t => t.Label))} would both replace {rivals.Key}; give one of them.");
    }

    /// <summary>Two tweaks of one type go by their settings.</summary>
    private string OrderOfTwins(Tweak tweak)
        => Tweaks.Count(t => t.GetType() == tweak.GetType()) > 1 ? SpecJson.Of(tweak).ToJsonString() : "";
}
