using System.Buffers.Binary;
using System.Text.RegularExpressions;
using LTHKit.Notebook.Html;
using LTHKit.Notebook.Running;

namespace LTHKit.Notebook.Tests;

public sealed class HtmlTests : InFolder
{
    private const string Figure =
        """
        using Plotly.NET;
        GenericChart Figure(params string[] names) =>
            Plotly.NET.CSharp.Chart.Combine(names.Select(name => Plotly.NET.CSharp.Chart.Line<int, double, string>([1, 2, 3], [2.0, 1.0, 3.0], Name: name)));
        """;

    private async Task<RunOutcome> Run(params string[] cells)
    {
        var outcome = await NotebookRunner.RunAsync(Write(cells), Output);
        Assert.Null(outcome.Error?.Message);
        return outcome;
    }

    private static string Page(NotebookDocument notebook) => HtmlExport.Page(notebook, "x", ".");

    private static string Body(string page) => page[page.IndexOf("<main>", StringComparison.Ordinal)..];

    [ChromiumFact]
    public async Task FiguresBecomePicturesOfTheirSize()
    {
        var outcome = await Run(Figure, "Figure(\"a\")", "display(Figure(\"b\", \"c\")); Figure(\"d\", \"e\", \"f\")");
        var folder = Path.Combine(Folder, "pictures");
        var files = await FigureImages.WriteAsync(outcome.Notebook, folder, "png", 2, embed: true);
        Assert.Equal(["in.c1.png", "in.c2.png", "in.c2-2.png"], files.Select(file => Path.GetFileName(file)));
        foreach (var file in files)
        {
            var bytes = File.ReadAllBytes(file);
            Assert.Equal([0x89, (byte)'P', (byte)'N', (byte)'G'], bytes[..4]);
            Assert.Equal((1200, 1200), (BinaryPrimitives.ReadInt32BigEndian(bytes.AsSpan(16)), BinaryPrimitives.ReadInt32BigEndian(bytes.AsSpan(20))));
        }
        Assert.Equal(3, files.Select(file => Convert.ToHexString(File.ReadAllBytes(file))).Distinct().Count());
        var embedded = NotebookDocument.Load(outcome.Notebook).Cells[1].Outputs[0]!["data"]!;
        Assert.Equal(Convert.ToBase64String(File.ReadAllBytes(files[0])), (string?)embedded["image/png"]);
        Assert.NotNull(embedded["application/vnd.plotly.v1+json"]);
        var svg = File.ReadAllText((await FigureImages.WriteAsync(outcome.Notebook, folder, "svg"))[1]);
        Assert.StartsWith("<svg", svg);
        Assert.Contains("scatterlayer", svg);
        await Assert.ThrowsAsync<OperationCanceledException>(() => FigureImages.WriteAsync(outcome.Notebook, folder, cancellation: new(canceled: true)));
    }

    [Fact]
    public void ABrowserThatDoesNotStartIsToldInOneSentence()
    {
        var program = Path.Combine(Folder, "chromium");
        File.WriteAllText(program, "#!/bin/sh\nexit 1\n");
        Kit.Run("chmod", ["+x", program]);
        var (code, said) = Kit.Run("dotnet", [Kit.CommandLine, "figures", Path.Combine(Kit.Root, "results", "short.ipynb"), "--out", Folder],
            new() { ["PATH"] = $"{Folder}:{Environment.GetEnvironmentVariable("PATH")}" }, seconds: 100);        // Puppeteer waits for 120
        Assert.Equal((2, $"lthkit: {program} does not start: run {program} --headless --dump-dom about:blank to see why."), (code, said.Trim()));
    }

    [Fact]
    public async Task ANotebookWithoutFiguresIsRefused()
    {
        var outcome = await Run("1 + 1");
        Assert.Contains("no figures", (await Assert.ThrowsAsync<UserException>(() => FigureImages.WriteAsync(outcome.Notebook, Folder))).Message);
    }

    [ChromiumFact]
    public async Task FiguresAndFormulasAreDrawnWithoutANetwork()
    {
        var outcome = await Run(
            "# Title\n\nwith $\\theta_0$ and\n\n$$ x \\cdot \\sigma(x) $$", Figure, "Figure(\"one\", \"two </script><b>\")", "Figure(\"three\")");
        var page = File.ReadAllText(outcome.Html);
        var markup = Regex.Replace(page, "<script.*?</script>", "<script></script>", RegexOptions.Singleline);
        Assert.DoesNotMatch("""(src|href)="(?!data:|#)""", markup);
        Assert.DoesNotMatch(@"url\((?!data:)|@import", markup);
        Assert.Single(Regex.Matches(page, @"plotly\.js v2"));

        var body = Body(await Pages.Dom(outcome.Html));
        Assert.Equal(2, Regex.Matches(body, "class=\"plot-container plotly\"").Count);
        Assert.Equal(3, Regex.Matches(body, "<g class=\"trace scatter").Count);
        Assert.Equal(2, Regex.Matches(body, "<math").Count);
        Assert.Single(Regex.Matches(body, "<math display=\"block\">"));
    }

    [ChromiumFact]
    public async Task TheNotebooksOwnHtmlDrawsWithPlotlyBesideIt()
    {
        var outcome = await Run(Figure, "Figure(\"one\", \"two\")", "Figure(\"one\", \"two\")");
        var bundles = NotebookDocument.Load(outcome.Notebook).Cells.SelectMany(cell => cell.Outputs).Select(o => o!["data"]!.AsObject()).ToList();
        Assert.All(bundles, bundle => Assert.Equal(["application/vnd.plotly.v1+json", "text/html", "text/plain"], bundle.Select(entry => entry.Key)));
        Assert.Equal("Figure: 2 traces", bundles[0]["text/plain"]![0]!.ToString());
        Assert.Equal(2, bundles[0]["application/vnd.plotly.v1+json"]!["data"]!.AsArray().Count);
        Assert.InRange(new FileInfo(outcome.Notebook).Length, 1, 100_000);

        // As a front end does that knows HTML only.
        var html = bundles.Select(bundle => string.Concat(bundle["text/html"]!.AsArray().Select(line => line!.ToString()))).ToList();
        var page = Path.Combine(Output, "front-end.html");
        File.WriteAllText(page, $"<!doctype html><script>window.define = function() {{ throw 'anonymous define' }}; define.amd = {{}}</script><body>{string.Join("<hr>", html)}</body>");
        var dom = await Pages.Dom(page);
        Assert.Equal(4, Regex.Matches(dom, "<g class=\"trace scatter").Count);
        Assert.DoesNotContain("trust the notebook,", Regex.Replace(dom, "<script.*?</script>", "", RegexOptions.Singleline));
        // What is left of it where the notebook is not trusted.
        Assert.All(html, text => Assert.Matches(@"^<div [^>]*>This figure is drawn by a script: trust the notebook, [^<]*</div>\s*$",
            Regex.Replace(text, "<script>.*?</script>", "", RegexOptions.Singleline)));

        File.Delete(Path.Combine(Output, "plotly.min.js"));
        Assert.Matches("<div data-lthkit-figure=[^>]*>This figure needs plotly.js", await Pages.Dom(page));
    }

    [Theory]
    [InlineData(@"x_1^2", "<mrow><msubsup><mi>x</mi><mn>1</mn><mn>2</mn></msubsup></mrow>")]
    [InlineData(@"s_\text{eff} = 1 - \frac{a b}{2.5}", "<mrow><msub><mi>s</mi><mtext>eff</mtext></msub><mo>=</mo><mn>1</mn><mo>−</mo><mfrac><mrow><mi>a</mi><mi>b</mi></mrow><mrow><mn>2.5</mn></mrow></mfrac></mrow>")]
    [InlineData(@"\lVert g \rVert \le \tilde S", "<mrow><mo stretchy=\"false\">‖</mo><mi>g</mi><mo stretchy=\"false\">‖</mo><mo>≤</mo><mover accent=\"true\"><mi>S</mi><mo>~</mo></mover></mrow>")]
    [InlineData(@"L\!\left(p;\; S\right)", "<mrow><mi>L</mi><mspace width=\"-0.17em\"/><mrow><mo>(</mo><mrow><mi>p</mi><mo>;</mo><mspace width=\"0.28em\"/><mi>S</mi></mrow><mo>)</mo></mrow></mrow>")]
    [InlineData(@"a < \text{if } b", "<mrow><mi>a</mi><mo>&lt;</mo><mtext>if\u00a0</mtext><mi>b</mi></mrow>")]
    [InlineData(@"\frac12 w^10", "<mrow><mfrac><mn>1</mn><mn>2</mn></mfrac><msup><mi>w</mi><mn>1</mn></msup><mn>0</mn></mrow>")]
    [InlineData(@"\log_2 x", "<mrow><msub><mi>log</mi><mn>2</mn></msub><mo>&#8289;</mo><mi>x</mi></mrow>")]
    public void AFormulaIsMathMl(string tex, string markup) => Assert.Equal($"<math>{markup}</math>", MathMl.Of(tex, display: false));

    [Theory]
    [InlineData(@"\begin{aligned} x \end{aligned}")]
    [InlineData(@"\unknown x")]
    [InlineData(@"{x")]
    [InlineData(@"x^")]
    [InlineData(@"\frac{1}")]
    [InlineData(@"x__2")]
    [InlineData(@"\left( x")]
    [InlineData(@"\sqrt[3]{x}")]
    [InlineData(@"<script>\text{")]
    public void AFormulaThatIsNotUnderstoodStaysAsWritten(string tex) =>
        Assert.Equal($"<code class=\"tex\">{System.Net.WebUtility.HtmlEncode(tex)}</code>", MathMl.Of(tex, display: true));

    [Fact]
    public void EveryFormulaOfTheNotebooksIsDrawn()
    {
        var pages = Reproduced.All.Select(name => Page(NotebookDocument.Load(Path.Combine(Kit.Root, "notebooks", name + ".ipynb")))).ToList();
        Assert.Contains(pages, page => page.Contains("<math"));
        Assert.All(pages, page => Assert.DoesNotContain("class=\"tex\"", page));
    }

    [Fact]
    public void MarkdownPicturesAreTakenIn()
    {
        File.WriteAllBytes(Path.Combine(Folder, "dot.png"), [1, 2, 3]);
        var notebook = TestNotebook.Empty();
        notebook.Add("markdown", "m", "![a](dot.png) ![b](attachment:in%20side.png) ![c](https://example.org/c.png)")
            .Json["attachments"] = JsonNode.Parse("""{"in side.png":{"image/png":"AAEC"}}""");
        var page = HtmlExport.Page(notebook, "x", Folder);
        Assert.Contains("src=\"data:image/png;base64,AQID\"", page);
        Assert.Contains("src=\"data:image/png;base64,AAEC\"", page);
        Assert.Contains("https://example.org/c.png", page);
    }

    [Fact]
    public void TextIsEncodedAndErrorsStand()
    {
        var notebook = TestNotebook.Empty();
        var cell = notebook.Add("code", "c", "var s = \"<b>&amp;\"; // a < b\nif (x) return 1;");
        cell.ExecutionCount = 7;
        cell.Outputs.Add(JsonNode.Parse("""{"output_type":"stream","name":"stderr","text":["<i>\n"]}"""));
        cell.Outputs.Add(JsonNode.Parse("""{"output_type":"error","ename":"E","evalue":"v","traceback":["cell [7], line 1: <E>","second"]}"""));
        var body = Body(Page(notebook));
        Assert.Contains("<span class=\"s\">&quot;&lt;b&gt;&amp;amp;&quot;</span>", body);
        Assert.Contains("<span class=\"c\">// a &lt; b</span>", body);
        Assert.Contains("<span class=\"k\">return</span> <span class=\"u\">1</span>", body);
        Assert.Contains("<pre class=\"stderr\">&lt;i&gt;</pre>", body);
        Assert.Contains("<b>cell [7], line 1: &lt;E&gt;</b>\nsecond", body);
        Assert.Contains("[7]", body);
    }

    [Theory]
    [InlineData("#r \"a.dll\"\n// note\nusing System.IO;\nusing LTHKit;")]
    [InlineData("var x = $\"{1 + 1} and {{\"; /* c */\n\t@\"verbatim \"\" \" + '\\n'")]
    [InlineData("#!html\n<b>not C#</b> &")]
    [InlineData("int Broken(\n  ( { \"unfinished")]
    public void HighlightingLosesNoCharacter(string code) =>
        Assert.Equal(code, System.Net.WebUtility.HtmlDecode(Regex.Replace(CodeHtml.Highlight(code), "</?span[^>]*>", "")));

    [Fact]
    public void HeadingsHaveIdsOfTheirOwnAndManyOfThemAList()
    {
        var notebook = TestNotebook.Empty();
        foreach (var (i, heading) in new[] { "# T", "## Same", "## Same", "## Other & more", "## Last" }.Index())
            notebook.Add("markdown", $"m{i}", heading);
        var page = Page(notebook);
        Assert.Contains("<title>T</title>", page);
        Assert.Contains("<a href=\"#same-2\">Same</a>", page);
        Assert.Contains("<h2 id=\"same-2\">", page);
        Assert.Equal(4, Regex.Matches(page, "<li><a href=\"#").Count);
    }
}
