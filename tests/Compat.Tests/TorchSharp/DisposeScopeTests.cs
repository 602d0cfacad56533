using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Compat.Tests.Torch;

public class DisposeScopeTests
{
    [Fact]
    public void ScopeDisposesWhatWasMadeInIt()
    {
        Tensor inner, kept, moved;
        using (var outer = NewDisposeScope())
        {
            using (var scope = NewDisposeScope())
            {
                inner = ones(2);
                kept = ones(2).DetachFromDisposeScope();
                moved = ones(2).MoveToOuterDisposeScope();
                Assert.Equal(1, scope.DisposablesCount);
                Assert.True(scope.Contains(inner));
            }
            Assert.True(inner.IsInvalid);
            Assert.False(moved.IsInvalid);
            Assert.True(outer.Contains(moved));
        }
        Assert.True(moved.IsInvalid);
        Assert.False(kept.IsInvalid);
        kept.Dispose();
    }

    [Fact]
    public void StatisticsCountTheThreadsTensors()
    {
        var statistics = DisposeScopeManager.Statistics;
        statistics.Reset();
        var outside = ones(1);
        using (NewDisposeScope())
        {
            ones(1);
            ones(1).Dispose();
            ones(1).DetachFromDisposeScope().Dispose();
        }
        Assert.Equal(1, statistics.CreatedOutsideScopeCount);
        Assert.Equal(3, statistics.CreatedInScopeCount);
        Assert.Equal(2, statistics.DisposedInScopeCount);
        Assert.Equal(1, statistics.DisposedOutsideScopeCount);
        Assert.Equal(1, statistics.DetachedFromScopeCount);
        Assert.Equal(1, statistics.ThreadTotalLiveCount);
        outside.Dispose();
        Assert.Equal(0, statistics.ThreadTotalLiveCount);
    }

    [Fact]
    public void DisposeEverythingButKeepsWhatIsNamed()
    {
        using var scope = NewDisposeScope();
        var first = ones(1);
        var second = ones(1);
        scope.DisposeEverythingBut(second);
        Assert.True(first.IsInvalid);
        Assert.False(second.IsInvalid);
        Assert.Equal([second], scope.DisposablesView);
    }

    [Fact]
    public void AttachTakesATensorIn()
    {
        var tensor = ones(1);
        using (var scope = NewDisposeScope())
            scope.Attach(tensor);
        Assert.True(tensor.IsInvalid);
    }

    [Fact]
    public void ScopesMayEndOutOfOrder()
    {
        var outer = NewDisposeScope();
        var inner = NewDisposeScope();
        outer.Dispose();
        var tensor = ones(1);
        Assert.True(inner.Contains(tensor));
        inner.Dispose();
        Assert.True(tensor.IsInvalid);
        Assert.Null(CurrentDisposeScope);
        Assert.Throws<ObjectDisposedException>(() => inner.DisposablesCount);
    }

    [Fact]
    public void ModulesSurviveTheScopeTheyWereMadeIn()
    {
        nn.Module<Tensor, Tensor> net;
        using (NewDisposeScope())
            net = Networks.Small("relu");
        Assert.DoesNotContain(net.state_dict().Values, tensor => tensor.IsInvalid);
        var state = net.state_dict().Values.ToArray();
        net.Dispose();
        Assert.All(state, tensor => Assert.True(tensor.IsInvalid));
    }

    [Fact]
    public void DisposedTensorsSaySo()
    {
        var tensor = ones(1);
        tensor.Dispose();
        tensor.Dispose();
        Assert.Throws<InvalidOperationException>(() => tensor.add(1));
    }
}
