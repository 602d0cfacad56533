using System.Text;
using LTHKit.Data;
using LTHKit.Models;
using LTHKit.Pruning;
using TorchSharp;
using static TorchSharp.torch;

namespace LTHKit.Analysis;

/// <summary>Directions for planes through a landscape.</summary>
internal static class Directions
{
    private const double Tiny = 1e-10;

    /// <summary>
    /// A random direction in weight space with the norm of every filter that of the network's (Li et al. 2017): d * ||w|| / (||d|| + 1e-10). A
    /// parameter's part follows from the seed and its name alone, so that networks with other activations or injected layers share the rest.
    /// </summary>
    /// <param name="network">The weights w.</param>
    /// <param name="mask">Pruned weights have no part in the direction, nor in its norm.</param>
    /// <param name="seed">Of the plane.</param>
    /// <param name="number">Which of its directions.</param>
    /// <returns>One entry a parameter; null for those of one dimension, which do not move.</returns>
    public static IReadOnlyList<Tensor?> FilterNormalised(Network network, Mask? mask, ulong seed, int number)
    {
        mask?.Validate(network);
        using var noGrad = no_grad();
        return [.. network.named_parameters().Select(p => p.parameter.dim() > 1 ? Of(p.name, p.parameter) : null)];

        Tensor Of(string name, Tensor weight)
        {
            using var scope = NewDisposeScope();
            using var generator = new Generator(SplitMix64.Keyed([unchecked((long)seed), number, .. Encoding.UTF8.GetBytes(name)]).Next());
            var direction = randn(weight.shape, dtype: weight.dtype, generator: generator).to(weight.device);
            if (mask is not null && mask.Covers(name))
                direction.masked_fill_(mask[name].to(weight.device).logical_not(), 0);
            var rows = direction.view(weight.shape[0], -1);
            var scale = weight.reshape(weight.shape[0], -1).norm(1, keepdim: true) / (rows.norm(1, keepdim: true) + Tiny);
            return rows.mul_(scale).view(weight.shape).MoveToOuterDisposeScope();
        }
    }

    /// <summary>Each image of a batch divided by its Euclidean norm; an image of zeros stays one. // [B, C, H, W]</summary>
    public static Tensor UnitPerImage(Tensor images)
    {
        var norms = linalg.vector_norm(images.flatten(1), dims: [1], keepdim: true).clamp_min(1e-30);
        return images / norms.view(-1, 1, 1, 1);
    }
}
