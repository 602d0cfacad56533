using System.Diagnostics;
using System.Text;
using CsCheck;
using LTHKit.Notebook.Hosting;
using LTHKit.Notebook.Html;
using LTHKit.Notebook.Running;

namespace LTHKit.Notebook.Tests;

/// <summary>A notebook of whatever content is read and shown, or refused in one sentence; a large one takes time in proportion to its size.</summary>
public sealed class FuzzTests : InFolder
{
    private const string Whole =
        """
        {"cells":[
         {"cell_type":"markdown","id":"m","metadata":{"tags":["a"]},"source":["# Title\n","$x_1$ ![p](attachment:a.png) [l](b)\n\n| a | b |\n|---|---|\n| 1 | 2 |"],"attachments":{"a.png":{"image/png":"AA=="}}},
         {"cell_type":"code","id":"k","metadata":{},"execution_count":3,"source":"var a = 1;","outputs":[
          {"output_type":"stream","name":"stdout","text":["a\n","b"]},
          {"output_type":"display_data","metadata":{},"data":{"application/vnd.plotly.v1+json":{"data":[],"layout":{"height":300}},"text/plain":"p"}},
          {"output_type":"execute_result","execution_count":3,"metadata":{},"data":{"text/html":["<b>","</b>"],"image/png":"AA=="}},
          {"output_type":"error","ename":"E","evalue":"v","traceback":["t"]}]},
         {"cell_type":"raw","metadata":{},"source":""}],
         "metadata":{"kernelspec":{"name":"lthkit"}},"nbformat":4,"nbformat_minor":4}
        """;

    private static readonly Gen<string> Piece = Gen.OneOf(
        Gen.OneOf("null", "true", "0", "-1", "4", "1e400", "4.5", "\"\"", "\"x\"", "\"code\"", "\"markdown\"", "[]", "{}", "[null]", "[1]", "[[\"a\"]]", "{\"a\":null}", "\"\\ud800\"", "\"\\u0000\"",
            "[\"a\",null]", "{\"a\":1,\"a\":2}", "\"$x_{\"", "\"\\\\frac\"", "{\"text/plain\":null}", "{\"application/vnd.plotly.v1+json\":[]}", "{\"image/png\":5}", "{\"text/latex\":{}}"),
        Gen.String.Select(text => JsonValue.Create(text).ToJsonString()));

    // Any part of a notebook is replaced by anything, removed, or doubled.
    [Fact]
    public void ANotebookOfOtherPartsIsReadOrRefusedInASentence() => Gen.Select(Gen.Int[0, 1000], Gen.Int[0, 3], Piece).Array[1, 3].Sample(changes =>
    {
        var text = Whole;
        foreach (var (at, kind, piece) in changes)
        {
            // The values of the text as it is: each begins behind a colon, comma or bracket.
            var starts = text.Index().Where(c => c.Item is ':' or '[' or ',').Select(c => c.Index + 1).ToList();
            var start = starts[at % starts.Count];
            var end = text.IndexOfAny([',', ']', '}'], start);
            text = kind switch
            {
                0 => text[..start] + text[Math.Max(start, end)..],
                1 => text[..start] + piece + "," + text[start..],
                _ => text[..start] + piece + text[Math.Max(start, end)..],
            };
        }
        Says(() =>
        {
            var notebook = NotebookDocument.Parse(text, "x.ipynb");
            Shown(notebook);
            Assert.Equal(notebook.ToString(), NotebookDocument.Parse(notebook.ToString(), "again").ToString());
        });
    }, iter: 1000, threads: 1);

    // Any bytes of the file are cut, added or changed.
    [Fact]
    public void ADamagedFileIsReadOrRefusedInASentence() => Gen.Select(Gen.Int[0, Whole.Length], Gen.Int[0, 9], Gen.Byte.Array[0, 4]).Sample((at, cut, put) =>
    {
        var bytes = Encoding.UTF8.GetBytes(Whole);
        var path = Path.Combine(Folder, "damaged.ipynb");
        File.WriteAllBytes(path, [.. bytes[..at], .. put, .. bytes[Math.Min(bytes.Length, at + cut)..]]);
        Says(() => Shown(NotebookDocument.Load(path)));
    }, iter: 500, threads: 1);

    private void Shown(NotebookDocument notebook)
    {
        foreach (var cell in notebook.Cells)
            Assert.All([cell.FileNames.First(), .. cell.Tags, cell.Source, cell.Kind], Assert.NotNull);
        Assert.EndsWith("</html>\n", HtmlExport.Page(notebook, "x", Folder));
        new CellRecorder().Begin(NotebookCell.Create("c", "", ""), 1);
    }

    private static void Says(Action act)
    {
        try
        {
            act();
        }
        catch (UserException e)
        {
            Assert.Matches(@"^[^\n]*ipynb [^\n]{10,}\.$", e.Message);
        }
    }

    [Fact]
    public async Task TenThousandCellsOfOneTitleAreRunAndShown()
    {
        var notebook = TestNotebook.Empty();
        for (var i = 0; i < 10_000; i++)
            notebook.Add(i % 1000 == 0 ? "code" : "markdown", $"c{i}", i % 1000 == 0 ? $"{i}" : "## Step\ntext");
        var path = Saved(notebook);
        var clock = Stopwatch.StartNew();
        var outcome = await NotebookRunner.RunAsync(path, Output);
        Assert.Null(outcome.Error?.Message);
        Assert.True(clock.Elapsed.TotalMinutes < 5, $"{clock.Elapsed}");
        Assert.Equal("9000", (string?)NotebookDocument.Load(outcome.Notebook).Cells[9000].Outputs[0]!["data"]!["text/plain"]![0]);
        Assert.Contains("id=\"step-9990\"", File.ReadAllText(outcome.Html));
    }

    // 50 MB in 250,000 lines, some of them overwritten: by the piece, not by the whole for each piece.
    [Fact]
    public void FiftyMegabytesOfOutputAreTakenDown()
    {
        var cell = NotebookCell.Create("c", "", "");
        var recorder = new CellRecorder();
        recorder.Begin(cell, 1);
        var clock = Stopwatch.StartNew();
        var line = new string('x', 196);
        for (var i = 0; i < 250_000; i++)
        {
            recorder.Add(CellOutput.Stream("stdout", "50 %\r" + line));
            recorder.Add(CellOutput.Stream("stdout", i % 2 == 0 ? "\n" : "\r\n"));
        }
        recorder.Add(CellOutput.Stream("stdout", "end"));
        Assert.True(clock.Elapsed.TotalMinutes < 5, $"{clock.Elapsed}");
        var lines = Assert.Single(cell.Outputs)!["text"]!.AsArray();
        Assert.Equal(250_001, lines.Count);
        Assert.Equal((line + "\n", "end"), ((string)lines[1]!, (string)lines[^1]!));
    }
}
