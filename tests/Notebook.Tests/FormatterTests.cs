using Deedle;
using LTHKit.Formatting;
using LTHKit.Notebook.Running;
using Microsoft.DotNet.Interactive.Formatting;

namespace LTHKit.Notebook.Tests;

public sealed class FormatterTests : InFolder
{
    public FormatterTests() => NotebookFormatters.Register();

    private static Frame<int, string> Table() => new FrameBuilder.Columns<int, string>
    {
        { "accuracy, %", new Series<int, double>([0, 1, 2], [93.456, double.NaN, 7.1]) },
        { "mixed", new Series<int, object>([0, 1, 2], [1, 0.5, 12.5]) },
        { "spread", new Series<int, string>([0, 1, 2], ["1.0 ± 0.1", "2.0 ± 0.2", "3.0"]) },
        { "<name>", new Series<int, string>([0, 2], ["a", "b & c"]) },
        { "numbers", new Series<int, string>([0, 1, 2], ["1.0 ± 0.1 points (95 %, 100 seeds)", "2.0 ± 0.1 points (95 %, 100 seeds)", "short"]) },
    }.Frame;

    [Fact]
    public void ATableIsAlignedRoundedAndMarksWhatIsMissing()
    {
        var html = Table().ToDisplayString(HtmlFormatter.MimeType);
        Assert.Contains("<th class=\"n\">accuracy, %</th><th class=\"n\">mixed</th><th class=\"n\">spread</th><th>&lt;name&gt;</th><th>numbers</th>", html);
        Assert.Contains("<tr><th>0</th><td class=\"n\">93.46</td><td class=\"n\">1.0</td><td class=\"n\">1.0 &#177; 0.1</td><td>a</td><td class=\"w\">1.0 &#177; 0.1 points (95 %, 100 seeds)</td></tr>", html);
        Assert.Contains("<tr><th>1</th><td class=\"m n\">–</td><td class=\"n\">0.5</td><td class=\"n\">2.0 &#177; 0.2</td><td class=\"m\">–</td><td class=\"w\">2.0 &#177; 0.1 points (95 %, 100 seeds)</td></tr>", html);
        Assert.Contains("<td class=\"n\">7.10</td>", html);
        Assert.Contains("b &amp; c", html);
        Assert.DoesNotMatch("color: *#|background: *#", html);       // the theme's colours, whatever they are
        Assert.Contains("<missing>", Table().ToDisplayString());
        Assert.Equal(["text/html", "text/plain"], Formatter.GetPreferredMimeTypesFor(typeof(Frame<int, string>)));
    }

    [Theory]
    [InlineData(new[] { 0.5, 12.25, -100.0 }, new[] { "0.5", "12.2", "−100.0" })]
    [InlineData(new[] { 1.0, 20.0, 300.0 }, new[] { "1", "20", "300" })]
    [InlineData(new[] { 0.012345, 0.5 }, new[] { "0.0123", "0.5000" })]
    [InlineData(new[] { 1e-9, 1.0 }, new[] { "1e-9", "1e0" })]
    [InlineData(new[] { 123456.7 }, new[] { "123457" })]
    public void AColumnHasOneNumberOfDecimals(double[] values, string[] texts) =>
        Assert.Equal(texts, TableHtml.Numbers([.. values.Select(value => (double?)value)]));

    [Fact]
    public void ALongTableIsCutInTheMiddle()
    {
        var keys = Enumerable.Range(0, 500).ToList();
        var html = new FrameBuilder.Columns<int, string> { { "n", new Series<int, int>(keys, keys) } }.Frame.ToDisplayString(HtmlFormatter.MimeType);
        Assert.Contains("<th>39</th>", html);
        Assert.Contains("450 more rows", html);
        Assert.DoesNotContain("<th>40</th>", html);
        Assert.Contains("<th>499</th>", html);
    }

    [Fact]
    public async Task EveryDisplayedTableIsSavedAsCsv()
    {
        var notebook = TestNotebook.Empty();
        notebook.Add("code", "make", "using Deedle;\nFrame<int, string> T(double x) => new FrameBuilder.Columns<int, string> { { \"a b\", new Series<int, double>(new[] { 1, 2 }, new[] { x, double.NaN }) } }.Frame;");
        notebook.Add("code", "one", "T(1.5)");
        notebook.Add("code", "two", "using Microsoft.DotNet.Interactive;\nvar d = KernelInvocationContext.Current.Display(T(2)); display(T(3)); T(4)");
        notebook.Add("code", "later", "d.Update(T(5));");
        notebook.Add("code", "two-2", "var t = T(6); t");
        notebook.Add("code", "changed", "t.DropColumn(\"a b\");");
        notebook.Save(Path.Combine(Folder, "n.ipynb"));
        var outcome = await NotebookRunner.RunAsync(Path.Combine(Folder, "n.ipynb"), Path.Combine(Folder, "out"));
        Assert.Null(outcome.Error?.Message);
        Assert.Equal(["n.one.csv", "n.two.csv", "n.two-2.csv", "n.two-3.csv", "n.two-2-2.csv"], outcome.Tables.Select(Path.GetFileName));
        Assert.Equal("Key,\"a b\"\n1,1.5\n2,\n", File.ReadAllText(outcome.Tables[0]));
        Assert.Equal("Key,\"a b\"\n1,5\n2,\n", File.ReadAllText(outcome.Tables[1]));
        Assert.Equal("Key,\"a b\"\n1,6\n2,\n", File.ReadAllText(outcome.Tables[4]));        // as it was shown, whatever became of the frame
    }
}
