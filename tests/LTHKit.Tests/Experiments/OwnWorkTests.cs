using CsCheck;
using LTHKit.Storage;
using TorchSharp.Modules;

namespace LTHKit.Tests.Experiments;

/// <summary>Whatever tweak, pruner, optimiser and network of a user's own: pruned weights are exactly zero, and a run that is stopped goes on to the same bits.</summary>
[Collection(nameof(Alone))]      // it draws from the one generator
public sealed class OwnWorkTests
{
    private static Tweak Penalty(double weight, double first, double slope) => new Does("penalty",
        Wraps: (loss, _) => (logits, target) => loss(logits, target) + weight * logits.square().mean(),
        Rewrites: (network, _) =>
        {
            foreach (var activation in network.Activations)
                activation.Function = x => x.relu() + slope * x;
        },
        Initialises: (network, _) =>
        {
            using var noGrad = no_grad();
            foreach (var parameter in network.parameters())
                parameter.mul_(first);
        });

    private static readonly Func<InputSpec, int, bool, nn.Module<Tensor, Tensor>>[] Models =
    [
        (input, width, norm) => nn.Sequential(
            ("a", nn.Conv2d(input.Channels, width, 3, padding: 1)), ("b", norm ? nn.BatchNorm2d(width) : nn.Tanh()), ("c", nn.ReLU()),
            ("d", nn.Conv2d(width, 6, 3, stride: 2)), ("e", nn.SiLU()), ("f", nn.Flatten()), ("g", nn.Linear(54, input.Classes))),
        (input, width, norm) => nn.Sequential(
            ("p", nn.AvgPool2d(4)), ("f", nn.Flatten()), ("a", nn.Linear(input.Channels * 4, 8 * width)), ("b", norm ? nn.BatchNorm1d(8 * width) : nn.Tanh()), ("c", nn.ReLU()),
            ("d", nn.Linear(8 * width, 20)), ("e", nn.GELU()), ("g", nn.Linear(20, input.Classes))),
    ];

    private static readonly Func<IEnumerable<Parameter>, optim.Optimizer>?[] Optimisers =
        [null, p => optim.AdamW(p, lr: 1e-3), p => optim.SGD(p, 0.05, momentum: 0.9, nesterov: true), p => optim.RMSProp(p, 1e-3, momentum: 0.5)];

    private static readonly Func<ScoredLayer, Tensor>[] Scores =
        [c => c.Weight.abs() * c.Gradient.abs(), c => -c.Weight.abs(), c => c.Weight.square() + 0.1 * c.Gradient];

    private static readonly Gen<RunSpec> Own =
        from model in OneOf(Models)
        from width in Gen.Int[2, 5]
        from norm in Gen.Bool
        from score in OneOf(Scores)
        from at in OneOf(At.Initialised, At.Trained, At.EachRound)
        from distribution in OneOf(Distribution.Global, Distribution.Erk, new Distribution("root", layer => Math.Sqrt(layer.Total)))
        from spared in Gen.Bool
        from optimiser in OneOf(Optimisers)
        from weight in Gen.Double[0, 0.2]
        from first in Gen.Double[0.5, 1.5]
        from slope in Gen.Double[0, 0.3]
        select new RunSpec
        {
            Data = new DataSpec { TrainCount = 100, TestCount = 20, Classes = 3, Size = 8 },
            Model = ModelSpec.Own("own", input => model(input, width, norm)),
            Recipe = new Recipe { Epochs = 3, BatchSize = 30, LearningRate = 0.01, Optimiser = optimiser },
            Pruning = new Pruner("own", at, score) { Distribution = distribution, Except = spared ? ["a"] : [] },
            Rates = [0.6],
            Level = 1,
            Tweaks = [Penalty(weight, first, slope)],
        };

    private static Gen<T> OneOf<T>(params T[] all) => Gen.Int[0, all.Length - 1].Select(i => all[i]);

    [Fact]
    public void ItHoldsTheMaskAndGoesOnFromAnyStepToTheSameBits() => Gen.Select(Own, Gen.Int[1, 8]).Sample((own, last) =>
    {
        using var folder = new TemporaryFolder();
        var spec = own.Normalised;
        using var data = DataSets.Open(spec.Data);
        var leaks = new List<string>();
        string Outcome(string name, int? stopAfter)
        {
            RunStore store = new(Path.Combine(folder.Path, name));
            new Runner(store, _ => data, CPU).Run(spec.Dense, [], [], new(), default);
            if (stopAfter is not null)
            {
                var steps = 0;
                using var stop = new CancellationTokenSource();
                Assert.Throws<OperationCanceledException>(() => new Runner(store, _ => data, CPU).Run(spec, [], [], new((_, _) => { if (++steps == stopAfter) stop.Cancel(); }), stop.Token));
            }
            new Runner(store, _ => data, CPU).Run(spec, [], [], new(), default);
            using var mask = new Runner(store, _ => data, CPU).LoadMask(spec)!;
            var weights = SafeTensors.Load(store.Folder(spec).Checkpoint).Tensors;
            leaks.AddRange(mask.Layers.Select(layer => layer.Name).Where(name => weights[name].masked_select(mask[name].logical_not()).count_nonzero().ToInt64() > 0));
            return Tiny.Outcome(store, spec);
        }
        Assert.Equal(Outcome("whole", null), Outcome("stopped", last));
        Assert.Empty(leaks);
    }, iter: 16, threads: 1, print: t => $"{t.Item1}, stopped after {t.Item2}");
}
