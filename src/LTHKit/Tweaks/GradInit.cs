namespace LTHKit.Tweaks;

/// <summary>
/// The learning of <see cref="RescaledInit"/> (Zhu et al. 2021, algorithm 1): every weight and bias p of a convolution, a linear layer or a BatchNorm is
/// a * p0, and the factors a are learned by Adam. The network's parameters are set in place, so that any network serves.
/// </summary>
internal sealed class GradInit
{
    private const double Beta1 = 0.9, Beta2 = 0.999, Epsilon = 1e-8;

    private readonly nn.Module<Tensor, Tensor> _network;
    private readonly RescaledInit _settings;
    private readonly Factor[] _factors;
    private readonly Tensor[] _parameters;
    private int _constraintSteps, _lossSteps;       // iterations that lowered the gradient's norm, and the loss

    /// <summary>For a network to which its mask, if any, has been applied. The tensors that it makes are of the dispose scope around it.</summary>
    public GradInit(nn.Module<Tensor, Tensor> network, Mask? mask, RescaledInit settings)
    {
        (_network, _settings) = (network, settings);
        var scaled = network.named_modules().Where(m => m.module is Conv2d or Linear or BatchNorm2d).Select(m => m.name).ToHashSet();
        _factors = [.. from named in network.named_parameters()
                       where named.parameter.requires_grad && scaled.Contains(named.name[..Math.Max(0, named.name.LastIndexOf('.'))])
                       select new Factor(named.name, named.parameter, mask is not null && mask.Covers(named.name) ? mask[named.name] : null)];
        _parameters = [.. _factors.Select(factor => factor.Parameter)];
    }

    /// <summary>
    /// Learns the factors on half batches, which are disposed here: by parameter name; a parameter that is all zero has none. BatchNorm normalises with
    /// batch statistics; parameters, buffers and the network's mode come back as they were.
    /// </summary>
    public IReadOnlyDictionary<string, double> Learn(IEnumerator<Batch> halves, TweakContext context)
        => Networks.Unchanged(_network, () =>
        {
            _network.train();
            for (var iteration = 1; iteration <= _settings.Iterations; iteration++)
            {
                context.Cancel.ThrowIfCancellationRequested();
                context.Report($"re-scaled init, iteration {iteration} of {_settings.Iterations}");
                if (!Step(halves, iteration == 1))
                    throw new DivergedException($"The re-scaled initialisation became infinite or not a number in iteration {iteration} of "
                        + $"{_settings.Iterations}: try a smaller learning rate or eta for it.");
            }
            return _factors.Where(f => f.Learned).ToDictionary(f => f.Name, f => f.Value);
        });

    /// <summary>One update of the factors; whether all stayed finite.</summary>
    private bool Step(IEnumerator<Batch> halves, bool first)
    {
        using var scope = NewDisposeScope();
        using var one = Next(halves);
        using var other = Next(halves);
        if (first)
            Differentiation.Require(_network, _parameters, () => Loss(one, other), twice: true);
        var gradients = Gradients(Loss(one, other), createGraph: true)       // g
            .Zip(_factors, (g, f) => f.Kept is null ? g : g.masked_fill(f.Kept.logical_not(), 0)).ToList();
        var norm = stack([.. gradients.Select(g => g.square().sum())]).sum().sqrt();
        var size = norm.ToDouble();                                             // G
        if (!double.IsFinite(size))
            return false;
        var constrained = size > _settings.Gamma;
        if (constrained)
            return Update(Gradients(norm), constrained);                        // d G / d p
        using (no_grad())
            foreach (var (factor, gradient) in _factors.Zip(gradients))
                factor.Parameter.add_(gradient, alpha: -_settings.Eta / size);         // p' = p - eta * g / ||g||
        using var third = Next(halves);
        return Update(Gradients(Loss(one, third) / _settings.Eta), constrained);
    }

    private Tensor Loss(Batch first, Batch second)
    {
        var images = cat([first.Images, second.Images]);
        return Losses.CrossEntropy(_network.call(images), new Target(images, cat([first.Labels, second.Labels])));
    }

    private List<Tensor> Gradients(Tensor of, bool createGraph = false) => Differentiation.Gradients(of, _parameters, createGraph);

    /// <summary>The chain rule to the factors, d/da = (q, p0), which is (q, p) * ||p0|| / ||p||; Adam; and p = a * p0.</summary>
    private bool Update(List<Tensor> directions, bool constrained)
    {
        using var noGrad = no_grad();
        var slopes = stack([.. directions.Zip(_factors, (q, f) => (q * f.Start).sum())]).to(ScalarType.Float64).cpu().data<double>().ToArray();
        if (!slopes.All(double.IsFinite))
            return false;
        var steps = constrained ? ++_constraintSteps : ++_lossSteps;
        foreach (var (factor, slope) in _factors.Zip(slopes))
        {
            if (factor.Learned && factor.Value > 0)     // a bias that has reached zero stays there
                factor.Step(Math.Clamp(slope, -_settings.Clip, _settings.Clip), constrained, _settings, steps, _constraintSteps + _lossSteps);
            factor.Parameter.copy_(factor.Start * factor.Value);
        }
        return true;
    }

    private static Batch Next(IEnumerator<Batch> halves)
    {
        halves.MoveNext();
        return halves.Current;
    }

    /// <summary>The factor of one parameter, with its moments: the branches share the second one.</summary>
    private sealed class Factor(string name, Parameter parameter, Tensor? kept)
    {
        private double _constraintMoment, _lossMoment, _secondMoment;

        public string Name => name;
        public Parameter Parameter => parameter;
        public Tensor Start { get; } = parameter.detach().clone();      // p0
        public Tensor? Kept => kept;
        public bool Learned { get; } = parameter.detach().norm().ToDouble() > 0;
        public double Value { get; private set; } = 1;

        public void Step(double slope, bool constrained, RescaledInit settings, int steps, int allSteps)
        {
            ref var moment = ref (constrained ? ref _constraintMoment : ref _lossMoment);
            moment = Beta1 * moment + (1 - Beta1) * slope;
            _secondMoment = Beta2 * _secondMoment + (1 - Beta2) * slope * slope;
            var size = Math.Sqrt(_secondMoment / (1 - Math.Pow(Beta2, allSteps))) + Epsilon;
            var minimum = Name.EndsWith("bias") ? 0 : settings.Minimum;
            Value = Math.Max(minimum, Value - settings.LearningRate * moment / (1 - Math.Pow(Beta1, steps)) / size);
        }
    }
}
