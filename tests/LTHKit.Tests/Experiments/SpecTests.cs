namespace LTHKit.Tests.Experiments;

public sealed class SpecTests
{
    // What is written does not depend on a setting's default, so that changing a default neither renames a run nor takes an old one for new.
    [Fact]
    public void TheCanonicalFormHoldsEverySettingButWhatIsNeutral()
    {
        var spec = new RunSpec { Level = 3, Seed = 2, Recipe = new Recipe { Epochs = 60 }, Tweaks = [new LabelSmoothing(), new SkipInjection(SkipKind.Normalised)] };
        Assert.Equal("""{"augment":true,"batchSize":128,"decay":0.1,"decayAt":[0.5,0.75],"epochs":60,"learningRate":0.1,"momentum":0.9,"weightDecay":0.0002}""",
            spec.ToJson()["recipe"]!.ToJsonString());
        Assert.Equal("""[{"type":"LabelSmoothing","amount":0.1},{"type":"SkipInjection","firstWeight":0.0001,"kind":"normalised"}]""", spec.ToJson()["tweaks"]!.ToJsonString());
        Assert.Equal("""{"at":"each-round","distribution":{"name":"global"},"except":[],"name":"imp","rounds":1,"score":"Scores.Magnitude"}""", spec.ToJson()["pruning"]!.ToJsonString());
        // An enum at its zero is written too; null, 0 and false are not.
        Assert.Equal("none", spec.ToJson()["control"]!.GetValue<string>());
        Assert.Equal("""[{"type":"SkipInjection","firstWeight":0.0001,"kind":"identity"}]""", new RunSpec { Tweaks = [new SkipInjection(SkipKind.Identity)] }.ToJson()["tweaks"]!.ToJsonString());
        Assert.False(new RunSpec().ToJson().ContainsKey("seed"));
        Assert.Equal("""{"trainCount":0}""", SpecJson.OfAll(new { TrainCount = (int?)0, TestCount = (int?)null }).ToJsonString());
    }

    [Theory]
    [InlineData("12ep", 12, 0)]
    [InlineData("500it", 0, 500)]
    [InlineData("2ep40it", 2, 40)]
    [InlineData("0ep", 0, 0)]
    public void AStepIsReadAndWritten(string text, int epochs, int iterations)
    {
        Step step = text;
        Assert.Equal(new Step(epochs, iterations), step);
        Assert.Equal(text, step.ToString());
        Assert.Equal(new Step(epochs + iterations / 9, iterations % 9), step.Within(9));
    }

    [Theory]
    [InlineData("")]
    [InlineData("12")]
    [InlineData("ep")]
    [InlineData("-1ep")]
    [InlineData("3it2ep")]
    [InlineData("99999999999ep")]
    public void WhatIsNoStepIsRefused(string text) => Assert.Contains("12ep", Assert.Throws<UserException>(() => Step.Parse(text)).Message);

    // The paper's shares, 50 and 75 %, whatever the number of epochs.
    [Fact]
    public void ShortSchedulesKeepThePapersShares()
    {
        foreach (var epochs in new[] { 1, 2, 3, 7, 180 })
        {
            var rates = Enumerable.Range(0, epochs * 100).Select(i => new Recipe { Epochs = epochs }.LearningRateAt(i / 100.0, 100)).ToList();
            Assert.Equal(epochs * 50, rates.Count(rate => Math.Abs(rate - 0.1) < 1e-9));
            Assert.Equal(epochs * 25, rates.Count(rate => Math.Abs(rate - 0.001) < 1e-9));
        }
        foreach (var (epochs, share) in new[] { (100, 0.55), (50, 0.14), (180, 0.5), (30, 0.7) })
            Assert.Equal(0.01, new Recipe { Epochs = epochs, DecayAt = [share] }.LearningRateAt((int)Math.Round(epochs * share), 10), 12);
        var warm = new Recipe { Epochs = 4, WarmUp = "1ep", Schedule = Recipe.Cosine };
        Assert.Equal([0.025, 0.05, 0.075, 0.1], Enumerable.Range(0, 4).Select(i => Math.Round(warm.LearningRateAt(i / 4.0, 4) / Recipe.Cosine(i / 16.0), 9)));
        Assert.Equal(0.05, warm.LearningRateAt(2, 4), 1e-12);
        Assert.Equal(0.1 * 2 / 6, new Recipe { WarmUp = "6it" }.LearningRateAt(0.25, 4), 1e-12);
    }

    // Everything public shows as one line.
    [Fact]
    public void ASpecShowsAsItsLabel()
        => Assert.Equal("resnet18 on synthetic, 48.8 % sparse, snip, shuffled in each filter, rewound to epoch 3, swish, seed 0",
            $"{new RunSpec { Level = 3, Pruning = Pruner.Snip, Control = Control.Shuffled, Rewind = "3ep", Tweaks = [new SmoothActivation()] }}");

    [Fact]
    public void RunsThatMustAgreeAreOne()
    {
        RunSpec Of(Func<RunSpec, RunSpec> change, int level = 1) => change(new RunSpec { Level = level }).Normalised;
        Assert.Equal(Of(s => s).Id, Of(s => s with { EachRound = true, Rates = [0.2, 0.5], Drawing = new() }).Id);
        Assert.Equal(Of(s => s, 0).Id, Of(s => s with { Control = Control.Random, Drawing = new() { Epochs = 9 }, Rewinding = Rewinding.FineTuning, Pruning = Pruner.Snip, Rates = [0.5] }, 0).Id);
        var late = Of(s => s with { Recipe = new() { Epochs = 9 }, Drawing = new(), Rewind = "3ep", EachRound = true }, 2);
        Assert.Equal(Of(s => s with { Rewind = "3ep" }).Id, late.Parent!.Id);      // drawn by the other recipe, rewound too
        Assert.Equal(new RunSpec().Id, late.Dense.Id);
        Assert.Equal(new RunSpec().Id, late.Parent.Parent!.Id);
    }

    [Fact]
    public void WhatDoesNotMatterIsNotPartOfARun()
    {
        var spec = new RunSpec { Tweaks = [new LabelSmoothing(), new SmoothActivation()] };
        Assert.Equal(spec.Id, (spec with { Tweaks = [new SmoothActivation(), new LabelSmoothing()] }).Id);
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
        Assert.Equal(new RunSpec { Seed = 4 }.Id, (spec with { Pruning = Pruner.Omp }).Parent!.Id);
        Assert.Null((spec with { Pruning = Pruner.Random }).Parent);
        Assert.Equal(new RunSpec { Seed = 4 }.Id, new RunSpec { Seed = 4, Pruning = Pruner.Omp }.Id);
    }

    [Fact]
    public void ATweakOfTheNotebooksOwnIsKnownByItsCode()
    {
        Assert.Equal(CodeIdentity.Of(new A.Scaled(1)), CodeIdentity.Of(new B.Scaled(1)));
        Assert.NotEqual(CodeIdentity.Of(new A.Scaled(1)), CodeIdentity.Of(new C.Scaled(1)));
        Assert.Equal(new RunSpec { Tweaks = [new A.Scaled(1), new C.Scaled(1)] }.Id, new RunSpec { Tweaks = [new C.Scaled(1), new A.Scaled(1)] }.Id);
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

    [Fact]
    public void PaperIsThePapersRecipe()
    {
        var paper = Profile.Get("paper");
        Assert.Equal(new RunSpec { Data = new() { Name = "cifar-100" } }.Id, new RunSpec { Data = paper.Data, Model = paper.Model, Recipe = paper.Recipe, Rates = paper.Rates }.Id);
        Assert.Equal(16, paper.Levels.Count);
        Assert.Equal((33, 6), (paper.RewindEpoch, Profile.Get("short").RewindEpoch));
        Assert.Equal([0.1, 0.1, 0.01, 0.01, 0.001], new[] { 0, 89, 90, 134, 135 }.Select(epoch => paper.Recipe.LearningRateAt(epoch)), (a, b) => Math.Abs(a - b) < 1e-12);
    }

    [Theory]
    [InlineData("quack", null, null, "smoke, quick, study, short, paper")]
    [InlineData("quick", "mnist", null, "cifar-100")]
    [InlineData("quick", null, "resnet19", "resnet18")]
    public void ProfilesRefuseWhatTheyDoNotKnow(string name, string? dataset, string? model, string said)
        => Assert.Contains(said, Assert.Throws<UserException>(() => Profile.Get(name, dataset, model: model)).Message);

    [Fact]
    public void AProfileTakesAnotherNetworkAtItsOwnWidthAndNamesNetworksAndDataThatExist()
    {
        var model = Profile.Get("smoke", model: "vgg5").Model;
        Assert.Equal(("vgg5", 4), (model.Name, model.Width));
        Assert.All(Profile.Names.Select(name => Profile.Get(name)), profile =>
        {
            Assert.All(profile.OtherModels.Append(profile.Model), Networks.Validate);
            Assert.All(profile.OtherData.Append(profile.Data), data => Assert.Contains(data.Name, DataSets.Names));
            Assert.NotEmpty(profile.OtherModels);
            Assert.DoesNotContain(profile.Data, profile.OtherData);
        });
    }

    private static class A { public sealed record Scaled(double By) : Tweak { public override string Label => "scaled"; public override Loss Wrap(Loss loss, TweakContext context) => (l, t) => loss(l, t) * By; } }

    private static class B { public sealed record Scaled(double By) : Tweak { public override string Label => "scaled"; public override Loss Wrap(Loss loss, TweakContext context) => (l, t) => loss(l, t) * By; } }

    private static class C { public sealed record Scaled(double By) : Tweak { public override string Label => "scaled"; public override Loss Wrap(Loss loss, TweakContext context) => (l, t) => loss(l, t) * By * 2; } }
}
