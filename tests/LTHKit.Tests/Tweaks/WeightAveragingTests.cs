using LTHKit.Data;
using LTHKit.Experiments;
using LTHKit.Models;
using LTHKit.Pruning;
using LTHKit.Tests.Experiments;
using LTHKit.Training;
using LTHKit.Tweaks;
using TorchSharp;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace LTHKit.Tests.Tweaks;

public sealed class WeightAveragingTests : IDisposable
{
    private static readonly Recipe Recipe = Tiny.Profile.Recipe;
    private static readonly StochasticWeightAveraging LastHalf = new(0.5);

    private readonly ImageSet _data = DataSets.Open(Tiny.Profile.Data);
    private readonly string _folder = Directory.CreateTempSubdirectory("lthkit-swa-").FullName;

    public void Dispose()
    {
        _data.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private Network Build(string model = "vgg5") => Networks.Build(new ModelSpec(model, 4), new InputSpec(5, _data.Height), 3);

    private Trainer Train(Network network, Averaging? averaging, Mask? mask = null, int first = 0)
        => new(network, mask, Recipe, _data, Losses.CrossEntropy, 5, first, averaging: averaging);

    // ResNet-18's shortcuts have two names in its state_dict.
    [Theory]
    [InlineData("vgg5")]
    [InlineData("resnet18")]
    public void TheNetworkIsTheMeanOfTheLastEpochsWeights(string model)
    {
        using var scope = NewDisposeScope();
        using Network averaged = Build(model), plain = Build(model);
        using Trainer swa = Train(averaged, LastHalf.Average(Recipe)), usual = Train(plain, null);
        EpochEnds own = new(), vanilla = new();
        swa.Run([own]);
        usual.Run([vanilla]);
        Assert.Equal(4, own.Weights.Count);
        // The training itself goes on as without.
        foreach (var (a, b) in own.Weights.Zip(vanilla.Weights))
            Assert.All(a, p => Assert.True(p.Value.eq(b[p.Key]).all().ToBoolean(), p.Key));
        foreach (var (name, weight) in averaged.named_parameters())
        {
            var mean = (own.Weights[2][name].to_type(ScalarType.Float64) + own.Weights[3][name]) / 2;
            Assert.True((weight - mean).abs().amax().ToDouble() < 1e-6, name);
            Assert.False(weight.eq(own.Weights[3][name]).all().ToBoolean() && weight.dim() > 1, name);
        }
    }

    // The first BatchNorm sees conv(images): over the last epoch's batches, the mean of their means and of their unbiased variances.
    [Fact]
    public void BatchNormStatisticsAreTakenAnewOverTheTrainingImages()
    {
        using var scope = NewDisposeScope();
        using var network = Build();
        using var trainer = Train(network, LastHalf.Average(Recipe));
        trainer.Run([]);
        using var noGrad = no_grad();
        var unit = network.Units[0];
        var means = new List<Tensor>();
        var variances = new List<Tensor>();
        using var batches = new Batches(_data, Recipe.BatchSize, 5);
        foreach (var batch in batches.Epoch(3))
        {
            using var held = batch;
            var y = unit.Convolution.call(batch.Images).transpose(0, 1).flatten(1).to_type(ScalarType.Float64);     // [C, B H W]
            var mean = y.mean([1]);
            means.Add(mean);
            variances.Add((y - mean.unsqueeze(1)).pow(2).sum(1L) / (y.shape[1] - 1));
        }
        Assert.True((unit.Norm!.running_mean! - stack([.. means]).mean([0])).abs().amax().ToDouble() < 1e-5);
        Assert.True((unit.Norm!.running_var! - stack([.. variances]).mean([0])).abs().amax().ToDouble() < 1e-4);
        Assert.All(network.modules().OfType<BatchNorm2d>(), norm => Assert.Equal(0.1, norm.momentum));
    }

    [Theory]
    [InlineData("vgg5", 1)]
    [InlineData("vgg5", 2)]
    [InlineData("vgg5", 3)]
    [InlineData("lenet", 3)]
    [InlineData("conv4", 3)]
    [InlineData("resnet18", 3)]
    public void CutOffAndResumedItEndsWithTheSameBits(string model, int at)
    {
        using var scope = NewDisposeScope();
        using Network whole = Build(model), cut = Build(model), resumed = Build(model);
        var averaging = LastHalf.Average(Recipe);
        using (var trainer = Train(whole, averaging))
            trainer.Run([]);
        var checkpoint = Path.Combine(_folder, "checkpoint.safetensors");
        using (var trainer = Train(cut, averaging))
        {
            trainer.RunTo(at);
            trainer.Save(checkpoint);
        }
        using (var trainer = Train(resumed, averaging))
        {
            trainer.Resume(checkpoint);
            Assert.Equal(at, trainer.NextEpoch);
            trainer.Run([]);
            trainer.Save(checkpoint);
        }
        foreach (var (name, value) in whole.state_dict())
            Assert.True(value.eq(resumed.state_dict()[name]).all().ToBoolean(), name);
        // A finished run's checkpoint is the average and nothing else.
        using var loaded = Build(model);
        Assert.Equal(4, Checkpoint.Load(checkpoint, loaded));
        Assert.DoesNotContain(LTHKit.Storage.SafeTensors.Load(checkpoint).Tensors.Keys, name => name.StartsWith("trained.") || name.StartsWith("momentum."));
    }

    [Fact]
    public void PrunedWeightsAreZeroInTheAverage()
    {
        using var scope = NewDisposeScope();
        using var network = Build();
        using var dense = Mask.Dense(network);
        using var mask = Cut.To(network.PrunableWeights().ToDictionary(w => w.Name, w => w.Weight.detach().abs()), dense, dense.Total / 4);
        mask.Apply(network);
        using var trainer = Train(network, LastHalf.Average(Recipe), mask, first: 1);
        trainer.Run([]);
        Assert.All(network.PrunableWeights(), w => Assert.Equal(0, w.Weight.masked_select(mask[w.Name].logical_not()).count_nonzero().ToInt64()));
    }

    // In a run: what it reports and keeps is the average, at every epoch that it passes, trained again or not.
    [Fact]
    public void ARunReportsTheAverage()
    {
        using var lab = Tiny.Lab(_folder);
        RunSpec spec = Tiny.Spec with { Level = 1, Tweaks = [LastHalf] }, vanilla = Tiny.Spec with { Level = 1 };
        var runs = lab.Run("both", [spec, vanilla]);
        Assert.Equal(runs[1].Epochs.Take(2).Select(e => e.TestLoss), runs[0].Epochs.Take(2).Select(e => e.TestLoss));
        Assert.Equal(runs[1].Epochs.Select(e => e.TrainLoss), runs[0].Epochs.Select(e => e.TrainLoss));
        using var scope = NewDisposeScope();
        using var batches = new Batches(_data, 100, 0);
        foreach (var epochs in new[] { 3, 4 })
        {
            using var network = lab.Network(runs[0], epochs);
            Assert.Equal(runs[0].Epochs[epochs - 1].TestLoss, Trainer.Evaluate(network, batches, _data.Test).Loss, 1e-5);
        }
        Assert.NotEqual(runs[1].Epochs[^1].TestLoss, runs[0].Epochs[^1].TestLoss);
    }

    [Fact]
    public void AConstantLearningRateHoldsFromItsStart()
    {
        using var scope = NewDisposeScope();
        using var network = Build();
        using var trainer = Train(network, new StochasticWeightAveraging(0.5, 0.03).Average(Recipe));
        var metrics = new List<double>();
        trainer.Run([new Rates(metrics)]);
        Assert.Equal([0.1, 0.1, 0.03, 0.03], metrics);
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(1.1, 0)]
    [InlineData(double.NaN, 0)]
    [InlineData(0.5, -1)]
    [InlineData(0.5, double.PositiveInfinity)]
    public void RefusesWhatItCannotDo(double start, double rate)
        => Assert.Throws<UserException>(() => new RunSpec { Tweaks = [new StochasticWeightAveraging(start, rate)] }.Validate());

    /// <summary>The weights that are trained, after each epoch's last step.</summary>
    private sealed class EpochEnds : TrainingCallback
    {
        public List<Dictionary<string, Tensor>> Weights { get; } = [];

        public override void StepDone(Trainer trainer, int epoch, int iteration, int iterations)
        {
            if (iteration == iterations)
                Weights.Add(trainer.Network.named_parameters().ToDictionary(p => p.name, p => p.parameter.detach().clone().DetachFromDisposeScope()));
        }
    }

    private sealed class Rates(List<double> rates) : TrainingCallback
    {
        public override void EpochDone(Trainer trainer, EpochMetrics metrics) => rates.Add(metrics.LearningRate);
    }
}
