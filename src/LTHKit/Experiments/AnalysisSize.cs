using LTHKit.Analysis;
using LTHKit.Training;

namespace LTHKit.Experiments;

/// <summary>How large the analyses of a profile are; the defaults are the paper's, where it names them.</summary>
public sealed record AnalysisSize
{
    /// <summary>Points a side of a plane.</summary>
    public int PlanePoints { get; init; } = 51;

    /// <summary>Training images that a Hessian or a gradient is a mean over; 0 for all.</summary>
    public int CurvatureImages { get; init; }

    /// <summary>Images that a landscape is a mean over; 0 for all.</summary>
    public int LandscapeImages { get; init; }

    /// <summary>Training images of one batch where a Hessian is measured; one that holds them all saves half of the time.</summary>
    public int CurvatureBatch { get; init; } = 500;

    /// <summary>Lanczos steps of a spectral density.</summary>
    public int LanczosSteps { get; init; } = 80;

    /// <summary>A network is watched after every so many epochs, and after the first and the last.</summary>
    public int WatchEvery { get; init; } = 1;

    /// <summary>How a Hessian is measured.</summary>
    public HessianOptions Hessian => new() { Sample = CurvatureSample };

    /// <summary>How a line through weight space is looked at.</summary>
    public LineOptions Line => new() { Sample = new Sample { Part = Part.Test, Images = LandscapeImages } };

    /// <summary>How a plane through weight space is looked at.</summary>
    public PlaneOptions Plane => new() { Points = PlanePoints, Sample = new Sample { Images = LandscapeImages } };

    /// <summary>How a plane through input space is looked at.</summary>
    public InputPlaneOptions InputPlane => new() { Points = PlanePoints, Sample = new Sample { Part = Part.Test, Images = LandscapeImages } };

    /// <summary>Watches the top eigenvalue over a training.</summary>
    public CurvatureWatch Curvature(Recipe recipe) => new() { Sample = CurvatureSample, Epochs = Watched(recipe) };

    /// <summary>Watches the gradient of every layer over a training.</summary>
    public GradientFlow GradientFlow(Recipe recipe) => new() { Sample = CurvatureSample, Epochs = Watched(recipe) };

    private Sample CurvatureSample => new() { Images = CurvatureImages, BatchSize = CurvatureBatch };

    private IReadOnlyList<int> Watched(Recipe recipe) => WatchEvery < 1
        ? throw new UserException($"A network cannot be watched after every {WatchEvery} epochs; give a whole number from 1 on.")
        : [.. Enumerable.Range(1, recipe.Epochs).Where(epoch => epoch == 1 || epoch % WatchEvery == 0 || epoch == recipe.Epochs)];
}
