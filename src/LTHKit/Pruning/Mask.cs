using System.Collections;

namespace LTHKit.Pruning;

/// <summary>
/// Which weights of a network survive: a value, validated when made, that never changes. Each entry is a boolean tensor of the
/// weight's shape, true where the weight is kept. A network that it does not fit, or another network's mask, is refused with a UserException.
/// </summary>
public sealed class Mask : IEquatable<Mask>, IDisposable
{
    private readonly Dictionary<string, Tensor> _kept;

    /// <summary>A mask from boolean tensors by weight name, true = kept. The tensors are taken over, not copied.</summary>
    /// <exception cref="UserException">There is no entry, or one is not boolean.</exception>
    public Mask(IEnumerable<(string Name, Tensor Kept)> layers)
    {
        _kept = layers.ToDictionary(l => l.Name, l => l.Kept.DetachFromDisposeScope());
        if (_kept.Count == 0)
            throw new UserException("A mask needs at least one layer.");
        if (_kept.FirstOrDefault(l => l.Value.dtype != ScalarType.Bool) is { Key: not null } wrong)
            throw new UserException($"The mask of {wrong.Key} is {wrong.Value.dtype}; it must be boolean, true where a weight is kept.");
        using var scope = NewDisposeScope();
        Layers = [.. _kept.Select(l => new LayerMask(l.Key, l.Value.shape, l.Value.sum().ToInt64()))];
    }

    /// <summary>Everything kept.</summary>
    public static Mask Dense(Network network)
        => new(network.PrunableWeights().Select(w => (w.Name, ones_like(w.Weight, dtype: ScalarType.Bool))));

    /// <summary>Names and counts by layer, in the network's order.</summary>
    public IReadOnlyList<LayerMask> Layers { get; }

    public long Kept => Layers.Sum(l => l.Kept);
    public long Total => Layers.Sum(l => l.Total);

    /// <summary>Share of the covered weights that are zero, in [0, 1].</summary>
    public double Sparsity => 1 - Kept / (double)Total;

    /// <summary>
    /// Share of zeros among all weights of <paramref name="network"/>, the classifier's and those that tweaks injected included, in [0, 1];
    /// parameters of one dimension, as biases and BatchNorms have, are not counted.
    /// </summary>
    public double EffectiveSparsity(Network network) => (Total - Kept) / (double)network.parameters().Where(p => p.dim() > 1).Sum(p => p.numel());

    /// <summary>Layers of which nothing is left: no gradient passes them (layer collapse, Tanaka et al. 2020).</summary>
    public IReadOnlyList<string> Collapsed => [.. Layers.Where(l => l.Kept == 0).Select(l => l.Name)];

    /// <summary>The boolean tensor of one weight, true where it is kept; owned by the mask.</summary>
    /// <exception cref="UserException">The mask does not cover that weight.</exception>
    public Tensor this[string name] => _kept.TryGetValue(name, out var kept)
        ? kept
        : throw new UserException($"The mask has no layer '{name}'; it covers {string.Join(", ", _kept.Keys)}.");

    public bool Covers(string name) => _kept.ContainsKey(name);

    /// <summary>Sets the pruned weights of <paramref name="network"/> to exactly zero.</summary>
    public void Apply(Network network)
    {
        Validate(network);
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        foreach (var (name, weight) in network.PrunableWeights())
            weight.masked_fill_(this[name].logical_not(), 0);
    }

    /// <summary>Refuses a network that this mask does not fit.</summary>
    internal void Validate(Network network)
    {
        if (network.Prunable.Except(_kept.Keys).Concat(_kept.Keys.Except(network.Prunable)).FirstOrDefault() is { } missing)
            throw new UserException($"The mask does not fit {network.Model.Name}: layer '{missing}' is in one and not in the other.");
        Fit(network);
    }

    /// <summary>Refuses a module that has not every weight which this mask names, in its shape.</summary>
    internal void Fit(nn.Module module)
    {
        var shapes = module.named_parameters().ToDictionary(p => p.name, p => p.parameter.shape);
        foreach (var layer in Layers)
            if (!shapes.TryGetValue(layer.Name, out var shape) || !shape.SequenceEqual(layer.Shape))
                throw new UserException($"The mask does not fit {module.GetName()}: {layer.Name} is [{string.Join(", ", layer.Shape)}] in the mask and "
                    + $"{(shape is null ? "missing" : $"[{string.Join(", ", shape)}]")} in the network.");
    }

    /// <summary>The same mask with its tensors on <paramref name="device"/>.</summary>
    public Mask To(Device device) => new(_kept.Select(l => (l.Key, l.Value.to(device, copy: true))));

    /// <summary>What this mask and another have in common, layer by layer.</summary>
    public IReadOnlyList<LayerOverlap> Compare(Mask other)
    {
        if (!SameLayers(other))
            throw new UserException("The two masks are of different networks: their layers differ.");
        using var scope = NewDisposeScope();
        return [.. Layers.Select(layer => new LayerOverlap(layer, other.Layers.First(l => l.Name == layer.Name),
            this[layer.Name].logical_and(other[layer.Name]).sum().ToInt64(), this[layer.Name].logical_or(other[layer.Name]).sum().ToInt64()))];
    }

    /// <summary>Jaccard overlap with another mask, in [0, 1]: weights kept by both over weights kept by either (1 where both are empty).</summary>
    public double Overlap(Mask other) => LayerOverlap.OfAll(Compare(other));

    /// <summary>Writes the mask as bit-packed safetensors: eight weights a byte, shapes in the header's metadata.</summary>
    /// <param name="path">The file.</param>
    /// <param name="run">Which run it belongs to.</param>
    public void Save(string path, string run = "")
    {
        var shapes = new Dictionary<string, string> { ["format"] = "lthkit-mask-1", ["run"] = run };
        var packed = new List<(string, Tensor)>();
        using var scope = NewDisposeScope();
        foreach (var (name, kept) in _kept)
        {
            shapes["shape." + name] = string.Join(',', kept.shape);
            packed.Add((name, tensor(Pack(kept))));
        }
        SafeTensors.Save(path, packed, shapes);
    }

    /// <summary>Reads what <see cref="Save"/> wrote, onto the CPU.</summary>
    /// <param name="path">The file.</param>
    /// <param name="run">Which run it must belong to; null for any.</param>
    /// <exception cref="UserException">The file is damaged, no mask or of another run.</exception>
    public static Mask Load(string path, string? run = null)
    {
        using var scope = NewDisposeScope();
        var (tensors, metadata) = SafeTensors.Load(path, run);
        if (metadata.GetValueOrDefault("format") != "lthkit-mask-1")
            throw new UserException($"{path} is no LTHKit mask file; give the mask.safetensors of a run.");
        return new Mask(tensors.Select(t => (t.Key, Unpacked(t.Key, t.Value))).ToList());

        Tensor Unpacked(string name, Tensor packed)
        {
            if (!metadata.TryGetValue("shape." + name, out var text))
                throw Damaged($"the shape of {name} is missing");
            long[] shape = [.. text.Split(',').Select(d => long.TryParse(d, out var size) ? size : -1)];
            if (packed.dtype != ScalarType.Byte || shape.Any(d => d < 0))
                throw Damaged($"{name} is no packed mask");
            var (bytes, count) = (packed.data<byte>().ToArray(), shape.Aggregate(1L, (a, b) => a * b));
            if (bytes.Length != (count + 7) / 8)
                throw Damaged("a layer's bits do not fill its shape");
            var bits = new bool[bytes.Length * 8];
            new BitArray(bytes).CopyTo(bits, 0);
            return tensor(bits[..(int)count]).reshape(shape);
        }

        UserException Damaged(string why) => new($"{path} is damaged: {why}; delete it and it is made anew.");
    }

    public bool Equals(Mask? other)
    {
        if (other is null || !SameLayers(other))
            return false;
        using var scope = NewDisposeScope();
        return _kept.All(l => l.Value.shape.SequenceEqual(other._kept[l.Key].shape) && l.Value.cpu().eq(other._kept[l.Key].cpu()).all().ToBoolean());
    }

    public override bool Equals(object? obj) => Equals(obj as Mask);
    public override int GetHashCode() => HashCode.Combine(Kept, Total, _kept.Count);

    /// <summary>For instance "89.3 % sparse, 1,198,247 of 11,159,232 weights kept".</summary>
    public override string ToString() => FormattableString.Invariant($"{100 * Sparsity:0.0} % sparse, {Kept:N0} of {Total:N0} weights kept");

    public void Dispose()
    {
        foreach (var kept in _kept.Values)
            kept.Dispose();
    }

    private bool SameLayers(Mask other) => _kept.Count == other._kept.Count && _kept.Keys.All(other._kept.ContainsKey);

    private static byte[] Pack(Tensor kept)
    {
        var bits = new BitArray(kept.cpu().contiguous().flatten().data<bool>().ToArray());
        var bytes = new byte[(bits.Length + 7) / 8];
        bits.CopyTo(bytes, 0);
        return bytes;
    }
}

/// <summary>One layer of a mask.</summary>
/// <param name="Name">The weight's name.</param>
/// <param name="Shape">Of the weight.</param>
/// <param name="Kept">Weights kept.</param>
public sealed record LayerMask(string Name, IReadOnlyList<long> Shape, long Kept)
{
    public long Total { get; } = Shape.Aggregate(1L, (a, b) => a * b);

    /// <summary>Share of the layer's weights that are zero, in [0, 1].</summary>
    public double Sparsity => 1 - Kept / (double)Total;

    /// <summary>The layer of a weight: "layer4.0.conv1".</summary>
    internal static string Of(string weight) => weight.EndsWith(".weight") ? weight[..^".weight".Length] : weight;

    /// <summary>The layers of weights, at most three by name: "layer4.0.conv1, layer4.0.conv2".</summary>
    internal static string Of(IReadOnlyList<string> weights)
        => string.Join(", ", weights.Take(3).Select(Of)) + (weights.Count <= 3 ? "" : $" and {weights.Count - 3} more");
}

/// <summary>One layer of two masks.</summary>
/// <param name="First">In the one.</param>
/// <param name="Second">In the other.</param>
/// <param name="Both">Weights kept by both.</param>
/// <param name="Either">Weights kept by at least one.</param>
public sealed record LayerOverlap(LayerMask First, LayerMask Second, long Both, long Either)
{
    /// <summary>Jaccard overlap, in [0, 1].</summary>
    public double Overlap => Jaccard(Both, Either);

    /// <summary>The overlap of two masks that keep as many weights of the layer at random, of the expected counts, in [0, 1].</summary>
    public double ByChance => Jaccard(BothByChance, First.Kept + Second.Kept - BothByChance);

    private double BothByChance => First.Kept * (double)Second.Kept / First.Total;

    /// <summary>Jaccard overlap of all layers together, in [0, 1].</summary>
    public static double OfAll(IReadOnlyList<LayerOverlap> layers) => Jaccard(layers.Sum(l => l.Both), layers.Sum(l => l.Either));

    /// <summary>The overlap of two masks that keep as many weights of each layer at random, in [0, 1].</summary>
    public static double ByChanceOfAll(IReadOnlyList<LayerOverlap> layers)
    {
        var both = layers.Sum(l => l.BothByChance);
        return Jaccard(both, layers.Sum(l => l.First.Kept + l.Second.Kept) - both);
    }

    private static double Jaccard(double both, double either) => either == 0 ? 1 : both / either;
}
