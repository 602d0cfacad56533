using System.Collections;
using LTHKit.Formatting;
using Microsoft.DotNet.Interactive.Formatting;
using static LTHKit.Tests.FigureSamples;

namespace LTHKit.Tests;

/// <summary>How values look as the last line of a cell.</summary>
public class ShowTests
{
    private static IReadOnlyDictionary<string, object> Values()
    {
        var run = Vanilla.Runs[0];
        return new Dictionary<string, object>
        {
            ["run"] = run,
            ["spec"] = run.Spec,
            ["sweep"] = Swish,
            ["empty sweep"] = new Sweep("none", [], []),
            ["runs"] = Vanilla.Runs,
            ["recipe"] = new Recipe(),
            ["profile"] = Profile.Quick,
            ["tweak"] = new SkipInjection(),
            ["tweaks"] = new Tweak[] { new SkipInjection(), new SmoothActivation() },
            ["data"] = DataSets.Open(new DataSpec { TrainCount = 100, TestCount = 20 }, null, torch.CPU),
            ["network"] = Resnet(),
            ["curvature"] = AnalysisFiguresTests.Watched(0, [1, 2]),
            ["measured"] = AnalysisFiguresTests.Silent(1, 0, 0.4),
            ["scales"] = Scales(1, 0, 1.2),
            ["points"] = Vanilla.Points,
            ["gains"] = Swish.GainOver(Vanilla),
            ["claim"] = new Claim("C1", "a", Alternative.Greater, new Dictionary<int, double> { [0] = 1 }),
        };
    }

    [Fact]
    public void EverythingIsOneLineOrASmallTable()
    {
        foreach (var (name, value) in Values())
        {
            var plain = value.ToDisplayString(PlainTextFormatter.MimeType);
            var html = value.ToDisplayString(HtmlFormatter.MimeType);
            Assert.True(plain.Length is > 3 and < 2500 && html.Length < 8000, $"{name}: {plain.Length} characters of text, {html.Length} of HTML\n{plain}");
            if (value is not IEnumerable)
                Assert.DoesNotContain('\n', plain.TrimEnd());
            Assert.DoesNotContain("System.", plain);
            Assert.True($"{value}".Length < 2000, name);
        }
    }

    [Theory]
    [InlineData("run", "resnet18 on synthetic, 20.0 % sparse, seed 0: 70.00 % test accuracy, run ")]
    [InlineData("spec", "resnet18 on synthetic, 20.0 % sparse, seed 0")]
    [InlineData("sweep", "swish: 4 sparse runs, 2 dense")]
    [InlineData("network", "resnet18, 44,622 parameters")]
    [InlineData("tweaks", "SkipInjection")]
    public void TheLineSaysWhatItIs(string name, string part) => Assert.Contains(part, Values()[name].ToDisplayString(PlainTextFormatter.MimeType));

    [Fact]
    public void ASweepIsItsTable() => Assert.Contains("67.00 &#177; 1.41", Swish.ToDisplayString(HtmlFormatter.MimeType));

    // The kit's figure, which draws without a network, and not the page of Plotly.NET.Interactive, whose formatter is registered before.
    [Fact]
    public void FiguresAreDrawnOffline()
    {
        var chart = Figures.AccuracyVsSparsity(Vanilla);
        Assert.DoesNotContain("cdn.plot.ly", chart.ToDisplayString(HtmlFormatter.MimeType));
        Assert.Contains("kernelspecs/lthkit/plotly.min.js", chart.ToDisplayString(HtmlFormatter.MimeType));
        Assert.Contains("cdn.plot.ly", Plotly.NET.Interactive.Formatters.toInteractiveHTML(chart));
        Assert.Equal(NotebookFormatters.Plotly, Formatter.GetPreferredMimeTypesFor(chart.GetType()).First());
    }
}
