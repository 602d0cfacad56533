using LTHKit.Analysis;
using LTHKit.Training;

namespace LTHKit.Experiments;

/// <summary>How large the analyses of a profile are; the defaults are the paper's, where it names them.</summary>
/// <param name="PlanePoints">Points a side of a plane.</param>
/// <param name="CurvatureImages">Training images that a Hessian or a gradient is a mean over; 0 for all.</param>
/// <param name="LandscapeImages">Images that a landscape is a mean over; 0 for all.</param>
/// <param name="CurvatureBatch">Training images of one batch where a Hessian is measured; one that holds them all saves half of the time.</param>
/// <param name="LanczosSteps">Lanczos steps of a spectral density.</param>
/// <param name="WatchEvery">A network is watched after every so many epochs, and after the first and the last.</param>
public sealed record AnalysisSize(
    int PlanePoints = 51, int CurvatureImages = 0, int LandscapeImages = 0, int CurvatureBatch = 500, int LanczosSteps = 80, int WatchEvery = 1)
{
    /// <summary>The training images that a Hessian or a gradient is a mean over.</summary>
    public Sample CurvatureSample => new() { Images = CurvatureImages, BatchSize = CurvatureBatch };

    /// <summary>The images that a landscape is a mean over.</summary>
    public Sample LandscapeSample(Part part) => new() { Part = part, Images = LandscapeImages };

    /// <summary>Watches the top eigenvalue over a training.</summary>
    public CurvatureWatch Curvature(Recipe recipe) => new() { Sample = CurvatureSample, Epochs = Watched(recipe) };

    /// <summary>Watches the gradient of every layer over a training.</summary>
    public GradientFlow GradientFlow(Recipe recipe) => new() { Sample = CurvatureSample, Epochs = Watched(recipe) };

    private IReadOnlyList<int> Watched(Recipe recipe) => WatchEvery < 1
        ? throw new UserException($"A network cannot be watched after every {WatchEvery} epochs; give a whole number from 1 on.")
        : [.. Enumerable.Range(1, recipe.Epochs).Where(epoch => epoch == 1 || epoch % WatchEvery == 0 || epoch == recipe.Epochs)];
}
