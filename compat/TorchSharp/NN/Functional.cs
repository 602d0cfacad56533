using System;
using System.Linq;

namespace TorchSharp;

public static partial class torch
{
    public static partial class nn
    {
        public static partial class functional
        {
            internal static Tensor linear(Tensor input, Tensor weights, Tensor? bias = null) => Aten.linear.Call(input, weights, bias);

            internal static Tensor conv2d(Tensor input, Tensor weight, Tensor? bias = null, long[]? strides = null,
                long[]? padding = null, long[]? dilation = null, long groups = 1) =>
                Aten.conv2d.Call(input, weight, bias, OrDefault(strides), OrDefault(padding), OrDefault(dilation), groups);

            internal static Tensor conv2d_padding(Tensor input, Tensor weight, Tensor? bias = null, long[]? strides = null,
                Padding padding = Padding.Valid, long[]? dilation = null, long groups = 1) =>
                Aten.conv2d_padding.Call(input, weight, bias, OrDefault(strides), padding == Padding.Same ? "same" : "valid",
                    OrDefault(dilation), groups);

            internal static Tensor batch_norm(Tensor input, Tensor? running_mean, Tensor? running_var, Tensor? weight = null,
                Tensor? bias = null, bool training = false, double momentum = 0.1, double eps = 1e-05) =>
                Aten.batch_norm.Call(input, weight, bias, running_mean, running_var, training, momentum, eps, true);

            public static Tensor relu(Tensor x, bool inplace = false) => inplace ? x.relu_().alias() : x.relu();

            public static Tensor silu(Tensor x, bool inplace = false) => inplace ? x.silu_().alias() : x.silu();

            public static Tensor mish(Tensor x, bool inplace = false) => inplace ? Aten.mish_.InPlace(x).alias() : Aten.mish.Call(x);

            public static Tensor gelu(Tensor x) => x.gelu();

            public static Tensor softplus(Tensor x, double beta = 1.0, double threshold = 20.0) => x.softplus(beta, threshold);

            public static Tensor log_softmax(Tensor x, long dim) => x.log_softmax(dim);

            internal static Tensor dropout(Tensor input, double p = 0.5, bool training = true, bool inplace = false) =>
                inplace ? Aten.dropout_.InPlace(input, p, training).alias() : Aten.dropout.Call(input, p, training);

            public static Tensor max_pool2d(Tensor input, long kernel_size, long? stride = null, long? padding = null,
                long? dilation = null, bool ceil_mode = false) =>
                max_pool2d(input, [kernel_size, kernel_size], Square(stride), Square(padding), Square(dilation), ceil_mode);

            internal static Tensor max_pool2d(Tensor input, long[] kernel_size, long[]? strides = null, long[]? padding = null,
                long[]? dilation = null, bool ceil_mode = false) =>
                Aten.max_pool2d.Call(input, kernel_size, OrDefault(strides), OrDefault(padding), OrDefault(dilation), ceil_mode);

            public static Tensor avg_pool2d(Tensor input, long kernel_size, long? stride = null, long padding = 0,
                bool ceil_mode = false, bool count_include_pad = true, long? divisor_override = null) =>
                avg_pool2d(
                    input, [kernel_size, kernel_size], Square(stride), Square(padding), ceil_mode, count_include_pad, divisor_override);

            internal static Tensor avg_pool2d(Tensor input, long[] kernel_size, long[]? stride = null, long[]? padding = null,
                bool ceil_mode = false, bool count_include_pad = true, long? divisor_override = null) =>
                Aten.avg_pool2d.Call(input, kernel_size, OrDefault(stride), OrDefault(padding), ceil_mode, count_include_pad,
                    divisor_override);

            public static Tensor adaptive_avg_pool2d(Tensor input, long[] output_size) => Aten.adaptive_avg_pool2d.Call(input, output_size);

            public static Tensor pad(Tensor input, ReadOnlySpan<long> pad, PaddingModes mode = PaddingModes.Constant, double value = 0) =>
                functional.pad(input, pad.ToArray(), mode, value);

            internal static Tensor pad(Tensor input, long[] pad, PaddingModes mode = PaddingModes.Constant, double value = 0) => mode switch
            {
                PaddingModes.Constant or PaddingModes.Zeros => Aten.constant_pad_nd.Call(input, pad, value),
                PaddingModes.Reflect => Reflect(pad).Call(input, pad),
                PaddingModes.Replicate => Replicate(pad).Call(input, pad),
                _ => throw new NotImplementedException($"Padding mode {mode} is not supported by this build of TorchSharp."),
            };

            private static Argument OrDefault(long[]? values) => values is null ? Argument.Default : values;

            private static Operator Reflect(long[] pad) => pad.Length == 2 ? Aten.reflection_pad1d : Aten.reflection_pad2d;

            private static Operator Replicate(long[] pad) => pad.Length == 2 ? Aten.replication_pad1d : Aten.replication_pad2d;
        }
    }
}
