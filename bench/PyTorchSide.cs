using System.Collections.Concurrent;
using LTHKit.Cli.Doctor;

namespace LTHKit.Cli.Bench;

/// <summary>A Python process that trains the same network with PyTorch and tells how long it took (bench/pytorch.py).</summary>
internal sealed class PyTorchSide : ISide
{
    private static readonly ConcurrentDictionary<string, string?> Found = [];
    private readonly Process _process;

    private PyTorchSide(Process process, string version) => (_process, Version) = (process, version);

    /// <summary>PyTorch's version.</summary>
    public string Version { get; }

    /// <summary>Starts it; null where no Python with torch and torchvision is found.</summary>
    public static PyTorchSide? Start(BenchSetting setting, int classes, string pixels, params string[] more)
    {
        var python = Found.GetOrAdd(setting.Python, named => (named.Length > 0 ? [named] : new[] { "python3", "/usr/bin/python3" }).FirstOrDefault(HasTorch));
        if (python is null && setting.Python.Length > 0)
            throw new UserException($"{setting.Python} is no Python that has torch, torchvision and PIL.");
        if (python is null)
            return null;
        var start = new ProcessStartInfo(python, [Path.Combine(Checkout.Root, "bench", "pytorch.py"),
            "--width", $"{setting.Width}", "--size", $"{setting.Size}", "--classes", $"{classes}", "--batch", $"{setting.Batch}",
            "--threads", $"{setting.Threads}", "--images", $"{setting.Images}", "--workers", $"{setting.Workers}", "--pixels", pixels, "--device", setting.Device, .. more])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        };
        start.Environment.Remove("OMP_WAIT_POLICY");    // this process's own choice; PyTorch has its default
        var process = Process.Start(start)!;
        return process.StandardOutput.ReadLine() is { } hello && hello.StartsWith("ready ")
            ? new PyTorchSide(process, hello["ready ".Length..])
            : throw new UserException($"{python} could not run bench/pytorch.py; its own words are above.");
    }

    public double Steps(int count) => Measure($"step {count}");

    public double Epoch() => Measure("epoch");

    public void Dispose()
    {
        _process.StandardInput.Close();
        if (!_process.WaitForExit(5000))
            _process.Kill();
        _process.Dispose();
    }

    private double Measure(string command)
    {
        _process.StandardInput.WriteLine(command);
        var answer = _process.StandardOutput.ReadLine() ?? throw new UserException("PyTorch's side of the bench has ended early; its own words are above.");
        return double.Parse(answer, CultureInfo.InvariantCulture);
    }

    private static bool HasTorch(string python) => Tool.Run(python, ["-c", "import torch, torchvision, PIL"], 120).Code == 0;
}
