using LTHKit.Analysis;

namespace LTHKit.Tests.Analysis;

public sealed class LossLandscapeTests : OnSmallImages
{
    private static readonly LossGrid Coarse = new(5, 0.8, 4);

    [Theory]
    [InlineData("vgg5")]
    [InlineData("conv4")]
    public void AlongADirectionItIsTheLossOfTheMovedWeights(string model)
    {
        using var network = Small.Network(model, 2, Data);
        var origin = nn.utils.parameters_to_vector(network.parameters()).detach().clone();
        var direction = randn(origin.shape[0], dtype: ScalarType.Float64) / 10;
        var line = LossLandscape.Along(OnTest(network), direction, new(5, 0.4));
        Assert.Equal([-0.4, -0.2, 0, 0.2, 0.4], line.X);
        foreach (var (t, loss) in line.X.Zip(line.Y))
        {
            nn.utils.vector_to_parameters(origin + t * direction, network.parameters());
            Assert.Equal(Loss(network, Data.Test), loss, 1e-9);
        }
    }

    [Fact]
    public void AlongAnEigenvectorItCurvesAsTheEigenvalueSays()
    {
        using var network = Small.Network("lenet", 4, Data);
        using var hessian = new Hessian(On(network), options: new() { Tolerance = 1e-10, MaxIterations = 2000 });
        var top = hessian.Top()[0];
        var line = LossLandscape.Along(On(network), top.Vector, new(3, 1e-3));
        Assert.Equal(top.Value, (line.Y[0] - 2 * line.Y[1] + line.Y[2]) / 1e-6, 1e-4 * Math.Abs(top.Value));
        Assert.Contains("an odd number", Assert.Throws<UserException>(() => LossLandscape.AlongTopEigenvector(On(network), On(network), grid: new(4, 0.1))).Message);
    }

    [Theory]
    [InlineData("vgg5")]
    [InlineData("conv4")]
    public void APlaneIsTheLossAtTheSumOfTwoFilterNormalisedDirections(string model)
    {
        using var network = Small.Network(model, 2, Data);
        using var mask = Small.HalfOf(network);
        mask.Apply(network);
        var plane = LossLandscape.Weights(On(network), mask, Coarse);
        Assert.Equal([-0.8, -0.4, 0, 0.4, 0.8], plane.X);
        Assert.Equal(plane.X, plane.Y);
        Assert.Equal(Loss(network, Data.Train), plane.Z[2][2], 1e-12);
        var (first, second) = (LossLandscape.FilterNormalised(network, mask, 4, 1), LossLandscape.FilterNormalised(network, mask, 4, 2));
        using (no_grad())
            foreach (var (weight, (a, b)) in network.parameters().Zip(first.Zip(second)))
                if (a is not null)
                    weight.add_(0.4 * a).add_(-0.8 * b!);
        Assert.Equal(Loss(network, Data.Train), plane.Z[0][3], 1e-9);
        // Pruned weights did not move.
        Assert.Empty(Leaks.In(network, mask));
    }

    [Fact]
    public void EveryFilterOfADirectionHasTheNormOfTheNetworks()
    {
        using var network = Small.Network("resnet18", 2, Data);
        using var mask = Small.HalfOf(network);
        mask.Apply(network);
        foreach (var (part, (name, weight)) in LossLandscape.FilterNormalised(network, mask, 1, 1).Zip(network.named_parameters()))
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
        using Network plain = Small.Network("vgg5", 2, Data), extended = Small.Network("vgg5", 2, Data);
        extended.Units[1].Inject(nn.Conv2d(2, 2, 1, bias: false).to(ScalarType.Float64));
        IReadOnlyDictionary<string, Tensor?> Parts(Network network, ulong seed, int number) => network.named_parameters().Select(p => p.name)
            .Zip(LossLandscape.FilterNormalised(network, null, seed, number)).ToDictionary();
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
        using var network = Small.Network("vgg5", 2, Data);
        var plane = LossLandscape.Inputs(On(network, new Sample { Part = Part.Test, BatchSize = 7 }), new(3, 1e-3));
        Assert.Equal(Loss(network, Data.Test), plane.Z[1][1], 1e-12);
        // Along its own gradient each image's loss grows by the gradient's norm.
        using var batch = Whole(Data.Test);
        var images = batch.Images.clone().requires_grad_();
        network.eval();
        var gradient = autograd.grad([nn.functional.cross_entropy(network.call(images), batch.Labels, reduction: nn.Reduction.Sum)], [images])[0];
        var expected = linalg.vector_norm(gradient.flatten(1), dims: [1]).mean().ToDouble();
        Assert.Equal(expected, (plane.Z[1][2] - plane.Z[1][0]) / 2e-3, 1e-3 * expected);
        // A random direction is nearly flat beside it, and the same whatever the batch.
        Assert.True(Math.Abs(plane.Z[2][1] - plane.Z[0][1]) / 2e-3 < 0.5 * expected);
        Assert.Equal(plane.Z[2][1], LossLandscape.Inputs(OnTest(network), new(3, 1e-3)).Z[2][1], 1e-9);
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
        var first = LossLandscape.Weights(On(network), mask, Coarse);
        Assert.Equal(before, Small.State(network));
        Assert.Equal(first.Z, LossLandscape.Weights(On(network), mask, Coarse).Z);
        Assert.NotEqual(first.Z, LossLandscape.Weights(On(network), mask, Coarse with { Seed = 5 }).Z);
        LossLandscape.Inputs(OnTest(network), new(3, 3));
        LossLandscape.Along(OnTest(network), ones(network.ParameterCount));
        Assert.Equal(before, Small.State(network));
        // And when it is stopped.
        using var stop = new CancellationTokenSource();
        Assert.ThrowsAny<OperationCanceledException>(() => LossLandscape.Weights(On(network), mask, Coarse, rowDone: _ => stop.Cancel(), cancel: stop.Token));
        Assert.Equal(before, Small.State(network));
    }

    [Fact]
    public void ALossThatIsNoNumberIsKeptAsOne()
    {
        using var network = Small.Network("lenet", 4, Data);
        using (no_grad())
            network.parameters().First().fill_(double.NaN);
        Assert.All(LossLandscape.Weights(On(network), null, Coarse).Z.SelectMany(row => row), z => Assert.True(double.IsNaN(z)));
    }

    [Fact]
    public void TenThousandEvaluationsLeaveNoTensorBehind()
    {
        using var network = Networks.Build(new ModelSpec("lenet", 2), new InputSpec(3, 8), 0);
        var live = new HashSet<long>();
        var before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        LossLandscape.Weights(On(network, new Sample { Images = 4 }), null, new(100, 1), rowDone: _ => live.Add(DisposeScopeManager.Statistics.ThreadTotalLiveCount));
        Assert.Single(live);
        Assert.Equal(before, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
        LossLandscape.Inputs(OnTest(network), new(3, 3));
        LossLandscape.Along(OnTest(network), ones(network.ParameterCount));
        // The one that this test made.
        Assert.Equal(before + 1, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
    }

    [Fact]
    public void RefusesWhatItCannotDraw()
    {
        using var network = Small.Network("lenet", 2, Data);
        using var other = Small.Network("lenet", 3, Data);
        using var mask = Small.HalfOf(other);
        var before = Small.State(network);
        Refused(
            () => LossLandscape.Weights(On(network), null, new(1, 1)),
            () => LossLandscape.Weights(On(network), null, new(5, 0)),
            () => LossLandscape.Weights(On(network), null, new(5, double.NaN)),
            () => LossLandscape.Weights(On(network), mask, Coarse),
            () => LossLandscape.Weights(On(network, new Sample { Images = -1 })),
            () => LossLandscape.Inputs(On(network), new(0, 1)),
            () => LossLandscape.Inputs(On(network), new(5, double.PositiveInfinity)),
            () => LossLandscape.Along(OnTest(network), ones(3)),
            () => LossLandscape.Along(OnTest(network), ones(network.ParameterCount), new(1, 1)));
        Assert.Equal(before, Small.State(network));
    }

    private double Loss(Network network, ImageSplit part)
    {
        using var batch = Whole(part);
        network.eval();
        return nn.functional.cross_entropy(network.call(batch.Images), batch.Labels).ToDouble();
    }
}
