using CsCheck;
using LTHKit.Tests.Experiments;
using LTHKit.Tests.Tweaks;
using TorchSharp.Modules;

namespace LTHKit.Tests.Models;

/// <summary>Networks as a user writes them: plain TorchSharp modules.</summary>
[Collection(nameof(Alone))]      // it draws from the one generator
public sealed class OwnModelTests : InFolder
{
    /// <summary>A residual network as in PyTorch's tutorials: its fields out of order, one ReLU for all.</summary>
    private sealed class Residual : nn.Module<Tensor, Tensor>
    {
        private readonly Linear head;
        private readonly Conv2d shortcut = nn.Conv2d(8, 16, 1, stride: 2, bias: false), second = nn.Conv2d(16, 16, 3, padding: 1), first = nn.Conv2d(8, 16, 3, stride: 2, padding: 1, bias: false);
        private readonly Conv2d stem = nn.Conv2d(3, 8, 3, padding: 1), narrow = nn.Conv2d(16, 16, 3);
        private readonly BatchNorm2d bn = nn.BatchNorm2d(16);
        private readonly ReLU relu = nn.ReLU(inplace: true);

        public Residual(int classes) : base(nameof(Residual))
        {
            head = nn.Linear(16, classes);
            RegisterComponents();
        }

        public override Tensor forward(Tensor x)
        {
            x = relu.call(stem.call(x));
            x = relu.call(second.call(relu.call(bn.call(first.call(x)))) + shortcut.call(x));
            return head.call(relu.call(narrow.call(x)).mean([2, 3]));
        }
    }

    internal static readonly ModelSpec Own = ModelSpec.Own("residual", input => new Residual(input.Classes));

    private static readonly ModelSpec Row = ModelSpec.Own("row", input => nn.Sequential(nn.Conv2d(3, 8, 3, padding: 1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(8, 12, 3, padding: 1), nn.BatchNorm2d(12), nn.GELU(), nn.Conv2d(12, 12, 3, padding: 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        nn.Linear(12, 20), nn.ReLU(), nn.Linear(20, input.Classes)), dense: "10");

    [Fact]
    public void ItsListsAreDerived()
    {
        using var network = Networks.Build(Own, new InputSpec(5, 16), 0);
        Assert.Equal(["first.weight", "narrow.weight", "second.weight", "shortcut.weight", "stem.weight"], network.Prunable.Order());
        Assert.Equal(["first", "second"], network.Units.Select(u => u.Path));         // not the stem, the shortcut, the one that shrinks
        Assert.Equal([true, false], network.Units.Select(u => u.Norm is not null));
        Assert.Equal([2L, 1L], network.Units.Select(u => u.Stride));
        Assert.Equal(["relu"], network.Activations.Select(a => a.Path));
        Assert.True(network.training);

        using var row = Networks.Build(Row, new InputSpec(5, 16), 0);
        Assert.Equal(["0.weight", "3.weight", "6.weight"], row.Prunable);               // the hidden layer is left dense by name
        Assert.Equal(["3", "6"], row.Units.Select(u => u.Path));
        Assert.Equal(["1", "5", "7", "11"], row.Activations.Select(a => a.Path));
    }

    [Fact]
    public void TheSeedDecidesWhatItsConstructorDraws()
    {
        byte[] Bits(ulong seed)
        {
            using var network = Networks.Build(Own, new InputSpec(5, 16), seed);
            return NetworkTests.Bits(network);
        }
        Assert.Equal(Bits(1), Bits(1));
        Assert.NotEqual(Bits(1), Bits(2));
    }

    // Against the same forward pass written out.
    [Theory]
    [InlineData(SkipKind.Identity)]
    [InlineData(SkipKind.Projection)]
    public void SkipsAndActivationsActInItsForward(SkipKind kind)
    {
        using var scope = NewDisposeScope();
        var network = TweakSamples.Rewritten(Row, new InputSpec(5, 16), new SkipInjection(kind, 0.1), new CustomActivation("own", x => x * sigmoid(2 * x)));
        network.eval();
        var x = (arange(2 * 3 * 16 * 16, ScalarType.Float32) * 0.11).sin().reshape(2, 3, 16, 16);
        var m = network.named_modules().DistinctBy(n => n.module).ToDictionary(n => n.name, n => n.module);
        Tensor Run(string name, Tensor input) => ((nn.Module<Tensor, Tensor>)m[name]).forward(input);
        static Tensor Act(Tensor y) => y * sigmoid(2 * y);
        Tensor Skip(int unit, Tensor input) => network.Units[unit].Skip!.forward(input);
        var y = Run("2", Act(Run("0", x)));
        y = Act(Run("4", Run("3", y)) + Skip(0, y));
        y = Act(Run("6", y) + Skip(1, y));
        var expected = Run("12", Act(Run("10", y.mean([2, 3]))));
        Assert.True((network.call(x) - expected).abs().max().ToDouble() < 1e-5);

        var injected = network.named_parameters().Where(p => p.name.StartsWith("skip_")).ToList();
        Assert.Equal(kind == SkipKind.Projection ? 6 : 0, injected.Count);
        Assert.Equal(kind == SkipKind.Projection ? 8 * 12 + 12 * 12 : 0, injected.Where(p => p.parameter.dim() > 1).Sum(p => p.parameter.numel()));
        network.train();
        network.call(x).sum().backward();
        Assert.All(network.named_parameters(), p => Assert.NotNull(p.parameter.grad));
        Assert.DoesNotContain(network.Prunable, name => name.Contains("skip"));
    }

    [Fact]
    public void AnActivationThatIsNotReplacedIsAsItWas()
    {
        using var scope = NewDisposeScope();
        var network = Networks.Build(Own, new InputSpec(5, 16), 3);
        var plain = new Residual(5);
        using (no_grad())
            foreach (var (name, value) in plain.named_parameters())
                value.copy_(network.get_parameter(name));
        var x = randn(4, 3, 16, 16);
        Assert.True(network.call(x).eq(plain.call(x)).all().ToBoolean());
        var watched = 0;
        network.Activations[0].register_forward_hook((_, _, y) => { watched += y.ge(0).all().ToBoolean() ? 1 : 0; return y; });
        network.call(x);
        Assert.Equal(4, watched);
        using var copy = Networks.Copy(network);
        copy.eval();
        network.eval();
        Assert.True(network.call(x).eq(copy.call(x)).all().ToBoolean());
    }

    [Fact]
    public void ItIsSweptResumedAndKeepsItsPrunedWeightsAtZero()
    {
        using var lab = Tiny.Lab(Store);
        var spec = Tiny.Spec with { Model = Own, Level = 2, Tweaks = [new SkipInjection(), new SmoothActivation("swish")] };
        lab.Run("own", [spec]);
        using var mask = Mask.Load(lab.Store.Folder(spec).Mask);
        Assert.Equal(0.75, mask.Sparsity, 2);
        var (tensors, _) = LTHKit.Storage.SafeTensors.Load(lab.Store.Folder(spec).Checkpoint);
        foreach (var layer in mask.Layers)
        {
            using var pruned = tensors.Single(t => t.Key.EndsWith(layer.Name)).Value.masked_select(mask[layer.Name].logical_not());
            Assert.Equal(0, pruned.count_nonzero().ToInt64());
        }
        var other = ModelSpec.Own("residual", input => new Residual(Math.Max(2, input.Classes)));
        Assert.NotEqual(spec.Id, (spec with { Model = other }).Id);
    }

    [Fact]
    public void WhatIsNoNetworkForTheDataIsRefusedInOneSentence()
    {
        string Refusal(Func<InputSpec, nn.Module<Tensor, Tensor>> factory, string name = "own")
            => Assert.Throws<UserException>(() => Networks.Build(ModelSpec.Own(name, factory), new InputSpec(5, 16), 0)).Message;
        Assert.Contains("must make [N, 5]", Refusal(_ => nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(4 * 14 * 14, 7))));
        Assert.Contains("does not take images [N, 3, 16, 16]", Refusal(_ => nn.Sequential(nn.Conv2d(1, 4, 3), nn.Flatten(), nn.Linear(4 * 14 * 14, 5))));
        Assert.Contains("nothing to prune", Refusal(_ => nn.Sequential(nn.Flatten(), nn.Linear(3 * 16 * 16, 5))));
        Assert.Contains("name of its own", Refusal(_ => new Residual(5), "resnet18"));
        Assert.Contains("makes no module", Refusal(_ => null!));
        Assert.Contains("draws random numbers", Refusal(_ => nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Dropout(0.1), nn.Linear(4 * 14 * 14, 5))));
        Assert.Contains("no layer 'steam' to leave dense; it has stem,", Assert.Throws<UserException>(
            () => Networks.Build(ModelSpec.Own("own", _ => new Residual(5), "steam"), new InputSpec(5, 16), 0)).Message);
        var linear = ModelSpec.Own("linear", _ => nn.Sequential(nn.Flatten(), nn.Linear(3 * 16 * 16, 8), nn.Tanh(), nn.Linear(8, 5)));
        using var lab = Tiny.Lab(Store);
        Assert.Contains("no convolution", Assert.Throws<UserException>(() => lab.Run("", [Tiny.Spec with { Model = linear, Tweaks = [new SkipInjection()] }])).Message);
        Assert.Contains("no activation", Assert.Throws<UserException>(() => lab.Run("", [Tiny.Spec with { Model = linear, Tweaks = [new SmoothActivation()] }])).Message);
        Assert.Empty(Directory.EnumerateFileSystemEntries(Store));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void AFactoryThatGivesWhatItGaveBeforeIsRefused(bool part)
    {
        void Refused(Action<ModelSpec> act)
        {
            nn.Module<Tensor, Tensor> one = part ? nn.Conv2d(3, 4, 16) : nn.Sequential(nn.Conv2d(3, 4, 16), nn.Flatten(), nn.Linear(4, 5));
            var said = Assert.Throws<UserException>(() => act(ModelSpec.Own("same", _ => part ? nn.Sequential(one, nn.Flatten(), nn.Linear(4, 5)) : one))).Message;
            Assert.Contains("The factory of same gives", said);
            Assert.Contains("it must make a new one", said);
        }
        var input = new InputSpec(5, 16);
        Refused(model =>
        {
            Networks.Build(model, input, 0).Dispose();
            Networks.Build(model, input, 0);
        });
        Refused(model =>
        {
            using var network = Networks.Build(model, input, 0);
            Networks.Copy(network);
        });
        using var lab = Tiny.Lab(Store);
        Refused(model => lab.Run("", [Tiny.Spec with { Model = model }]));
        Assert.Empty(Directory.EnumerateFileSystemEntries(Store));
    }

    /// <summary>A row of convolutions, with or without BatchNorm, of strides 1 and 2, then linear layers.</summary>
    private static ModelSpec Any((int Width, bool Norm, int Stride)[] convolutions, int[] hidden) => ModelSpec.Own("any", input =>
    {
        var (layers, channels) = (new List<nn.Module<Tensor, Tensor>>(), input.Channels);
        foreach (var (width, norm, stride) in convolutions)
        {
            layers.Add(nn.Conv2d(channels, channels = width, 3, stride: stride, padding: 1));
            if (norm)
                layers.Add(nn.BatchNorm2d(width));
            layers.Add(norm ? nn.SiLU() : nn.ReLU(inplace: true));
        }
        layers.AddRange([nn.AdaptiveAvgPool2d(1), nn.Flatten()]);
        foreach (var width in hidden)
            layers.AddRange([nn.Linear(channels, channels = width), nn.ReLU()]);
        layers.Add(nn.Linear(channels, input.Classes));
        return nn.Sequential(layers);
    });

    // Whatever the network: all layers but the last are pruned, every convolution but the first gets a skip, every activation is replaced, all learns and the mask holds.
    [Fact]
    public void AnyRowOfLayersIsANetworkOfTheKit()
    {
        using var data = LTHKit.Data.DataSets.Open(Tiny.Profile.Data with { TrainCount = 40, Size = 8 });
        var recipe = new LTHKit.Training.Recipe { Epochs = 1, BatchSize = 18 };
        Gen.Select(Gen.Select(Gen.Int[1, 6], Gen.Bool, Gen.Int[1, 2]).Array[1, 4], Gen.Int[1, 6].Array[0, 2], Gen.OneOf(Enum.GetValues<SkipKind>())).Sample((convolutions, hidden, kind) =>
        {
            using var scope = NewDisposeScope();
            Tweak[] tweaks = convolutions.Length > 1 ? [new SkipInjection(kind), new SmoothActivation("mish")] : [new SmoothActivation("mish")];
            using var network = TweakSamples.Rewritten(Any(convolutions, hidden), new InputSpec(5, 8), tweaks);
            Assert.Equal(convolutions.Length + hidden.Length, network.Prunable.Count);
            Assert.Equal(convolutions.Length - 1, network.Units.Count(unit => unit.Skip is not null));
            Assert.All(network.Activations, activation => Assert.Equal("Mish", activation.Label));
            Assert.Equal(convolutions.Length + hidden.Length, network.Activations.Count);
            using var mask = new Mask(network.PrunableWeights().Select(w => (w.Name, rand_like(w.Weight).ge(0.5))));
            mask.Apply(network);
            var bias = network.named_parameters().Last(p => !p.name.StartsWith("skip_")).name;      // the classifier's
            var before = network.get_parameter(bias).clone();
            new LTHKit.Training.Trainer(network, mask, recipe, data, LTHKit.Training.Losses.CrossEntropy, 1).Run([]);
            Assert.Empty(Leaks.In(network, mask));
            Assert.False(network.get_parameter(bias).eq(before).all().ToBoolean());
        }, iter: 60, threads: 1);
    }
}
