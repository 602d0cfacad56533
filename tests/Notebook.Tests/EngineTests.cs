using LTHKit.Notebook.Execution;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace LTHKit.Notebook.Tests;

public class EngineTests
{
    [Fact]
    public async Task ALastExpressionIsTheResultAndAStatementHasNone()
    {
        using var session = new Session();
        Assert.Equal("42", (await session.Run("var x = 40;\nx + 2")).Good().Result);
        Assert.Empty((await session.Run("x + 2;")).All.OfType<ResultOutput>());
        Assert.Empty((await session.Run("Console.Write(\"\")")).Good().All.OfType<ResultOutput>());
        Assert.Equal("<null>", (await session.Run("(string)null")).Good().Result);
    }

    [Fact]
    public async Task VariablesTypesAndUsingsLastAndCanBeRedefined()
    {
        using var session = new Session();
        (await session.Run("using System.Globalization;\nvar x = 1; record P(int A); int F() => x;")).Good();
        Assert.Equal("Invariant Language (Invariant Country)", (await session.Run("CultureInfo.InvariantCulture.EnglishName")).Good().Result);
        (await session.Run("var x = \"text\"; record P(string A, int B);")).Good();
        Assert.Equal("text", (await session.Run("x")).Good().Result);
        Assert.Equal("2", (await session.Run("new P(\"a\", 2).B")).Good().Result);
        Assert.Equal("1", (await session.Run("F()")).Good().Result);
    }

    [Fact]
    public async Task AwaitWorksAtTheTop()
    {
        using var session = new Session();
        Assert.Equal("7", (await session.Run("await Task.Delay(5);\nvar y = await Task.FromResult(7);\ny")).Good().Result);
        Assert.Empty((await session.Run("await Task.Delay(1)")).Good().All);
    }

    [Fact]
    public async Task ConsoleAndDisplaysKeepTheirOrderAcrossThreads()
    {
        using var session = new Session();
        var outputs = await session.Run(
            """
            Console.Write("a");
            display("b");
            Console.Error.WriteLine("c");
            await Task.Run(() => { Console.WriteLine("d"); display(5); });
            var thread = new System.Threading.Thread(() => Console.WriteLine("{0}", "e"));
            thread.Start(); thread.Join();
            """);
        Assert.Equal(
            ["stdout a", "display b", "stderr c\n", "stdout d\n", "display 5", "stdout e\n"],
            outputs.Good().All.Select(o => o switch
            {
                StreamOutput s => $"{s.Name} {s.Text}",
                DisplayOutput d => $"display {d.Data["text/plain"]}",
                _ => o.ToString(),
            }));
    }

    [CompatFact("drops what is written to the console outside of a cell while one runs")]
    public async Task TheConsoleOutsideOfACellIsLeftAlone()
    {
        using var session = new Session();
        var console = Console.Out;
        var written = new StringWriter();
        Console.SetOut(written);
        try
        {
            var (running, go) = await Begin(session);
            Console.WriteLine("out");
            go();
            Assert.Equal("in\nin\n", (await running).Good().Out);
            Assert.Equal("out\n", written.ToString());
        }
        finally
        {
            Console.SetOut(console);
        }
    }

    [CompatFact("takes what others make the console for good")]
    public async Task AConsoleThatIsExchangedWhileACellRunsDoesNotMatterToTheNextOne()
    {
        using var session = new Session();
        using var next = new Session();
        var console = Console.Out;
        try
        {
            var (running, go) = await Begin(session);
            var captured = Console.Out;
            var written = new StringWriter();
            Console.SetOut(written);
            Assert.Equal("next\n", (await next.Run("Console.WriteLine(\"next\");")).Good().Out);
            Console.SetOut(captured);
            go();
            Assert.Equal("in\nin\n", (await running).Good().Out);
            Assert.Equal("", written.ToString());
        }
        finally
        {
            Console.SetOut(console);
        }
    }

    // A cell that has printed and waits for the word to print again.
    private static async Task<(Task<Outputs> Running, Action Go)> Begin(Session session)
    {
        var (began, go) = (Path.Combine(session.Folder, "began"), Path.Combine(session.Folder, "go"));
        var running = session.Run(
            $$"""
            Console.WriteLine("in");
            System.IO.File.WriteAllText("{{began}}", "");
            while (!System.IO.File.Exists("{{go}}")) await Task.Delay(5);
            Console.WriteLine("in");
            """);
        while (!File.Exists(began) && !running.IsCompleted)
            await Task.Delay(5);
        return (running, () => File.WriteAllText(go, ""));
    }

    [CompatFact("gives what display(...) returns another id than what it shows")]
    public async Task ADisplayCanBeUpdatedInItsCellAndInALaterOne()
    {
        using var session = new Session();
        var first = (await session.Run("var d = display(\"one\"); d.Update(\"two\");")).Good();
        var shown = Assert.IsType<DisplayOutput>(first.All[0]);
        var update = Assert.IsType<DisplayUpdate>(first.All[1]);
        Assert.Equal((shown.DisplayId, "two"), (update.DisplayId, update.Data["text/plain"]));
        var later = Assert.IsType<DisplayUpdate>(Assert.Single((await session.Run("d.Update(\"three\");")).Good().All));
        Assert.Equal((shown.DisplayId, "three"), (later.DisplayId, later.Data["text/plain"]));
    }

    [Fact]
    public async Task TheContextsDisplayIsTheSame()
    {
        using var session = new Session();
        var outputs = (await session.Run(
            """
            using Microsoft.DotNet.Interactive;
            var line = KernelInvocationContext.Current.Display("epoch 1", "text/plain");
            line.Update("epoch 2");
            """)).Good();
        Assert.Equal(["epoch 1"], outputs.All.OfType<DisplayOutput>().Select(o => o.Data["text/plain"]));
        Assert.Equal(["epoch 2"], outputs.All.OfType<DisplayUpdate>().Select(o => o.Data["text/plain"]));
    }

    [Fact]
    public async Task DisplayAsHtmlAndFormattersOfTheUser()
    {
        using var session = new Session();
        var html = (await session.Run("display(HTML(\"<b>x</b>\"));")).Good();
        Assert.Equal("<b>x</b>", Assert.IsType<DisplayOutput>(html.All[0]).Data["text/html"]);
        var outputs = (await session.Run(
            """
            using Microsoft.DotNet.Interactive.Formatting;
            record Point(int X, int Y);
            Formatter.Register<Point>(p => $"<i>{p.X}/{p.Y}</i>", "text/html");
            new Point(1, 2)
            """)).Good();
        var data = Assert.IsType<ResultOutput>(outputs.All[^1]).Data;
        Assert.Equal("<i>1/2</i>", data["text/html"]);
        Assert.Equal("Point\n      X: 1\n      Y: 2", data["text/plain"]);
    }

    [Fact]
    public async Task ACompilationErrorNamesCellLineAndQuotesIt()
    {
        using var session = new Session();
        await session.Run("var fine = 1;");
        var error = (await session.Run("var a = 1;\nvar b = missing + a;")).Error!;
        Assert.Equal("CompilationError", error.Name);
        Assert.Equal("cell [2], line 2: error CS0103: The name 'missing' does not exist in the current context", error.Message);
        Assert.Equal("     2 | var b = missing + a;", error.Traceback[1]);
        Assert.Equal(error.Traceback[1].IndexOf("missing", StringComparison.Ordinal), error.Traceback[2].IndexOf('^'));
        Assert.Equal("1", (await session.Run("fine")).Good().Result);
    }

    [Fact]
    public async Task AnExceptionNamesTheUsersLineAndKeepsWhatWasDone()
    {
        using var session = new Session();
        await session.Run("int Half(int n)\n{\n    return n / 0.CompareTo(0);\n}");
        var failed = await session.Run("var before = 5;\nvar r = Half(3);\nvar after = 6;");
        Assert.Equal("DivideByZeroException", failed.Error!.Name);
        Assert.Equal("cell [1], line 3: DivideByZeroException: Attempted to divide by zero.", failed.Error.Message);
        Assert.Equal("     3 |     return n / 0.CompareTo(0);", failed.Error.Traceback[1]);
        Assert.Contains("   at the cell in cell [2], line 2", failed.Error.Traceback);
        Assert.DoesNotContain(failed.Error.Traceback, line => line.Contains("Microsoft.CodeAnalysis") || line.Contains("System.Threading"));
        Assert.Same(failed.Error, failed.All[^1]);
        Assert.Equal("5", (await session.Run("before")).Good().Result);
    }

    [Fact]
    public async Task AUserExceptionIsItsSentence()
    {
        using var session = new Session();
        var error = (await session.Run("#r \"LTHKit.dll\"\nthrow new LTHKit.UserException(\"Give a smaller width.\");")).Error!;
        Assert.Equal(("UserException", "cell [1], line 2: Give a smaller width."), (error.Name, error.Message));
        Assert.Equal(2, error.Traceback.Count);
    }

    [Fact]
    public async Task AReferenceToTheLibraryIsTheLoadedLibrary()
    {
        using var session = new Session();
        (await session.Run("#r \"../anywhere/artifacts/LTHKit.dll\"\nusing LTHKit;\nvar made = new UserException(\"x\");")).Good();
        Assert.IsType<UserException>(session.Engine.Variables["made"]);
    }

    [Fact]
    public async Task AnAssemblyBesideTheNotebookIsLoadedAndSharesTypesWithTheHost()
    {
        using var session = new Session();
        BuildLibrary(session.Folder);
        (await session.Run("#r \"lib/Beside.dll\"\nvar made = Beside.Maker.Make();\nvar name = Beside.Maker.Name;")).Good();
        Assert.Equal("beside", session.Engine.Variables["name"]);
        Assert.IsType<UserException>(session.Engine.Variables["made"]);
    }

    [Fact]
    public async Task OfAnAssemblysVersionsTheFirstThatIsLoadedStays()
    {
        using var session = new Session();
        foreach (var version in new[] { 1, 2 })
        {
            var folder = Directory.CreateDirectory(Path.Combine(session.Folder, $"v{version}")).FullName;
            var code = $$"""[assembly: System.Reflection.AssemblyVersion("{{version}}.0.0.0")] public static class Told { public static int Version => {{version}}; }""";
            var library = CSharpCompilation.Create(
                "Versions",
                [CSharpSyntaxTree.ParseText(code)],
                [MetadataReference.CreateFromFile(typeof(object).Assembly.Location)],
                new(OutputKind.DynamicallyLinkedLibrary));
            Assert.True(library.Emit(Path.Combine(folder, "Versions.dll")).Success);
        }

        Assert.Equal("1", (await session.Run("#r \"v1/Versions.dll\"\nTold.Version")).Good().Result);
        Assert.Equal("1", (await session.Run("#r \"v2/Versions.dll\"\nTold.Version")).Good().Result);
        Assert.Equal("1", (await session.Run("Told.Version")).Good().Result);
    }

    [Theory]
    [InlineData("")]
    [InlineData("// nothing")]
    [InlineData("#r \"LTHKit.dll\"\nusing System.Globalization;\nusing static System.Math;")]
    public async Task ACellNeedHaveNoCode(string code)
    {
        using var session = new Session();
        (await session.Run("var before = 1;")).Good();
        Assert.Empty((await session.Run(code)).Good().All);
        (await session.Run(code)).Good();
        (await session.Run("var after = 2;")).Good();
        Assert.Equal("3", (await session.Run("before + after")).Good().Result);
        Assert.Null(code.Length < 20 ? null : (await session.Run("(Max(before, after), CultureInfo.InvariantCulture, new LTHKit.UserException(\"u\"))")).Error);
    }

    [Fact]
    public async Task AMissingFileIsToldWithItsLine()
    {
        using var session = new Session();
        var error = (await session.Run("\n#r \"nowhere/none.dll\"\nvar a = 1;")).Error!;
        Assert.Equal("cell [1], line 2: error CS0006: Metadata file 'nowhere/none.dll' could not be found", error.Message);
    }

    [Fact]
    public async Task LoadRunsAScriptBesideTheNotebook()
    {
        using var session = new Session();
        session.File("helpers.csx", "#r \"LTHKit.dll\"\nint Twice(int x) => 2 * x;\nvar loaded = new LTHKit.UserException(\"l\");");
        Assert.Equal("8", (await session.Run("#load \"helpers.csx\"\nTwice(4)")).Good().Result);
        Assert.Equal("10", (await session.Run("Twice(5)")).Good().Result);
        Assert.IsType<UserException>(session.Engine.Variables["loaded"]);
    }

    [Fact]
    public async Task APackageOfTheKitIsTheLoadedOneAndOneThatIsMissingIsToldInTheFeedsWords()
    {
        using var session = new Session();
        (await session.Run("#r \"nuget: Deedle, 7.0.1\"\n#r \"nuget: Plotly.NET\"\nvar type = typeof(Deedle.Frame<int, string>);")).Good();
        Assert.Same(typeof(Deedle.Frame<int, string>), session.Engine.Variables["type"]);

        // A feed of its own, empty: no network is asked.
        Directory.CreateDirectory(Path.Combine(session.Folder, "packages"));
        session.File("packages/nuget.config", "<configuration><packageSources><clear /><add key=\"empty\" value=\".\" /></packageSources></configuration>");
        var error = (await session.Run("var a = 1;\n\n#r \"nuget: No.Such.Package, 1.2.3\"".Replace("var a = 1;", ""))).Error!;
        Assert.StartsWith("cell [2], line 3: The package No.Such.Package 1.2.3 could not be restored. The feed says: Unable to find package No.Such.Package", error.Message);
        Assert.Contains("is no package name", (await session.Run("#r \"nuget: a b\"")).Error!.Message);
    }

    [Fact]
    public async Task TimeTellsTheTime()
    {
        using var session = new Session();
        var outputs = (await session.Run("#!time\nawait Task.Delay(20);\n1 + 1")).Good();
        Assert.Equal("2", outputs.Result);
        var told = Assert.IsType<StreamOutput>(outputs.All[^1]).Text;
        Assert.Matches(@"^Wall time: [0-9.]+ ms\n$", told);
        Assert.True(double.Parse(told.Split(' ')[2], System.Globalization.CultureInfo.InvariantCulture) >= 19);
    }

    [Fact]
    public async Task OtherLanguagesAreShownAndUnknownCommandsRefused()
    {
        using var session = new Session();
        var outputs = (await session.Run("#!html\n<b>h</b>\n#!markdown\n**m**\n#!csharp\nvar z = 3;\nz")).Good();
        Assert.Equal("<b>h</b>", ((DisplayOutput)outputs.All[0]).Data["text/html"]);
        Assert.Equal("**m**", ((DisplayOutput)outputs.All[1]).Data["text/markdown"]);
        Assert.Equal("3", outputs.Result);
        Assert.StartsWith("cell [2], line 1: there is no command #!cobol", (await session.Run("#!cobol\nMOVE 1 TO X")).Error!.Message);
        Assert.Equal("cell [3], line 5: error CS0103: The name 'q' does not exist in the current context", (await session.Run("#!html\n<b/>\n#!csharp\n\nq")).Error!.Message);
    }

    [Fact]
    public async Task ACancelledCellStopsAndTheSessionGoesOn()
    {
        using var session = new Session();
        await session.Run("var steps = 0;");
        using var cancel = new CancellationTokenSource(300);
        var outputs = await session.Run(
            """
            using Microsoft.DotNet.Interactive;
            while (true)
            {
                KernelInvocationContext.Current.CancellationToken.ThrowIfCancellationRequested();
                steps++;
                await Task.Delay(10);
            }
            """,
            cancel.Token);
        Assert.Equal(("Interrupted", "cell [2] was interrupted."), (outputs.Error!.Name, outputs.Error.Message));
        Assert.True((int)session.Engine.Variables["steps"]! > 1);
        Assert.Equal("9", (await session.Run("4 + 5")).Good().Result);
    }

    [Fact]
    public async Task ACellThatDoesNotListenIsLeftBehind()
    {
        using var session = new Session(grace: TimeSpan.FromMilliseconds(200));
        using var cancel = new CancellationTokenSource(200);
        var outputs = await session.Run("for (var i = 0; i < 40; i++) { System.Threading.Thread.Sleep(50); Console.WriteLine(i); }", cancel.Token);
        Assert.Equal("Interrupted", outputs.Error!.Name);
        Assert.Contains("left behind", outputs.Error.Traceback[0]);
        var count = outputs.All.Count;
        await Task.Delay(200);
        Assert.Equal(count, outputs.All.Count);
    }

    private static void BuildLibrary(string folder)
    {
        var trusted = ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator);
        var compilation = CSharpCompilation.Create(
            "Beside",
            [CSharpSyntaxTree.ParseText(
                "namespace Beside; public static class Maker { public static object Make() => new LTHKit.UserException(\"m\"); public static string Name => \"beside\"; }")],
            trusted.Select(path => MetadataReference.CreateFromFile(path)),
            new(OutputKind.DynamicallyLinkedLibrary));
        Directory.CreateDirectory(Path.Combine(folder, "lib"));
        Assert.True(compilation.Emit(Path.Combine(folder, "lib", "Beside.dll")).Success);
        // Its folder holds a copy of the library too, as a build's output does: it must not be a second library.
        File.Copy(typeof(UserException).Assembly.Location, Path.Combine(folder, "lib", "LTHKit.dll"));
    }
}
