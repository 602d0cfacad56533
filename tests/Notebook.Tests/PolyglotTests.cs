using LTHKit.Notebook.Execution;

namespace LTHKit.Notebook.Tests;

/// <summary>Cells and parts of cells in F#, and values that go from one language to the other.</summary>
public class PolyglotTests
{
    [Fact]
    public async Task FSharpCellsSeeWhatEarlierOnesDeclared()
    {
        using var session = new Session();
        Assert.Empty((await session.Run("#!fsharp\nlet square x = x * x\ntype P = { A : int }")).Good().All);
        Assert.Equal("49", (await session.Run("#!f#\nsquare 7")).Good().Result);
        Assert.Equal("in F#\n", (await session.Run("#!fsharp\nprintfn \"in F#\"")).Good().Out);
        var shown = (await session.Run("#!fsharp\ndisplay(\"shown\") |> ignore\nConsole.Write \"and said\"")).Good();
        Assert.Equal("shown", Assert.IsType<DisplayOutput>(shown.All[0]).Data["text/plain"]);
        Assert.Equal("and said", shown.Out);
    }

    [Fact]
    public async Task PartsOfACellRunInTheirOrder()
    {
        using var session = new Session();
        var outputs = (await session.Run("Console.Write(\"1\");\n#!fsharp\nConsole.Write \"2\"\n#!csharp\nConsole.Write(\"3\");\n#!markdown\n*4*")).Good();
        Assert.Equal("123", outputs.Out);
        Assert.Equal("*4*", Assert.IsType<DisplayOutput>(outputs.All[^1]).Data["text/markdown"]);
    }

    [Fact]
    public async Task ValuesAreShared()
    {
        using var session = new Session();
        await session.Run("#r \"LTHKit.dll\"\nvar numbers = new List<double> { 1, 2, 3 };\nvar problem = new LTHKit.UserException(\"p\");");
        Assert.Equal("6", (await session.Run("#!fsharp\n#!share --from csharp numbers\n#!share problem --from csharp --as p\nSeq.sum numbers")).Good().Result);
        Assert.Equal("p", (await session.Run("#!fsharp\np.Message")).Good().Result);
        (await session.Run("#!fsharp\nlet back = [ for n in numbers -> n * 10.0 ]\nlet pairs = dict [ \"a\", [| 1 |] ]")).Good();
        Assert.Equal("60", (await session.Run("#!share --from fsharp back\nback.Sum()")).Good().Result);
        Assert.Equal("1", (await session.Run("#!set --name taken --value @fsharp:pairs\ntaken[\"a\"][0]")).Good().Result);
        Assert.Equal("9.5", (await session.Run("#!set --name a --value 4.5\n#!set --name b --value \"a text\"\na + 5")).Good().Result);
        Assert.Equal("a text", (await session.Run("#!fsharp\n#!share --from csharp b\nb")).Good().Result);
        (await session.Run("#!value --name note\nline one\nline two")).Good();
        Assert.Equal("line one\nline two", (await session.Run("#!share --from value note\nnote")).Good().Result);
        Assert.Same(session.Engine.Variables["numbers"], (await session.Run("#!fsharp\nlet same = numbers\n#!csharp\n#!share same --from fsharp\nsame")).Good().All.OfType<ResultOutput>().Single().Value);
    }

    [Fact]
    public async Task ErrorsAreInEachLanguagesWords()
    {
        using var session = new Session();
        var error = (await session.Run("var fine = 1;\n#!fsharp\n\nlet x : int = \"text\"")).Error!;
        Assert.Equal("CompilationError", error.Name);
        Assert.StartsWith("cell [1], line 4: error FS0001: This expression was expected to have type", error.Message);
        Assert.Equal("     4 | let x : int = \"text\"", error.Traceback[1]);
        Assert.Equal(error.Traceback[1].IndexOf("\"text\"", StringComparison.Ordinal), error.Traceback[2].IndexOf('^'));
        var failed = (await session.Run("#!fsharp\nlet fail () : int = failwith \"no luck\"\nfail ()")).Error!;
        Assert.Equal("Exception", failed.Name);
        Assert.EndsWith("Exception: no luck", failed.Message);
        Assert.Equal("1", (await session.Run("fine")).Good().Result);
    }

    [Theory]
    [InlineData("#!share --from csharp nothing\n1", "cell [1], line 1: csharp has nothing called nothing")]
    [InlineData("\n#!share --from fsharp x", "cell [1], line 2: fsharp has nothing called x")]
    [InlineData("#!share x", "cell [1], line 1: write #!share --from csharp NAME")]
    [InlineData("#!share --from python x", "there is nothing called python to take values from")]
    [InlineData("#!set --name event --value 1", "cell [1], line 1: event is no name of a variable")]
    [InlineData("#!set --name await --value 1", "cell [1], line 1: await is no name of a variable")]
    [InlineData("#!share --frm csharp x", "--frm is not understood here")]
    [InlineData("#!set --name x", "write #!set --name NAME --value")]
    [InlineData("#!set --name x --value @y", "@y does not name a language")]
    [InlineData("#!set --name 5x --value 5", "5x is no name of a variable")]
    [InlineData("#!value\nx", "write #!value --name NAME")]
    [InlineData("#!html\n#!share --from csharp x", "values are shared with C# and F#, not with html")]
    public async Task AWrongCommandIsToldInASentence(string code, string said)
    {
        using var session = new Session();
        Assert.Contains(said, (await session.Run(code)).Error!.Message);
    }

    [Fact]
    public async Task AnFSharpCellDrawsWhatACSharpCellTrained()
    {
        using var session = new Session();
        await session.Run("var accuracy = new[] { 0.5, 0.7, 0.8 };");
        var outputs = (await session.Run(
            """
            #!fsharp
            #!share --from csharp accuracy
            #r "nuget: Plotly.NET"
            #r "nuget: Plotly.NET.CSharp"
            Plotly.NET.CSharp.Chart.Line<int, float, string>([ 1; 2; 3 ], accuracy)
            """)).Good();
        var data = Assert.IsType<ResultOutput>(outputs.All[^1]).Data;
        Assert.Contains("0.8", data["application/vnd.plotly.v1+json"]);
    }
}
