using System;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace TorchSharp
{
    public static partial class torch
    {
        public static partial class nn
        {
            public static BatchNorm2d BatchNorm2d(long num_features, double eps = 1e-05, double momentum = 0.1, bool affine = true,
                bool track_running_stats = true, Device? device = null, ScalarType? dtype = null) =>
                new(num_features, eps, momentum, affine, track_running_stats, device, dtype);
        }
    }
}

namespace TorchSharp.Modules
{
    public abstract class NormBase : nn.Module<Tensor, Tensor>
    {
        [ComponentName(Name = nameof(weight))]
        private Parameter? _weight;

        [ComponentName(Name = nameof(bias))]
        private Parameter? _bias;

        [ComponentName(Name = nameof(running_mean))]
        private Tensor? _running_mean;

        [ComponentName(Name = nameof(running_var))]
        private Tensor? _running_var;

        [ComponentName(Name = nameof(num_batches_tracked))]
        private Tensor? _num_batches_tracked;

        internal NormBase(long num_features, double eps, double? momentum, bool affine, bool track_running_stats, Device? device,
            ScalarType? dtype, string name)
            : base(name)
        {
            this.num_features = num_features;
            this.eps = eps;
            this.momentum = momentum;
            this.affine = affine;
            this.track_running_stats = track_running_stats;
            if (affine)
            {
                weight = nn.Parameter(ones(num_features, dtype, device));
                bias = nn.Parameter(zeros(num_features, dtype, device));
            }
            if (track_running_stats)
            {
                running_mean = zeros(num_features, dtype, device);
                running_var = ones(num_features, dtype, device);
                num_batches_tracked = zeros(ReadOnlySpan<long>.Empty, ScalarType.Int64, device);
            }
        }

        internal long num_features { get; }

        internal double eps { get; set; }

        public double? momentum { get; set; }

        internal bool affine { get; }

        internal bool track_running_stats { get; }

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

        public Tensor? running_mean
        {
            get => _running_mean;
            set => SetBuffer(ref _running_mean, value, nameof(running_mean));
        }

        public Tensor? running_var
        {
            get => _running_var;
            set => SetBuffer(ref _running_var, value, nameof(running_var));
        }

        public Tensor? num_batches_tracked
        {
            get => _num_batches_tracked;
            set => SetBuffer(ref _num_batches_tracked, value, nameof(num_batches_tracked));
        }

        public void reset_running_stats()
        {
            running_mean?.zero_();
            running_var?.fill_(1);
            num_batches_tracked?.zero_();
        }

        protected abstract void ValidateInputDimensions(Tensor input);

        private void SetBuffer(ref Tensor? buffer, Tensor? value, string name)
        {
            buffer?.Dispose();
            buffer = value?.DetachFromDisposeScope();
            ConditionallyRegisterBuffer(name, buffer);
        }
    }

    public abstract class BatchNorm : NormBase
    {
        internal BatchNorm(long num_features, double eps, double momentum, bool affine, bool track_running_stats, Device? device,
            ScalarType? dtype, string name)
            : base(num_features, eps, momentum, affine, track_running_stats, device, dtype, name)
        {
        }

        public override Tensor forward(Tensor input)
        {
            ValidateInputDimensions(input);
            var factor = momentum ?? 0;
            if (training && num_batches_tracked is { } batches)
            {
                batches.add_(1);
                factor = momentum ?? 1 / (double)batches;
            }
            var keepsStatistics = !training || track_running_stats;
            var usesBatch = training || (running_mean is null && running_var is null);
            return nn.functional.batch_norm(input, keepsStatistics ? running_mean : null, keepsStatistics ? running_var : null,
                affine ? weight : null, bias, usesBatch, factor, eps);
        }
    }

    public sealed class BatchNorm2d : BatchNorm
    {
        internal BatchNorm2d(long num_features, double eps, double momentum, bool affine, bool track_running_stats, Device? device,
            ScalarType? dtype)
            : base(num_features, eps, momentum, affine, track_running_stats, device, dtype, nameof(BatchNorm2d))
        {
        }

        protected override void ValidateInputDimensions(Tensor input)
        {
            if (input.ndim != 4)
                throw new ArgumentException($"expected 4D input, but got {input.ndim}D input.");
        }
    }
}
