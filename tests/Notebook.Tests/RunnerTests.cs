using LTHKit.Notebook.Running;

namespace LTHKit.Notebook.Tests;

public sealed class RunnerTests : InFolder
{
    private Task<RunOutcome> Run(string path, params (string, string)[] parameters) =>
        NotebookRunner.RunAsync(path, Output, parameters.ToDictionary(p => p.Item1, p => p.Item2));

    private async Task<IReadOnlyList<NotebookCell>> Executed(string path, params (string, string)[] parameters) => Cells(await Run(path, parameters));

    private static IReadOnlyList<NotebookCell> Cells(RunOutcome outcome, string? error = null)
    {
        Assert.Equal(error, outcome.Error?.Message);
        return NotebookDocument.Load(outcome.Notebook).Cells;
    }

    private static string Text(JsonNode? node) => string.Concat(node!.AsArray().Select(line => (string)line!));

    [Fact]
    public async Task OutputsAreFilledIn()
    {
        var cells = await Executed(Write("# Title", "Console.WriteLine(\"a\"); Console.WriteLine(\"b\"); display(HTML(\"<i>x</i>\")); Console.Error.Write(\"e\");", "1 + 1"));
        Assert.Equal([null, 1, 2], cells.Select(cell => cell.ExecutionCount));
        var outputs = cells[1].Outputs;
        Assert.Equal(["stream", "display_data", "stream"], outputs.Select(o => (string?)o!["output_type"]));
        Assert.Equal("a\nb\n", Text(outputs[0]!["text"]));
        Assert.Equal("<i>x</i>", Text(outputs[1]!["data"]!["text/html"]));
        Assert.Equal("stderr", (string?)outputs[2]!["name"]);
        var result = Assert.Single(cells[2].Outputs)!;
        Assert.Equal(("execute_result", 2, "2"), ((string)result["output_type"]!, (int)result["execution_count"]!, Text(result["data"]!["text/plain"])));
    }

    [Fact]
    public async Task ADisplayIsUpdatedWhereItStands()
    {
        var cells = await Executed(Write("using Microsoft.DotNet.Interactive;\nvar d = KernelInvocationContext.Current.Display(\"first\"); Console.WriteLine(\"between\"); d.Update(\"second\");", "d.Update(\"third\");"));
        Assert.Equal(2, cells[0].Outputs.Count);
        Assert.Equal("third", Text(cells[0].Outputs[0]!["data"]!["text/plain"]));
        Assert.Empty(cells[1].Outputs);
    }

    [Fact]
    public async Task AProgressBarOfCarriageReturnsIsOneLine()
    {
        var cells = await Executed(Write("for (var i = 0; i <= 100; i++) Console.Write($\"\\r{i} %\"); Console.WriteLine(); Console.Write(\"done\\r\\n\");"));
        Assert.Equal("100 %\ndone\n", Text(cells[0].Outputs[0]!["text"]));
    }

    [Fact]
    public async Task AnErrorStopsTheRunAndStaysInThePartialNotebook()
    {
        var outcome = await Run(Write("var a = 1;", "Console.WriteLine(\"x\");\nthrow new InvalidOperationException(\"no\");", "a"));
        var cells = Cells(outcome, "cell [2], line 2: InvalidOperationException: no");
        Assert.False(outcome.Interrupted);
        Assert.Equal(["stream", "error"], cells[1].Outputs.Select(o => (string?)o!["output_type"]));
        Assert.Equal("InvalidOperationException", (string?)cells[1].Outputs[1]!["ename"]);
        Assert.Null(cells[2].ExecutionCount);
    }

    [Fact]
    public async Task AnExpectedErrorIsKeptAndTheNextCellsRun()
    {
        var path = Write(("throw new InvalidOperationException(\"expected\");", ["raises-exception"]), ("1 + 1", []));
        var cells = await Executed(path);
        Assert.Equal("InvalidOperationException", (string?)Assert.Single(cells[0].Outputs)!["ename"]);
        Assert.Equal("2", Text(Assert.Single(cells[1].Outputs)!["data"]!["text/plain"]));
        var plan = new LTHKit.Experiments.Plan();
        await NotebookRunner.PlanAsync(path, new Dictionary<string, string>(), plan, default);
        Assert.Null(plan.Problem);
    }

    [Fact]
    public async Task OfTwoRunsIntoOneFolderBothEndWell()
    {
        var path = Write("Console.Write(\"no end of line\");");
        RunOutcome? other = null;
        using var terminal = new Listener(() =>
        {
            // The second begins and ends just before the first puts its notebook into place.
            var partial = Path.Combine(Output, "in.ipynb.partial");
            if (other is null && File.Exists(partial) && NotebookDocument.Load(partial).Cells[0].Outputs.Count > 0)
                other = Run(path).GetAwaiter().GetResult();
        });
        var outcome = await NotebookRunner.RunAsync(path, Output, terminal: terminal);
        Assert.Null(other!.Error?.Message);
        Assert.Single(Cells(outcome)[0].Outputs);
        Assert.Equal(["in.html", "in.ipynb", "plotly.min.js"], Directory.GetFiles(Output).Select(Path.GetFileName).Order());
    }

    [Fact]
    public async Task ARunThatEndsEarlyLeavesACompleteOneWhereItIs()
    {
        const string Table = "new Deedle.FrameBuilder.Columns<int, string> { { \"a\", new Deedle.Series<int, double>([1], [2.0]) } }.Frame";
        string[] Fails(string when) => [Table.Replace("2.0", when == "first" ? "1" : "3"), $"throw new InvalidOperationException(\"{when}\");", "1"];
        Dictionary<string, string> Files() => Directory.GetFiles(Output, "in.*").Where(path => !path.EndsWith(".partial")).ToDictionary(path => Path.GetFileName(path), File.ReadAllText);
        var output = Path.Combine(Output, "in.ipynb");
        // Of one that failed the next takes the place.
        foreach (var when in (string[])["first", "again"])
        {
            Assert.Equal(output, (await Run(Write(Fails(when)))).Notebook);
            Assert.Contains(when, File.ReadAllText(output));
        }
        Assert.Equal(output, (await Run(Write(Table, "1"))).Notebook);
        var before = Files();
        Assert.Equal(["in.c0.csv", "in.html", "in.ipynb"], before.Keys.Order());
        var outcome = await Run(Write(Fails("late")));
        Assert.Equal((output + ".partial", 0), (outcome.Notebook, outcome.Tables.Count));
        Assert.Equal("error", (string?)Cells(outcome, "cell [2], line 1: InvalidOperationException: late")[1].Outputs[0]!["output_type"]);
        Assert.Equal(before, Files());
        await Run(Write("2"));
        Assert.False(File.Exists(output + ".partial"));
    }

    [Fact]
    public async Task AnInterruptEndsTheCellAndSavesTheNotebook()
    {
        using var cancel = new CancellationTokenSource();
        var path = Write("Console.WriteLine(\"kept\");", "using Microsoft.DotNet.Interactive;\nConsole.WriteLine(\"begun\");\nSystem.IO.File.WriteAllText(\"begun\", \"\");\nawait Task.Delay(-1, KernelInvocationContext.Current.CancellationToken);", "1");
        var running = NotebookRunner.RunAsync(path, Output, cancellation: cancel.Token);
        while (!File.Exists(Path.Combine(Folder, "begun")) && !running.IsCompleted)
            await Task.Delay(10);
        await cancel.CancelAsync();
        var outcome = await running;
        Assert.True(outcome.Interrupted);
        var cells = Cells(outcome, "cell [2] was interrupted.");
        Assert.Equal("kept\n", Text(cells[0].Outputs[0]!["text"]));
        Assert.Equal("begun\n", Text(cells[1].Outputs[0]!["text"]));
        Assert.Equal("Interrupted", (string?)cells[1].Outputs[1]!["ename"]);
    }

    [Fact]
    public async Task ParametersAreTypedByTheirDefaults()
    {
        var path = Write(
            ("var a = 0;", []),
            ("var count = 1; var rate = 0.5; string name = \"x\"; bool on = false; var levels = new[] { 1, 2 }; int? limit = null; DayOfWeek day = DayOfWeek.Friday;", ["parameters"]),
            ("$\"{count} {rate} {name} {on} {string.Join('/', levels)} {limit} {day}\"", []));
        var cells = await Executed(path, ("count", "3"), ("rate", "1e-3"), ("name", "a \"b\"\\"), ("on", "true"), ("levels", "[4,5,6]"), ("limit", "7"), ("day", "DayOfWeek.Monday"));
        Assert.Equal(["injected-parameters"], cells[2].Tags);
        Assert.Equal("3 0.001 a \"b\"\\ True 4/5/6 7 Monday", Text(cells[3].Outputs[0]!["data"]!["text/plain"]));

        // Running the executed notebook again replaces what was injected.
        cells = await Executed(Path.Combine(Output, "in.ipynb"), ("count", "4"));
        Assert.Equal(4, cells.Count);
        Assert.Equal("count = 4;", cells[2].Source);
    }

    [Theory]
    [InlineData("cuont", "3", "in.ipynb has no parameter cuont; it has count, rate, levels.")]
    [InlineData("count", "many", "The parameter count must be a whole number, not \"many\".")]
    [InlineData("rate", "1,5", "The parameter rate must be a number, not \"1,5\".")]
    [InlineData("levels", "[1, 2", "The parameter levels must be a C# expression, not \"[1, 2\".")]
    [InlineData("levels", "1,2", "The parameter levels must be a C# expression, not \"1,2\".")]
    [InlineData("count", "1", "in.ipynb takes no parameters: it has no code cell tagged \"parameters\".", "another tag")]
    public async Task AWrongParameterIsRefusedBeforeAnythingIsWritten(string name, string value, string message, string tag = "parameters")
    {
        var path = Write(("var count = 1; var rate = 0.5; int[] levels = [];", [tag]));
        var refused = await Assert.ThrowsAsync<UserException>(() => Run(path, (name, value)));
        Assert.Equal(message, refused.Message);
        Assert.False(Directory.Exists(Output));
    }

    [Fact]
    public async Task TheTerminalShowsCellsStreamsAndErrors()
    {
        var terminal = new StringWriter { NewLine = "\n" };
        var path = Write("using System.IO;\n// about\nConsole.Write(\"p\"); Console.WriteLine(\"q\");", "display(\"epoch 1\").Update(\"epoch 2\");\nthrow new Exception(\"x\");");
        await NotebookRunner.RunAsync(path, Output, terminal: terminal);
        Assert.Equal(
            [
                "in.ipynb: 2 cells", "[1/2]   Console.Write(\"p\"); Console.WriteLine(\"q\");", "        pq",
                "[2/2]   display(\"epoch 1\").Update(\"epoch 2\");", "        epoch 1", "        cell [2], line 2: Exception: x",
                "             2 | throw new Exception(\"x\");", "           at the cell in cell [2], line 2", "        epoch 2",
            ],
            terminal.ToString().TrimEnd().Split('\n').Where(line => !line.EndsWith(" s", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task TheCurrentFolderIsTheNotebooks()
    {
        var before = Environment.CurrentDirectory;
        var cells = await Executed(Write("System.IO.Directory.GetCurrentDirectory()"));
        Assert.Equal(Folder, Text(cells[0].Outputs[0]!["data"]!["text/plain"]));
        Assert.Equal(before, Environment.CurrentDirectory);
    }

    [Theory]
    [InlineData("../../a/b", "in.______a_b.csv")]
    [InlineData("/tmp/x", "in._tmp_x.csv")]
    [InlineData("a-b_1", "in.a-b_1.csv")]
    public async Task ACellsIdIsNoPath(string id, string file)
    {
        var notebook = TestNotebook.Empty();
        notebook.Add("code", id, "new Deedle.FrameBuilder.Columns<int, string> { { \"a\", new Deedle.Series<int, double>([1], [2.0]) } }.Frame");
        var outcome = await Run(Saved(notebook));
        Assert.Equal(id, Cells(outcome)[0].Id);
        Assert.Equal([Path.Combine(Output, file)], outcome.Tables);
    }

    [Fact]
    public async Task ATablesFileIsTheSameInEveryCulture()
    {
        var outcome = await Run(Write(
            "System.Globalization.CultureInfo.CurrentCulture = new(\"\") { NumberFormat = { NumberDecimalSeparator = \",\", NegativeSign = \"~\" } };\n"
            + "System.Globalization.CultureInfo.DefaultThreadCurrentCulture = System.Globalization.CultureInfo.CurrentCulture;",
            "new Deedle.FrameBuilder.Columns<int, string> { { \"a\", new Deedle.Series<int, double>([1], [-2.5]) } }.Frame",
            "System.Globalization.CultureInfo.DefaultThreadCurrentCulture = null;"));
        Assert.Null(outcome.Error?.Message);
        Assert.Contains("1,-2.5", File.ReadAllText(Assert.Single(outcome.Tables)));
    }

    [Fact]
    public async Task AnOutputFolderThatIsAFileIsRefused()
    {
        File.WriteAllText(Output, "");
        var refused = await Assert.ThrowsAsync<UserException>(() => Run(Write("1")));
        Assert.Contains("cannot be written", refused.Message);
    }

    private sealed class Listener(Action heard) : StringWriter
    {
        public override void WriteLine() => heard();
    }
}
