using System.Text.Json.Nodes;
using LTHKit.Analysis;

namespace LTHKit.Tests.Analysis;

public sealed class HessianTests : OnSmallImages
{
    private static readonly HessianOptions Exact = new() { Tolerance = 1e-13, MaxIterations = 20_000 };

    [Fact]
    public void OfAQuadraticItIsItsMatrix()
    {
        var (matrix, eigenvalues, eigenvectors) = Symmetric([-5, -1.2, 0.5, 1, 2, 4]);
        using var network = new Quadratic(matrix);
        using var hessian = Of(network, Exact);
        for (var i = 0; i < 6; i++)
            Near(matrix[i], hessian.Product(eye(6, dtype: ScalarType.Float64)[i]), 1e-12);
        var top = hessian.Top(6);
        foreach (var (expected, pair) in eigenvalues.OrderByDescending(Math.Abs).Zip(top))
        {
            Assert.True(pair.Converged);
            Assert.Equal(expected, pair.Value, 1e-9);
            Assert.Equal(1, Math.Abs(pair.Vector.dot(eigenvectors.t()[Array.IndexOf(eigenvalues, expected)]).ToDouble()), 1e-5);
        }
    }

    [Fact]
    public void ANegativeDominantEigenvalueKeepsItsSignAndTheBoundHolds()
    {
        var (matrix, _, _) = Symmetric([-7, 1, 3, 6]);
        using var network = new Quadratic(matrix);
        using var hessian = Of(network);
        var top = hessian.Top()[0];
        Assert.True(top.Converged);
        Assert.InRange(top.Value, -7.0001, -6.9);
        Assert.True(Math.Abs(top.Value + 7) <= top.Residual, $"{top}");
        Assert.False(Of(network, new() { MaxIterations = 2 }).Top()[0].Converged);
    }

    [Fact]
    public void BetweenEigenvaluesOfOppositeSignItDoesNotSayThatItConverged()
    {
        using var network = new Quadratic(tensor(new[] { -2.0, 2 }).diag());
        Assert.False(Of(network).Top()[0].Converged);
    }

    [Theory]
    [InlineData("resnet18")]
    [InlineData("vgg16")]
    [InlineData("mobilenet")]
    public void AgreesWithDifferencesOfGradients(string model)
    {
        using var network = Small.Network(model, 2, Data);
        using var mask = Small.HalfOf(network);
        mask.Apply(network);
        using var hessian = new Hessian(On(network), mask);
        var kept = Small.Flat(network, mask);
        var vector = kept * randn(kept.shape[0], dtype: ScalarType.Float64);
        var origin = nn.utils.parameters_to_vector(network.parameters()).detach().clone();
        Tensor Gradient(double step)
        {
            using var batch = Whole(Data.Train);
            nn.utils.vector_to_parameters(origin + step * vector, network.parameters());
            network.eval();
            var loss = nn.functional.cross_entropy(network.call(batch.Images), batch.Labels);
            return kept * cat([.. autograd.grad([loss], [.. network.parameters()]).Select(g => g.flatten())]);
        }
        const double Step = 1e-5;
        var differences = (Gradient(Step) - Gradient(-Step)) / (2 * Step);
        nn.utils.vector_to_parameters(origin, network.parameters());
        Near(differences, hessian.Product(vector), 1e-6 * differences.abs().max().ToDouble());
    }

    [Theory]
    [InlineData("lenet", 4, true)]
    [InlineData("lenet", 4, false)]
    [InlineData("vgg5", 1, true)]
    [InlineData("conv4", 1, true)]
    public void AgreesWithTheHessianWrittenOut(string model, int width, bool smooth)
    {
        using var network = Small.Network(model, width, Data, smooth);
        var full = Full(network);
        using var hessian = new Hessian(On(network), options: Exact);
        var vector = randn(full.shape[0], dtype: ScalarType.Float64);
        Near(full.mv(vector), hessian.Product(vector), 1e-10);
        // Mini-batches of unequal size, weighted.
        using var batched = new Hessian(On(network, new Sample { BatchSize = 15 }), options: Exact);
        Near(full.mv(vector), batched.Product(vector), 1e-10);
        var expected = Values(linalg.eigvalsh(full)).OrderByDescending(Math.Abs).ToArray();
        var top = hessian.Top(3);
        for (var i = 0; i < 3; i++)
            Assert.Equal(expected[i], top[i].Value, 1e-6 * Math.Abs(expected[0]));
    }

    [Theory]
    [InlineData("lenet")]
    [InlineData("vgg5")]
    [InlineData("conv4")]
    public void WithAMaskItIsTheSubMatrixOfTheSubNetwork(string model)
    {
        using var network = Small.Network(model, 1, Data);
        using var mask = Small.HalfOf(network);
        mask.Apply(network);
        var full = Full(network);
        var kept = Small.Flat(network, mask);
        using var hessian = new Hessian(On(network), mask, Exact);
        Assert.Equal(kept.sum().ToDouble(), hessian.Dimension);
        Assert.Equal(full.shape[0], hessian.Size);
        var vector = randn(hessian.Size, dtype: ScalarType.Float64);
        Near(kept * full.mv(kept * vector), hessian.Product(vector), 1e-10);
        var sub = full[TensorIndex.Tensor(kept.nonzero().squeeze(1))].index_select(1, kept.nonzero().squeeze(1));
        var top = hessian.Top()[0];
        Assert.Equal(Values(linalg.eigvalsh(sub)).MaxBy(Math.Abs), top.Value, 1e-8);
        Assert.Equal(0, ((1 - kept) * top.Vector).count_nonzero().ToInt64());
        // The whole network's is another one.
        using var whole = new Hessian(On(network), options: Exact);
        Assert.NotEqual(top.Value, whole.Top()[0].Value, 1e-6);
        // The density of the sub-matrix, not of one with zero rows.
        Assert.Equal(hessian.Dimension, hessian.Density(1, 3).Dimension);
    }

    [Fact]
    public void TheDensityIntegratesToOneAndHasTheMeanAndTheMassesOfTheEigenvalues()
    {
        // Three eigenvalues of multiplicity 30, 20 and 10: Lanczos stops after three steps, exactly.
        var (matrix, eigenvalues, _) = Symmetric([.. Enumerable.Repeat(-1.0, 30), .. Enumerable.Repeat(0.5, 20), .. Enumerable.Repeat(4.0, 10)]);
        using var network = new Quadratic(matrix);
        var density = Of(network).Density(probes: 200, steps: 40);
        Assert.Equal(1, density.Weights.Sum(), 10);
        Assert.Equal(600, density.Values.Count);
        foreach (var (value, share) in new[] { (-1.0, 0.5), (0.5, 1 / 3.0), (4.0, 1 / 6.0) })
            Assert.Equal(share, density.Values.Zip(density.Weights).Where(m => Math.Abs(m.First - value) < 1e-8).Sum(m => m.Second), 0.02);
        Assert.Equal(eigenvalues.Average(), density.Mean, 0.05);
        var (x, y) = density.Smoothed();
        var step = x[1] - x[0];
        Assert.Equal(1, y.Sum() * step, 1e-6);
        Assert.Equal(density.Mean, x.Zip(y, (a, b) => a * b).Sum() * step, 1e-5);
    }

    [Fact]
    public void OneFullLanczosRunFindsEveryEigenvalue()
    {
        var (matrix, eigenvalues, _) = Symmetric([.. Enumerable.Range(0, 25).Select(i => Math.Pow(1.3, i) - 20)]);
        using var network = new Quadratic(matrix);
        var density = Of(network).Density(probes: 1, steps: 25);
        foreach (var (expected, actual) in eigenvalues.Order().Zip(density.Values))
            Assert.Equal(expected, actual, 1e-8 * Math.Abs(eigenvalues[^1]));
    }

    [Theory]
    [InlineData("vgg5", 1, true)]
    [InlineData("lenet", 4, true)]
    [InlineData("lenet", 4, false)]
    public void OfOneLayerItIsItsBlock(string model, int width, bool masked)
    {
        using var network = Small.Network(model, width, Data);
        var names = network.named_parameters().First().name.Replace("weight", "");
        using var mask = masked ? Small.HalfOf(network) : null;
        mask?.Apply(network);
        var kept = mask is null ? ones(network.ParameterCount, dtype: ScalarType.Float64) : Small.Flat(network, mask);
        var mine = cat([.. network.named_parameters().Select(p => full(p.parameter.numel(), p.name.StartsWith(names) ? 1.0 : 0, dtype: ScalarType.Float64))]);
        var (index, inBlock) = ((mine * kept).nonzero().squeeze(1), mine.nonzero().squeeze(1));
        var block = Full(network).index_select(0, index).index_select(1, index);
        using var hessian = new Hessian(On(network), mask, Exact with { Parameters = name => name.StartsWith(names) });
        Assert.Equal(index.numel(), hessian.Dimension);
        Assert.InRange(index.numel(), 1, kept.numel() - 1);
        var top = hessian.Top()[0];
        Assert.Equal(Values(linalg.eigvalsh(block)).MaxBy(Math.Abs), top.Value, 1e-7);
        Assert.Equal(inBlock.numel(), hessian.Size);
        var vector = randn(hessian.Size, dtype: ScalarType.Float64);
        var chosen = kept.index_select(0, inBlock);
        Near(block.mv((vector * chosen).index_select(0, chosen.nonzero().squeeze(1))), hessian.Product(vector).index_select(0, chosen.nonzero().squeeze(1)), 1e-10);
        if (model == "vgg5")
            return;     // its max-pooling makes kinks
        // Along it the loss curves as it says.
        var line = LossLandscape.Along(On(network), top.Vector, new(3, 1e-3), name => name.StartsWith(names));
        Assert.Equal(top.Value, (line.Y[0] - 2 * line.Y[1] + line.Y[2]) / 1e-6, 1e-3 * Math.Abs(top.Value));
    }

    // For z = W x and the squared error the Gauss-Newton matrix is the Hessian; for a network that is linear in its weights' product it is not.
    [Fact]
    public void GaussNewtonIsJacobianTimesCurvatureOfTheLossTimesJacobian()
    {
        using var module = nn.Sequential(("first", nn.Linear(3, 2, hasBias: false)), ("last", nn.Linear(2, 2))).to(ScalarType.Float64);
        using Batch one = new(randn(5, 3, dtype: ScalarType.Float64), tensor(new long[] { 0, 1, 1, 0, 1 })), two = new(randn(2, 3, dtype: ScalarType.Float64), tensor(new long[] { 1, 0 }));
        Tensor[] weights = [.. module.parameters()];
        // J row by row and H_L = diag(p) - p p' of cross-entropy, image by image.
        var images = cat([one.Images, two.Images]);
        var matrix = zeros(12, 12, dtype: ScalarType.Float64);
        for (var i = 0; i < 7; i++)
        {
            var z = module.call(images[i]);
            var j = stack([.. Enumerable.Range(0, 2).Select(c => cat([.. autograd.grad([z[c]], weights, retain_graph: true).Select(g => g.flatten())]))]);
            var p = z.softmax(0).detach();
            matrix += j.t().mm(p.diag() - p.outer(p)).mm(j) / 7;
        }
        foreach (IReadOnlyList<Batch> batches in new[] { [one, two], new[] { new Batch(images, cat([one.Labels, two.Labels])) } })
        {
            using var hessian = new Hessian(new Objective(module, batches), options: Exact with { GaussNewton = true });
            Assert.Equal(12, hessian.Dimension);
            for (var i = 0; i < 12; i++)
                Near(matrix[i], hessian.Product(eye(12, dtype: ScalarType.Float64)[i]), 1e-12);
            Assert.Equal(Values(linalg.eigvalsh(matrix))[^1], hessian.Top()[0].Value, 1e-10);
            // The network's own curvature is missing in it.
            using var whole = new Hessian(new Objective(module, batches), options: Exact);
            Assert.NotEqual(whole.Top()[0].Value, hessian.Top()[0].Value, 1e-4);
        }
        // Squared error of a linear layer: both are one.
        Loss squares = (outputs, _) => outputs.pow(2).sum() / outputs.shape[0];
        using var linear = nn.Linear(3, 2).to(ScalarType.Float64);
        var vector = randn(8, dtype: ScalarType.Float64);
        using Hessian full = new(new Objective(linear, [one, two], squares)), part = new(new Objective(linear, [one, two], squares), options: new() { GaussNewton = true });
        Near(full.Product(vector), part.Product(vector), 1e-12);
        Assert.True(full.Product(vector).norm().ToDouble() > 0.1);
    }

    [Fact]
    public void WeightsThatAreNoNumberEndInASentence()
    {
        using var network = Small.Network("lenet", 4, Data);
        using (no_grad())
            network.parameters().First()[0, 0].fill_(double.NaN);
        foreach (var gaussNewton in new[] { false, true })
        {
            using var hessian = new Hessian(On(network), options: new() { GaussNewton = gaussNewton });
            foreach (Action measure in new Action[] { () => hessian.Top(), () => hessian.Density(1, 4) })
                Assert.Contains("is not a number", Assert.Throws<UserException>(measure).Message);
        }
        Assert.Throws<UserException>(() => new CurvatureWatch().Measure(network, null, Data, 0, default));
    }

    // The recorded values, of the same network, images and weights: torch.autograd.functional.hessian (and jacobian, for Gauss-Newton) of torch 1.13, and
    // HessianOperator of hessian-eigenthings 1.0.0a6 (reference.py, curvature() and eigenthings()).
    [Theory]
    [InlineData("curvature", "relu")]
    [InlineData("curvature", "silu")]
    [InlineData("eigenthings", "relu")]
    [InlineData("eigenthings", "silu")]
    public void AgreesWithRecordedOnesOnAConvolutionalNetworkWithBatchNorm(string source, string activation)
    {
        var expected = JsonNode.Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "reference.json")))![source]![activation]!;
        using var network = new Reference(activation);
        network.eval();
        var x = (arange(6 * 2 * 5 * 5, dtype: ScalarType.Float64) * 0.13).sin().reshape(6, 2, 5, 5);
        Loss loss = (logits, target) => nn.functional.cross_entropy(network.call(x), tensor(new long[] { 0, 1, 2, 2, 1, 0 }));
        using var hessian = new Hessian(new Objective(network, Data, loss: loss), options: Exact);
        var size = hessian.Dimension;
        Assert.Equal(expected["trace"]!.GetValue<double>(), Enumerable.Range(0, (int)size).Sum(i => hessian.Product(eye(size, dtype: ScalarType.Float64)[i])[i].ToDouble()), 1e-8);
        Assert.Equal(expected["top"]!.GetValue<double>(), hessian.Top()[0].Value, 1e-7);
        var product = hessian.Product((arange(size, dtype: ScalarType.Float64) * 0.7).cos());
        foreach (var (wanted, actual) in expected["product"]!.AsArray().Zip(Values(product)))
            Assert.Equal(wanted!.GetValue<double>(), actual, 1e-8);
        using var gaussNewton = new Hessian(new Objective(network, Data, loss: loss), options: Exact with { GaussNewton = true });
        Assert.Contains("does not depend on its weights", Assert.Throws<UserException>(() => gaussNewton.Top()).Message);      // of these images it returns the images
        using var batch = new Batch(x, tensor(new long[] { 0, 1, 2, 2, 1, 0 }));
        using var own = new Hessian(new Objective(network, [batch]), options: Exact with { GaussNewton = true });
        if (expected["gaussNewton"] is { } recorded)
        {
            Assert.Equal(recorded["top"]!.GetValue<double>(), own.Top()[0].Value, 1e-7);
            foreach (var (wanted, actual) in recorded["product"]!.AsArray().Zip(Values(own.Product((arange(size, dtype: ScalarType.Float64) * 0.7).cos()))))
                Assert.Equal(wanted!.GetValue<double>(), actual, 1e-8);
        }
        // The block of the convolution alone.
        using var layer = new Hessian(new Objective(network, [batch]), options: Exact with { Parameters = name => name == "layers.0.weight" });
        Assert.Equal(expected["convolutionTop"]!.GetValue<double>(), layer.Top()[0].Value, 1e-7);
    }

    [Fact]
    public void TheNetworkComesBackAsItWasAndTheSeedDecides()
    {
        using var network = Networks.Build(new ModelSpec("resnet18", 2), new InputSpec(3, 8), 0);
        using var mask = Small.HalfOf(network);
        mask.Apply(network);
        network.train();
        network.Activations[2].eval();
        nn.functional.cross_entropy(network.call(randn(4, 3, 8, 8)), tensor(new long[] { 0, 1, 2, 0 })).backward();
        var before = Small.State(network);
        var sample = new Sample { Images = 30, BatchSize = 20 };
        var options = new HessianOptions { MaxIterations = 5 };
        double[] Measure(ulong seed)
        {
            using var hessian = new Hessian(On(network, sample), mask, options with { Seed = seed });
            return [hessian.Top()[0].Value, .. hessian.Density(1, 4).Values];
        }
        var first = Measure(1);
        Assert.Equal(before, Small.State(network));
        Assert.Equal(first, Measure(1));
        Assert.NotEqual(first, Measure(2));
        // Nor does a loss that fails change it.
        foreach (var gaussNewton in new[] { false, true })
        {
            using var failing = new Hessian(new Objective(network, Data, loss: (_, _) => throw new InvalidOperationException()), options: new() { GaussNewton = gaussNewton });
            Assert.Throws<InvalidOperationException>(() => failing.Top());
            Assert.Equal(before, Small.State(network));
        }
        var watched = new CurvatureWatch { Sample = sample, Hessian = options }.Measure(network, mask, Data, 1, default);
        Assert.Equal(first[0], watched[CurvatureWatch.TopEigenvalue]);
        Assert.Equal(before, Small.State(network));
    }

    [Fact]
    public void LeavesNoTensorBehind()
    {
        using var network = Small.Network("vgg5", 2, Data);
        using var mask = Small.HalfOf(network);
        foreach (var batch in new[] { 15, 500 })
        {
            void Measure()
            {
                using var scope = NewDisposeScope();
                using var hessian = new Hessian(On(network, new Sample { BatchSize = batch }), mask, new() { MaxIterations = 6 });
                hessian.Top(2);
                hessian.Density(2, 5);
            }
            var before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
            Measure();
            Assert.Equal(before, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
        }
    }

    [Fact]
    public void RefusesWhatItCannotMeasure()
    {
        using var network = new Quadratic(eye(3, dtype: ScalarType.Float64));
        using var hessian = Of(network);
        Refused(
            () => hessian.Top(0),
            () => hessian.Top(4),
            () => hessian.Density(0),
            () => hessian.Density(1, 0),
            () => hessian.Product(ones(2)),
            () => Of(network, new() { MaxIterations = 0 }),
            () => Of(network, new() { Tolerance = -1 }),
            () => Of(network, new() { Tolerance = double.NaN }),
            () => Of(network, new() { Parameters = name => name == "bias" }),
            () => On(network, new Sample { Images = 1_000_000 }),
            () => On(network, new Sample { BatchSize = 0 }),
            () => new Objective(network, []),
            () => new CurvatureWatch { Hessian = new() { MaxIterations = 0 } }.Validate(new(), Data),
            () => hessian.Density().Smoothed(-1));
    }

    private Hessian Of(Quadratic network, HessianOptions? options = null) => new(new Objective(network, Data, loss: (value, _) => value), options: options);

    /// <summary>A symmetric matrix with these eigenvalues, and its eigenvectors in the columns.</summary>
    private static (Tensor Matrix, double[] Eigenvalues, Tensor Eigenvectors) Symmetric(double[] eigenvalues)
    {
        using var generator = new Generator(5);
        var (q, _) = linalg.qr(randn(eigenvalues.Length, eigenvalues.Length, dtype: ScalarType.Float64, generator: generator));
        return (q.mm(tensor(eigenvalues).diag()).mm(q.t()), eigenvalues, q);
    }

    private Tensor Full(Network network)
    {
        network.eval();
        using var batch = Whole(Data.Train);
        return Small.FullHessian(network, () => nn.functional.cross_entropy(network.call(batch.Images), batch.Labels));
    }

    private static double[] Values(Tensor tensor) => tensor.data<double>().ToArray();

    private static void Near(Tensor expected, Tensor actual, double tolerance)
    {
        var difference = (expected - actual).abs().max().ToDouble();
        Assert.True(difference <= tolerance, $"differs by {difference}");
    }

    /// <summary>Convolution, BatchNorm, activation, max-pool, linear, with the weights of reference.py.</summary>
    private sealed class Reference : nn.Module<Tensor, Tensor>
    {
        private readonly TorchSharp.Modules.Sequential _layers;

        public Reference(string activation) : base("reference")
        {
            _layers = nn.Sequential(nn.Conv2d(2, 4, 3, padding: 1, bias: false), nn.BatchNorm2d(4),
                activation == "relu" ? nn.ReLU() : nn.SiLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(16, 3));
            register_module("layers", _layers);
            this.to(ScalarType.Float64);
            using var noGrad = no_grad();
            foreach (var (i, p) in parameters().Index())
                p.copy_((arange(p.numel(), dtype: ScalarType.Float64) * 0.37 + i).sin().reshape(p.shape) * 0.5 + (p.dim() == 1 ? 0.6 : 0));
            named_buffers().Single(b => b.name.EndsWith("running_var")).buffer.copy_(tensor(new[] { 0.5, 1, 1.5, 2 }));
            named_buffers().Single(b => b.name.EndsWith("running_mean")).buffer.copy_(tensor(new[] { 0.1, -0.1, 0.2, 0 }));
        }

        public override Tensor forward(Tensor input) => input.shape[1] == 2 ? _layers.call(input) : input;
    }
}
