using System.Diagnostics;
using LTHKit.Experiments;

namespace LTHKit.Tests.Experiments;

/// <summary>The test assembly as a program of its own: it trains one of the tests' runs, and is killed while it does.</summary>
internal static class Worker
{
    private static int Main(string[] args)
    {
        using var lab = Tiny.Lab(args[0]);
        lab.Run("worker", [Tiny.Spec with { Level = int.Parse(args[1]) }]);
        return 0;
    }

    public static Process Start(string store, int level)
    {
        var info = new ProcessStartInfo(Environment.ProcessPath is { } host && Path.GetFileName(host) == "dotnet" ? host : "dotnet")
        {
            ArgumentList = { typeof(Worker).Assembly.Location, store, level.ToString() },
            RedirectStandardError = true,
        };
        return Process.Start(info)!;
    }
}
