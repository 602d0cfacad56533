using LTHKit.Analysis;
using LTHKit.Data;
using LTHKit.Models;
using LTHKit.Tests.Data;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace LTHKit.Tests.Analysis;

public sealed class LossLandscapeTests : IDisposable
{
    private static readonly PlaneOptions Coarse = new() { Points = 5, Reach = 0.8, Seed = 4 };

    private readonly ImageSet _data = Small.Images();
    private readonly DisposeScope _scope = NewDisposeScope();
    private readonly TemporaryFolder _folder = new();

    private string File => Path.Combine(_folder.Path, "plane.jsonl");

    public void Dispose()
    {
        _scope.Dispose();
        _data.Dispose();
        _folder.Dispose();
    }

    [Theory]
    [InlineData("vgg5")]
    [InlineData("conv4")]
    public void AlongADirectionItIsTheLossOfTheMovedWeights(string model)
    {
        using var network = Small.Network(model, 2, _data);
        var origin = nn.utils.parameters_to_vector(network.parameters()).detach().clone();
        var direction = randn(origin.shape[0], dtype: ScalarType.Float64) / 10;
        var line = LossLandscape.Along(network, _data, direction, new() { Reach = 0.4, Points = 5 });
        Assert.Equal([-0.4, -0.2, 0, 0.2, 0.4], line.X);
        foreach (var (t, loss) in line.X.Zip(line.Y))
        {
            nn.utils.vector_to_parameters(origin + t * direction, network.parameters());
            Assert.Equal(Loss(network, _data.Test), loss, 1e-9);
        }
    }

    [Fact]
    public void AlongAnEigenvectorItCurvesAsTheEigenvalueSays()
    {
        using var network = Small.Network("lenet", 4, _data);
        using var hessian = new Hessian(network, _data, options: new() { Tolerance = 1e-10, MaxIterations = 2000 });
        var top = hessian.Top()[0];
        var line = LossLandscape.Along(network, _data, top.Vector, new() { Reach = 1e-3, Points = 3, Sample = new Sample() });
        Assert.Equal(top.Value, (line.Y[0] - 2 * line.Y[1] + line.Y[2]) / 1e-6, 1e-4 * Math.Abs(top.Value));
    }

    [Theory]
    [InlineData("vgg5")]
    [InlineData("conv4")]
    public void APlaneIsTheLossAtTheSumOfTwoFilterNormalisedDirections(string model)
    {
        using var network = Small.Network(model, 2, _data);
        using var mask = Small.HalfOf(network);
        mask.Apply(network);
        var plane = LossLandscape.Weights(network, _data, mask, Coarse);
        Assert.Equal([-0.8, -0.4, 0, 0.4, 0.8], plane.X);
        Assert.Equal(plane.X, plane.Y);
        Assert.Equal(Loss(network, _data.Train), plane.Z[2][2], 1e-12);
        var (first, second) = (Directions.FilterNormalised(network, mask, 4, 1), Directions.FilterNormalised(network, mask, 4, 2));
        using (no_grad())
            foreach (var (weight, (a, b)) in network.parameters().Zip(first.Zip(second)))
                if (a is not null)
                    weight.add_(0.4 * a).add_(-0.8 * b!);
        Assert.Equal(Loss(network, _data.Train), plane.Z[0][3], 1e-9);
        // Pruned weights did not move.
        Assert.All(network.PrunableWeights(), w => Assert.Equal(0, w.Weight.masked_select(mask[w.Name].logical_not()).count_nonzero().ToInt64()));
    }

    [Fact]
    public void EveryFilterOfADirectionHasTheNormOfTheNetworks()
    {
        using var network = Small.Network("resnet18", 2, _data);
        using var mask = Small.HalfOf(network);
        mask.Apply(network);
        foreach (var (part, (name, weight)) in Directions.FilterNormalised(network, mask, 1, 1).Zip(network.named_parameters()))
        {
            if (weight.dim() == 1)
            {
                Assert.Null(part);
                continue;
            }
            for (var filter = 0; filter < weight.shape[0]; filter++)
                Assert.Equal(weight[filter].norm().ToDouble(), part![filter].norm().ToDouble(), 1e-6);
            if (mask.Covers(name))
                Assert.Equal(0, part!.masked_select(mask[name].logical_not()).count_nonzero().ToInt64());
        }
    }

    [Fact]
    public void NetworksShareTheDirectionsOfTheParametersTheyShare()
    {
        using Network plain = Small.Network("vgg5", 2, _data), extended = Small.Network("vgg5", 2, _data);
        extended.Units[1].Inject(nn.Conv2d(2, 2, 1, bias: false).to(ScalarType.Float64));
        IReadOnlyDictionary<string, Tensor?> Parts(Network network, ulong seed, int number) => network.named_parameters().Select(p => p.name)
            .Zip(Directions.FilterNormalised(network, null, seed, number)).ToDictionary();
        var (a, b) = (Parts(plain, 1, 1), Parts(extended, 1, 1));
        Assert.Equal(a.Count + 1, b.Count);
        Assert.All(a, p => Assert.Equal(p.Value?.bytes.ToArray(), b[p.Key]?.bytes.ToArray()));
        var name = plain.Prunable[0];
        Assert.NotEqual(a[name]!.bytes.ToArray(), Parts(plain, 1, 2)[name]!.bytes.ToArray());
        Assert.NotEqual(a[name]!.bytes.ToArray(), Parts(plain, 2, 1)[name]!.bytes.ToArray());
    }

    [Fact]
    public void AnInputPlaneIsTheMeanLossAroundEachImage()
    {
        using var network = Small.Network("vgg5", 2, _data);
        var plane = LossLandscape.Inputs(network, _data, new() { Points = 3, Reach = 1e-3, Sample = new Sample { Part = Part.Test, BatchSize = 7 } });
        Assert.Equal(Loss(network, _data.Test), plane.Z[1][1], 1e-12);
        // Along its own gradient each image's loss grows by the gradient's norm.
        using var batch = Whole(_data.Test);
        var images = batch.Images.clone().requires_grad_();
        network.eval();
        var gradient = autograd.grad([nn.functional.cross_entropy(network.call(images), batch.Labels, reduction: nn.Reduction.Sum)], [images])[0];
        var expected = linalg.vector_norm(gradient.flatten(1), dims: [1]).mean().ToDouble();
        Assert.Equal(expected, (plane.Z[1][2] - plane.Z[1][0]) / 2e-3, 1e-3 * expected);
        // A random direction is nearly flat beside it, and the same whatever the batch.
        Assert.True(Math.Abs(plane.Z[2][1] - plane.Z[0][1]) / 2e-3 < 0.5 * expected);
        Assert.Equal(plane.Z[2][1], LossLandscape.Inputs(network, _data, new() { Points = 3, Reach = 1e-3 }).Z[2][1], 1e-9);
    }

    [Fact]
    public void TheNetworkComesBackToTheBitAndTheSeedDecides()
    {
        using var network = Networks.Build(new ModelSpec("resnet18", 8), new InputSpec(3, 8), 0);
        using var mask = Small.HalfOf(network);
        mask.Apply(network);
        network.train();
        network.Activations[0].eval();
        nn.functional.cross_entropy(network.call(randn(4, 3, 8, 8)), tensor(new long[] { 0, 1, 2, 0 })).backward();
        var before = Small.State(network);
        var first = LossLandscape.Weights(network, _data, mask, Coarse);
        Assert.Equal(before, Small.State(network));
        Assert.Equal(first.Z, LossLandscape.Weights(network, _data, mask, Coarse).Z);
        Assert.NotEqual(first.Z, LossLandscape.Weights(network, _data, mask, Coarse with { Seed = 5 }).Z);
        LossLandscape.Inputs(network, _data, new() { Points = 3 });
        LossLandscape.Along(network, _data, ones(network.ParameterCount));
        Assert.Equal(before, Small.State(network));
        // And when it is stopped.
        using var stop = new CancellationTokenSource();
        Assert.ThrowsAny<OperationCanceledException>(() => LossLandscape.Weights(network, _data, mask, Coarse, rowDone: _ => stop.Cancel(), cancel: stop.Token));
        Assert.Equal(before, Small.State(network));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public void AStoppedPlaneGoesOnWhereItWas(int after)
    {
        using var network = Small.Network("lenet", 4, _data);
        var whole = LossLandscape.Weights(network, _data, null, Coarse);
        using var stop = new CancellationTokenSource();
        void Stop(int rows)
        {
            if (rows == after)
                stop.Cancel();
        }
        Assert.ThrowsAny<OperationCanceledException>(() => LossLandscape.Weights(network, _data, null, Coarse, File, Stop, stop.Token));
        Assert.Equal(after + 1, System.IO.File.ReadAllLines(File).Length);
        var done = new List<int>();
        var resumed = LossLandscape.Weights(network, _data, null, Coarse, File, done.Add);
        Assert.Equal(Enumerable.Range(after + 1, 5 - after), done);
        Assert.Equal(whole.Z, resumed.Z);
        // And a finished one is only read.
        Assert.Equal(whole.Z, LossLandscape.Weights(network, _data, null, Coarse, File, _ => Assert.Fail("computed again")).Z);
    }

    [Fact]
    public void AKeptPlaneOfSomethingElseIsRefused()
    {
        using var network = Small.Network("lenet", 4, _data);
        LossLandscape.Weights(network, _data, null, Coarse, File);
        var kept = System.IO.File.ReadAllBytes(File);
        using var mask = Small.HalfOf(network);
        using var otherData = Small.Images(train: 41);
        var said = new List<string>();
        void Refused(Action act) => said.Add(Assert.Throws<UserException>(act).Message);
        Refused(() => LossLandscape.Weights(network, _data, null, Coarse with { Points = 7 }, File));
        Refused(() => LossLandscape.Weights(network, _data, null, Coarse with { Seed = 1 }, File));
        Refused(() => LossLandscape.Weights(network, _data, mask, Coarse, File));
        Refused(() => LossLandscape.Weights(network, otherData, null, Coarse, File));
        network.Activations[0].Function = x => nn.functional.mish(x);
        Refused(() => LossLandscape.Weights(network, _data, null, Coarse, File));
        network.Activations[0].Function = x => nn.functional.silu(x);
        using (no_grad())
            network.parameters().First().mul_(1.5);
        Refused(() => LossLandscape.Weights(network, _data, null, Coarse, File));
        Assert.All(said, message => Assert.Contains("of another network, other images or other settings", message));
        Assert.Equal(kept, System.IO.File.ReadAllBytes(File));
    }

    [Theory]
    [InlineData(20)]
    [InlineData(200)]
    public void ADamagedFileIsNamed(int cut)
    {
        using var network = Small.Network("lenet", 4, _data);
        LossLandscape.Weights(network, _data, null, Coarse, File);
        System.IO.File.WriteAllBytes(File, System.IO.File.ReadAllBytes(File)[..^cut]);
        Assert.Contains("is damaged", Assert.Throws<UserException>(() => LossLandscape.Weights(network, _data, null, Coarse, File)).Message);
    }

    [Fact]
    public void ALossThatIsNoNumberIsKeptAsOne()
    {
        using var network = Small.Network("lenet", 4, _data);
        using (no_grad())
            network.parameters().First().fill_(double.NaN);
        var plane = LossLandscape.Weights(network, _data, null, Coarse, File);
        Assert.All(plane.Z.SelectMany(row => row), z => Assert.True(double.IsNaN(z)));
        Assert.Equal(plane.Z, LossLandscape.Weights(network, _data, null, Coarse, File, _ => Assert.Fail("computed again")).Z);
    }

    [Fact]
    public void TenThousandEvaluationsLeaveNoTensorBehind()
    {
        using var network = Networks.Build(new ModelSpec("lenet", 2), new InputSpec(3, 8), 0);
        var options = new PlaneOptions { Points = 100, Sample = new Sample { Images = 4 } };
        var live = new HashSet<long>();
        var before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        LossLandscape.Weights(network, _data, null, options, rowDone: _ => live.Add(DisposeScopeManager.Statistics.ThreadTotalLiveCount));
        Assert.Single(live);
        Assert.Equal(before, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
        LossLandscape.Inputs(network, _data, new() { Points = 3 });
        LossLandscape.Along(network, _data, ones(network.ParameterCount));
        // The one that this test made.
        Assert.Equal(before + 1, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
    }

    [Fact]
    public void RefusesWhatItCannotDraw()
    {
        using var network = Small.Network("lenet", 2, _data);
        using var other = Small.Network("lenet", 3, _data);
        using var mask = Small.HalfOf(other);
        var before = Small.State(network);
        Action[] mistakes =
        [
            () => LossLandscape.Weights(network, _data, null, new() { Points = 1 }),
            () => LossLandscape.Weights(network, _data, null, new() { Reach = 0 }),
            () => LossLandscape.Weights(network, _data, null, new() { Reach = double.NaN }),
            () => LossLandscape.Weights(network, _data, mask, Coarse),
            () => LossLandscape.Weights(network, _data, null, new() { Sample = new Sample { Images = -1 } }),
            () => LossLandscape.Inputs(network, _data, new() { Points = 0 }),
            () => LossLandscape.Inputs(network, _data, new() { Reach = double.PositiveInfinity }),
            () => LossLandscape.Along(network, _data, ones(3)),
            () => LossLandscape.Along(network, _data, ones(network.ParameterCount), new() { Points = 1 }),
        ];
        Assert.All(mistakes, act => Assert.EndsWith(".", Assert.Throws<UserException>(act).Message));
        Assert.Equal(before, Small.State(network));
    }

    private Batch Whole(ImageSplit part)
    {
        using var batches = new Batches(_data, 500, 0);
        using var batch = batches.Evaluation(part).Single();
        return new Batch(batch.Images.to(ScalarType.Float64), batch.Labels.clone());
    }

    private double Loss(Network network, ImageSplit part)
    {
        using var batch = Whole(part);
        network.eval();
        return nn.functional.cross_entropy(network.call(batch.Images), batch.Labels).ToDouble();
    }
}
