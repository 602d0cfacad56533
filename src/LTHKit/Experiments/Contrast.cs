namespace LTHKit.Experiments;

/// <summary>A difference taken seed by seed: the runs of one seed share their ticket, first weights and data order.</summary>
/// <param name="Values">One a seed.</param>
internal sealed record Contrast(IReadOnlyList<double> Values)
{
    /// <summary>
    /// Half the width of the 95 % confidence interval of the mean. NaN below three seeds, so that no comparison with it holds: two differences are too
    /// easily alike by chance, above all where accuracies go in steps of an image.
    /// </summary>
    private readonly double _margin = Values.Count < 3 ? double.NaN : Statistics.Confidence(Values);

    /// <summary>Its mean over seeds; NaN without any.</summary>
    public double Mean { get; } = Values.Count == 0 ? double.NaN : Values.Average();

    /// <summary>Is it above zero, by more than its confidence interval?</summary>
    public Verdict IsPositive => Math.Abs(Mean) > _margin ? Mean > 0 ? Verdict.Holds : Verdict.Fails : Verdict.Open;

    /// <summary>Is it below zero, by more than its confidence interval?</summary>
    public Verdict IsNegative => new Contrast([.. Values.Select(value => -value)]).IsPositive;

    /// <summary>Does its confidence interval lie between -<paramref name="bound"/> and <paramref name="bound"/>? It fails where the whole of it lies outside.</summary>
    public Verdict IsWithin(double bound)
        => Math.Abs(Mean) + _margin <= bound ? Verdict.Holds : Math.Abs(Mean) - _margin > bound ? Verdict.Fails : Verdict.Open;

    /// <summary>Mean, confidence interval and number of seeds.</summary>
    /// <param name="scale">1, or 100 for percentage points.</param>
    /// <param name="unit">After the number.</param>
    public string Text(double scale, string unit)
    {
        if (double.IsNaN(Mean))
            return "nothing to compare";
        var seeds = Values.Count == 1 ? "1 seed" : $"{Values.Count} seeds";
        var mean = FormattableString.Invariant($"{scale * Mean:+0.00;-0.00;0.00}");
        return double.IsNaN(_margin) ? $"{mean} {unit} ({seeds})" : FormattableString.Invariant($"{mean} ± {scale * _margin:0.00} {unit} (95 %, {seeds})");
    }
}
