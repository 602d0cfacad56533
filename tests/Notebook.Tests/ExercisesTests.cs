using System.Globalization;
using System.Text.RegularExpressions;
using LTHKit.Formatting;
using LTHKit.Notebook.Document;
using LTHKit.Notebook.Running;

namespace LTHKit.Notebook.Tests;

/// <summary>What is committed of the notebooks: their outputs, and their exercises with solutions.</summary>
public sealed partial class ExercisesTests : InFolder
{
    private const int MostBytes = 12_000_000;

    private string Runs => Path.Combine(Folder, "runs");

    [Theory]
    [MemberData(nameof(Reproduced.Names), MemberType = typeof(Reproduced))]
    public void CommittedOutputsAreThoseOfTheCodeAndShowEverywhere(string name)
    {
        var notebook = Committed(name);
        var outputs = notebook.Cells.Where(cell => cell.IsCode).SelectMany(cell => cell.Outputs).ToList();
        Assert.NotEmpty(outputs);
        Assert.Equal(notebook.CodeHash, notebook.Executed);
        Assert.DoesNotContain(outputs, output => (string?)output!["output_type"] == "error");
        Assert.All(outputs.Select(output => output!["data"]?.AsObject()).Where(data => data?.ContainsKey(NotebookFormatters.Plotly) == true),
            data => Assert.Equal([NotebookFormatters.Plotly, "image/png", "text/plain"], data!.Select(form => form.Key).Order()));
        Assert.DoesNotMatch("/(home|root|tmp|mnt|work)/", string.Concat(outputs.Select(output => output!.ToJsonString())));
    }

    /// <summary>What the README shows first is what the committed runs say, on a machine that has no images.</summary>
    [Theory]
    [InlineData("short", 100)]
    [InlineData("study", 300)]
    public void OutputsOfCommittedResultsAreThoseOfTheirRuns(string name, int numbers)
    {
        var notebook = Path.Combine(Kit.Root, "results", $"{name}.ipynb");
        Kit.Lthkit(Runs, "results", "import", name, "--store", Runs);
        Kit.Lthkit(Runs, "run", notebook, "--out", Folder);
        Assert.Equal(NotebookDocument.Load(notebook).CodeHash, NotebookDocument.Load(notebook).Executed);
        var (committed, drawn) = (Shown(notebook), Shown(Path.Combine(Folder, $"{name}.ipynb")));
        Assert.Equal(Number().Replace(drawn, "#"), Number().Replace(committed, "#"));
        // Of a committed figure's numbers five digits are kept.
        Assert.All(Numbers(drawn).Zip(Numbers(committed)), pair => Assert.InRange(Math.Abs(pair.First - pair.Second), 0, 1e-4 * Math.Abs(pair.First)));
        Assert.True(Numbers(drawn).Count() > numbers);

        static string Shown(string notebook) => string.Join('\n', NotebookDocument.Load(notebook).Cells.SelectMany(cell => cell.Outputs)
            .Select(output => (output!["data"]?[NotebookFormatters.Plotly] ?? output["data"]?["text/plain"])?.ToJsonString()));
        static IEnumerable<double> Numbers(string text) => Number().Matches(text).Select(match => double.Parse(match.Value, CultureInfo.InvariantCulture));
    }

    /// <summary>Runs, and what was measured of them under the names that the code gives it today.</summary>
    [Fact]
    [Trait("Category", "Slow")]
    public void FinishedRunsOfQuickDrawNotebooksWithoutTraining()
    {
        string[] notebooks = ["01-architecture-tweaks", "06-loss-landscapes-and-curvature", "07-activation-sparsity"];
        Kit.Lthkit(Runs, "results", "import", "quick", "--store", Runs);
        Kit.Lthkit(Runs, ["run", "--out", Folder, .. notebooks.Select(PathOf)]);
        Assert.Empty(Directory.GetFiles(Runs, "checkpoint.safetensors", SearchOption.AllDirectories));
    }

    [Fact]
    public void TogetherTheNotebooksAreSmall()
        => Assert.InRange(Reproduced.All.Sum(name => new FileInfo(PathOf(name)).Length), 1, MostBytes);

    [Theory]
    [MemberData(nameof(Reproduced.Names), MemberType = typeof(Reproduced))]
    public void EachHasThreeExercisesAndTheirSolutionsFolded(string name)
    {
        var cells = Committed(name).Cells;
        Assert.True(cells.Count(cell => cell.IsExercise) >= 3);
        Assert.Equal(cells.Count(cell => cell.IsExercise), cells.Count(cell => cell.Tags.Contains("solution")));
        Assert.All(cells.Zip(cells.Skip(1)).Where(pair => pair.First.IsExercise), pair =>
        {
            Assert.Equal(["solution"], pair.Second.Tags);
            Assert.StartsWith("<details>", pair.Second.Source);
        });
        Assert.Contains(cells, cell => cell.Kind == "markdown" && cell.Source.Contains("*Predict first", StringComparison.Ordinal));
    }

    // All exercises of all notebooks, in one run: as they are asked, and with the solutions in place of what stands above the empty line.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    [Trait("Category", "Slow")]
    public async Task AnExerciseIsRightWithItsSolutionAndNotBefore(bool solved)
    {
        var all = TestNotebook.Empty();
        foreach (var cell in Committed("00-quickstart").Cells.Where(cell => cell.Id is "setup" or "parameters" or "lab"))
            all.Add("code", cell.Id, cell.Source, [.. cell.Tags]);
        foreach (var name in Reproduced.All)
        {
            var cells = Committed(name).Cells;
            foreach (var (exercise, solution) in cells.Zip(cells.Skip(1)).Where(pair => pair.First.IsExercise))
                all.Add("code", $"{name}-{exercise.Id}", solved ? Code().Match(solution.Source).Groups[1].Value + exercise.Source[exercise.Source.IndexOf("\n\n")..] : exercise.Source,
                    "exercise");
        }
        var outcome = await NotebookRunner.RunAsync(Saved(all), parameters: new Dictionary<string, string> { ["profile"] = "smoke" });
        Assert.Null(outcome.Error?.Message);
        Assert.Equal([], outcome.Exercises.Where(exercise => exercise.Right != solved).Select(exercise => exercise.Id));
        Assert.DoesNotContain(NotebookDocument.Load(outcome.Notebook).Cells.SelectMany(cell => cell.Outputs), output => (string?)output!["output_type"] == "error");
    }

    // An answer that throws, or does not compile, costs its own point and not the others'.
    [Fact]
    public async Task AFaultInAnAnswerDoesNotEndTheRun()
    {
        var outcome = await NotebookRunner.RunAsync(Write(
            ("throw new Exception();", ["exercise"]), ("int x = \"\";", ["exercise"]), ("\"right\"", ["exercise"]), ("throw new Exception(\"no exercise\");", [])));
        Assert.Equal([("c0", false), ("c1", false), ("c2", true)], outcome.Exercises);
        Assert.Contains("no exercise", outcome.Error!.Message);
    }

    private static string PathOf(string name) => Path.Combine(Kit.Root, "notebooks", name + ".ipynb");

    private static NotebookDocument Committed(string name) => NotebookDocument.Load(PathOf(name));

    [GeneratedRegex(@"-?\b\d+(\.\d+)?([eE][-+]?\d+)?\b")]
    private static partial Regex Number();

    [GeneratedRegex("```csharp\n(.*?)\n```", RegexOptions.Singleline)]
    private static partial Regex Code();
}
