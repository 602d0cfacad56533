using LTHKit.Tests.Experiments;
using LTHKit.Tests.Models;

namespace LTHKit.Tests.Tweaks;

/// <summary>What every tweak, and every set of them in any order, must hold to.</summary>
public sealed class TweakPropertyTests : InFolder
{
    internal static readonly Tweak[] All =
    [
        new SkipInjection(), new SmoothActivation("swish"), new LabelSmoothing(0.1), new Distillation(), new RescaledInit(Iterations: 2),
    ];

    private static readonly Recipe Heavy = new() { Epochs = 2, BatchSize = 32, LearningRate = 0.05, WeightDecay = 0.1 };

    private readonly ImageSet _data = DataSets.Open(Tiny.Profile.Data with { TrainCount = 100, TestCount = 50 });
    public override void Dispose()
    {
        _data.Dispose();
        base.Dispose();
    }

    public static TheoryData<string> Models => [.. Networks.Names];

    /// <summary>A network a quarter dense, as a run prepares it.</summary>
    private Trained Train(string model, IReadOnlyList<Tweak> tweaks)
    {
        var input = new InputSpec(5, _data.Height);
        var network = Networks.Build(new ModelSpec(model, 4), input, 0);
        using var dense = Mask.Dense(network);
        using var generator = new Generator(4);
        var mask = Cut.To(network.PrunableWeights().ToDictionary(w => w.Name, w => rand(w.Weight.shape, generator: generator)), dense, dense.Total / 4);
        var teacher = Networks.Build(new ModelSpec(model, 4), input, 1);
        teacher.eval();
        var context = new TweakContext(_data, mask, Heavy, 7, () => teacher);
        foreach (var tweak in tweaks)
            tweak.Rewrite(network, context);
        mask.Apply(network);
        var loss = tweaks.Aggregate((Loss)Losses.CrossEntropy, (inner, tweak) => tweak.Wrap(inner, context));
        foreach (var tweak in tweaks)
            tweak.Initialise(network, context);
        var leaked = new HashSet<string>();
        using var trainer = new Trainer(network, mask, Heavy, _data, loss, 1);
        trainer.Run([new((_, _) => Look(), (_, _) => Look())]);
        return new(network, leaked);

        void Look() => leaked.UnionWith(Leaks.In(network, mask));
    }

    [Theory]
    [MemberData(nameof(Models))]
    public void MasksNeverLeakThroughAnyTweakOnAnyNetwork(string model)
    {
        var fitting = All.Where(t => t is not SkipInjection || model != "lenet").ToList();
        IEnumerable<IReadOnlyList<Tweak>> sets = fitting.Select(t => new[] { t }).Append([.. fitting]);
        if (model != "lenet")
            sets = sets.Append([new SkipInjection(SkipKind.Projection), new CustomActivation("own", x => x * sigmoid(2 * x))]);
        foreach (var tweaks in sets)
        {
            using var scope = NewDisposeScope();
            var (network, leaked) = Train(model, tweaks);
            Assert.True(leaked.Count == 0, $"{string.Join(" + ", tweaks.Select(t => t.Label))}: {string.Join(", ", leaked)}");
            Assert.All(network.state_dict(), p => Assert.True(p.Value.isfinite().all().ToBoolean(), p.Key));
        }
    }

    [Fact]
    public void PairsAndAllOfThemGiveTheSameBitsInAnyOrder()
    {
        var pairs = All.SelectMany((a, i) => All.Skip(i + 1).Select(b => new[] { a, b }));
        foreach (var tweaks in pairs.Append(All))
        {
            using var scope = NewDisposeScope();
            var label = string.Join(" + ", tweaks.Select(t => t.Label));
            Assert.True(Bits(tweaks).SequenceEqual(Bits([.. tweaks.Reverse()])), label);
        }

        byte[] Bits(IReadOnlyList<Tweak> tweaks) => NetworkTests.Bits(Train("vgg5", tweaks).Network);
    }

    [Fact]
    public void ARunIsTheSameWhateverTheOrder()
    {
        Tweak[] twins = [new LabelSmoothing(0.1), new LabelSmoothing(0.2), .. All.Where(t => t is not LabelSmoothing)];
        var random = new Random(1);
        var ids = Enumerable.Range(0, 20).Select(_ => twins.OrderBy(_ => random.Next()).ToList()).Select(order => new RunSpec { Level = 3, Tweaks = order }.Id);
        Assert.Single(ids.Distinct());
        Assert.Equal(1 << All.Length, Enumerable.Range(0, 1 << All.Length)
            .Select(set => new RunSpec { Level = 3, Tweaks = [.. All.Where((_, i) => (set >> i & 1) == 1)] }.Id).Distinct().Count());
    }

    [Fact]
    public void AtTheirNeutralSettingsTheyChangeNothingToTheBit()
    {
        using var lab = Tiny.Lab(Store);
        Tweak[] neutral =
        [
            new SmoothActivation("relu"), new LabelSmoothing(0), new Distillation(Weight: 0), new RescaledInit(Iterations: 0),
        ];
        RunSpec vanilla = Tiny.Spec with { Level = 1 }, all = vanilla with { Tweaks = neutral };
        var runs = lab.Run("both", [vanilla, all]);
        Assert.NotEqual(vanilla.Id, all.Id);
        Assert.Equal(Tiny.Bits(lab.Store.Folder(vanilla).Checkpoint), Tiny.Bits(lab.Store.Folder(all).Checkpoint));
        Assert.Equal(runs[0].Epochs.Select(e => e with { Seconds = 0 }), runs[1].Epochs.Select(e => e with { Seconds = 0 }));
    }

    [Fact]
    public void WhatCannotBeCombinedOrActIsRefusedBeforeAnythingIsTrained()
    {
        using var lab = Tiny.Lab(Store);
        foreach (var (said, tweaks, model) in new (string, Tweak[], string)[]
        {
            ("the activations", [new SmoothActivation(), new CustomActivation("own", x => x.tanh())], "resnet18"),
            ("the activations", [new SmoothActivation("swish"), new SmoothActivation("mish")], "resnet18"),
            ("the skip connections", [new SkipInjection(), new SkipInjection(SkipKind.Projection)], "resnet18"),
            ("the scales of the first weights", [new RescaledInit(), new RescaledInit(Iterations: 9)], "resnet18"),
            ("lenet has no convolution", [new SkipInjection()], "lenet"),
        })
            Assert.Contains(said, Assert.Throws<UserException>(() => lab.Sweep(tweaks: tweaks, model: new ModelSpec(model, 4))).Message);
        Assert.Empty(Directory.EnumerateFileSystemEntries(Store));
    }

    private sealed record Trained(Network Network, IReadOnlySet<string> Leaked);
}

/// <summary>All tweaks in one run, of a user's own network too.</summary>
[Collection(nameof(Alone))]      // which draws from the one generator
public sealed class TweakRunTests : InFolder
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void AllTogetherTheyRunFromTicketToResultAndResumeToTheSameBits(bool own)
    {
        var spec = Tiny.Spec with { Model = own ? OwnModelTests.Own : Tiny.Spec.Model, Level = 1, Rewind = 1, Tweaks = TweakPropertyTests.All };
        using Lab lab = Tiny.Lab(Path.Combine(Store, "whole")), cut = Tiny.Lab(Path.Combine(Store, "cut"));
        var run = lab.Run("whole", [spec])[0];
        using var interrupt = new Timer(_ => { if (cut.Store.ReadMetrics(spec).Count > 0) cut.Interrupt(); }, null, 10, 10);
        for (var done = false; !done;)
            try
            {
                cut.Run("cut", [spec with { Tweaks = [.. TweakPropertyTests.All.Reverse()] }]);
                done = true;
            }
            catch (OperationCanceledException)
            {
                interrupt.Change(Timeout.Infinite, Timeout.Infinite);      // once is enough
            }
        Assert.Equal(File.ReadAllBytes(lab.Store.Folder(spec).Checkpoint), File.ReadAllBytes(cut.Store.Folder(spec).Checkpoint));
        using var network = lab.NetworkOf(run);
        using var mask = lab.MaskOf(run)!;
        Assert.Empty(Leaks.In(network, mask));
    }
}
