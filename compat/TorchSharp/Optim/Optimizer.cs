using System;
using System.Collections.Generic;
using System.Linq;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace TorchSharp
{
    public static partial class torch
    {
        public static partial class optim
        {
            public interface ILearningRateController
            {
                double LearningRate { get; set; }

                double InitialLearningRate { get; set; }
            }

            public interface IMomentum
            {
                double Momentum { get; set; }
            }

            public abstract partial class Optimizer : IDisposable
            {
                private protected IList<ParamGroup> _parameter_groups = new List<ParamGroup>();

                // The real class has more constructors, none for callers.
                private protected Optimizer()
                {
                }

                ~Optimizer() => Dispose(false);

                public virtual IEnumerable<ILearningRateController> ParamGroups => _parameter_groups;

                public void Dispose()
                {
                    Dispose(true);
                    GC.SuppressFinalize(this);
                }

                protected virtual void Dispose(bool disposing)
                {
                }

                public virtual Tensor? step(Func<Tensor>? closure = null) => throw new NotImplementedException();

                public virtual void add_param_group(ParamGroup param_group) => _parameter_groups.Add(param_group);

                public virtual IEnumerable<Parameter> parameters() => _parameter_groups.SelectMany(group => group.Parameters);

                public virtual void zero_grad()
                {
                    foreach (var parameter in parameters())
                    {
                        using var gradient = parameter.grad;
                        gradient?.zero_();
                    }
                }
            }
        }
    }
}

namespace TorchSharp.Modules
{
    public class OptimizerOptions
    {
        public double? LearningRate { get; set; }

        public double InitialLearningRate { get; set; }
    }

    public class ParamGroup : optim.ILearningRateController
    {
        public OptimizerOptions Options { get; set; } = null!;

        public IEnumerable<Parameter> Parameters { get; set; } = [];

        public double LearningRate
        {
            get => Options.LearningRate!.Value;
            set => Options.LearningRate = value;
        }

        public double InitialLearningRate
        {
            get => Options.InitialLearningRate;
            set => Options.InitialLearningRate = value;
        }
    }

    public class ParamGroup<TOptions> : ParamGroup where TOptions : OptimizerOptions
    {
        public ParamGroup()
        {
        }

        public ParamGroup(IEnumerable<Parameter> parameters, TOptions? options = null)
        {
            base.Parameters = parameters;
            base.Options = options!;
        }

        public new TOptions Options
        {
            get => (TOptions)base.Options;
            set => base.Options = value;
        }
    }

    public abstract class OptimizerHelper : optim.Optimizer
    {
        public OptimizerHelper()
        {
        }

        /// <summary>Runs the closure with gradients and the update of every group without.</summary>
        protected Tensor? _step<T>(Action<T> body, Func<Tensor>? loss_closure = null) where T : ParamGroup
        {
            Tensor? loss = null;
            if (loss_closure is not null)
            {
                using var recording = enable_grad();
                loss = loss_closure();
            }
            using var frozen = no_grad();
            using var scope = NewDisposeScope();
            foreach (var group in _parameter_groups)
                body((T)group);
            return loss;
        }
    }
}
