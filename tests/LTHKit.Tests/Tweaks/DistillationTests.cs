using LTHKit.Tests.Experiments;

namespace LTHKit.Tests.Tweaks;

public sealed class DistillationTests : InFolder
{
    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public void TheDivergenceIsTheSumOverClasses(double temperature)
    {
        double[][] student = [[0.3, -1.2, 2.0], [1.0, 0.0, -0.5]], teacher = [[1.5, 0.1, -0.7], [0.2, 0.2, 0.3]];
        var expected = student.Zip(teacher, (s, t) =>
        {
            double[] q = Softmax(s, temperature), p = Softmax(t, temperature);
            return temperature * temperature * p.Zip(q, (a, b) => a * Math.Log(a / b)).Sum();
        }).Average();
        using var scope = NewDisposeScope();
        var divergence = new Distillation(temperature).Divergence(Tensor(student), Tensor(teacher));
        Assert.Equal(expected, divergence.item<double>(), 1e-12);
        Assert.Equal(0, new Distillation(temperature).Divergence(Tensor(teacher), Tensor(teacher)).item<double>(), 1e-12);
    }

    [Fact]
    public void TheLossIsTheWeightedSumAndTheTeacherGetsNoGradient()
    {
        using var scope = NewDisposeScope();
        var (images, labels) = (randn([6, 3, 16, 16]), tensor(new long[] { 0, 1, 2, 3, 4, 0 }));
        using var student = Networks.Build(new ModelSpec("resnet18", 4), new InputSpec(5, 16), 1);
        using var teacher = Networks.Build(new ModelSpec("resnet18", 4), new InputSpec(5, 16), 2);
        teacher.eval();
        var tweak = new Distillation(3, 0.25);
        var logits = student.call(images);
        var loss = tweak.Wrap(Losses.CrossEntropy, Context(() => teacher))(logits, new Target(images, labels));
        var expected = 0.75 * Losses.CrossEntropy(logits, new Target(images, labels)) + 0.25 * tweak.Divergence(logits, teacher.call(images));
        Assert.Equal(expected.item<float>(), loss.item<float>(), 1e-6f);
        loss.backward();
        Assert.All(teacher.parameters(), p => Assert.True(p.grad is null));
        Assert.All(student.parameters(), p => Assert.True(p.grad is not null));
    }

    [Fact]
    public void WithLabelSmoothingTheOrderDoesNotMatter()
    {
        using var scope = NewDisposeScope();
        var (images, labels) = (randn([4, 3, 16, 16]), tensor(new long[] { 0, 1, 2, 3 }));
        using var teacher = Networks.Build(new ModelSpec("resnet18", 4), new InputSpec(5, 16), 2);
        teacher.eval();
        var logits = randn([4, 5]);
        float Loss(params Tweak[] tweaks) => tweaks.Aggregate((Loss)Losses.CrossEntropy, (inner, t) => t.Wrap(inner, Context(() => teacher)))
            (logits, new Target(images, labels)).item<float>();
        Assert.Equal(Loss(new Distillation(), new LabelSmoothing()), Loss(new LabelSmoothing(), new Distillation()));
        Assert.NotEqual(Loss(new Distillation()), Loss(new LabelSmoothing(), new Distillation()));
    }

    [Fact]
    public void WeightZeroChangesNothingAndNeedsNoTeacher()
    {
        Loss loss = Losses.CrossEntropy;
        Assert.Same(loss, new Distillation(Weight: 0).Wrap(loss, Context(() => throw new InvalidOperationException())));
        Assert.False(new Distillation(Weight: 0).NeedsDense);
    }

    [Fact]
    public void TheTeacherIsTheDenseRunOfTheSameSeedAndTrainedFirst()
    {
        using var lab = Tiny.Lab(Store);
        var pruning = Pruner.Random;      // whose tickets need no dense run
        var spec = Tiny.Spec with { Level = 1, Seed = 3, Pruning = pruning, Tweaks = [new Distillation(2, 1)] };
        var runs = lab.Run("distilled", [spec, spec with { Tweaks = [.. spec.Tweaks, new LabelSmoothing(0.5)] }]);
        var dense = Assert.IsType<RunResult>(lab.Store.Find(spec.Dense));
        Assert.Equal(3, dense.Spec.Seed);
        Assert.Null(lab.Store.Find(spec.Dense with { Seed = 0 }));
        // With all weight on the teacher, training lowers the distance to it, which is what it minimises, and what the labels are does not matter to the bit.
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using Network teacher = lab.NetworkOf(dense), untrained = lab.NetworkOf(runs[0], 0), trained = lab.NetworkOf(runs[0]);
        using var batches = new Batches(lab.Data(), 32, 0);
        using var batch = batches.Evaluation(lab.Data().Train, 200).First();
        float Distance(Network network) => new Distillation(2).Divergence(network.call(batch.Images), teacher.call(batch.Images)).item<float>();
        Assert.True(Distance(trained) < Distance(untrained), $"{Distance(untrained)} -> {Distance(trained)}");
        Assert.NotEqual(runs[0].Id, runs[1].Id);
        Assert.Equal(Tiny.Bits(lab.Store.Folder(runs[0].Spec).Checkpoint), Tiny.Bits(lab.Store.Folder(runs[1].Spec).Checkpoint));
    }

    [Theory]
    [InlineData(0, 0.5)]
    [InlineData(-1, 0.5)]
    [InlineData(double.NaN, 0.5)]
    [InlineData(double.PositiveInfinity, 0.5)]
    [InlineData(4, -0.1)]
    [InlineData(4, 1.1)]
    public void BadSettingsAreRefusedBeforeTraining(double temperature, double weight)
    {
        using var lab = Tiny.Lab(Store);
        var e = Assert.Throws<UserException>(() => lab.Run("refused", [Tiny.Spec with { Level = 1, Tweaks = [new Distillation(temperature, weight)] }]));
        Assert.Contains("distillation", e.Message);
        Assert.Empty(Directory.GetFileSystemEntries(Store));
    }

    private static TweakContext Context(Func<Network> dense) => new(null!, null, Tiny.Profile.Recipe, 0, dense);

    private static double[] Softmax(double[] logits, double temperature)
    {
        var sum = logits.Sum(l => Math.Exp(l / temperature));
        return [.. logits.Select(l => Math.Exp(l / temperature) / sum)];
    }

    private static Tensor Tensor(double[][] rows) => stack([.. rows.Select(r => tensor(r))]);
}
