using System;
using System.Linq;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace TorchSharp.Modules;

public abstract class Convolution : nn.Module<Tensor, Tensor>
{
    [ComponentName(Name = nameof(weight))]
    private protected Parameter? _weight;

    [ComponentName(Name = nameof(bias))]
    private protected Parameter? _bias;

    // Padding as functional.pad takes it, from the last dimension to the first.
    private protected long[] _reversed_padding_repeated_twice = [];

    private protected Convolution(string name, long in_channels, long out_channels, long[] kernel_size, long[] stride, long[]? padding,
        Padding? padding_type, long[] dilation, bool transposed, long[] output_padding, long groups, bool bias,
        PaddingModes padding_mode, Device? device = null, ScalarType? dtype = null)
        : base(name)
    {
        this.in_channels = in_channels;
        this.out_channels = out_channels;
        this.kernel_size = kernel_size;
        this.stride = stride;
        this.dilation = dilation;
        this.transposed = transposed;
        this.output_padding = output_padding;
        this.groups = groups;
        this.padding_mode = padding_mode;
        if (padding_type is { } type)
            SetPadding(type);
        else
            SetPadding(padding ?? new long[kernel_size.Length]);

        var channels = transposed ? new[] { in_channels, out_channels / groups } : [out_channels, in_channels / groups];
        weight = nn.Parameter(empty([.. channels, .. kernel_size], dtype, device));
        if (bias)
            this.bias = nn.Parameter(empty(out_channels, dtype, device));
        reset_parameters();
    }

    public long in_channels { get; }

    public long out_channels { get; }

    public long[] kernel_size { get; set; }

    public long[] stride { get; set; }

    internal long[]? padding { get; private set; }

    internal Padding? padding_type { get; private set; }

    internal PaddingModes padding_mode { get; set; }

    internal long[] dilation { get; set; }

    internal bool transposed { get; }

    internal long[] output_padding { get; set; }

    public long groups { get; set; }

    public Parameter weight
    {
        get => _weight!;
        set
        {
            if (ReferenceEquals(value, _weight))
                return;
            _weight?.Dispose();
            _weight = value;
            _weight.DetachFromDisposeScope();
            ConditionallyRegisterParameter(nameof(weight), _weight);
        }
    }

    public Parameter? bias
    {
        get => _bias;
        set
        {
            _bias?.Dispose();
            _bias = value;
            _bias?.DetachFromDisposeScope();
            ConditionallyRegisterParameter(nameof(bias), _bias);
        }
    }

    internal void reset_parameters()
    {
        nn.init.kaiming_uniform_(weight, Math.Sqrt(5));
        if (bias is null)
            return;
        var (fanIn, _) = nn.init.CalculateFanInAndFanOut(weight);
        var bound = fanIn > 0 ? 1 / Math.Sqrt(fanIn) : 0;
        nn.init.uniform_(bias, -bound, bound);
    }

    internal void SetPadding(long[] padding)
    {
        this.padding = padding;
        padding_type = null;
        _reversed_padding_repeated_twice = padding.Reverse().SelectMany(size => new[] { size, size }).ToArray();
    }

    internal void SetPadding(Padding padding)
    {
        if (transposed)
            throw new ArgumentException("Cannot set padding type on ConvTransposeND");
        if (padding == Padding.Same && stride.Any(step => step != 1))
            throw new ArgumentException("padding='same' is not supported for strided convolutions");
        this.padding = null;
        padding_type = padding;
        _reversed_padding_repeated_twice = new long[2 * kernel_size.Length];
        if (padding == Padding.Valid)
            return;
        for (var i = 0; i < kernel_size.Length; i++)
        {
            var dimension = kernel_size.Length - 1 - i;
            var total = dilation[dimension] * (kernel_size[dimension] - 1);
            _reversed_padding_repeated_twice[2 * i] = total / 2;
            _reversed_padding_repeated_twice[2 * i + 1] = total - total / 2;
        }
    }

    private protected bool ValidateShape(Tensor input, long dimensions)
    {
        var shape = input.shape;
        return (shape.Length == dimensions + 2 && shape[1] == in_channels) ||
            (shape.Length == dimensions + 1 && shape[0] == in_channels);
    }
}
