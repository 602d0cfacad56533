using System.Runtime.InteropServices;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Compat.Tests.Torch;

public class TensorTests
{
    [Fact]
    public void InPlaceOperationsReturnTheSameObject()
    {
        var x = ones(2, 2);
        var mask = zeros(2, 2, dtype: @bool);
        Assert.Same(x, x.add_(1));
        Assert.Same(x, x.add_(ones(2, 2), 2));
        Assert.Same(x, x.mul_(2).sub_(1).div_(3));
        Assert.Same(x, x.clamp_(0, 2));
        Assert.Same(x, x.addcmul_(x, x, 0.5));
        Assert.Same(x, x.masked_fill_(mask, 7));
        Assert.Same(x, x.copy_(zeros(2, 2)));
        Assert.Same(x, x.fill_(3).zero_());
        Assert.Same(x, x.uniform_(0, 1));
        Assert.Same(x, x.normal_());
        Assert.Same(x, x.bernoulli_());
        Assert.Same(x, x.relu_());
        Assert.Same(x, x.requires_grad_());
    }

    [Fact]
    public void OperatorsFollowTheirFormulas()
    {
        var a = tensor(new[] { 1.0, 2.0, 4.0 });
        var b = tensor(new[] { 3.0, 5.0, 8.0 });
        Reference.AssertClose([4, 7, 12], a + b, 0);
        Reference.AssertClose([1, 0, -2], 2 - a, 0);
        Reference.AssertClose([2, 1, 0.5], 2 / a, 0);
        Reference.AssertClose([3, 2.5, 2], b / a, 0);
        Reference.AssertClose([-1, -2, -4], -a, 0);
        Reference.AssertClose([1, 1, 0], b % 2, 0);
        Reference.AssertClose([7, 12, 20], a.add(b, 2), 0);
        Reference.AssertClose([2.5, 7, 20], a.addcmul(a, b, 0.5), 0);
        Reference.AssertClose([0, 1, 2], a.log2(), 0);
        Reference.AssertClose([1, 4, 16], a.pow(2), 0);
        Reference.AssertClose([1, 2, 3], a.clamp(max: 3), 0);
        Reference.AssertClose([0, 0, 2], a.sub(2).relu(), 0);
        Reference.AssertClose([1, 2, 4], b.div(a.add(0.5), RoundingMode.floor).add(tensor(new[] { -1.0, 0, 3 })), 0);
        Assert.Equal([false, true, true], (a > 1).data<bool>().ToArray());
        Assert.Equal([false, true, false], ((a > 1) & (b < 8)).data<bool>().ToArray());
        Assert.Equal([true, false, false], (~(a > 1)).data<bool>().ToArray());
    }

    [Fact]
    public void ReductionsMatchClosedForms()
    {
        var x = arange(12, dtype: float64).reshape(3, 4);
        Assert.Equal(66, x.sum().ToDouble());
        Reference.AssertClose([12, 15, 18, 21], x.sum(0L), 0);
        Reference.AssertClose([1.5, 5.5, 9.5], x.mean([1]), 0);
        Assert.Equal(13, x.var().ToDouble(), 1e-12);
        Assert.Equal(143.0 / 12, x.var(unbiased: false).ToDouble(), 1e-12);
        Reference.AssertClose([3, 7, 11], x.max(1).values, 0);
        Reference.AssertClose([3, 3, 3], x.max(1).indexes, 0);
        Reference.AssertClose([11], x.amax(), 0);
        Reference.AssertClose([0, 4, 8], x.amin(1), 0);
        Assert.Equal(11, x.argmax().ToInt64());
        Assert.Equal(Math.Sqrt(506), x.norm().ToDouble(), 1e-12);
        Assert.Equal(11, x.count_nonzero().ToInt64());
        Reference.AssertClose([11, 10, 9], x.flatten().topk(3).values, 0);
        Assert.Equal(2, x.flatten().kthvalue(3, null).values.ToDouble());
        Reference.AssertClose([3, 2, 1, 0], x[0].sort(descending: true).Values, 0);
        Assert.Equal(5.5, x.quantile(tensor(0.5), -1).mean().ToDouble());
        var (output, inverse, counts) = tensor(new long[] { 3, 1, 3 }).unique(return_inverse: true, return_counts: true);
        Assert.Equal([1L, 3L], output.data<long>().ToArray());
        Assert.Equal([1L, 0L, 1L], inverse!.data<long>().ToArray());
        Assert.Equal([1L, 2L], counts!.data<long>().ToArray());
    }

    [Fact]
    public void IndexingReadsAndWrites()
    {
        var x = arange(12).reshape(3, 4);
        Assert.Equal(7, x[1, 3].ToInt64());
        Assert.Equal(11, x[-1, -1].ToInt64());
        Assert.Equal([2L, 6L, 10L], x[TensorIndex.Colon, 2].data<long>().ToArray());
        Assert.Equal([5L, 6L, 9L, 10L], x[1.., 1..3].data<long>().ToArray());
        Assert.Equal([1L, 5L, 9L], x[TensorIndex.Ellipsis, 1].data<long>().ToArray());
        Assert.Equal([1, 3, 4], x[TensorIndex.None].shape);
        Assert.Equal([8L, 9L, 10L, 11L, 0L, 1L, 2L, 3L], x[tensor(new long[] { 2, 0 })].data<long>().ToArray());
        Assert.Equal([9L, 3L], x[tensor(new long[] { 2, 0 }), tensor(new long[] { 1, 3 })].data<long>().ToArray());
        Assert.Equal([2L, 10L], x[TensorIndex.Tensor(tensor(new long[] { 0, 2 })), 2].data<long>().ToArray());
        Assert.Equal([9L, 10L, 11L], x[x > 8].data<long>().ToArray());

        x[0, 1] = 100;
        x[1] = tensor(new long[] { 1, 1, 1, 1 });
        x[x > 50] = tensor(-1L);
        x[2, 2..] = zeros(2, dtype: int64);
        Assert.Equal([0L, -1L, 2L, 3L, 1L, 1L, 1L, 1L, 8L, 9L, 0L, 0L], x.data<long>().ToArray());
    }

    [Fact]
    public void IndexedUpdatesMatchTheirDefinitions()
    {
        var x = zeros(3, 2);
        var index = tensor(new long[] { 2, 0, 2 });
        x.index_add_(0, index, ones(3, 2), 1);
        Assert.Equal([1f, 1, 0, 0, 2, 2], x.data<float>().ToArray());
        x.index_copy_(0, tensor(new long[] { 1 }), full(1, 2, 5f));
        Assert.Equal([1f, 1, 5, 5, 2, 2], x.data<float>().ToArray());
        Assert.Equal([5f, 5, 1, 1], x.index_select(0, tensor(new long[] { 1, 0 })).data<float>().ToArray());
        Assert.Equal([5f, 2], x.masked_select(tensor(new[,] { { false, false }, { true, false }, { false, true } })).data<float>().ToArray());
        Assert.Equal([1f, 5], x.take(tensor(new long[] { 0, 3 })).data<float>().ToArray());
        x.view(-1).scatter_(0, tensor(new long[] { 0, 5 }), tensor(new[] { 9f, 8f }));
        Assert.Equal([9f, 1, 5, 5, 2, 8], x.data<float>().ToArray());
        Assert.Equal([9f, 2], x.gather(1, tensor(new long[,] { { 0 }, { 1 }, { 0 } })).index_select(0, tensor(new long[] { 0, 2 })).data<float>().ToArray());
    }

    [Fact]
    public void ViewsShareMemoryAndCopiesDoNot()
    {
        var x = zeros(2, 3);
        x.t()[0, 1] = 1;
        x.view(6)[5] = 2;
        Assert.Equal([0f, 0, 0, 1, 0, 2], x.data<float>().ToArray());
        x.clone().fill_(9);
        x.to(float32, copy: true).fill_(9);
        Assert.Equal(3, x.sum().ToDouble());
        Assert.False(x.t().is_contiguous());
        Assert.Equal([0f, 1, 0, 0, 0, 2], x.t().data<float>().ToArray());
        Assert.Equal([1L, 3], x.t().stride());
        MemoryMarshal.Cast<byte, float>(x.bytes)[0] = 4;
        Assert.Equal(4, x[0, 0].ToSingle());
        Assert.Throws<InvalidOperationException>(() => x.t().bytes.Length);
    }

    [Fact]
    public void ChannelsLastIsReachedByPermutation()
    {
        var images = randn(2, 3, 4, 5);
        var last = images.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2);
        Assert.Equal([60L, 1, 15, 3], last.stride());
        Assert.False(last.is_contiguous());
        Assert.True(last.Equals(images));
        Assert.True(last.contiguous().is_contiguous());
        using var conv = nn.Conv2d(3, 4, 3);
        Assert.True(conv.call(last).allclose(conv.call(images), atol: 1e-6));
    }

    [Fact]
    public void ArraysComeInAndGoOut()
    {
        Assert.Equal(float32, tensor(1.5f).dtype);
        Assert.Equal(float64, tensor(1.5).dtype);
        Assert.Equal(int64, tensor(1L).dtype);
        Assert.Equal(int32, tensor(1).dtype);
        Assert.Equal(@bool, tensor(true).dtype);
        Assert.Equal([2L, 2], tensor(new[,] { { 1f, 2f }, { 3f, 4f } }).shape);
        Assert.Equal([3f, 4f], tensor(new[,] { { 1f, 2f }, { 3f, 4f } })[1].data<float>().ToArray());
        var x = tensor(new double[] { 1, 2, 3, 4, 5, 6 }, [2, 3], dtype: float32);
        Assert.Equal(float32, x.dtype);
        Assert.Equal(6f, x.data<float>()[1, 2]);
        Assert.Equal(5f, x.data<float>()[4]);
        var part = new float[4];
        x.t().data<float>().CopyTo(part, arrayIndex: 1, tensorIndex: 2);
        Assert.Equal([0f, 2, 5, 3], part);
        x.data<float>().CopyFrom(new[] { 7f }, tensorIndex: 5);
        Assert.Equal(7, x[1, 2].item<float>());
        Assert.Throws<ArgumentException>(() => x.data<double>());
        Assert.Throws<ArgumentException>(() => x.item<float>());
        Assert.Throws<ArgumentException>(() => tensor(new[] { 1f, 2f }, [3]));
        Assert.Equal("[2x3], type = Float32, device = cpu", x.ToString());
    }

    [Fact]
    public void LinearAlgebraSolvesSmallSystems()
    {
        var a = tensor(new[,] { { 2.0, 1.0 }, { 1.0, 2.0 } });
        var (values, vectors) = linalg.eigh(a);
        Reference.AssertClose([1, 3], values, 1e-12);
        Assert.True(vectors.matmul(values.diag()).matmul(vectors.t()).allclose(a));
        Reference.AssertClose([1, 1], linalg.solve(a, tensor(new[] { 3.0, 3.0 })), 1e-12);
        var (q, r) = linalg.qr(a);
        Assert.True(q.matmul(r).allclose(a));
        var (u, s, vh) = linalg.svd(a);
        Assert.True(u.mul(s).matmul(vh).allclose(a));
        Assert.Equal(Math.Sqrt(10), linalg.norm(a).ToDouble(), 1e-12);
        Assert.Equal(6, linalg.vector_norm(a, 1).ToDouble(), 1e-12);
        Reference.AssertClose([5, 4, 4, 5], einsum("ij,jk->ik", a, a), 0);
    }

    [Fact]
    public void ErrorsAreLibtorchsOwn()
    {
        var error = Assert.Throws<ExternalException>(() => ones(2, 3).matmul(ones(2, 3)));
        Assert.StartsWith("mat1 and mat2 shapes cannot be multiplied (2x3 and 2x3)", error.Message);
        Assert.Throws<ExternalException>(() => ones(2).add(ones(3)));
        Assert.Throws<ExternalException>(() => ones(2, requires_grad: true).add_(1));
        Assert.Throws<ExternalException>(() => ones(2)[5]);
        Assert.Throws<ArgumentException>(() => nn.Conv2d(3, 4, 3).call(ones(1, 2, 8, 8)));
    }
}
