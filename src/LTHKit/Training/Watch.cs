namespace LTHKit.Training;

/// <summary>
/// A measurement taken of a network while it trains: a training callback whose numbers are kept with the run. A record whose properties
/// are its settings.
/// </summary>
public abstract record Watch
{
    /// <summary>A short name for files and figures, for instance "curvature".</summary>
    public abstract string Name { get; }

    /// <summary>After how many epochs to measure, 0 being before the first; empty for all.</summary>
    public IReadOnlyList<int> Epochs { get; init; } = [];

    /// <summary>Measures. A run is the same with and without: what one's own watch changes of weights, buffers, what learns and mode is put back; hooks
    /// that it adds it removes.</summary>
    /// <param name="network">On the data's device; for one's own watch in eval mode.</param>
    /// <param name="mask">Its mask; null for a dense network.</param>
    /// <param name="data">What it is trained on.</param>
    /// <param name="seed">For measurements that draw random numbers; the same at every epoch of a run.</param>
    /// <param name="cancel">Cancelled when the user interrupts; a measurement that takes long looks at it and throws.</param>
    /// <returns>Numbers by name, the same names every time.</returns>
    /// <exception cref="OperationCanceledException">Cancelled: the measurement is taken again when the training goes on.</exception>
    public abstract IReadOnlyDictionary<string, double> Measure(Network network, Mask? mask, ImageSet data, ulong seed, CancellationToken cancel);

    /// <summary>Refuses settings out of range, before anything is trained.</summary>
    /// <param name="model">What will be trained.</param>
    /// <param name="data">On what.</param>
    /// <exception cref="UserException">A setting is out of range.</exception>
    public virtual void Validate(ModelSpec model, ImageSet data) { }

    /// <summary>The points of a training, after how many epochs, at which to measure.</summary>
    /// <param name="first">Where the training begins.</param>
    /// <param name="last">Where it ends.</param>
    /// <exception cref="UserException">None of <see cref="Epochs"/> lies in between.</exception>
    public IReadOnlyList<int> EpochsOf(int first, int last)
    {
        var asked = Epochs.Count == 0 ? Enumerable.Range(first, last - first + 1) : Epochs.Where(e => e >= first && e <= last);
        IReadOnlyList<int> epochs = [.. asked.Distinct().Order()];
        return epochs.Count > 0
            ? epochs
            : throw new UserException($"The watch '{Name}' looks after {string.Join(", ", Epochs)} epochs; the training goes from {first} to {last}.");
    }
}
