using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace LTHKit.Models;

/// <summary>
/// A classifier, [N, C, H, W] -> logits [N, classes], that knows what may be pruned in it and where a tweak may act:
/// its <see cref="Units"/> (convolutions inside blocks) and its <see cref="Activations"/>.
/// </summary>
public abstract class Network : Module<Tensor, Tensor>
{
    private readonly List<ConvUnit> _units = [];
    private readonly List<Activation> _activations = [];
    private readonly List<string> _prunable = [];
    private readonly List<Block> _blocks = [];

    /// <summary>A network of the given architecture for the given input.</summary>
    protected Network(ModelSpec model, InputSpec input) : base(model.Name) => (Model, Input) = (model, input);

    /// <summary>The architecture.</summary>
    public ModelSpec Model { get; }

    /// <summary>The input it was built for.</summary>
    public InputSpec Input { get; }

    /// <summary>The convolutions inside blocks, in the order of the forward pass; the stem and shortcuts are not among them.</summary>
    public IReadOnlyList<ConvUnit> Units => _units;

    /// <summary>The activations, in the order of the forward pass.</summary>
    public IReadOnlyList<Activation> Activations => _activations;

    /// <summary>The blocks that the units and their activations form, in the order of the forward pass.</summary>
    public IReadOnlyList<Block> Blocks => _blocks;

    /// <summary>
    /// Names of the weights that pruning acts on: every convolution's, stem and 1x1 shortcuts included, and every hidden linear layer's; the
    /// classifier, biases, BatchNorm and anything a tweak adds later stay dense.
    /// </summary>
    public IReadOnlyList<string> Prunable => _prunable;

    /// <summary>
    /// Whether images are best given with the channels last on the CPU: the convolutions follow the input's layout, and oneDNN's for that layout
    /// are faster where every width is a multiple of its block of eight. (With other widths libtorch 1.13 has been seen to crash.)
    /// </summary>
    public virtual bool PrefersChannelsLast => false;

    /// <summary>The prunable weights by name, in order.</summary>
    public IEnumerable<(string Name, Parameter Weight)> PrunableWeights()
    {
        var all = named_parameters().ToDictionary(p => p.name, p => p.parameter);
        return _prunable.Select(name => (name, all[name]));
    }

    /// <summary>Number of weights in the skip connections that tweaks injected; biases and BatchNorm are not counted, as in <see cref="Prunable"/>.</summary>
    public long InjectedWeights => _units.Where(u => u.Skip is not null).SelectMany(u => u.Skip!.parameters()).Where(p => p.dim() > 1).Sum(p => p.numel());

    /// <summary>
    /// Parameters and buffers by name, each once. A module that a field holds has the field's name beside the one it was registered under, and state_dict
    /// gives it under both.
    /// </summary>
    internal IEnumerable<(string Name, Tensor Value)> State
        => named_parameters().Select(p => (p.name, (Tensor)p.parameter)).Concat(named_buffers().Select(b => (b.name, b.buffer)));

    /// <inheritdoc/>
    public override string ToString()
        => FormattableString.Invariant($"{Model.Name}: {parameters().Sum(p => p.numel()):N0} parameters, {_prunable.Count} prunable layers, {Input.Classes} classes");

    /// <summary>Registers a block's convolution unit.</summary>
    internal ConvUnit Unit(Module owner, string path, int index, long input, long output, long kernel, long stride = 1,
        long groups = 1, bool bias = false, bool norm = true)
    {
        var name = $"{path}conv{index}";
        var unit = new ConvUnit(owner, name, index.ToString(), input, output, kernel, stride, groups, bias, norm);
        _units.Add(unit);
        _prunable.Add(name + ".weight");
        return unit;
    }

    /// <summary>Registers an activation.</summary>
    internal Activation Act(Module owner, string path, string name, string stage)
    {
        var activation = new Activation(path + name, stage);
        owner.register_module(name, activation);
        _activations.Add(activation);
        return activation;
    }

    /// <summary>Registers the block of the units and activations registered under <paramref name="path"/>, "layer1.0.".</summary>
    internal void Block(string path, bool residual = false, Conv2d? shortcut = null)
        => _blocks.Add(new Block(path.TrimEnd('.'), [.. _units.Where(u => u.Path.StartsWith(path))],
            [.. _activations.Where(a => a.Path.StartsWith(path))], residual, shortcut));

    /// <summary>Registers a prunable layer that is no <see cref="ConvUnit"/>: a stem, a shortcut, a hidden linear layer.</summary>
    internal T Layer<T>(Module owner, string path, string name, T layer, bool prunable = true) where T : Module
    {
        owner.register_module(name, layer);
        if (prunable)
            _prunable.Add($"{path}{name}.weight");
        return layer;
    }
}
