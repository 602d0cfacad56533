using System.Reflection;

namespace LTHKit.Training;

/// <summary>An optimiser that holds a mask: pruned weights are exactly zero after every step.</summary>
internal abstract class MaskedOptimiser(Network network) : IDisposable
{
    private readonly Parameter[] _parameters = [.. network.parameters()];

    public static MaskedOptimiser Of(Network network, Mask? mask, Recipe recipe)
        => recipe.Optimiser is { } optimiser ? new MaskedTorch(network, mask, recipe, optimiser)
            : MaskedSgd.Serves(network, recipe) ? new MaskedSgd(network, mask, recipe)
            : new MaskedTorch(network, mask, recipe, p => optim.SGD(p, recipe.LearningRate, recipe.Momentum, weight_decay: recipe.WeightDecay));

    /// <summary>What a checkpoint must hold beside the network.</summary>
    public abstract IEnumerable<(string Name, Tensor Value)> State { get; }

    /// <summary>The learning rate of the next steps.</summary>
    public abstract double LearningRate { set; }

    /// <summary>Applies the gradients that the parameters hold.</summary>
    public abstract void Step();

    public void ZeroGradients()
    {
        foreach (var weight in _parameters)
            weight.grad = null;
    }

    /// <summary>Takes over what <see cref="State"/> gave.</summary>
    public abstract void Load(IReadOnlyDictionary<string, Tensor> stored);

    public abstract void Dispose();
}

/// <summary>Any optimiser of torch.optim that steps by the rate it is given: gradients are masked before its step, weights and its own memory of pruned weights after it.</summary>
internal sealed class MaskedTorch : MaskedOptimiser
{
    private readonly List<Group> _groups;

    public MaskedTorch(Network network, Mask? mask, Recipe recipe, Func<IEnumerable<Parameter>, optim.Optimizer> make) : base(network)
        => _groups = [.. network.named_parameters().GroupBy(p => recipe.RateFor(p.name)).Select(group =>
        {
            using var scope = NewDisposeScope();
            (Parameter Weight, Tensor? Pruned)[] weights = [.. group.Select(p => (p.parameter,
                mask is not null && mask.Covers(p.name) ? mask[p.name].logical_not().DetachFromDisposeScope() : null))];
            var optimiser = make([.. weights.Select(w => w.Weight)]) as OptimizerHelper
                ?? throw new UserException("The recipe's optimiser is none that steps without a closure and whose state can be kept; give one of torch.optim such as AdamW, RMSProp or SGD, or one that derives from TorchSharp's OptimizerHelper as they do.");
            if (optimiser.ParamGroups.Select(part => part.LearningRate).Distinct().Count() > 1)
                throw new UserException("The recipe's optimiser has groups of parameters with learning rates of their own, in whose place the recipe's would come before every step: give rates by layer as the recipe's RateOf.");
            return optimiser is not (Rprop or ASGD or RAdam) ? new Group(group.Key, weights, optimiser)
                : throw new UserException($"torch.optim.{optimiser.GetType().Name} does not step by the learning rate that a recipe sets before every step (Rprop's steps have sizes of their own, "
                    + "ASGD's are by the rate before, and TorchSharp's RAdam squares the rate); give another, such as AdamW, RMSProp or SGD.");
        })];

    public override IEnumerable<(string Name, Tensor Value)> State => _groups.Select((group, i) =>
    {
        using var bytes = new MemoryStream();
        using (var writer = new BinaryWriter(bytes))
            group.Optimiser.save_state_dict(writer);
        return ($"optimiser.{i}", tensor(bytes.ToArray()));
    });

    public override double LearningRate
    {
        set
        {
            foreach (var group in _groups)
                foreach (var part in group.Optimiser.ParamGroups)
                    part.LearningRate = value * group.Rate;
        }
    }

    public override void Step()
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        foreach (var group in _groups)
        {
            group.Hold(weight => weight.grad);
            group.Optimiser.step();
            group.Hold(weight => weight);
            foreach (var (memory, pruned) in group.Memory())
                if (pruned is not null && memory.shape.SequenceEqual(pruned.shape))
                    memory.masked_fill_(pruned, 0);
        }
    }

    public override void Load(IReadOnlyDictionary<string, Tensor> stored)
    {
        for (var i = 0; i < _groups.Count; i++)
        {
            if (!stored.TryGetValue($"optimiser.{i}", out var bytes) || bytes.dtype != ScalarType.Byte)
                throw new InvalidDataException("the optimiser's state is missing");
            try
            {
                using var reader = new BinaryReader(new MemoryStream(bytes.bytes.ToArray()));
                _groups[i].Optimiser.load_state_dict(reader);
                foreach (var (memory, _) in _groups[i].Memory())
                    memory.DetachFromDisposeScope();
            }
            catch (Exception e) when (e is ArgumentException or IOException or NullReferenceException or InvalidOperationException)
            {
                throw new InvalidDataException("the optimiser's state is of another optimiser", e);
            }
        }
    }

    public override void Dispose()
    {
        foreach (var group in _groups)
        {
            group.Optimiser.Dispose();
            foreach (var (_, pruned) in group.Weights)
                pruned?.Dispose();
        }
    }

    private sealed record Group(double Rate, (Parameter Weight, Tensor? Pruned)[] Weights, OptimizerHelper Optimiser)
    {
        /// <summary>What the optimiser remembers of the weights, which are pruned where the other tensor says.</summary>
        public IEnumerable<(Tensor Memory, Tensor? Pruned)> Memory()
        {
            // In the order of the optimiser, which a factory may have given groups of its own, or not all.
            var pruned = Weights.ToDictionary(w => w.Weight.Handle, w => w.Pruned);
            return Optimiser.parameters().Zip(Optimiser.state_dict().State).SelectMany(one => one.Second.GetType()
                .GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic).Where(f => f.FieldType == typeof(Tensor))
                .Select(f => (Tensor?)f.GetValue(one.Second)).OfType<Tensor>().Select(memory => (memory, pruned.GetValueOrDefault(one.First.Handle))));
        }

        /// <summary>Sets what belongs to pruned weights to zero.</summary>
        public void Hold(Func<Parameter, Tensor?> of)
        {
            foreach (var (weight, pruned) in Weights)
                if (pruned is not null)
                    of(weight)?.masked_fill_(pruned, 0);
        }
    }
}
