namespace LTHKit.Tweaks;

/// <summary>
/// One change to how a ticket is retrained. A tweak is a record with up to three hooks; its properties are its settings and name it
/// in a run's spec, and at their neutral values it changes nothing, to the bit. Tweaks compose: they act by the names of their types,
/// so that every order of a list is the same run; two of one's own that do not commute are written as one. The code of one's own tweak, and what its
/// readonly fields hold, name the run too; private fields that are neither readonly nor set in a constructor's body are working memory and do not. One tweak serves many runs at once, and a run that
/// was stopped begins its hooks anew: what a loss does may depend on <see cref="Target.Done"/>, and not on how often it was called.
/// </summary>
public abstract record Tweak
{
    /// <summary>Whether it runs a user's code while a step lasts, which may be other work at every step.</summary>
    internal bool IsUsers => this is CustomActivation || GetType().Assembly != typeof(Tweak).Assembly;

    /// <summary>Its name in figures and tables, for instance "swish".</summary>
    public abstract string Label { get; }

    /// <summary>Whether it looks at the trained dense network, which is then trained first.</summary>
    public virtual bool NeedsDense => false;

    /// <summary>What it puts something else in place of, for instance "the activations": two tweaks of a run may not replace the same.</summary>
    public virtual string? Replaces => null;

    /// <summary>Refuses settings out of range, before anything is trained.</summary>
    /// <exception cref="UserException">A setting is out of range.</exception>
    public virtual void Validate(Recipe recipe) { }

    /// <summary>Refuses a network that it cannot act on, before anything is trained.</summary>
    /// <exception cref="UserException">It has nothing there to change.</exception>
    public virtual void Validate(Network network) { }

    /// <summary>Rewrites the network that is retrained: its activations, its skip connections.</summary>
    public virtual void Rewrite(Network network, TweakContext context) { }

    /// <summary>Wraps the loss.</summary>
    public virtual Loss Wrap(Loss loss, TweakContext context) => loss;

    /// <summary>Changes the initial weights, after the mask has been applied. Pruned weights must stay zero.</summary>
    public virtual void Initialise(Network network, TweakContext context) { }
}

/// <summary>What a tweak may look at.</summary>
/// <param name="Data">The data set, on the training device.</param>
/// <param name="Mask">The ticket; null for a dense network.</param>
/// <param name="Recipe">How the network will be trained.</param>
/// <param name="Seed">A seed of the run's own, for tweaks that draw random numbers.</param>
/// <param name="Dense">The trained dense network of the run's seed, in eval mode, for the Wrap and Initialise of tweaks with
/// <see cref="Tweak.NeedsDense"/>; owned by the run.</param>
public sealed record TweakContext(ImageSet Data, Mask? Mask, Recipe Recipe, ulong Seed, Func<Network> Dense)
{
    /// <summary>
    /// Named tensors that a tweak computes once a run: kept as NAME.safetensors in the run's folder, and read from there by whoever prepares the
    /// network again (a run that was cut off, an analysis). Outside a run they are computed.
    /// </summary>
    public Func<string, Func<Dictionary<string, Tensor>>, Dictionary<string, Tensor>> Keep { get; init; } = (_, compute) => compute();

    /// <summary>The run's network, for the loss that <see cref="Tweak.Wrap"/> makes (a penalty on its weights); null in Rewrite, which is given it.</summary>
    public Network? Network { get; init; }

    /// <summary>Says how far a long initialisation is, for the progress line.</summary>
    public Action<string> Report { get; init; } = _ => { };

    /// <summary>Stops a long initialisation.</summary>
    public CancellationToken Cancel { get; init; }
}
