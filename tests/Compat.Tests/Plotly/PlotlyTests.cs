using Newtonsoft.Json;
using Newtonsoft.Json.Linq;
using Plotly.NET;
using Plotly.NET.CSharp;
using Xunit;
using Chart = Plotly.NET.CSharp.Chart;

namespace Compat.Tests.Plotly;

public class PlotlyTests
{
    // What Plotly.NET 5.1.0 with Plotly.NET.CSharp 0.13.0 and DynamicObj 2.0.0 writes for Charts.cs, built from their sources.
    private static readonly JObject Recorded = Read();

    public static TheoryData<string> Names => [.. Charts.All.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void JsonIsTheRealLibrarys(string name) =>
        Assert.Equal(Recorded[name]!.ToString(Formatting.None), GenericChart.toJson(Charts.All[name]()));

    [Fact]
    public void EveryRecordedChartIsTested() =>
        Assert.Equal(Charts.All.Keys.Order(), Recorded.Properties().Select(property => property.Name).Order());

    [Fact]
    public void FigureJsonHasFramesInsteadOfTheConfig() =>
        Assert.Equal(
            "{\"data\":[{\"type\":\"scatter\",\"name\":\"a\",\"mode\":\"lines+markers\",\"x\":[1.0,2.0,3.0],\"y\":[0.5,\"NaN\",2.25],"
            + "\"marker\":{},\"line\":{}}],\"layout\":{},\"frames\":[]}",
            GenericChart.toFigureJson(Charts.Line()));

    [Fact]
    public void DeclaredAndDynamicPropertiesAreSetByName()
    {
        var trace = Charts.Line().GetTraces()[0];
        trace.SetValue("type", "scattergl");
        trace.SetValue("hovertemplate", "%{x}");

        Assert.Equal("scattergl", trace.type);
        Assert.Equal("scattergl", trace.TryGetValue("type")!.Value);
        Assert.Equal("%{x}", trace.TryGetTypedValue<string>("hovertemplate")!.Value);
        Assert.Null(trace.TryGetTypedValue<int>("hovertemplate"));
        Assert.Null(trace.TryGetValue("absent"));
        Assert.True(trace.Remove("hovertemplate"));
        Assert.False(trace.Remove("hovertemplate"));
        Assert.Equal(["type", "name", "mode", "x", "y", "marker", "line"], trace.GetDynamicMemberNames());
        Assert.Equal(["name", "mode", "x", "y", "marker", "line"], trace.GetProperties(false).Select(property => property.Key));
    }

    [Fact]
    public void PropertiesAreDynamicMembers()
    {
        dynamic layout = new Layout();
        layout.title = "x";
        Assert.Equal("x", layout.title);
    }

    [Theory]
    [InlineData("#0072B2", "\"rgba(0, 114, 178, 1.0)\"")]
    [InlineData("0072b2", "\"rgba(0, 114, 178, 1.0)\"")]
    public void HexColoursBecomeRgba(string hex, string json) =>
        Assert.Equal(json, JsonConvert.SerializeObject(Color.fromHex(hex)));

    [Fact]
    public void ColoursAreComparedByValue()
    {
        Assert.Equal(Color.fromRGB(1, 2, 3), Color.fromARGB(255, 1, 2, 3));
        Assert.NotEqual(Color.fromRGB(1, 2, 3), Color.fromRGB(1, 2, 4));
        Assert.Equal("\"rgba(1, 2, 3, 0.5)\"", JsonConvert.SerializeObject(Color.fromARGB(128, 1, 2, 3)));
    }

    [Fact]
    public void BadColoursAreRefused()
    {
        Assert.Equal("Invalid hex color format", Assert.Throws<Exception>(() => Color.fromHex("#12")).Message);
        Assert.Equal(
            "Value for component needs to be between 0 and 255.", Assert.Throws<Exception>(() => Color.fromRGB(300, 0, 0)).Message);
    }

    [Fact]
    public void HtmlHoldsTheChart()
    {
        var html = global::Plotly.NET.Interactive.Formatters.toInteractiveHTML(Charts.Line());
        Assert.Contains("[{\"type\":\"scatter\",\"name\":\"a\",\"mode\":\"lines+markers\",\"x\":[1.0,2.0,3.0],", html);
        Assert.Contains("cdn.plot.ly/plotly-2.27.1.min", html);
        Assert.NotEqual(html, global::Plotly.NET.Interactive.Formatters.toInteractiveHTML(Charts.Line())); // an id of its own
    }

    [Fact]
    public void NothingCannotBeCombined() =>
        Assert.Equal("The input sequence was empty. (Parameter 'source')", Assert.Throws<ArgumentException>(() => Chart.Combine([])).Message);

    [Fact]
    public void ACellOfAGridHasOneKindOfTraces() =>
        Assert.Contains(
            "multiple different subplot types",
            Assert.Throws<Exception>(() => Chart.Grid([Chart.Combine([Charts.Line(), Charts.Surface()])], 1, 1)).Message);

    private static JObject Read()
    {
        using var stream = typeof(PlotlyTests).Assembly.GetManifestResourceStream("plotly.json")!;
        using var reader = new StreamReader(stream);
        return JObject.Parse(reader.ReadToEnd());
    }
}
