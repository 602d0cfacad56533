using System.Diagnostics;

namespace LTHKit.Notebook.Tests;

/// <summary>The checkout that the tests belong to, and its programs.</summary>
internal static class Kit
{
    public static string Root => Ancestors(AppContext.BaseDirectory).First(folder => File.Exists(Path.Combine(folder, "LTHKit.sln")));

    /// <summary>What front ends start.</summary>
    public static string CommandLine => Path.Combine(Root, "artifacts", "bin", "LTHKit.Cli", "release", "lthkit-cli.dll") is var path && File.Exists(path)
        ? path
        : throw new InvalidOperationException("The command line, which front ends start, is not built; run ./lthkit setup.");

    /// <summary>Runs the command line, which must go well.</summary>
    public static void Lthkit(string runs, params IEnumerable<string> arguments)
    {
        var (code, said) = Run("dotnet", [CommandLine, .. arguments], new() { ["LTHKIT_RUNS"] = runs });
        Assert.True(code == 0, $"exit code {code}\n{said}");
    }

    /// <summary>Runs a program to its end: its exit code, and what it printed.</summary>
    public static (int Code, string Said) Run(string program, IEnumerable<string> arguments, Dictionary<string, string>? environment = null, int seconds = 840)
    {
        using var process = Start(program, arguments, environment);
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEndAsync();
        if (process.WaitForExit(TimeSpan.FromSeconds(seconds)))
            return (process.ExitCode, $"{output.Result}\n{errors.Result}");
        process.Kill(entireProcessTree: true);
        return (-1, $"It did not come to an end.\n{output.Result}\n{errors.Result}");
    }

    /// <summary>Starts a program; what it prints is for the caller to read.</summary>
    public static Process Start(string program, IEnumerable<string> arguments, Dictionary<string, string>? environment = null)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var (name, value) in environment ?? [])
            start.Environment[name] = value;
        return Process.Start(start)!;
    }

    private static IEnumerable<string> Ancestors(string folder)
    {
        for (var at = new DirectoryInfo(folder); at is not null; at = at.Parent)
            yield return at.FullName;
    }
}
