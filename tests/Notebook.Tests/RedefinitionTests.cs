using System.Runtime.CompilerServices;
using LTHKit.Notebook.Execution;

namespace LTHKit.Notebook.Tests;

/// <summary>Cells that are run again: what no cell can reach any more goes, and all else stays what it was.</summary>
public class RedefinitionTests
{
    [Theory]
    [InlineData("var kept = new object();", "var kept = new object();")]
    [InlineData("var kept = new object();", "object kept = null;\nthrow new Exception();")]
    [InlineData("object kept = new();\nint other = 1;", "var kept = 1; var other = 2;")]
    [InlineData("class Own { }\nobject kept = new Own();", "class Own { }\nobject kept = new Own();\nkept")]
    [InlineData("using System.Globalization;\nobject kept = new();", "using System.Globalization;\nobject kept = new();")]
    [InlineData("object kept = new { A = 1 };", "var kept = new { A = 1 };")]
    [InlineData("var (kept, other) = (new object(), 2);", "int other = 3; int kept = 4;")]
    [InlineData("foreach (var i in new[] { 1 }) { }\nvar kept = new int[1];\nint F(int n) => n;", "int F(int m) => m + 1;\nvar kept = 1;")]
    public async Task AValueThatIsDeclaredAnewGoes(string code, string anew)
    {
        using var session = new Session();
        var kept = await First(session, code);
        Assert.True(Lives(kept));
        await session.Run("var behind = 1;");
        await session.Run(anew);
        Assert.False(Lives(kept));
        Assert.Equal("1", (await session.Run("behind")).Good().Result);
    }

    [Theory]
    [InlineData("object Get() => kept;", "Get() is object")]
    [InlineData("var got = () => kept;", "got() is object")]
    [InlineData("Func<object> got = () => kept; var other = 1;", "got() is object")]
    public async Task AValueThatAnotherCellReachesStays(string code, string asked)
    {
        using var session = new Session();
        var kept = await First(session, "var kept = new object();");
        (await session.Run(code)).Good();
        for (var i = 0; i < 5; i++)
            (await session.Run("object kept = null;")).Good();
        Assert.True(Lives(kept));
        Assert.Equal("True", (await session.Run(asked)).Good().Result);
    }

    [Fact]
    public async Task WhatACellTookFromAnotherStaysThoughThatIsRunAgain()
    {
        using var session = new Session();
        string[] cells =
        [
            "var x = 1; static IEnumerator<int> GetEnumerator(this int n) => Enumerable.Range(0, n).GetEnumerator();",
            "record P(int A); enum Level { Low, High }",
            "var y = x + 1; const int Size = 3; int F(int n) => n;",
            "var p = new P(5); int F(string text) => text.Length;",
            "var all = new int[Size]; int Sum(int n) { var sum = 0; foreach (var i in n) sum += i; return sum; }",
        ];
        foreach (var cell in cells)
            (await session.Run(cell)).Good();
        for (var i = 0; i < 12; i++)
        {
            (await session.Run("var x = \"text\"; static int GetEnumerator(this int n) => n;")).Good();
            (await session.Run("record P(string B);")).Good();
            (await session.Run("int F(string text) => 10 * text.Length;")).Good();
            (await session.Run("using System.Globalization; using Number = System.Int32;\nNumber size = Size; var y2 = y;")).Good();
        }

        Assert.Equal("text2536", (await session.Run("x + y + p.A + all.Length + Sum(4)")).Good().Result);
        Assert.Equal("20+7", (await session.Run("$\"{F(\"ab\")}+{F(7)}\"")).Good().Result);
        Assert.Equal("b", (await session.Run("new P(\"b\").B")).Good().Result);
        Assert.Equal("3", (await session.Run("var culture = CultureInfo.InvariantCulture; Number again = size; again")).Good().Result);
        Assert.Equal("Low", (await session.Run("Level.Low")).Good().Result);
    }

    [Theory]
    [InlineData("static class H { public static int F() => 1; }", "using static H;", "F()")]
    [InlineData("record Config(int A);", "using Cfg = Config;", "new Cfg(1).A")]
    [InlineData("enum Level { Low, High }", "using Lv = Level;", "(int)Lv.High")]
    [InlineData("interface IEmpty { }", "using Em = IEmpty;", "typeof(Em).Name.Length - 5")]
    [InlineData("record Config(int A);", "using Pair = (Config One, int Two);", "new Pair(null, 1).Item2")]
    [InlineData("class Base { public static int F() => 1; } var other = 2;", "class H : Base { public static int G() => F(); }\n#!csharp\nusing static H;\n#!csharp\nclass H { }", "G()")]
    public async Task WhatAUsingDirectiveNamesStaysThoughItIsDeclaredAnew(string code, string opens, string asked)
    {
        using var session = new Session();
        (await session.Run(code)).Good();
        (await session.Run(opens)).Good();
        for (var i = 0; i < 5; i++)
        {
            (await session.Run(code)).Good();
            Assert.Equal("1", (await session.Run(asked)).Good().Result);
        }
    }

    [Theory]
    [InlineData("class Foo { public int A => 1; }", "int Foo = 3;", "new Foo().A")]
    [InlineData("static int Twice(this int n) => 2 * n;", "int Twice(int n) => 3 * n;", "3.Twice() - 5")]
    public async Task WhatIsOfAnotherKindIsNotDeclaredAnew(string code, string other, string asked)
    {
        using var session = new Session();
        (await session.Run(code)).Good();
        for (var i = 0; i < 5; i++)
            (await session.Run(other)).Good();
        Assert.Equal("1", (await session.Run(asked)).Good().Result);
    }

    [Fact]
    public async Task OfTwoVariablesOneIsDeclaredAnewAndTheOtherStays()
    {
        using var session = new Session();
        (await session.Run("var a = 1; var b = 2;")).Good();
        for (var i = 0; i < 5; i++)
            (await session.Run($"var a = {i};")).Good();
        Assert.Equal("6", (await session.Run("a + b")).Good().Result);
        Assert.Equal(2, session.Engine.Variables["b"]);
    }

    [Fact]
    public async Task AnonymousTypesStayTheSame()
    {
        using var session = new Session();
        (await session.Run("var x = 1;")).Good();
        (await session.Run("var a = new { V = 2, W = \"w\" };")).Good();
        (await session.Run("var b = a; var squares = from i in Enumerable.Range(0, 3) let j = i * i select new { i, j };")).Good();
        for (var i = 0; i < 5; i++)
        {
            (await session.Run("var x = new { V = 3, W = \"v\" };")).Good();
            (await session.Run("var later = (ref int n) => n + 1; var y = 2;")).Good();
        }

        (await session.Run("b = x; a = new { V = 7, W = \"u\" };")).Good();
        Assert.Equal("3 7 4", (await session.Run("$\"{b.V} {a.V} {squares.Last().j}\"")).Good().Result);
        Assert.Equal("3", (await session.Run("var two = 2; later(ref two)")).Good().Result);
    }

    [Fact]
    public async Task ALoadedFileThatIsRunAgainIsTheNewOne()
    {
        using var session = new Session();
        for (var i = 0; i < 4; i++)
        {
            session.File("helpers.csx", $"int N() => {i}; var only{i} = {i};");
            (await session.Run("var x = 1;")).Good();
            Assert.Equal($"{i}", (await session.Run("#load \"helpers.csx\"\nN()")).Good().Result);
        }

        Assert.Equal("6", (await session.Run("only0 + only1 + only2 + only3")).Good().Result);
    }

    [Fact]
    public async Task CodeThatIsCalledLateFindsWhatItNeedsThen()
    {
        using var session = new Session();
        (await session.Run("class Own { public static int N => 4; }")).Good();
        (await session.Run("#r \"LTHKit.dll\"\nint Late() => Own.N + Inner(); int Inner() => new LTHKit.UserException(\"123\").Message.Length;")).Good();
        for (var i = 0; i < 10; i++)
            (await session.Run("class Own { public static int N => 5; }\nGC.Collect(); GC.WaitForPendingFinalizers();")).Good();
        Assert.Equal("7", (await session.Run("Late()")).Good().Result);
    }

    [Fact]
    public async Task AnExpressionThatAFrontEndAsksForDeclaresNothing()
    {
        using var session = new Session();
        (await session.Run("var x = 1;")).Good();
        Assert.IsType<ResultOutput>(await session.Engine.EvaluateAsync("int.TryParse(\"5\", out var x)"));
        Assert.Equal("1", (await session.Run("x")).Good().Result);
    }

    [Fact]
    public async Task WhatALeftBehindCellDeclaresDoesNotComeInBetween()
    {
        using var session = new Session(grace: TimeSpan.FromMilliseconds(50));
        var (go, done) = (Path.Combine(session.Folder, "go"), Path.Combine(session.Folder, "done"));
        using var cancel = new CancellationTokenSource(50);
        var left = await session.Run(
            $$"""
            while (!System.IO.File.Exists("{{go}}")) System.Threading.Thread.Sleep(5);
            var x = 1;
            System.IO.File.WriteAllText("{{done}}", "");
            """,
            cancel.Token);
        Assert.Equal("Interrupted", left.Error!.Name);
        (await session.Run("var x = 2;")).Good();
        File.WriteAllText(go, "");
        for (var i = 0; i < 2000 && !File.Exists(done); i++)
            await Task.Delay(5);
        await Task.Delay(50);
        Assert.Equal("2", (await session.Run("x")).Good().Result);
    }

    // Not inlined, so that no local variable holds what the cell made.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static async Task<WeakReference> First(Session session, string code)
    {
        (await session.Run(code)).Good();
        return new WeakReference(session.Engine.Variables["kept"]);
    }

    private static bool Lives(WeakReference reference)
    {
        for (var i = 0; i < 10 && reference.IsAlive; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }

        return reference.IsAlive;
    }
}
