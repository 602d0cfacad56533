namespace LTHKit.Pruning;

/// <summary>What a ticket is compared with, to tell what of it matters (Frankle et al. 2021; Su et al. 2020).</summary>
public enum Control
{
    /// <summary>The ticket itself.</summary>
    None,

    /// <summary>A random ticket: each layer keeps as many weights as in the ticket, anywhere.</summary>
    Random,

    /// <summary>The ticket's mask shuffled within each filter, so that each output keeps as many inputs as in the ticket, but others.</summary>
    Shuffled,

    /// <summary>The ticket with first weights drawn anew.</summary>
    Reinitialised,
}

internal static class Controls
{
    public static Mask Of(Mask ticket, Control control, ulong seed)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(seed);
        return new(ticket.Layers.Select(layer => (layer.Name, control is Control.Random or Control.Shuffled ? Moved(layer) : ticket[layer.Name].clone())).ToList());

        Tensor Moved(LayerMask layer)
        {
            var rows = ticket[layer.Name].reshape(control == Control.Shuffled ? layer.Shape[0] : 1, -1);
            return rows.gather(1, rand(rows.shape, ScalarType.Float64, generator: generator).argsort(1).to(rows.device)).reshape([.. layer.Shape]);
        }
    }
}
