using System.Collections;
using System.Reflection;
using System.Runtime.ExceptionServices;

namespace LTHKit.Kernels;

/// <summary>
/// Trains a built-in network over its surviving weights and evaluates it after each epoch: while a step lasts its units run as <see cref="SparseUnit"/>s.
/// Second derivatives, gradients of a network in evaluation and whatever runs the network outside a step have TorchSharp's path, as does a step of a network
/// that somebody watches through hooks.
/// </summary>
internal sealed class SparseTraining : IDisposable
{
    private readonly Workspace _work;
    private readonly List<(ConvUnit Unit, SparseUnit Sparse)> _units;
    private readonly List<ICollection> _hooks;

    public SparseTraining(Network network, Mask? mask, Workspace? work = null)
    {
        (_work, _hooks) = (work ?? new(get_num_threads()), HooksOf(network));
        var names = network.named_parameters().ToDictionary(p => p.parameter.Handle, p => p.name);
        _units = [.. network.Convolutions.Select(unit =>
            (unit, new SparseUnit(_work, unit.Convolution, unit.Norm!, Kept(names[unit.Convolution.weight!.Handle])) { Serves = Serves(unit) }))];

        bool[]? Kept(string name) => mask is not null && mask.Covers(name) ? mask[name].data<bool>().ToArray() : null;
    }

    /// <summary>For this network and mask; null where TorchSharp's path is the only one, wanted, or with no wish expected to be faster.</summary>
    public static SparseTraining? For(Network network, Mask? mask, bool? wish)
        => network.Convolutions.Any(Serves) && (wish ?? Cost.Favours(network, mask)) ? new(network, mask) : null;

    /// <summary>Whether the kernels serve a unit: on the CPU, in float32, 3x3 or 1x1 in zeros, with BatchNorm. Others have TorchSharp's path, at the cost of copies.</summary>
    public static bool Serves(ConvUnit unit)
        => unit is { Norm: { affine: true, track_running_stats: true } norm, Convolution: var convolution } && IsPlain(convolution)
            && new[] { convolution.weight, convolution.bias, norm.weight, norm.bias }.OfType<Parameter>()
                .All(p => p.device_type == DeviceType.CPU && p.dtype == ScalarType.Float32 && p.is_contiguous());

    // A tweak may have changed it.
    private static bool IsPlain(Conv2d convolution) => convolution is { padding_mode: PaddingModes.Zeros, dilation: null or [1, 1] }
        && convolution.kernel_size is [1, 1] or [3, 3]
        && convolution.padding is { } around && around.All(pixels => pixels == convolution.kernel_size[0] / 2)
        && convolution.stride is { } stride && stride.Distinct().Count() == 1;

    /// <summary>Until this is disposed of, the network's units run over the surviving weights.</summary>
    public IDisposable? Step()
    {
        if (_hooks.Any(hooks => hooks.Count > 0))
            return null;
        _work.Failure = null;
        foreach (var (unit, sparse) in _units)
            unit.Sparse = sparse;
        return new Ending(() =>
        {
            foreach (var (unit, _) in _units)
                unit.Sparse = null;
        });
    }

    /// <summary>Throws what a unit's backward pass met.</summary>
    public void ThrowIfFailed()
    {
        if (_work.Failure is { } failure)
            ExceptionDispatchInfo.Throw(failure);
    }

    public void Dispose() => _work.Dispose();

    /// <summary>The hooks through which somebody watches or changes what a network computes, now and later; TorchSharp keeps them to itself.</summary>
    public static List<ICollection> HooksOf(Network network) => [.. network.modules().SelectMany(HooksOf)];

    /// <summary>Those of one module, without its parts'.</summary>
    public static IEnumerable<ICollection> HooksOf(nn.Module module)
    {
        for (var type = module.GetType(); type is not null; type = type.BaseType)
            foreach (var field in type.GetFields(BindingFlags.Instance | BindingFlags.NonPublic | BindingFlags.DeclaredOnly))
                if (field.Name.EndsWith("hooks", StringComparison.Ordinal) && field.GetValue(module) is ICollection hooks)
                    yield return hooks;
    }
}

/// <summary>
/// Which path is expected to be the faster. Both take time for multiply-adds and for every number that passes from unit to unit; libtorch's multiplies
/// faster, and its fixed costs tell where there is little to multiply for a number. `bench --sparse` shows where the rule is right; the constants are from
/// a Zen 4 core with AVX-512, and at width 16 they chose the faster path with AVX2 alone too.
/// </summary>
internal static class Cost
{
    /// <summary>Of a unit, in ns for a number that it puts out: for each multiply-add of a training step, and for the number itself.</summary>
    private const double SparseMultiply = 0.085, SparseNumber = 4.5, TorchMultiply = 0.057, TorchNumber = 3, TorchFixed = 560;

    /// <summary>Of a number that goes from one layout into the other and whose gradient comes back, in ns.</summary>
    private const double Copy = 3;

    /// <summary>
    /// Whether a step over the surviving weights is expected to be shorter than libtorch's dense one; without oneDNN always. Units that the kernels do not
    /// serve cost copies of what they take and give.
    /// </summary>
    public static bool Favours(Network network, Mask? mask)
    {
        if (!Libtorch.HasOneDnn)
            return true;
        var flops = Flops.Of(network, mask).Layers.ToDictionary(layer => layer.Name);
        double numbers = 0, dense = 0, effective = 0, copied = 0;
        foreach (var (name, module) in network.named_modules().DistinctBy(m => m.module))
            if (network.Convolutions.FirstOrDefault(unit => unit.Convolution == module) is { Convolution: var convolution } unit)
            {
                var given = flops[name].Dense * (double)convolution.out_channels / convolution.weight!.numel();
                if (SparseTraining.Serves(unit))
                    (numbers, dense, effective) = (numbers + given, dense + flops[name].Dense, effective + flops[name].Effective);
                else
                    copied += given * (1 + unit.Stride * unit.Stride * convolution.in_channels / (double)convolution.out_channels);
            }
        return SparseMultiply * effective + SparseNumber * numbers + Copy * copied < TorchMultiply * dense + (TorchNumber + TorchFixed * numbers / dense) * numbers;
    }
}
