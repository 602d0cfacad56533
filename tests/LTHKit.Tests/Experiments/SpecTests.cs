using LTHKit.Experiments;
using LTHKit.Models;
using LTHKit.Pruning;
using LTHKit.Training;
using LTHKit.Tweaks;
using Xunit;

namespace LTHKit.Tests.Experiments;

public sealed class SpecTests
{
    // Ids are names on disk: these may never change, whatever option is added. Recorded with LTHKit 0.1.0.
    [Fact]
    public void TheCanonicalFormLeavesOutDefaultsAndKeepsItsName()
    {
        Assert.Equal("{}", new RunSpec().ToJson().ToJsonString());
        var spec = new RunSpec { Level = 3, Seed = 2, Recipe = new Recipe { Epochs = 60 }, Tweaks = [new LabelSmoothing(), new SmoothActivation("mish")] };
        Assert.Equal("""{"level":3,"recipe":{"epochs":60},"seed":2,"tweaks":[{"type":"LabelSmoothing"},{"type":"SmoothActivation","name":"mish"}]}""",
            spec.ToJson().ToJsonString());
        Assert.Equal("44136fa355b3", new RunSpec().Id);     // the SHA-256 of {}
    }

    [Fact]
    public void WhatDoesNotMatterIsNotPartOfARun()
    {
        var spec = new RunSpec { Tweaks = [new LabelSmoothing(), new SmoothActivation()] };
        Assert.Equal(spec.Id, (spec with { Tweaks = [new SmoothActivation(), new LabelSmoothing()] }).Id);
        Assert.Equal(spec.Id, (spec with { Pruning = Pruner.Get("omp") }).Id);
        Assert.NotEqual(spec.Id, (spec with { Seed = 1 }).Id);
        Assert.NotEqual(spec.Id, (spec with { Tweaks = [new LabelSmoothing(0.2), new SmoothActivation()] }).Id);
    }

    [Fact]
    public void RunsFormATree()
    {
        var spec = new RunSpec { Level = 2, Rewind = 33, Tweaks = [new SmoothActivation()], Seed = 4 };
        Assert.Equal(new RunSpec { Level = 1, Seed = 4 }.Id, spec.Parent!.Id);
        Assert.Equal(new RunSpec { Seed = 4 }.Id, spec.Parent!.Parent!.Id);
        Assert.Null(spec.Parent!.Parent!.Parent);
        Assert.Equal(new RunSpec { Seed = 4 }.Id, (spec with { Pruning = Pruner.Get("omp") }).Parent!.Id);
        Assert.Null((spec with { Pruning = Pruner.Get("random") }).Parent);
    }

    [Fact]
    public void ATweakOfTheNotebooksOwnIsKnownByItsCode()
    {
        Assert.Equal(CodeIdentity.Of(new A.Scaled(1)), CodeIdentity.Of(new B.Scaled(1)));
        Assert.NotEqual(CodeIdentity.Of(new A.Scaled(1)), CodeIdentity.Of(new C.Scaled(1)));
        Assert.NotEqual(CodeIdentity.Of(new F.Scaled()), CodeIdentity.Of(new G.Scaled()));
        Assert.NotEqual(new RunSpec { Tweaks = [new D.Scaled()] }.Id, new RunSpec { Tweaks = [new E.Scaled()] }.Id);
        Assert.Contains("\"code\":", new RunSpec { Tweaks = [new A.Scaled(2)] }.ToJson().ToJsonString());
    }

    [Fact]
    public void BadSettingsAreRefusedBeforeAnythingIsTrained()
    {
        foreach (var spec in new RunSpec[]
        {
            new() { Level = -1 },
            new() { Rewind = 180, Level = 1 },
            new() { Rewind = -1, Level = 1 },
            new() { Tweaks = [new LabelSmoothing(1)] },
            new() { Tweaks = [new LabelSmoothing(-0.1)] },
            new() { Tweaks = [new SmoothActivation("sin")] },
            new() { Recipe = new Recipe { Epochs = 0 } },
            new() { Recipe = new Recipe { LearningRate = double.NaN } },
            new() { Recipe = new Recipe { LearningRate = double.PositiveInfinity } },
            new() { Pruning = Pruner.Imp with { Rounds = 0 } },
            new() { Model = new ModelSpec("resnet1") },
            new() { Rates = [1] },
        })
            Assert.Throws<UserException>(spec.Validate);
    }

    [Theory]
    [InlineData("paper", 33)]
    [InlineData("short", 11)]
    public void ProfilesHaveThePapersRewindPoint(string name, int epoch) => Assert.Equal(epoch, Profile.Get(name).RewindEpoch);

    [Fact]
    public void PaperIsThePapersRecipe()
    {
        var paper = Profile.Paper;
        Assert.Equal(new RunSpec { Data = new() { Name = "cifar-100" } }.Id, new RunSpec { Data = paper.Data, Model = paper.Model, Recipe = paper.Recipe, Rates = paper.Rates }.Id);
        Assert.Equal(16, paper.Levels.Count);
        Assert.Equal([0.1, 0.1, 0.01, 0.01, 0.001], new[] { 0, 89, 90, 134, 135 }.Select(epoch => paper.Recipe.LearningRateAt(epoch)), (a, b) => Math.Abs(a - b) < 1e-12);
    }

    [Theory]
    [InlineData("quack", null, "smoke, quick, short, paper")]
    [InlineData("quick", "mnist", "cifar-100")]
    public void ProfilesRefuseWhatTheyDoNotKnow(string name, string? dataset, string said)
        => Assert.Contains(said, Assert.Throws<UserException>(() => Profile.Get(name, dataset)).Message);

    private static class A { public sealed record Scaled(double By) : Tweak { public override string Label => "scaled"; public override Loss Wrap(Loss loss, TweakContext context) => (l, t) => loss(l, t) * By; } }

    private static class B { public sealed record Scaled(double By) : Tweak { public override string Label => "scaled"; public override Loss Wrap(Loss loss, TweakContext context) => (l, t) => loss(l, t) * By; } }

    // The same but for a setting's default.
    private static class D { public sealed record Scaled(double By = 1) : Tweak { public override string Label => "scaled"; } }

    private static class E { public sealed record Scaled(double By = 2) : Tweak { public override string Label => "scaled"; } }

    private static class C { public sealed record Scaled(double By) : Tweak { public override string Label => "scaled"; public override Loss Wrap(Loss loss, TweakContext context) => (l, t) => loss(l, t) * By * 2; } }

    // The same but for a function that both call.
    private static class F
    {
        public sealed record Scaled : Tweak { public override string Label => "scaled"; public override Loss Wrap(Loss loss, TweakContext context) => (l, t) => loss(l, t) * Helper.Factor(); }

        private static class Helper { public static double Factor() => 1; }
    }

    private static class G
    {
        public sealed record Scaled : Tweak { public override string Label => "scaled"; public override Loss Wrap(Loss loss, TweakContext context) => (l, t) => loss(l, t) * Helper.Factor(); }

        private static class Helper { public static double Factor() => 2; }
    }
}
