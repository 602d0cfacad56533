using LTHKit.Cli.Grid;
using LTHKit.Data;
using LTHKit.Experiments;
using LTHKit.Models;
using LTHKit.Training;
using LTHKit.Tweaks;

namespace LTHKit.Cli.Tests.Grid;

/// <summary>The test assembly as a program of its own: it carries out tasks of a grid whose runs take a second.</summary>
internal static class GridProgram
{
    private static async Task<int> Main(string[] args) => args switch
    {
        ["supervise", var folder] => await CommandLine.Run(CommandLine.Verbs, ["grid", "supervise", folder], Console.Error),
        ["work", var folder, var task] => await new GridWorker(new(folder), int.Parse(task), PlanRuns).Run(Console.Error),
        _ => 2,
    };

    /// <summary>A grid of so many seeds, each a dense network and its ticket, as found and tweaked.</summary>
    public static GridSettings Settings(int seeds, string store, int atOnce, int epochs = 4) => new(
        [], new Dictionary<string, string> { ["seeds"] = $"{seeds}", ["epochs"] = $"{epochs}" }, store,
        [Environment.ProcessPath is { } host && Path.GetFileName(host) == "dotnet" ? host : "dotnet", typeof(GridProgram).Assembly.Location, "work"], AtOnce: atOnce);

    /// <summary>The same as a script for Slurm.</summary>
    public static GridSettings OnSlurm(GridSettings settings) => settings with
    {
        Options = ["--cpus-per-task=1"],
        Script = GridVerb.Script(settings, site: null),
    };

    /// <summary>What the cells of a notebook would ask for.</summary>
    public static Task PlanRuns(GridSettings settings, GridTask? task, Plan plan, CancellationToken cancel)
    {
        plan.Enter();
        var lab = Lab.Open(Profile(int.Parse(settings.Parameters["seeds"]), int.Parse(settings.Parameters["epochs"])), device: "cpu", store: new RunStore(settings.Store));
        Ask(lab);
        return Task.CompletedTask;
    }

    public static IReadOnlyList<Sweep> Ask(Lab lab) => [lab.Sweep(), lab.Sweep(tweaks: [new SmoothActivation("swish")], dense: false)];

    public static Profile Profile(int seeds, int epochs = 4) => new()
    {
        Name = "tiny",
        Data = new DataSpec { TrainCount = 100, TestCount = 20, Classes = 3, Size = 8 },
        Model = new ModelSpec("vgg5", 2),
        Recipe = new Recipe { Epochs = epochs, BatchSize = 30 },
        Rates = [0.5],
        Levels = [1],
        Seeds = seeds,
    };
}
