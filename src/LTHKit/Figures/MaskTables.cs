using Deedle;
using LTHKit.Pruning;

namespace LTHKit;

public static partial class Tables
{
    /// <summary>What a mask leaves of each layer and in all.</summary>
    /// <param name="mask">The ticket.</param>
    /// <returns>A row a layer, in the network's order, and one for all of them.</returns>
    public static Frame<string, string> Mask(Mask mask)
    {
        var rows = mask.Layers.Select(l => (Name: Captions.Layer(l.Name), Shape: string.Join("×", l.Shape), l.Total, l.Kept, l.Sparsity))
            .Append((Name: All, Shape: "", mask.Total, mask.Kept, mask.Sparsity)).ToDictionary(row => row.Name);
        var keys = rows.Keys.ToList();
        return new FrameBuilder.Columns<string, string>
        {
            { "shape", Column(keys, key => rows[key].Shape) },
            { "weights", Column(keys, key => rows[key].Total) },
            { "kept", Column(keys, key => rows[key].Kept) },
            { "sparsity (%)", Column(keys, key => Round(100 * rows[key].Sparsity)) },
        }.Frame;
    }

    /// <summary>
    /// What two masks of one network have in common, layer by layer and in all: weights kept by each and by both, and the Jaccard overlap, kept by both
    /// over kept by either, beside what chance gives two masks that keep as many weights of each layer.
    /// </summary>
    /// <param name="first">A mask and its name.</param>
    /// <param name="second">Another.</param>
    /// <exception cref="UserException">The masks are of different networks.</exception>
    public static Frame<string, string> MaskOverlap((string Name, Mask Mask) first, (string Name, Mask Mask) second)
    {
        var layers = first.Mask.Compare(second.Mask);
        var names = Captions.Unique([first.Name, second.Name]);
        var rows = layers.Select(l => (Name: Captions.Layer(l.First.Name), First: l.First.Kept, Second: l.Second.Kept, l.Both, l.Overlap, l.ByChance))
            .Append((Name: All, First: first.Mask.Kept, Second: second.Mask.Kept, Both: layers.Sum(l => l.Both),
                Overlap: LayerOverlap.OfAll(layers), ByChance: LayerOverlap.ByChanceOfAll(layers)))
            .ToDictionary(row => row.Name);
        var keys = rows.Keys.ToList();
        return new FrameBuilder.Columns<string, string>
        {
            { $"kept by {names[0]}", Column(keys, key => rows[key].First) },
            { $"kept by {names[1]}", Column(keys, key => rows[key].Second) },
            { "kept by both", Column(keys, key => rows[key].Both) },
            { "overlap (%)", Column(keys, key => Round(100 * rows[key].Overlap)) },
            { "by chance (%)", Column(keys, key => Round(100 * rows[key].ByChance)) },
        }.Frame;
    }

    private const string All = "all";
}
