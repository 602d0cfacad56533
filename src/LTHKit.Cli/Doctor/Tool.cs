using System.ComponentModel;

namespace LTHKit.Cli.Doctor;

/// <summary>Programs that other people installed.</summary>
internal static class Tool
{
    /// <summary>What a program put out; null where there is none, it fails, or it does not end within five seconds.</summary>
    public static string? Output(string program, params string[] arguments) => Run(program, arguments, 5) is { Code: 0 } done ? done.Output.Trim() : null;

    /// <summary>How a program ended and what it put out; code -1 with the reason where there is none or it does not end in time.</summary>
    public static (int Code, string Output, string Error) Run(string program, string[] arguments, int seconds)
        => Run(new ProcessStartInfo(program, arguments), TimeSpan.FromSeconds(seconds));

    public static (int Code, string Output, string Error) Run(ProcessStartInfo start, TimeSpan patience)
    {
        (start.RedirectStandardOutput, start.RedirectStandardError) = (true, true);
        try
        {
            using var process = Process.Start(start)!;
            var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
            if (process.WaitForExit(patience))
                return (process.ExitCode, output.Result, error.Result);
            process.Kill(entireProcessTree: true);
            return (-1, "", $"{start.FileName} did not answer within {patience.TotalSeconds} seconds");
        }
        catch (Win32Exception)
        {
            return (-1, "", $"there is no {start.FileName} here");
        }
    }
}
