using LTHKit.Tests.Data;
using TorchSharp.Modules;

namespace LTHKit.Tests.Training;

/// <summary>What a recipe's precision means, on the CPU, and that nothing waits for numbers inside an epoch.</summary>
public sealed class PrecisionTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly ImageSet _data = DataSets.Open(new DataSpec { TrainCount = 150, TestCount = 30, Classes = 3, Size = 8 });

    public void Dispose()
    {
        _data.Dispose();
        _folder.Dispose();
    }

    private Network Build(string model = "resnet18", int width = 4) => Networks.Build(new ModelSpec(model, width), new InputSpec(3, 8), 1);

    private static Recipe With(Precision precision) => new() { Epochs = 2, BatchSize = 30, Precision = precision };

    private Dictionary<string, float[]> Trained(Precision precision, int? stopAt = null)
    {
        using var network = Build();
        var trainer = new Trainer(network, null, With(precision), _data, Losses.CrossEntropy, 1);
        if (stopAt is { } epoch)
        {
            trainer.Run([], until: epoch);
            trainer.Save(_folder.At("checkpoint"));
            trainer.Dispose();
            trainer = new Trainer(network, null, With(precision), _data, Losses.CrossEntropy, 1);
            trainer.Resume(_folder.At("checkpoint"));
        }
        trainer.Run([]);
        trainer.Dispose();
        return network.named_parameters().ToDictionary(p => p.name, p => p.parameter.data<float>().ToArray());
    }

    [Fact]
    public void ProductsAreInBfloat16AndWhatLearnsInFloat32()
    {
        using var network = Build();
        List<ScalarType> seen = [];
        network.Units[0].Convolution.register_forward_hook((_, _, y) =>
        {
            seen.Add(y.dtype);
            return y;
        });
        Loss loss = (logits, target) =>
        {
            var value = Losses.CrossEntropy(logits, target);
            seen.AddRange([logits.dtype, value.dtype]);
            return value;
        };
        using var trainer = new Trainer(network, null, With(Precision.Bf16), _data, loss, 1);
        trainer.TrainEpoch(0, until: 1);
        Assert.Equal([ScalarType.BFloat16, ScalarType.BFloat16, ScalarType.Float32], seen);
        Assert.All(network.parameters(), p => Assert.Equal((ScalarType.Float32, ScalarType.Float32), (p.dtype, p.grad!.dtype)));
        Assert.All(trainer.Optimiser.State, s => Assert.Equal(ScalarType.Float32, s.Value.dtype));
        // Neither afterwards nor on another thread meanwhile.
        Assert.Equal(ScalarType.Float32, network.call(zeros(2, 3, 8, 8)).dtype);
        using (Autocast.On(CPU, Precision.Bf16))
        {
            var other = new Thread(() => seen.Add(nn.functional.linear(zeros(2, 2), zeros(2, 2)).dtype));
            other.Start();
            other.Join();
            Assert.Equal(ScalarType.BFloat16, nn.functional.linear(zeros(2, 2), zeros(2, 2)).dtype);
        }
        Assert.Equal(ScalarType.Float32, seen[^1]);
    }

    // A trainer lays a ResNet's images out so by itself; a VGG, whose images it does not on the CPU, is given them so.
    [Theory]
    [InlineData("resnet18")]
    [InlineData("vgg16")]
    public void InBfloat16TheChannelsStayLastAlsoWhenResumed(string model)
    {
        using var network = Build(model, 16);
        if (model == "vgg16")
            network.register_forward_pre_hook((_, x) => x.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2));
        Dictionary<string, bool> seen = [];
        foreach (var (name, module) in network.named_modules().Where(m => m.module is nn.Module<Tensor, Tensor>))
            ((nn.Module<Tensor, Tensor>)module).register_forward_hook((_, _, y) =>
            {
                if (network.training && y.dim() == 4 && y.shape[1] > 1)
                    seen[name] = y.stride(1) == 1 && seen.GetValueOrDefault(name, true);
                return y;
            });
        var trainer = new Trainer(network, null, With(Precision.Bf16), _data, Losses.CrossEntropy, 1);
        trainer.Run([], until: new Step(0, 1));
        Watched();
        trainer.Save(_folder.At("checkpoint"));
        trainer.Dispose();
        trainer = new Trainer(network, null, With(Precision.Bf16), _data, Losses.CrossEntropy, 1);
        trainer.Resume(_folder.At("checkpoint"));
        trainer.Run([], until: new Step(0, 2));
        trainer.Dispose();
        Watched();

        void Watched()
        {
            Assert.All(network.named_modules().Where(m => m.module is Conv2d), convolution => Assert.Contains(convolution.name, seen.Keys));
            Assert.Equal(model == "vgg16" ? 5 : 0, seen.Keys.Count(name => name.StartsWith("layer") && !name.Contains('.')));     // each ends in a pooling
            Assert.All(seen, module => Assert.True(module.Value, module.Key));
            seen.Clear();
        }
    }

    [Fact]
    public void AGradientInBfloat16IsFloat32sToItsPrecision()
    {
        var gradients = new[] { Precision.Fp32, Precision.Bf16 }.Select(precision =>
        {
            using var network = Build();
            using var trainer = new Trainer(network, null, With(precision) with { Sparse = precision == Precision.Fp32 ? false : null }, _data, Losses.CrossEntropy, 1);
            trainer.TrainEpoch(0, until: 1);
            return network.get_parameter("fc.weight").grad!.clone();
        }).ToArray();
        var error = (gradients[1] - gradients[0]).norm().ToDouble() / gradients[0].norm().ToDouble();
        Assert.InRange(error, 1e-3, 0.15);      // products of seventeen layers, each right to 2^-8
    }

    [Fact]
    public void ARunInBfloat16IsResumedToTheSameBitsAndTf32IsFloat32HereAndBothHaveNamesOfTheirOwn()
    {
        Assert.Equal(Trained(Precision.Bf16), Trained(Precision.Bf16, stopAt: 1));
        Assert.Equal(Trained(Precision.Fp32), Trained(Precision.Tf32));
        Assert.NotEqual(Trained(Precision.Fp32), Trained(Precision.Bf16));

        RunSpec Of(Precision precision) => new() { Recipe = With(precision) };
        Assert.Equal(3, new[] { Precision.Fp32, Precision.Tf32, Precision.Bf16 }.Select(precision => Of(precision).Id).Distinct().Count());
        Assert.False(Of(Precision.Fp32).ToJson()["recipe"]!.AsObject().ContainsKey("precision"));
        Assert.Equal("bf16", (string?)Of(Precision.Bf16).ToJson()["recipe"]!["precision"]);
        Assert.Contains("Sparse = true", Assert.Throws<UserException>(() => (With(Precision.Bf16) with { Sparse = true }).Validate()).Message);
    }

    // Tensors of the meta device have no numbers: whatever asks for one is refused. (libtorch knows linear layers there, and neither ReLU nor BatchNorm, nor how
    // batches are gathered, in which no number is asked for.)
    [Fact]
    public void AStepReadsNothingFromTheDevice()
    {
        using var data = _data.To(META);
        using var network = Build("lenet");
        using var teacher = Build("lenet");
        foreach (var each in new[] { network, teacher })
        {
            each.Activations.ToList().ForEach(activation => activation.Function = x => x.sigmoid());
            each.to(META);
        }
        var context = new TweakContext(data, null, With(Precision.Fp32), 1, () => teacher);
        var loss = new Tweak[] { new LabelSmoothing(), new Distillation() }.Aggregate((Loss)Losses.CrossEntropy, (inner, tweak) => tweak.Wrap(inner, context));
        using Batch batch = new(zeros(30, 3, 8, 8, device: META), zeros(30, dtype: ScalarType.Int64, device: META));
        Tensor losses = zeros(1, device: META), correct = zeros(1, dtype: ScalarType.Int64, device: META);
        using var trainer = new Trainer(network, null, With(Precision.Fp32), data, loss, 1);
        trainer.Learn(batch, 0.1, losses, correct);
        // A loss that reads a number is found.
        using var reading = new Trainer(network, null, With(Precision.Fp32), data, (logits, target) => logits.sum() * loss(logits, target).ToDouble(), 1);
        Assert.Contains("meta", Assert.ThrowsAny<Exception>(() => reading.Learn(batch, 0.1, losses, correct)).Message, StringComparison.OrdinalIgnoreCase);
    }
}
