using System.Reflection;

namespace LTHKit.Models;

/// <summary>
/// A classifier, [N, C, H, W] -> logits [N, classes], and what follows from its modules: which weights may be pruned and where a tweak may act, its
/// <see cref="Units"/> (convolutions that a skip connection may go around) and its <see cref="Activations"/>. Any TorchSharp module serves; parameters
/// have the names that they have in it.
/// </summary>
public class Network : nn.Module<Tensor, Tensor>
{
    private static readonly FieldInfo Buffers = typeof(nn.Module).GetField("_internal_buffers", BindingFlags.Instance | BindingFlags.NonPublic)!;

    static Network() => _ = Libtorch.HasOneDnn;

    /// <summary>Takes over <paramref name="body"/>, and runs it once on an empty image to see what it does.</summary>
    /// <exception cref="UserException">It makes no logits [N, classes] of images, draws random numbers in its forward, or has nothing to prune.</exception>
    internal Network(ModelSpec model, InputSpec input, nn.Module<Tensor, Tensor> body) : base(model.Name)
    {
        (Model, Input, Body) = (model, input, body);
        register_module("body", body);
        var trace = ForwardPass.Of(this);
        // A module that a field holds has the field's name beside the one it was registered under; its weights have the first.
        var modules = named_modules().DistinctBy(m => m.module).ToList();
        var names = modules.ToDictionary(m => m.module, m => m.name);
        var layers = trace.Calls.Where(call => call.Module is Conv2d or Linear).Select(call => names[call.Module]).ToList();
        if (model.Dense.FirstOrDefault(dense => !layers.Any(name => Within(name, dense))) is { } unknown)
            throw new UserException($"{model.Name} has no layer '{unknown}' to leave dense; it has {string.Join(", ", layers)}.");
        var weights = layers.Where(name => name != layers[^1] && !model.Dense.Any(dense => Within(name, dense))).Select(name => name + ".weight").ToHashSet();
        Prunable = [.. named_parameters().Select(p => p.name).Where(weights.Contains)];
        if (model.Factory is not null)
        {
            ForwardPass.RequireReplay(this);
            if (names.FirstOrDefault(named => named.Key is Conv2d or Linear && trace.Misses(this, named.Key)) is { Value: { } unseen })
                throw new UserException($"{model.Name} uses its layer '{unseen}' by {unseen}.forward(x), or takes its weight, so that nobody can see what it does: write {unseen}.call(x).");
        }
        if (Prunable.Count == 0)
            throw new UserException($"{model.Name} has nothing to prune: its forward calls no convolution and no hidden linear layer that is not left dense.");

        if (model.Factory is not null)
        {
            Units = [.. trace.Units().Select(unit => new ConvUnit(this, names[unit.Convolution], unit.Convolution, unit.Norm))];
            Activations = [.. trace.Activations().Select(module => Activation.Around(names[module], module))];
            return;
        }
        Activations = [.. trace.Activations().Cast<Activation>()];
        foreach (var activation in Activations)
        {
            activation.Path = names[activation];
            activation.Unit?.Path = names[activation.Unit.Convolution];
        }
        Units = [.. Activations.Select(a => a.Unit).OfType<ConvUnit>().Where(unit => unit.Path.Contains('.'))];      // the stem is at the root
        Blocks = [.. from activation in Activations
                     where Units.Contains(activation.Unit)
                     group activation by activation.Path[..activation.Path.LastIndexOf('.')] into block
                     let residual = modules.FirstOrDefault(m => m.name == block.Key).module as BasicBlock
                     select new Block(block.Key, [.. block.Select(a => a.Unit!)], [.. block], residual is not null, residual?.Shortcut?.Convolution)];
    }

    public ModelSpec Model { get; }
    public InputSpec Input { get; }

    /// <summary>
    /// The convolutions that a skip connection may go around, in the order of the forward pass: of a built-in network those inside blocks, the stem and
    /// shortcuts are not among them; of a user's own those whose output is as large as their input over the stride, but for a first one that reads the
    /// images and 1x1 convolutions beside another.
    /// </summary>
    public IReadOnlyList<ConvUnit> Units { get; } = [];

    /// <summary>The activations, in the order of the forward pass; of a user's own network its modules of the usual kinds (ReLU, GELU, SiLU, ...).</summary>
    public IReadOnlyList<Activation> Activations { get; } = [];

    /// <summary>All units of a built-in network, the stem, shortcuts and injected projections too.</summary>
    internal IEnumerable<ConvUnit> Convolutions
    {
        get
        {
            var units = Activations.Select(a => a.Unit).OfType<ConvUnit>().ToList();
            return [.. units, .. modules().OfType<BasicBlock>().Distinct().Select(b => b.Shortcut).OfType<ConvUnit>(),
                .. units.Select(unit => unit.Skip).OfType<Projection>().Select(skip => skip.Unit)];
        }
    }

    /// <summary>The blocks that the units of a built-in network form, in the order of the forward pass.</summary>
    public IReadOnlyList<Block> Blocks { get; } = [];

    /// <summary>
    /// Names of the weights that pruning acts on: every convolution's, stem and 1x1 shortcuts included, and every hidden linear layer's; the
    /// last layer, biases, BatchNorm, what <see cref="ModelSpec.Dense"/> names and anything a tweak adds later stay dense.
    /// </summary>
    public IReadOnlyList<string> Prunable { get; } = [];

    /// <summary>
    /// Whether images are best given with the channels last on the CPU: the convolutions follow the input's layout, and oneDNN's for that layout
    /// are faster where every width is a multiple of its block of eight.
    /// </summary>
    internal bool PrefersChannelsLast => Blocks is [{ Residual: true }, ..] && Units[0].Convolution.in_channels % 8 == 0;

    /// <summary>The prunable weights by name, in order.</summary>
    public IEnumerable<(string Name, Parameter Weight)> PrunableWeights()
    {
        var all = named_parameters().ToDictionary(p => p.name, p => p.parameter);
        return Prunable.Select(name => (name, all[name]));
    }

    public long ParameterCount => parameters().Sum(p => p.numel());

    /// <summary>Parameters and buffers by name, each once.</summary>
    internal IEnumerable<(string Name, Tensor Value)> State
        => named_parameters().Select(p => (p.name, (Tensor)p.parameter)).Concat(named_buffers().Select(b => (b.name, b.buffer)));

    /// <summary>The module that makes the logits: of a model of one's own the one that its factory made.</summary>
    public nn.Module<Tensor, Tensor> Body { get; }

    /// <summary>For instance "resnet18, 11,220,132 parameters".</summary>
    public override string ToString() => FormattableString.Invariant($"{Model.Name}, {ParameterCount:N0} parameters");

    public override Tensor forward(Tensor input) => Body.call(input);

    public override IEnumerable<(string name, Parameter parameter)> named_parameters(bool recurse = true)
        => base.named_parameters(recurse).Select(p => (Own(p.name), p.parameter));

    public override Parameter get_parameter(string target) => named_parameters().FirstOrDefault(p => p.name == target).parameter;

    /// <summary>TorchSharp leaves out those that are not persistent, whatever it is asked; a training goes on with them too.</summary>
    public override IEnumerable<(string name, Tensor buffer)> named_buffers(bool recurse = true, bool include_nonpersistent = true)
        => base.named_buffers(recurse, include_nonpersistent).Concat(recurse && include_nonpersistent ? Passing() : []).Select(b => (Own(b.name), b.buffer));

    /// <summary>A module's own buffers that are not persistent.</summary>
    internal static IEnumerable<(string Name, Tensor Buffer)> PassingOf(nn.Module module) =>
        from buffer in (IEnumerable<(string Name, (Tensor Value, bool Persistent) Kept)>)Buffers.GetValue(module)!
        where !buffer.Kept.Persistent
        select (buffer.Name, buffer.Kept.Value);

    public override IEnumerable<(string name, nn.Module module)> named_modules()
        => base.named_modules().Where(m => m.module != Body).Select(m => (Own(m.name), m.module));

    protected override void Dispose(bool disposing)
    {
        base.Dispose(disposing);
        if (disposing)
            Body.Dispose();
    }

    private IEnumerable<(string name, Tensor buffer)> Passing() => PassingOf(this).Concat(
        from part in base.named_modules().DistinctBy(m => m.module)
        from buffer in PassingOf(part.module)
        select ($"{part.name}.{buffer.Name}", buffer.Buffer));

    private static string Own(string name) => name.StartsWith("body.", StringComparison.Ordinal) ? name["body.".Length..] : name;

    private static bool Within(string name, string part) => name == part || name.StartsWith(part + ".", StringComparison.Ordinal);
}
