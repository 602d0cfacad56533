namespace LTHKit.Notebook.Tests;

/// <summary>What the kit adds to .NET Interactive's kernels: the library, errors from the user's side, interruption.</summary>
public class HostTests : Session
{
    [Fact]
    public async Task TheLibraryAndThePackagesAreKnownWithoutAReference()
    {
        (await Run("using LTHKit; using LTHKit.Experiments; using TorchSharp; using Plotly.NET; using Plotly.NET.LayoutObjects; using Deedle;")).Good();
        Assert.Equal("System.Int32[]", await Value("new Series<string, int>([\"a\"], [1]).Values.ToArray().GetType().ToString()"));
        Assert.Equal("6", await Value("torch.tensor(new[] { 1, 2, 3 }).sum().item<long>()"));
        // One library: that of this process.
        Assert.Equal(typeof(UserException).Assembly.Location, await Value("typeof(UserException).Assembly.Location"));
        var figure = (await Run("Plotly.NET.CSharp.Chart.Line<int, double, string>([1, 2], [0.5, 0.8])")).Good().All[^1].Data!;
        Assert.Equal(2, figure["application/vnd.plotly.v1+json"]!["data"]![0]!["y"]!.AsArray().Count);
        // The kit's HTML, which needs no network, and not that of Plotly.NET.Interactive.
        Assert.Contains("data-lthkit-figure", (string?)figure["text/html"]);
        Assert.DoesNotContain("cdn", (string?)figure["text/html"]);
    }

    [Fact]
    public async Task ConsoleAndDisplaysKeepTheirOrderAcrossThreads()
    {
        var outputs = await Run(
            """
            Console.Write("a");
            display("b");
            Console.Error.WriteLine("c");
            await Task.Run(() => { Console.WriteLine("d"); display(5); });
            var thread = new System.Threading.Thread(() => Console.WriteLine("{0}", "e"));
            thread.Start(); thread.Join();
            6
            """);
        Assert.Equal(
            ["stdout a", "display_data b", "stderr c\n", "stdout d\n", "display_data 5", "stdout e\n", "execute_result 6"],
            outputs.Good().All.Select(o => $"{o.StreamName ?? o.Type} {(string?)o.Content["text"] ?? (string?)o.Data!["text/plain"]}"));
    }

    [Theory]
    [InlineData("display(\"one\")")]
    [InlineData("Microsoft.DotNet.Interactive.KernelInvocationContextExtensions.Display(Microsoft.DotNet.Interactive.KernelInvocationContext.Current, \"one\")")]
    public async Task ADisplayCanBeUpdatedInItsCellAndInALaterOne(string display)
    {
        var first = (await Run($"var d = {display}; d.Update(\"two\");")).Good();
        Assert.Equal(["display_data", "update_display_data"], first.All.Select(o => o.Type));
        var later = Assert.Single((await Run("d.Update(\"three\");")).Good().All);
        Assert.NotNull(later.DisplayId);
        Assert.Equal([later.DisplayId, later.DisplayId], first.All.Select(o => o.DisplayId));
        Assert.Equal("three", (string?)later.Data!["text/plain"]);
    }

    [Fact]
    public async Task WhatHasNoTextOfItsOwnHasAShortOneBesideItsHtml()
    {
        var record = (await Run("record Point(int X, int Y); new Point(1, 2)")).Good().All[^1].Data!;
        Assert.Equal("Point\n      X: 1\n      Y: 2", (string?)record["text/plain"]);
        Assert.NotNull(record["text/html"]);
        Assert.Equal(["text/plain"], (await Run("4.5")).Good().All[^1].Data!.Select(entry => entry.Key));
        Assert.InRange((await Run("#!lsmagic")).Good().All.Max(o => ((string?)o.Data!["text/plain"])!.Length), 1, 2001);
    }

    [Theory]
    [InlineData("var a = 1;\nvar b = missing + a;", "cell [2], line 2: error CS0103: The name 'missing' does not exist in the current context", "     2 | var b = missing + a;")]
    [InlineData("#!html\n<b/>\n#!csharp\n\nq", "cell [2], line 5: error CS0103: The name 'q' does not exist in the current context", "     5 | q")]
    [InlineData("\n#r \"nowhere/none.dll\"\nvar a = 1;", "cell [2], line 2: error CS0006: Metadata file 'nowhere/none.dll' could not be found", "     2 | #r \"nowhere/none.dll\"")]
    [InlineData("#!fsharp\n\nlet x : int = \"text\"", "cell [2], line 3: error FS0001: This expression was expected to have type", "     3 | let x : int = \"text\"")]
    public async Task ACompilationErrorNamesCellAndLineAndQuotesIt(string code, string message, string quote)
    {
        await Run("var fine = 1;");
        var failed = await Run(code);
        Assert.Equal("CompilationError", failed.Error!.Name);
        Assert.StartsWith(message, failed.Error.Message);
        Assert.Equal(quote, failed.Error.Traceback[1]);
        Assert.Equal("error", failed.All[^1].Type);
        Assert.EndsWith("^", failed.Error.Traceback[2]);
        Assert.Equal("1", await Value("fine"));
    }

    [Fact]
    public async Task AnExceptionNamesTheUsersLineAndKeepsWhatWasDone()
    {
        await Run("int Half(int n)\n{\n    return n / 0.CompareTo(0);\n}");
        var failed = await Run("#!time\nvar before = 5;\nvar r = Half(3);\nvar after = 6;");
        Assert.Equal("DivideByZeroException", failed.Error!.Name);
        Assert.Equal("cell [1], line 3: DivideByZeroException: Attempted to divide by zero.", failed.Error.Message);
        Assert.Equal(
            ["     3 |     return n / 0.CompareTo(0);", "   at the cell.Half in cell [1], line 3", "   at the cell in cell [2], line 3"], failed.Error.Traceback.Skip(1));
        Assert.Equal("5", await Value("before"));
        var asynchronous = await Run("async Task F() { await Task.Delay(1); throw new ArgumentException(\"late\"); }\n\nawait F();");
        Assert.Equal("cell [4], line 1: ArgumentException: late", asynchronous.Error!.Message);
        Assert.Equal("   at the cell in cell [4], line 3", asynchronous.Error.Traceback[^1]);
    }

    // The very first cell is no exception.
    [Fact]
    public async Task AUserExceptionIsItsSentence()
    {
        var error = (await Run("var kept = 3;\nthrow new LTHKit.UserException(\"Give a smaller width.\");")).Error!;
        Assert.Equal(("UserException", "cell [1], line 2: Give a smaller width."), (error.Name, error.Message));
        Assert.Equal(2, error.Traceback.Count);
        Assert.Equal("3", await Value("kept"));
    }

    [Theory]
    [InlineData("TorchSharp.torch.ones(3).mean([7])")]
    [InlineData("try { TorchSharp.torch.ones(3).mean([7]); } catch (Exception e) { throw new Exception(\"outer\", e); }")]
    public async Task OfAnErrorOfLibtorchItsOwnFramesAreLeftOut(string code)
    {
        var failed = await Run(code);
        Assert.Contains(failed.Error!.Traceback, line => line.EndsWith("ExternalException: Dimension out of range (expected to be in range of [-1, 0], but got 7)"));
        Assert.DoesNotContain("frame #", failed.All[^1].Content.ToString());
    }

    [Fact]
    public async Task ADeepRecursionsTraceIsShortened()
    {
        var error = (await Run("int Deep(int n) => n == 0 ? throw new Exception(\"deep\") : 1 + Deep(n - 1);\nDeep(2000)")).Error!;
        Assert.Equal("cell [1], line 1: Exception: deep", error.Message);
        Assert.InRange(error.Traceback.Count, 10, 25);
        Assert.Contains("   … 1,986 more calls", error.Traceback);
        Assert.Equal("   at the cell in cell [1], line 2", error.Traceback[^1]);
    }

    [Fact]
    public async Task ScriptsAndAssembliesBesideTheNotebookAreFound()
    {
        File.WriteAllText(Path.Combine(Folder, "helpers.csx"), "int Twice(int x) => 2 * x;");
        Assert.Equal("8", await Value("#load \"helpers.csx\"\nTwice(4)"));
        Assert.Equal("10", await Value("Twice(5)"));
        File.Copy(typeof(FactAttribute).Assembly.Location, Path.Combine(Folder, "beside.dll"));
        Assert.Equal("FactAttribute", await Value("#r \"beside.dll\"\ntypeof(Xunit.FactAttribute).Name"));
    }

    [Fact]
    public async Task APackageOfTheKitIsTheLoadedOneAndOneThatIsMissingIsToldInASentence()
    {
        (await Run("#r \"nuget: Deedle, 8.1.0\"\nvar type = typeof(Deedle.Frame<int, string>);")).Good();
        Assert.Equal(typeof(Deedle.Frame).Assembly.Location, await Value("type.Assembly.Location"));
        var error = (await Run("#i \"nuget: " + Folder + "\"\n#r \"nuget: No.Such.Package, 1.2.3\"")).Error!;
        Assert.StartsWith("cell [3]: error NU1101: Unable to find package No.Such.Package", error.Message);
    }

    // CsCheck: a package of the feed that no kernel knows by itself.
    [Theory]
    [InlineData("#r \"nuget: CsCheck, {0}\"\ntypeof(CsCheck.Size).FullName")]
    [InlineData("#!fsharp\n#r \"nuget: CsCheck, {0}\"\ntypeof<CsCheck.Size>.FullName")]
    public async Task APackageThatTheKitLacksIsFetchedAndUsed(string cell)
    {
        Assert.Equal("CsCheck.Size", await Value(string.Format(cell, typeof(CsCheck.Check).Assembly.GetName().Version!.ToString(3))));
        Assert.NotEmpty(await Value("Environment.GetEnvironmentVariable(\"DOTNET_CLI_TELEMETRY_OPTOUT\")")!);
    }

    [Fact]
    public async Task ACancelledCellStopsAndTheKernelAndItsVariablesLive()
    {
        await Run("using Microsoft.DotNet.Interactive;\nvar steps = 0;");
        var outputs = await Interrupt("""
            while (true)
            {
                KernelInvocationContext.Current.CancellationToken.ThrowIfCancellationRequested();
                if (++steps == 2)
                    System.IO.File.WriteAllText("begun", "");
                System.Threading.Thread.Sleep(10);
            }
            """);
        Assert.Equal(("Interrupted", "cell [2] was interrupted."), (outputs.Error!.Name, outputs.Error.Message));
        Assert.True(int.Parse(await Value("steps")) > 1);
        var never = await Run("steps = -1;", new(canceled: true));
        Assert.Equal("Interrupted", never.Error!.Name);
        Assert.NotEqual("-1", await Value("steps"));
    }

    // Neither one that sleeps nor one that awaits keeps the next cell from running.
    [Theory]
    [InlineData("for (var i = 0; i < 600; i++) { System.Threading.Thread.Sleep(50); Console.WriteLine(i); }")]
    [InlineData("for (var i = 0; i < 600; i++) { await Task.Delay(50); Console.WriteLine(i); }")]
    public async Task ACellThatDoesNotListenIsLeftBehind(string code)
    {
        var outputs = await Interrupt("System.IO.File.WriteAllText(\"begun\", \"\");\n" + code);
        Assert.Equal("Interrupted", outputs.Error!.Name);
        Assert.Contains("left behind", outputs.Error.Traceback[0]);
        var count = outputs.All.Count;
        Assert.Equal("9", await Value("4 + 5"));
        await Task.Delay(200);
        Assert.Equal(count, outputs.All.Count);
    }

    private async Task<Outputs> Interrupt(string code)
    {
        using var cancel = new CancellationTokenSource();
        var running = Run(code, cancel.Token);
        while (!File.Exists(Path.Combine(Folder, "begun")) && !running.IsCompleted)
            await Task.Delay(10);
        await cancel.CancelAsync();
        return await running;
    }
}
