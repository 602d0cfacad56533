using static TorchSharp.torch.nn;

namespace LTHKit.Models;

/// <summary>Builds the networks by name, with PyTorch's default initialisation from a seed.</summary>
public static class Networks
{
    // By name: the architecture's own width, and the network of a width.
    private static readonly Dictionary<string, (int Width, Func<InputSpec, long, Module<Tensor, Tensor>> Make)> Builders = new()
    {
        ["resnet18"] = (64, (input, width) => Staged.ResNet(input, width, [2, 2, 2, 2])),
        ["resnet34"] = (64, (input, width) => Staged.ResNet(input, width, [3, 4, 6, 3])),
        ["vgg16"] = (64, (input, width) => new Vgg(input, width, [2, 2, 3, 3, 3])),
        ["mobilenet"] = (32, Staged.MobileNet),
        ["vgg5"] = (64, (input, width) => new Vgg(input, width, [2, 2])),
        ["conv4"] = (64, (input, width) => new Vgg(input, width, [2, 2], norm: false, hidden: [4 * width, 4 * width])),
        ["lenet"] = (300, (input, width) => new Vgg(input, width, [], hidden: [width, Math.Max(1, width / 3)])),
    };
    private static readonly Lock Drawing = new();

    /// <summary>Whether this thread is in the midst of <see cref="Seeded{T}"/>, for which others wait.</summary>
    internal static bool IsDrawing => Drawing.IsHeldByCurrentThread;

    /// <summary>The names that <see cref="Build"/> knows.</summary>
    public static IReadOnlyList<string> Names => [.. Builders.Keys];

    /// <summary>
    /// The network <paramref name="model"/> for <paramref name="input"/>, its weights theta0 drawn from <paramref name="seed"/>:
    /// the same seed gives the same bits, whatever tweak is applied later.
    /// </summary>
    /// <exception cref="UserException">There is no such network or width, or a user's own is no classifier for this input.</exception>
    public static Network Build(ModelSpec model, InputSpec input, ulong seed)
    {
        Validate(model);
        using var scope = NewDisposeScope();
        var network = Seeded(seed, () => Make(model, input));
        if (model.Factory is null)
            InitialiseDefault(network, seed);
        return network;
    }

    /// <summary>
    /// What is made with libtorch's one generator, from which modules' constructors and a user's code draw, set to the seed; one at a time. Within another's
    /// drawing that goes on where it was.
    /// </summary>
    internal static T Seeded<T>(ulong seed, Func<T> make)
    {
        var within = IsDrawing;
        lock (Drawing)
        {
            using var before = within ? random.get_rng_state() : null;
            random.manual_seed(unchecked((long)seed));
            try
            {
                return make();
            }
            finally
            {
                if (before is not null)
                    random.set_rng_state(before);
            }
        }
    }

    internal static void Seeded(ulong seed, Action act) => Seeded(seed, () =>
    {
        act();
        return true;
    });

    /// <summary>Does something with a network in eval mode, which then is as it was: weights, buffers, what learns and mode.</summary>
    internal static T Unchanged<T>(nn.Module network, Func<T> look)
    {
        using var mode = new EvalMode(network);
        using var noGrad = no_grad();
        var before = network.named_parameters().Select(p => (Tensor)p.parameter).Concat(network.named_buffers().Select(b => b.buffer))
            .Select(value => (Value: value, Copy: value.clone(), Learns: value.requires_grad)).ToList();
        try
        {
            using (enable_grad())
                return look();
        }
        finally
        {
            foreach (var (value, copy, learns) in before)
            {
                value.copy_(copy);
                value.requires_grad = learns;
                copy.Dispose();
            }
        }
    }

    /// <summary>Whether something moved libtorch's one generator; nothing of the kit's moves it meanwhile.</summary>
    internal static bool Draws(Action act)
    {
        lock (Drawing)
        {
            using var scope = NewDisposeScope();
            var before = random.get_rng_state();
            act();
            return !before.eq(random.get_rng_state()).all().ToBoolean();
        }
    }

    private static Network Make(ModelSpec model, InputSpec input)
    {
        if (model.Factory is not null)
        {
            using var scope = NewDisposeScope();
            var module = model.Factory(input) ?? throw new UserException($"The factory of {model.Name} makes no module.");
            RequireNew(model, module);
            var made = new Network(model, input, Whole(module));
            scope.Detach(scope.DisposablesView);        // a user's module keeps what it made
            return made;
        }
        var (width, make) = Builders[model.Name];
        return new(model, input, make(input, model.Width == 0 ? width : model.Width));
    }

    /// <summary>Refuses what a factory gave before: the weights of another network, or what was disposed with one.</summary>
    private static void RequireNew(ModelSpec model, Module made, Network? other = null)
    {
        if (made.modules().Any(part => part is Convolution { weight.IsInvalid: true } or Linear { weight.IsInvalid: true })
            || made.parameters().Intersect(other?.parameters() ?? [], ReferenceEqualityComparer.Instance).Any())
            throw new UserException($"The factory of {model.Name} gives a module that it gave before; it must make a new one, with all that is in it, at each call.");
    }

    /// <summary>The module with what TorchSharp leaves as memory has it: the scale and shift of a GroupNorm begin at 1 and 0.</summary>
    private static Module<Tensor, Tensor> Whole(Module<Tensor, Tensor> module)
    {
        using var noGrad = no_grad();
        foreach (var norm in module.modules().Prepend(module).OfType<GroupNorm>())
        {
            norm.weight?.fill_(1);
            norm.bias?.zero_();
        }
        return module;
    }

    /// <summary>Refuses a user's own network whose factory gives other weights when it is called again with the same draws.</summary>
    internal static void RequireRepeat(ModelSpec model, InputSpec input)
    {
        using var first = Build(model, input, 0);
        using var second = Build(model, input, 0);
        RequireNew(model, second, first);
        var again = second.State.ToDictionary();
        foreach (var (name, value) in first.State)
            if (!again.TryGetValue(name, out var its) || !its.shape.SequenceEqual(value.shape) || !its.eq(value).all().ToBoolean())
                throw new UserException($"The factory of {model.Name} makes another {name} each time, and a ticket must find the first weights again: draw with torch alone, "
                    + "whose draws are seeded.");
    }

    /// <summary>A second network of the same weights, buffers and activation functions, in training mode, nothing frozen; owned by the caller.</summary>
    internal static Network Copy(Network network)
    {
        if (network.Units.FirstOrDefault(unit => unit.Skip is not null) is { } injected)
            throw new UserException($"{injected.Path} has an injected skip connection: build the network anew and apply the tweak to it.");
        using var scope = NewDisposeScope();
        var copy = Seeded(0, () => Make(network.Model, network.Input));
        RequireNew(network.Model, copy, network);
        var like = network.parameters().First();
        copy.to(like.device, like.dtype);
        CopyState(network, copy);
        foreach (var parameter in copy.parameters())
            parameter.requires_grad = true;
        foreach (var (from, to) in network.Activations.Zip(copy.Activations).Where(pair => pair.First.Replaced))
            to.Function = from.Function;
        return copy;
    }

    /// <summary>Sets the parameters and buffers of one network that another has too to those of that one, in its own precision.</summary>
    internal static void CopyState(Network from, Network to)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var values = from.State.ToDictionary();
        foreach (var (name, value) in to.State)
            if (values.TryGetValue(name, out var its))
                value.copy_(its);
    }

    /// <summary>Refuses a model that <see cref="Build"/> cannot build.</summary>
    internal static void Validate(ModelSpec model)
    {
        if (model.Factory is not null && (string.IsNullOrWhiteSpace(model.Name) || Builders.ContainsKey(model.Name)))
            throw new UserException($"A network of your own needs a name of its own; '{model.Name}' is none.");
        if (model.Factory is null && !Builders.ContainsKey(model.Name))
            throw new UserException($"There is no network '{model.Name}'; the known ones are {string.Join(", ", Builders.Keys)}, "
                + "and ModelSpec.Own takes one of your own.");
        UserException.Require(model.Width >= 0, $"The width of {model.Name}", model.Width, "a positive number of channels, or 0 for its own width");
        if (model.Factory is not null && model.Width != 0)
            throw new UserException($"{model.Name} is a network of your own, for which Width means nothing; give its factory the width.");
    }

    /// <summary>PyTorch's reset_parameters: weights and biases uniform in +-1/sqrt(fan_in); BatchNorm starts at scale 1 and shift 0.</summary>
    internal static void InitialiseDefault(Module network, ulong seed)
    {
        using var noGrad = no_grad();
        using var generator = new Generator(seed);
        foreach (var module in network.modules())
        {
            var (weight, bias) = module switch
            {
                Conv2d conv => (conv.weight, conv.bias),
                Linear linear => (linear.weight, linear.bias),
                _ => (null, null),
            };
            if (weight is null)
                continue;
            var bound = 1 / Math.Sqrt(weight.numel() / (double)weight.shape[0]);
            weight.uniform_(-bound, bound, generator);
            bias?.uniform_(-bound, bound, generator);
        }
    }
}
