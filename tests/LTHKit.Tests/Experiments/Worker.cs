using System.Diagnostics;

namespace LTHKit.Tests.Experiments;

/// <summary>The test assembly as a program of its own: it trains one of the tests' runs, and is killed while it does.</summary>
internal static class Worker
{
    /// <summary>What the worker runs.</summary>
    public static RunSpec Spec(int level, bool tweaked) => Tiny.Spec with
    {
        Level = level,
        Tweaks = tweaked ? [new SmoothActivation("swish"), new LabelSmoothing(0.1), new RescaledInit(Iterations: 12)] : [],
    };

    private static int Main(string[] args)
    {
        using var lab = Tiny.Lab(args[0]);
        lab.Run("worker", [Spec(int.Parse(args[1]), bool.Parse(args[2]))]);
        return 0;
    }

    public static Process Start(string store, int level, bool tweaked = false)
    {
        var info = new ProcessStartInfo(Environment.ProcessPath is { } host && Path.GetFileName(host) == "dotnet" ? host : "dotnet")
        {
            ArgumentList = { typeof(Worker).Assembly.Location, store, level.ToString(), tweaked.ToString() },
            RedirectStandardError = true,
        };
        return Process.Start(info)!;
    }

    /// <summary>Waits for a worker, which must end well, and gives what it said.</summary>
    public static string Finish(Process worker)
    {
        using var finished = worker;
        var said = worker.StandardError.ReadToEnd();
        worker.WaitForExit();
        Assert.True(worker.ExitCode == 0, said);
        return said;
    }
}
