using LTHKit.Analysis;

namespace LTHKit.Tests.Experiments;

public sealed class LabAnalysesTests() : InLab(Profile)
{
    private static readonly Profile Profile = Tiny.Profile with
    {
        Analysis = new() { PlanePoints = 3, CurvatureImages = 40, LandscapeImages = 40, LanczosSteps = 4, WatchEvery = 2 },
    };

    [Fact]
    public void EveryAnalysisIsTakenOnceAndKeptWithItsRun()
    {
        var runs = _lab.Run("runs", [Tiny.Spec with { Level = 1 }, Tiny.Spec with { Level = 1, Tweaks = [new SmoothActivation()] }]);
        var planes = _lab.WeightPlanes(runs);
        Assert.Equal(["vanilla LTH", "swish"], planes.Select(plane => plane.Name));
        Assert.NotEqual(planes[0].Z, planes[1].Z);
        Assert.NotEqual(planes[0].Z, _lab.WeightPlanes(runs, epochs: 1)[0].Z);
        var (inputs, lines, densities, silent, flops) =
            (_lab.InputPlanes(runs), _lab.AlongTopEigenvector(runs), _lab.SpectralDensities(runs), _lab.SilentActivations(runs), _lab.MultiplyAdds(runs));
        Assert.Equal(runs, lines.Select(m => m.Run));
        // Of one block it is another Hessian, and another file.
        Assert.NotEqual(lines[0].Value.Eigenvalue, _lab.AlongTopEigenvector(runs, options: new() { Parameters = name => name.StartsWith("layer1.0.") })[0].Value.Eigenvalue);
        Assert.NotEqual(lines[0].Value.Eigenvalue, _lab.AlongTopEigenvector(runs, options: new() { GaussNewton = true })[0].Value.Eigenvalue);
        Assert.Equal(lines[0].Value.Eigenvalue, _lab.AlongTopEigenvector(runs)[0].Value.Eigenvalue);
        Assert.True(silent[0].Value.Sum(s => s.Silent) > silent[1].Value.Sum(s => s.Silent));
        Assert.True(flops[0].Value.Effective < flops[0].Value.Dense);

        // Again, from the files alone, to the same numbers.
        foreach (var run in runs)
            File.Delete(Path.Combine(run.Folder, "checkpoint.safetensors"));
        using var other = Tiny.Lab(Store, profile: Profile);
        Assert.Equal(planes[1].Z, other.WeightPlanes(runs)[1].Z);
        Assert.Equal(inputs[1].Z, other.InputPlanes(runs)[1].Z);
        Assert.Equal(lines[1].Value.Line.Y, other.AlongTopEigenvector(runs)[1].Value.Line.Y);
        Assert.Equal(densities[1].Value.Weights, other.SpectralDensities(runs)[1].Value.Weights);
        Assert.Equal(silent[1].Value, other.SilentActivations(runs)[1].Value);
        Assert.Equal(flops[1].Value.Layers, other.MultiplyAdds(runs)[1].Value.Layers);
    }

    [Fact]
    public void WatchesSeeTheSameWhileTrainingAndAfterwards()
    {
        var curvature = Profile.Analysis.Curvature(Profile.Recipe);
        Assert.Equal([1, 2, 4], curvature.Epochs);
        var run = _lab.Run("watched", [Tiny.Spec], [curvature])[0];
        var during = _lab.Watched([run], curvature)[0];
        foreach (var file in Directory.GetFiles(run.Folder, "watch-*"))
            File.Delete(file);
        Assert.Equal(during.Values[CurvatureWatch.TopEigenvalue], _lab.Watched([run], curvature)[0].Values[CurvatureWatch.TopEigenvalue]);
        var flow = _lab.Watched([run], Profile.Analysis.Gradients(Profile.Recipe))[0];
        Assert.Equal(20, flow.Values.Count);
        Assert.All(flow.Values.Values, norms => Assert.All(norms, norm => Assert.True(norm > 0)));
    }

    [Fact]
    public void StepsAreTimedWithoutATrace()
    {
        var runs = _lab.Run("runs", [Tiny.Spec, Tiny.Spec with { Level = 1 }, Tiny.Spec with { Level = 1, Tweaks = [new SkipInjection()] }]);
        _lab.StepTimes(runs);
        var files = Directory.GetFiles(runs[1].Folder, "*", SearchOption.AllDirectories);
        using var scope = NewDisposeScope();
        var times = _lab.StepTimes(runs);
        Assert.Equal(runs, times.Select(time => time.Run));
        Assert.All(times, time => Assert.True(time.Masked > 0 && time.Own > 0));
        Assert.Equal(0, scope.DisposablesCount);
        Assert.Equal(files, Directory.GetFiles(runs[1].Folder, "*", SearchOption.AllDirectories));
    }

    [Fact]
    public void BadSettingsAreRefusedBeforeAnythingIsComputed()
    {
        var run = _lab.Run("dense", [Tiny.Spec])[0];
        Action[] mistakes =
        [
            () => _lab.WeightPlanes([run], grid: new(1, 1)),
            () => _lab.WeightPlanes([run], epochs: 5),
            () => _lab.WeightPlanes([run], sample: new Sample { Images = 100_000 }),
            () => _lab.InputPlanes([run], grid: new(3, -1)),
            () => _lab.AlongTopEigenvector([run], options: new() { MaxIterations = 0 }),
            () => _lab.AlongTopEigenvector([run], grid: new(0, 1)),
            () => _lab.SilentActivations([run], -1),
            () => (Profile.Analysis with { WatchEvery = 0 }).Curvature(Profile.Recipe),
            () => (Profile.Analysis with { WatchEvery = -3 }).Gradients(Profile.Recipe),
        ];
        Assert.All(mistakes, act => Assert.EndsWith(".", Assert.Throws<UserException>(act).Message));
        Assert.False(Directory.Exists(Path.Combine(run.Folder, "analysis")));
    }
}
