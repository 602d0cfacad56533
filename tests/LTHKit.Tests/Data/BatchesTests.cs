namespace LTHKit.Tests.Data;

public sealed class BatchesTests : IDisposable
{
    private const int Count = 45, Side = 8;

    /// <summary>Images in which every pixel but the zeros of the border can be told from every other of the same image.</summary>
    private readonly ImageSet _set = Make();

    private static ImageSet Make()
    {
        var random = SplitMix64.Keyed(7);
        var pixels = new byte[Count * 3 * Side * Side];
        for (var i = 0; i < Count; i++)
            for (var channel = 0; channel < 3; channel++)
            {
                var order = random.Permutation(Side * Side);
                for (var k = 0; k < order.Length; k++)
                    pixels[(i * 3 + channel) * Side * Side + k] = (byte)(order[k] + 1 + 60 * channel);
            }
        var raw = new RawImages(pixels, [.. Enumerable.Range(0, Count)], 3, Side, Side);
        return ImageSet.From(new DataSpec { ValidationFraction = 0 }, new([.. Enumerable.Range(0, Count).Select(i => $"{i}")], raw, raw, []), CPU);
    }

    public void Dispose() => _set.Dispose();

    private static List<(float[] Images, long[] Labels)> Take(IEnumerable<Batch> batches)
    {
        var taken = new List<(float[], long[])>();
        foreach (var batch in batches)
            using (batch)
            using (var images = batch.Images.contiguous())
                taken.Add((images.data<float>().ToArray(), batch.Labels.data<long>().ToArray()));
        return taken;
    }

    [Fact]
    public void AnEpochVisitsEachImageOnceAndKeepsTheLastBatch()
    {
        using var batches = new Batches(_set, 10, seed: 1);
        var epoch = Take(batches.Epoch(0));
        Assert.Equal(5, batches.Iterations);
        Assert.Equal([10, 10, 10, 10, 5], epoch.Select(batch => batch.Labels.Length));
        Assert.Equal(Enumerable.Range(0, Count).Select(i => (long)i), epoch.SelectMany(batch => batch.Labels).Order());
    }

    [Fact]
    public void EveryEpochAndSeedHasItsOwnOrder()
    {
        long[] Order(long seed, int epoch)
        {
            using var batches = new Batches(_set, 10, seed);
            return [.. Take(batches.Epoch(epoch)).SelectMany(batch => batch.Labels)];
        }
        Assert.NotEqual(Order(1, 0), Order(1, 1));
        Assert.NotEqual(Order(1, 0), Order(2, 0));
        Assert.Equal(Order(1, 7), Order(1, 7));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    public void ResumingGivesTheSameBits(int iteration)
    {
        using Batches first = new(_set, 10, seed: 1), second = new(_set, 10, seed: 1);
        Take(first.Epoch(0));
        var whole = Take(first.Epoch(3));
        var rest = Take(second.Epoch(3, iteration));
        Assert.Equal(5 - iteration, rest.Count);
        Assert.Equal(whole.Skip(iteration).SelectMany(batch => batch.Images), rest.SelectMany(batch => batch.Images));
        Assert.Equal(whole.Skip(iteration).SelectMany(batch => batch.Labels), rest.SelectMany(batch => batch.Labels));
    }

    // The reference: for each delivered image look for the one crop, mirrored or not, of its padded original that it is.
    [Fact]
    public void TrainingImagesAreNormalisedCropsAndMirrorings()
    {
        const int padding = Side / 8, places = 2 * padding + 1;
        using var scope = NewDisposeScope();
        Tensor PerChannel(IEnumerable<double> values) => tensor(values.ToArray()).view(3, 1, 1);
        var padded = zeros(Count, 3, Side + 2 * padding, Side + 2 * padding, ScalarType.Float64);
        padded.narrow(2, padding, Side).narrow(3, padding, Side).copy_(_set.Train.Images);
        padded = (padded / 255 - PerChannel(_set.Mean)) / PerChannel(_set.Std);
        var crops = (from top in Enumerable.Range(0, places)
                     from left in Enumerable.Range(0, places)
                     from mirrored in new[] { false, true }
                     select (How: (top, left, mirrored), Images: padded.narrow(2, top, Side).narrow(3, left, Side).flip(mirrored ? [3] : []))).ToList();
        var labels = _set.Train.Labels.data<long>().ToArray();
        var seen = new HashSet<(int, int, bool)>();
        using var batches = new Batches(_set, 10, seed: 1);
        foreach (var batch in Enumerable.Range(0, 20).SelectMany(epoch => batches.Epoch(epoch)))
            using (batch)
                for (var i = 0; i < batch.Count; i++)
                {
                    using var inner = NewDisposeScope();
                    var (found, source) = (batch.Images[i].to(ScalarType.Float64), Array.IndexOf(labels, batch.Labels[i].ToInt64()));
                    seen.Add(Assert.Single(crops, crop => crop.Images[source].allclose(found, rtol: 0, atol: 1e-5)).How);
                }
        Assert.Equal(crops.Count, seen.Count);
    }

    [Fact]
    public void WithoutAugmentationImagesAreOnlyShuffled()
    {
        using var batches = new Batches(_set, 10, seed: 1, augment: false);
        var evaluated = Take(batches.Evaluation(_set.Train, 1)).ToDictionary(batch => batch.Labels[0], batch => batch.Images);
        foreach (var batch in Take(batches.Epoch(0)))
            Assert.Equal(batch.Labels.SelectMany(label => evaluated[label]), batch.Images);
    }

    [Fact]
    public void EvaluationKeepsTheOrderAndNormalises()
    {
        using var batches = new Batches(_set, 10, seed: 1);
        var parts = Take(batches.Evaluation(_set.Train, 20));
        Assert.Equal([20, 20, 5], parts.Select(batch => batch.Labels.Length));
        Assert.Equal(_set.Train.Labels.data<long>().ToArray(), parts.SelectMany(batch => batch.Labels));
        for (var channel = 0; channel < 3; channel++)
        {
            var values = parts.SelectMany(batch => batch.Images).Where((_, at) => at / (Side * Side) % 3 == channel).Select(value => (double)value).ToArray();
            Assert.Equal(0, values.Average(), 5);
            Assert.Equal(1, values.Average(value => value * value), 4);
        }
    }

    [Fact]
    public void ChannelsLastChangesTheLayoutOnly()
    {
        using Batches plain = new(_set, 10, seed: 1), last = new(_set, 10, seed: 1, channelsLast: true);
        foreach (var (a, b) in plain.Epoch(0).Zip(last.Epoch(0)))
            using (a)
            using (b)
            {
                Assert.True(a.Images.equal(b.Images).all().ToBoolean());
                Assert.Equal([3 * Side * Side, 1, 3 * Side, 3], b.Images.stride());
                Assert.Equal([3 * Side * Side, Side * Side, Side, 1], a.Images.stride());
            }
    }

    [Fact]
    public void LeavesNoTensorBehind()
    {
        using var warm = new Batches(_set, 10, seed: 1);
        Take(warm.Epoch(0));        // pads the images, once
        var before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        using (var batches = new Batches(_set, 10, seed: 1, channelsLast: true))
        {
            Take(batches.Epoch(0));
            Take(batches.Evaluation(_set.Test));
            foreach (var batch in batches.Epoch(1))
                using (batch)
                    break;          // an epoch that is left early
        }
        Assert.Equal(before, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
    }

    [Fact]
    public void ABatchOutlivesTheScopeAroundTheLoop()
    {
        using var batches = new Batches(_set, 10, seed: 1);
        Batch kept;
        using (NewDisposeScope())
            kept = batches.Epoch(0).First();
        Assert.Equal(10, kept.Count);
        Assert.Equal([10, 3, Side, Side], kept.Images.shape);
        kept.Dispose();
    }

    [Fact]
    public void BadSettingsAreRefused()
    {
        Assert.Throws<UserException>(() => new Batches(_set, 0, 1));
        using var batches = new Batches(_set, 10, 1);
        Assert.Throws<ArgumentOutOfRangeException>(() => batches.Epoch(-1));
        Assert.Throws<ArgumentOutOfRangeException>(() => batches.Epoch(0, 6));
        Assert.Throws<ArgumentOutOfRangeException>(() => batches.Evaluation(_set.Test, 0));
    }

    // BatchNorm refuses one image of one pixel: a single image that is left joins the batch before it.
    [Theory]
    [InlineData(33, 16, new[] { 16, 17 })]
    [InlineData(34, 16, new[] { 16, 16, 2 })]
    [InlineData(32, 16, new[] { 16, 16 })]
    [InlineData(17, 16, new[] { 17 })]
    [InlineData(9, 16, new[] { 9 })]
    [InlineData(3, 1, new[] { 1, 1, 1 })]
    public void NoBatchIsLeftWithOneImage(int count, int size, int[] expected)
    {
        using var set = DataSets.Open(new DataSpec { TrainCount = count, TestCount = 1, ValidationFraction = 0, Classes = 2, Size = 8 });
        using var batches = new Batches(set, size, 1);
        var seen = batches.Epoch(0).Select(batch => { using (batch) return batch.Count; }).ToArray();
        Assert.Equal(expected, seen);
        Assert.Equal(expected.Length, batches.Iterations);
    }
}
