namespace LTHKit.Notebook.Tests;

/// <summary>The languages and commands that .NET Interactive documents, as the kit's kernel offers them.</summary>
public class PolyglotTests : Session
{
    [Fact]
    public async Task FSharpCellsSeeWhatEarlierOnesDeclared()
    {
        Assert.Empty((await Run("#!fsharp\nlet square x = x * x\ntype P = { A : int }")).Good().All);
        Assert.Equal("49", await Value("#!f#\nsquare 7"));
        Assert.Equal("in F#\n", (await Run("#!fsharp\nprintfn \"in F#\"")).Good().Out);
        Assert.EndsWith("Exception: no luck", (await Run("#!fsharp\nlet fail () : int = failwith \"no luck\"\nfail ()")).Error!.Message);
    }

    [Theory]
    [InlineData("[ 1; 2; 3 ] |> List.map (fun x -> x * 2)", "[ 2, 4, 6 ]")]
    [InlineData("List.empty<int>", "[  ]")]
    [InlineData("[ [ 1; 2 ]; [ 3 ] ]", "[ 1, 2 ]")]
    [InlineData("type P = { A : int }\n[ { A = 5 } ]", "A: 5")]
    public async Task AnFSharpListIsItsElements(string code, string shown)
    {
        var data = (await Run("#!fsharp\n" + code)).Good().All[^1].Data!;
        Assert.Contains(shown, (string?)data["text/plain"]);
        Assert.DoesNotContain("HeadOrDefault", data.ToString());
        Assert.InRange(((string?)data["text/html"])!.Length, 0, 2000);
    }

    [Fact]
    public async Task PartsOfACellRunInTheirOrder()
    {
        var outputs = (await Run("Console.Write(\"1\");\n#!fsharp\nConsole.Write \"2\"\n#!csharp\nConsole.Write(\"3\");\n#!html\n<b>4</b>\n#!javascript\nf(5)")).Good();
        Assert.Equal("123", outputs.Out);
        Assert.Equal(
            ["<b>4</b>", "<script type=\"text/javascript\">f(5)</script>"], outputs.All.Where(o => o.Type == "display_data").Select(o => ((string?)o.Data!["text/html"])!.Trim()));
        Assert.Contains("<em>6</em>", (string?)(await Run("#!markdown\n*6*")).Good().All[^1].Data!["text/html"]);
    }

    [Fact]
    public async Task ValuesAreSharedAndDrawn()
    {
        await Run("var numbers = new List<double> { 1, 2, 3 };\nvar problem = new LTHKit.UserException(\"p\");");
        Assert.Equal("6", await Value("#!fsharp\n#!share --from csharp numbers\n#!share problem --from csharp --as p\nSeq.sum numbers"));
        Assert.Equal("p", await Value("#!fsharp\np.Message"));
        await Run("var pruner = LTHKit.Pruning.Pruner.Imp;\nvar tensor = TorchSharp.torch.ones(2);");
        Assert.Equal("imp 2", await Value("#!fsharp\n#!share --from csharp pruner\n#!share --from csharp tensor\n$\"{pruner.Name} {tensor.numel()}\""));
        (await Run("#!fsharp\nlet back = [| for n in numbers -> n * 10.0 |]")).Good();
        Assert.Equal("60", await Value("#!share --from fsharp back\nback.Sum()"));
        Assert.Equal("60", await Value("#!set --name taken --value @fsharp:back --byref\ntaken.Sum()"));
        (await Run("#!value --name note\nline one\nline two")).Good();
        Assert.Equal("line one\nline two", await Value("#!share --from value note\nnote"));
        var figure = (await Run("#!fsharp\n#!share --from csharp numbers\nopen Plotly.NET\nChart.Line([ 1; 2; 3 ], numbers)")).Good().All[^1].Data!;
        Assert.Equal(3, (double?)figure["application/vnd.plotly.v1+json"]!["data"]![0]!["y"]![2]);
    }

    [Theory]
    [InlineData("#!share --from csharp nothing\n1", "cell [1]: Value 'nothing' not found in kernel csharp")]
    [InlineData("\n#!cobol\nMOVE 1 TO X", "cell [1], line 2: error DNI101: Unknown magic command '#!cobol'")]
    [InlineData("#!share x", "cell [1], line 1: error DNI")]
    public async Task AWrongCommandIsToldInASentence(string code, string said)
    {
        Assert.StartsWith(said, (await Run(code)).Error!.Message);
    }

    [Fact]
    public async Task TimeAndListsAreTold()
    {
        var outputs = (await Run("#!time\nawait Task.Delay(20);\n1 + 1")).Good();
        Assert.Equal("2", outputs.Result);
        Assert.Matches(@"^Wall time: [0-9.]+ms$", (string?)outputs.All[^1].Data!["text/plain"]);
        Assert.Contains((await Run("#!lsmagic")).Good().All, o => ((string?)o.Data!["text/html"])!.Contains("#!share"));
        await Run("var listed = 1;");
        Assert.Contains("listed", (string?)(await Run("#!who")).Good().All[^1].Data!["text/html"]);
    }
}
