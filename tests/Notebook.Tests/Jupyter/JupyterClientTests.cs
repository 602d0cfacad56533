using LTHKit.Notebook.Jupyter;

namespace LTHKit.Notebook.Tests.Jupyter;

/// <summary>The kernel as Jupyter's own client library starts, asks and stops it; what is asked stands in drive.py.</summary>
public sealed class JupyterClientTests : InFolder
{
    private const string Python = "/usr/bin/python3";

    [JupyterTheory]
    [InlineData("requests")]
    [InlineData("fsharp")]
    [InlineData("streams_while_running")]
    [InlineData("an_error_aborts_what_was_sent_along")]
    [InlineData("interrupts")]
    [InlineData("restart")]
    [InlineData("orphan")]
    [InlineData("two_front_ends")]
    [InlineData("console_input")]
    public void AFrontEndGetsWhatTheProtocolPromises(string scenario) => Drive(scenario);

    [JupyterTheory]
    [InlineData("death")]
    [InlineData("interrupted_training")]
    [InlineData("thousand")]
    [Trait("Category", "Slow")]
    public void AFrontEndSurvivesWhatCellsDo(string scenario) => Drive(scenario);

    private void Drive(string scenario) => Drive(Folder, Path.Combine(Folder, "runs"), scenario);

    /// <summary>Plays a scenario of drive.py with the kernel registered in <paramref name="folder"/>.</summary>
    public static void Drive(string folder, string runs, params string[] arguments)
    {
        KernelSpecs.Install(Path.Combine(folder, "data"), ["dotnet", Kit.CommandLine, "kernel", "run"], Kit.Root);
        var (code, said) = Kit.Run(Python, [Path.Combine(Kit.Root, "tests", "Notebook.Tests", "Jupyter", "drive.py"), .. arguments], new()
        {
            ["JUPYTER_DATA_DIR"] = Path.Combine(folder, "data"),
            ["JUPYTER_RUNTIME_DIR"] = Path.Combine(folder, "runtime"),
            ["LTHKIT_RUNS"] = runs,
        });
        Assert.True(code == 0, $"{arguments[0]}:\n{said}");
    }
}

/// <summary>A test that needs Debian's jupyter-client and nbclient; skipped where they are not.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class JupyterTheoryAttribute : TheoryAttribute
{
    public JupyterTheoryAttribute()
    {
        if (!new[] { "jupyter_client", "nbclient" }.All(module => Directory.Exists($"/usr/lib/python3/dist-packages/{module}")))
            Skip = "python3-jupyter-client and python3-nbclient are not installed.";
    }
}
