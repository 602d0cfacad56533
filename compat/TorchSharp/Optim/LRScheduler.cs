using System;
using System.Collections.Generic;
using System.Linq;

namespace TorchSharp;

public static partial class torch
{
    public static partial class optim
    {
        public static partial class lr_scheduler
        {
            public static LRScheduler MultiStepLR(Optimizer optimizer, IList<int> milestones, double gamma = 0.1, int last_epoch = -1,
                bool verbose = false) =>
                new impl.MultiStepLR(optimizer, milestones, gamma, last_epoch, verbose);

            public abstract class LRScheduler
            {
                private readonly bool verbose;
                private double[] rates;

                protected LRScheduler(Optimizer optimizer, int last_epoch = -1, bool verbose = false)
                {
                    this.verbose = verbose;
                    Groups = optimizer.ParamGroups.ToArray();
                    Epoch = last_epoch;
                    rates = CurrentRates();
                }

                internal ILearningRateController[] Groups { get; }

                internal int Epoch { get; private set; }

                public virtual void step() => step(null);

                public virtual void step(int? epoch)
                {
                    Epoch = epoch ?? Epoch + 1;
                    var next = (epoch is null ? get_lr() : get_closed_form_lr()).ToArray();
                    for (var i = 0; i < Groups.Length; i++)
                    {
                        Groups[i].LearningRate = next[i];
                        if (verbose && next[i] != rates[i])
                            Console.WriteLine($"Adjusting learning rate to {next[i]}");
                    }
                    rates = next;
                }

                public IEnumerable<double> get_last_lr() => rates;

                protected virtual IEnumerable<double> get_lr() => CurrentRates();

                protected virtual IEnumerable<double> get_closed_form_lr() => get_lr();

                private double[] CurrentRates() => Array.ConvertAll(Groups, group => group.LearningRate);
            }

            public static partial class impl
            {
                public class MultiStepLR : LRScheduler
                {
                    private readonly int[] milestones;
                    private readonly double gamma;

                    public MultiStepLR(Optimizer optimizer, IList<int> milestones, double gamma = 0.1, int last_epoch = -1,
                        bool verbose = false)
                        : base(optimizer, last_epoch, verbose)
                    {
                        this.milestones = [.. milestones.Distinct()];
                        this.gamma = gamma;
                        step();
                    }

                    protected override IEnumerable<double> get_lr()
                    {
                        var factor = milestones.Contains(Epoch) ? gamma : 1;
                        return Groups.Select(group => group.LearningRate * factor);
                    }

                    protected override IEnumerable<double> get_closed_form_lr()
                    {
                        var factor = Math.Pow(gamma, milestones.Count(milestone => milestone <= Epoch));
                        return Groups.Select(group => group.InitialLearningRate * factor);
                    }
                }
            }
        }
    }
}
