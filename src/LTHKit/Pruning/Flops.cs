namespace LTHKit.Pruning;

/// <summary>The multiply-adds of one layer for one image.</summary>
/// <param name="Name">The layer's, for instance "layer1.0.conv1".</param>
/// <param name="Dense">With every weight: output places times weights. Places where a kernel reaches over the border count in full, as is usual.</param>
/// <param name="Effective">With the weights that the mask keeps.</param>
/// <param name="Injected">Whether a tweak added the layer; no mask prunes it.</param>
public sealed record LayerFlops(string Name, long Dense, long Effective, bool Injected);

/// <summary>
/// The multiply-adds of a network's Conv2d and Linear layers for one image; other layers, transposed convolutions, BatchNorm and pooling among them, and what
/// no layer does are not counted.
/// </summary>
/// <param name="Layers">In the order of the forward pass.</param>
public sealed record Flops(IReadOnlyList<LayerFlops> Layers)
{
    /// <summary>Of the architecture as it was before any mask and any tweak.</summary>
    public long Dense => Layers.Where(layer => !layer.Injected).Sum(layer => layer.Dense);

    /// <summary>Of the network as it is: kept weights, and all that a tweak injected.</summary>
    public long Effective => Layers.Sum(layer => layer.Effective);

    /// <summary>Counts those of a network.</summary>
    /// <param name="network">It comes back as it was.</param>
    /// <param name="mask">The ticket; null for a dense network.</param>
    /// <exception cref="UserException">The mask does not fit the network.</exception>
    public static Flops Of(Network network, Mask? mask = null) => Of(network, [network.Input.Channels, network.Input.Size, network.Input.Size], mask);

    /// <summary>Counts those of any module.</summary>
    /// <param name="module">It comes back as it was.</param>
    /// <param name="input">The shape of one image, for instance [3, 32, 32].</param>
    /// <param name="mask">The ticket; null for a dense module.</param>
    /// <exception cref="UserException">The mask does not fit the module.</exception>
    public static Flops Of(nn.Module<Tensor, Tensor> module, long[] input, Mask? mask = null)
    {
        mask?.Fit(module);
        using var scope = NewDisposeScope();
        // By the weight itself, which layers may share.
        var kept = mask?.Layers.ToDictionary(layer => module.get_parameter(layer.Name)!.Handle, layer => layer.Kept) ?? [];
        var injected = ((module as Network)?.Units ?? []).Where(unit => unit.Skip is not null)
            .SelectMany(unit => unit.Skip!.modules().Prepend(unit.Skip)).ToHashSet();
        // A module that is held in a field too has two names; the first is the one its weights have.
        var names = module.named_modules().DistinctBy(named => named.module).ToDictionary(named => named.module, named => named.name);
        var first = module.parameters().First();
        var calls = ForwardPass.Of(module, zeros([1, .. input], dtype: first.dtype, device: first.device)).Calls;
        // A layer that is called again is one row.
        return new([.. calls.Where(call => call.Module is Conv2d or Linear).GroupBy(call => call.Module, call => call.OutputShape).Select(Count)]);

        LayerFlops Count(IGrouping<nn.Module, long[]> outputs)
        {
            var (name, weight) = (names[outputs.Key], outputs.Key.get_parameter("weight")!);
            var places = outputs.Sum(shape => shape.Aggregate(1L, (a, b) => a * b)) / weight.shape[0];
            return new(name, places * weight.numel(), places * kept.GetValueOrDefault(weight.Handle, weight.numel()), injected.Contains(outputs.Key));
        }
    }
}
