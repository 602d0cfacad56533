using LTHKit.Tests.Experiments;

namespace LTHKit.Tests.Tweaks;

public sealed class CustomActivationTests : InFolder
{
    private static string Id(Func<Tensor, Tensor> function) => new RunSpec { Tweaks = [new CustomActivation("own", function)] }.Id;

    [Fact]
    public void EqualFunctionsAreEqualRunsAndChangedOnesAreNot()
    {
        var id = Id(x => x * sigmoid(x));
        Assert.Equal(id, Id(x => x * sigmoid(x)));
        Assert.Equal(id, Id(renamed => renamed * sigmoid(renamed)));
        Assert.NotEqual(id, Id(x => x * tanh(x)));
        Assert.NotEqual(id, Id(x => 2 * x * sigmoid(x)));
        Assert.NotEqual(Id(x => 2 * x * sigmoid(x)), Id(x => 3 * x * sigmoid(x)));
        Assert.NotEqual(id, new RunSpec { Tweaks = [new CustomActivation("other", x => x * sigmoid(x))] }.Id);
        Assert.Matches("\"function\":\"[0-9a-f]{12}\"", new RunSpec { Tweaks = [new CustomActivation("own", x => x * 2)] }.ToJson().ToJsonString());
    }

    [Fact]
    public void CapturedValuesArePartOfIt()
    {
        static Func<Tensor, Tensor> Scaled(double by) => x => x * by;
        Assert.Equal(Id(Scaled(2)), Id(Scaled(2)));
        Assert.NotEqual(Id(Scaled(2)), Id(Scaled(3)));
        static Func<Tensor, Tensor> Polynomial(double[] c) => x => c[0] + c[1] * x;
        Assert.Equal(Id(Polynomial([1, 2])), Id(Polynomial([1, 2])));
        Assert.NotEqual(Id(Polynomial([1, 2])), Id(Polynomial([1, 3])));
        static Func<Tensor, Tensor> Inner(Func<Tensor, Tensor> f) => x => f(x) + 1;
        Assert.Equal(Id(Inner(Scaled(2))), Id(Inner(Scaled(2))));
        Assert.NotEqual(Id(Inner(Scaled(2))), Id(Inner(Scaled(3))));
        using Tensor a = tensor(new[] { 1f, 2 }), b = tensor(new[] { 1f, 2 }), c = tensor(new[] { 1f, 3 });
        static Func<Tensor, Tensor> Sloped(Tensor t) => x => x * t.sum();
        Assert.Equal(Id(Sloped(a)), Id(Sloped(b)));
        Assert.NotEqual(Id(Sloped(a)), Id(Sloped(c)));
        Assert.NotEqual(Id(new Slope(1).Apply), Id(new Slope(2).Apply));
        // The value is the one at the time of asking.
        var factor = 1.0;
        Func<Tensor, Tensor> live = x => x * factor;
        var before = Id(live);
        factor = 2;
        Assert.NotEqual(before, Id(live));
    }

    // Both functions of one scope share one captured object; only what a function reads is part of it.
    [Fact]
    public void WhatItDoesNotReadIsNot()
    {
        static string Of(double used, object unused)
        {
            Func<Tensor, Tensor> function = x => x * used;
            GC.KeepAlive(() => unused);
            return Id(function);
        }
        Assert.Equal(Of(1, new List<int>()), Of(1, "text"));
        Assert.NotEqual(Of(1, ""), Of(2, ""));
    }

    [Fact]
    public void FunctionsItCallsArePartOfIt()
    {
        Assert.Equal(Id(x => A.Helper(x)), Id(x => B.Helper(x)));
        Assert.NotEqual(Id(x => A.Helper(x)), Id(x => C.Helper(x)));
        Assert.NotEqual(Id(x => D.Helper(x)), Id(x => E.Helper(x)));
    }

    [Fact]
    public void WhatCannotBeFingerprintedIsRefusedBeforeAnyTraining()
    {
        using var lab = Tiny.Lab(Store);
        using var noise = new HttpClient();
        var said = Assert.Throws<UserException>(() => lab.Sweep(tweaks: [new CustomActivation("own", x => x * noise.Timeout.TotalDays)])).Message;
        Assert.Contains("'noise'", said);
        Assert.Contains("run's name", said);
        System.Linq.Expressions.Expression<Func<Tensor, Tensor>> tree = x => x;
        Assert.Contains("Closure", Assert.Throws<UserException>(() => Id(tree.Compile())).Message);
        Assert.False(Directory.Exists(Store) && Directory.EnumerateFileSystemEntries(Store).Any());
    }

    [Fact]
    public void WhatIsNoActivationIsRefused()
    {
        Assert.Contains("shape", Refused(x => x.sum()));
        Assert.Contains("shape and type", Refused(x => x.to_type(ScalarType.Float64)));
        Assert.Contains("gradient", Refused(x => x.detach()));
        Assert.Contains("nothing in place", Refused(x => x.relu_()));
        Assert.Contains("makes nothing", Refused(x => null!));
        using var slope = nn.PReLU(1);
        Assert.Contains("weights of its own", Refused(slope.call));
        Assert.Contains("not finite", Refused(x => x.log()));
        Assert.Contains("not finite", Refused(x => (x * 0).sqrt()));
        Assert.Contains("name", Assert.Throws<UserException>(() => new RunSpec { Tweaks = [new CustomActivation(" ", x => x)] }.Validate()).Message);

        static string Refused(Func<Tensor, Tensor> function)
            => Assert.Throws<UserException>(() => new RunSpec { Tweaks = [new CustomActivation("own", function)] }.Validate()).Message;
    }

    [Fact]
    public void AsTheKitsOwnItTrainsToTheSameBits()
    {
        using var lab = Tiny.Lab(Store);
        // Through libtorch: the kit's kernels apply their own activations by themselves, a user's on images, which differs in the last digits.
        RunSpec vanilla = Tiny.Spec with { Level = 1, Recipe = Tiny.Spec.Recipe with { Sparse = false } };
        RunSpec relu = vanilla with { Tweaks = [new CustomActivation("relu", x => nn.functional.relu(x))] };
        RunSpec swish = vanilla with { Tweaks = [new SmoothActivation("swish")] }, own = vanilla with { Tweaks = [new CustomActivation("swish", x => nn.functional.silu(x))] };
        var runs = lab.Run("all", [vanilla, relu, swish, own]).Select(r => Tiny.Bits(lab.Store.Folder(r.Spec).Checkpoint)).ToList();
        Assert.Equal(runs[0], runs[1]);
        Assert.Equal(runs[2], runs[3]);
        Assert.NotEqual(runs[0], runs[2]);
    }

    private class Slope(double by)
    {
        private readonly double _by = by;

        public virtual Tensor Apply(Tensor x) => x * _by;
    }

    private static class A { public static Tensor Helper(Tensor x) => x * Inner(x); private static Tensor Inner(Tensor x) => x + 1; }

    private static class B { public static Tensor Helper(Tensor x) => x * Inner(x); private static Tensor Inner(Tensor x) => x + 1; }

    private static class C { public static Tensor Helper(Tensor x) => x * Inner(x); private static Tensor Inner(Tensor x) => x + 2; }

    private static class D { private static readonly double By = 1; public static Tensor Helper(Tensor x) => x * By; }

    private static class E { private static readonly double By = 2; public static Tensor Helper(Tensor x) => x * By; }
}
