namespace LTHKit.Kernels;

/// <summary>BatchNorm's numbers of one call, for each channel of the planes that a unit puts out.</summary>
internal sealed unsafe class BatchStatistics(Planes planes)
{
    private readonly float[] _memory = GC.AllocateArray<float>(6 * planes.Channels, pinned: true);
    private readonly double[] _sums = new double[2 * planes.Channels * planes.Blocks];
    private readonly double[] _mean = new double[planes.Channels], _inverse = new double[planes.Channels];      // 1 / sqrt(var + eps)

    public Planes Planes => planes;

    /// <summary>The batch's mean.</summary>
    public float* Mean => At(0);

    /// <summary>gamma / sqrt(var + eps).</summary>
    public float* Scale => At(1);

    /// <summary>beta - scale mean.</summary>
    public float* Shift => At(2);

    /// <summary>Of the gradient of z: a, b, c with dz = a du + b + c z.</summary>
    public float* Coefficients => At(3);

    /// <summary>A block's sums, from which the numbers follow. // [channels][2]</summary>
    public Span<double> Sums(int block) => _sums.AsSpan(2 * planes.Channels * block, 2 * planes.Channels);

    /// <summary>Mean and variance from the sums, into the running ones too (whose variance is the unbiased one).</summary>
    public void Finish(SparseUnit unit, float* gamma, float* beta)
    {
        var norm = unit.Norm;
        var batches = ++*(long*)Planes.Start(norm.num_batches_tracked!);
        double count = planes.Count, momentum = norm.momentum ?? 1.0 / batches;
        float* runningMean = Planes.Start(norm.running_mean!), runningVariance = Planes.Start(norm.running_var!);
        var bias = Planes.StartIfAny(unit.Bias);
        for (var i = 0; i < planes.Channels; i++)
        {
            var (sum, squares) = Total(i);
            var mean = sum / count;
            for (var block = 0; block < planes.Blocks; block++)
            {
                var (pixels, blockSum) = (planes.CountOf(block), Sums(block)[2 * i]);
                squares += (blockSum / pixels - mean) * (blockSum / pixels - mean) * pixels;      // within the blocks, and between them
            }
            var variance = squares / count;
            var inverse = 1 / Math.Sqrt(variance + norm.eps);
            (_mean[i], _inverse[i]) = (mean, inverse);
            (Mean[i], Scale[i], Shift[i]) = ((float)mean, (float)(gamma[i] * inverse), (float)(beta[i] - gamma[i] * inverse * mean));
            runningMean[i] = (float)((1 - momentum) * runningMean[i] + momentum * (mean + (bias == null ? 0 : bias[i])));
            runningVariance[i] = (float)((1 - momentum) * runningVariance[i] + momentum * variance * count / (count - 1));
        }
    }

    /// <summary>Scale and shift of the running mean and variance.</summary>
    public void Recall(SparseUnit unit)
    {
        var norm = unit.Norm;
        float* gamma = Planes.Start(norm.weight!), beta = Planes.Start(norm.bias!), mean = Planes.Start(norm.running_mean!);
        float* variance = Planes.Start(norm.running_var!), bias = Planes.StartIfAny(unit.Bias);
        for (var i = 0; i < planes.Channels; i++)
        {
            var scale = gamma[i] / Math.Sqrt(variance[i] + norm.eps);
            (Scale[i], Shift[i]) = ((float)scale, (float)(beta[i] - scale * (mean[i] - (bias == null ? 0 : bias[i]))));
        }
    }

    /// <summary>
    /// From sum(du) and sum(du (z - mean)) the gradients of gamma and beta and the coefficients of
    /// dz = gamma / sqrt(var + eps) (du - mean(du) - xhat mean(du xhat)).
    /// </summary>
    public void Differentiate(float* gamma, float* dgamma, float* dbeta)
    {
        for (var i = 0; i < planes.Channels; i++)
        {
            var (sum, product) = Total(i);
            product += sum * (Mean[i] - _mean[i]);
            double inverse = _inverse[i], scale = gamma[i] * inverse, perXhat = product * inverse / planes.Count * inverse;
            (dgamma[i], dbeta[i]) = ((float)(product * inverse), (float)sum);
            (Coefficients[3 * i], Coefficients[3 * i + 1], Coefficients[3 * i + 2]) =
                ((float)scale, (float)(scale * (perXhat * _mean[i] - sum / planes.Count)), (float)(-scale * perXhat));
        }
    }

    private float* At(int row) => (float*)Unsafe.AsPointer(ref _memory[row * planes.Channels]);

    private (double, double) Total(int channel)
    {
        double first = 0, second = 0;
        for (var block = 0; block < planes.Blocks; block++)
            (first, second) = (first + Sums(block)[2 * channel], second + Sums(block)[2 * channel + 1]);
        return (first, second);
    }
}
