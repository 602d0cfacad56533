namespace LTHKit.Notebook.Tests;

/// <summary>The languages and commands that .NET Interactive documents, as the kit's kernel offers them.</summary>
public class PolyglotTests
{
    [Fact]
    public async Task FSharpCellsSeeWhatEarlierOnesDeclared()
    {
        using var session = new Session();
        Assert.Empty((await session.Run("#!fsharp\nlet square x = x * x\ntype P = { A : int }")).Good().All);
        Assert.Equal("49", (await session.Run("#!f#\nsquare 7")).Good().Result);
        Assert.Equal("in F#\n", (await session.Run("#!fsharp\nprintfn \"in F#\"")).Good().Out);
        Assert.EndsWith("Exception: no luck", (await session.Run("#!fsharp\nlet fail () : int = failwith \"no luck\"\nfail ()")).Error!.Message);
    }

    [Theory]
    [InlineData("[ 1; 2; 3 ] |> List.map (fun x -> x * 2)", "[ 2, 4, 6 ]")]
    [InlineData("List.empty<int>", "[  ]")]
    [InlineData("[ [ 1; 2 ]; [ 3 ] ]", "[ 1, 2 ]")]
    [InlineData("type P = { A : int }\n[ { A = 5 } ]", "A: 5")]
    public async Task AnFSharpListIsItsElements(string code, string shown)
    {
        using var session = new Session();
        var data = (await session.Run("#!fsharp\n" + code)).Good().All[^1].Data!;
        Assert.Contains(shown, (string?)data["text/plain"]);
        Assert.DoesNotContain("HeadOrDefault", data.ToString());
        Assert.InRange(((string?)data["text/html"])!.Length, 0, 2000);
    }

    [Fact]
    public async Task PartsOfACellRunInTheirOrder()
    {
        using var session = new Session();
        var outputs = (await session.Run("Console.Write(\"1\");\n#!fsharp\nConsole.Write \"2\"\n#!csharp\nConsole.Write(\"3\");\n#!html\n<b>4</b>\n#!javascript\nf(5)")).Good();
        Assert.Equal("123", outputs.Out);
        Assert.Equal(
            ["<b>4</b>", "<script type=\"text/javascript\">f(5)</script>"], outputs.All.Where(o => o.Type == "display_data").Select(o => ((string?)o.Data!["text/html"])!.Trim()));
        Assert.Contains("<em>6</em>", (string?)(await session.Run("#!markdown\n*6*")).Good().All[^1].Data!["text/html"]);
    }

    [Fact]
    public async Task ValuesAreShared()
    {
        using var session = new Session();
        await session.Run("var numbers = new List<double> { 1, 2, 3 };\nvar problem = new LTHKit.UserException(\"p\");");
        Assert.Equal("6", (await session.Run("#!fsharp\n#!share --from csharp numbers\n#!share problem --from csharp --as p\nSeq.sum numbers")).Good().Result);
        Assert.Equal("p", (await session.Run("#!fsharp\np.Message")).Good().Result);
        (await session.Run("#!fsharp\nlet back = [| for n in numbers -> n * 10.0 |]")).Good();
        Assert.Equal("60", (await session.Run("#!share --from fsharp back\nback.Sum()")).Good().Result);
        Assert.Equal("60", (await session.Run("#!set --name taken --value @fsharp:back --byref\ntaken.Sum()")).Good().Result);
        (await session.Run("#!value --name note\nline one\nline two")).Good();
        Assert.Equal("line one\nline two", (await session.Run("#!share --from value note\nnote")).Good().Result);
    }

    [Theory]
    [InlineData("#!share --from csharp nothing\n1", "cell [1]: Value 'nothing' not found in kernel csharp")]
    [InlineData("\n#!cobol\nMOVE 1 TO X", "cell [1], line 2: error DNI101: Unknown magic command '#!cobol'")]
    [InlineData("#!share x", "cell [1], line 1: error DNI")]
    public async Task AWrongCommandIsToldInASentence(string code, string said)
    {
        using var session = new Session();
        Assert.StartsWith(said, (await session.Run(code)).Error!.Message);
    }

    [Fact]
    public async Task TimeAndListsAreTold()
    {
        using var session = new Session();
        var outputs = (await session.Run("#!time\nawait Task.Delay(20);\n1 + 1")).Good();
        Assert.Equal("2", outputs.Result);
        Assert.Matches(@"^Wall time: [0-9.]+ms$", (string?)outputs.All[^1].Data!["text/plain"]);
        Assert.Contains((await session.Run("#!lsmagic")).Good().All, o => ((string?)o.Data!["text/html"])!.Contains("#!share"));
        await session.Run("var listed = 1;");
        Assert.Contains("listed", (string?)(await session.Run("#!who")).Good().All[^1].Data!["text/html"]);
    }

    [Fact]
    public async Task AnFSharpCellDrawsWhatACSharpCellTrained()
    {
        using var session = new Session();
        await session.Run("var accuracy = new[] { 0.5, 0.7, 0.8 };");
        var data = (await session.Run("#!fsharp\n#!share --from csharp accuracy\nopen Plotly.NET\nChart.Line([ 1; 2; 3 ], accuracy)")).Good().All[^1].Data!;
        Assert.Equal(0.8, (double?)data["application/vnd.plotly.v1+json"]!["data"]![0]!["y"]![2]);
    }
}
