using System.Diagnostics;

namespace LTHKit.Notebook.Tests;

/// <summary>./lthkit run, ended from outside without a word (SIGKILL).</summary>
[Trait("Category", "Slow")]
public sealed class KilledRunTests : InFolder
{
    private string[] Arguments => [Kit.CommandLine, "run", Path.Combine(Folder, "in.ipynb"), "--out", Output];

    [Theory]
    [InlineData("System.IO.File.WriteAllText(\"reached\", \"\"); await Task.Delay(-1);", "", "reached")]
    [InlineData("Console.Write(new string('x', 30_000_000));", "out", "in.ipynb.*.tmp")]
    public void TheOldOutputStaysWholeAndWhatWasReachedLiesBesideIt(string cell, string folder, string sign)
    {
        Write("Console.WriteLine(\"old\");", "1");
        var (code, said) = Kit.Run("dotnet", Arguments);
        Assert.True(code == 0, said);
        Assert.Equal(["in.html", "in.ipynb", "plotly.min.js"], Files().Keys.Order());

        // The sign: the cell is in its midst, or the notebook with what it wrote is being saved. One that was saved before it was killed is begun again.
        Write("Console.WriteLine(\"new\");", cell);
        var first = Path.Combine(Output, "in.ipynb.partial");
        Dictionary<string, string> before;
        var clock = Stopwatch.StartNew();
        do
        {
            before = Files();
            using var run = Kit.Start("dotnet", Arguments);
            run.BeginOutputReadLine();
            run.BeginErrorReadLine();
            for (; !(HasRun(first) && Signs().Length > 0); Thread.Sleep(1))
                Assert.True(clock.Elapsed.TotalSeconds < 120 && !run.HasExited, "the run was not met in its midst");
            run.Kill();
            run.WaitForExit();
        }
        while (Signs().Length == 0);

        var after = Files();
        Assert.All(before, file => Assert.Equal(file.Value, after[file.Key]));
        Assert.Equal("new\n", MultilineText.Join(NotebookDocument.Load(first).Cells[0].Outputs[0]!["text"]));

        string[] Signs() => Directory.GetFiles(Path.Combine(Folder, folder), sign);
    }

    [ChromiumFact]
    public void TheBrowserOfKilledFiguresEnds()
    {
        using var figures = Kit.Start("dotnet", [Kit.CommandLine, "figures", Path.Combine(Kit.Root, "results", "short.ipynb"), "--out", Output]);
        string[] browser = [];
        for (var clock = Stopwatch.StartNew(); (browser = Children(figures.Id)).Length == 0; Thread.Sleep(1))
            Assert.True(clock.Elapsed.TotalSeconds < 60 && !figures.HasExited, "no browser was met");
        figures.Kill();
        for (var clock = Stopwatch.StartNew(); browser.Any(Lives); Thread.Sleep(10))
            Assert.True(clock.Elapsed.TotalSeconds < 60, "the browser stays");
    }

    // One that has ended and is asked for by nobody has no command left.
    private static bool Lives(string process) => IfThere(() => File.ReadAllText(Path.Combine(process, "cmdline")).Length > 0, false);

    private static string[] Children(int process) => IfThere(() =>
        [.. Directory.GetDirectories($"/proc/{process}/task").SelectMany(thread => File.ReadAllText(Path.Combine(thread, "children")).Split(' ', StringSplitOptions.RemoveEmptyEntries))
            .Select(child => $"/proc/{child}")], Array.Empty<string>());

    private static bool HasRun(string notebook) => IfThere(() => NotebookDocument.Load(notebook).Cells[0].Outputs.Count > 0, false);

    // What is read may not be there yet, or not any more.
    private static T IfThere<T>(Func<T> read, T otherwise)
    {
        try
        {
            return read();
        }
        catch (Exception e) when (e is IOException or UserException)
        {
            return otherwise;
        }
    }

    private Dictionary<string, string> Files() => Directory.GetFiles(Output).Where(path => !path.Contains(".partial"))
        .ToDictionary(path => Path.GetFileName(path), path => Convert.ToHexString(File.ReadAllBytes(path)));
}
