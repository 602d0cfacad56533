using System.Diagnostics;
using Xunit;

namespace LTHKit.Cli.Tests;

/// <summary>Runs where a small disk can be mounted: on Linux as root.</summary>
public sealed class SmallDiskFactAttribute : FactAttribute
{
    private static readonly Lazy<bool> CanMount = new(() =>
    {
        try
        {
            new SmallDisk(64).Dispose();
            return true;
        }
        catch (IOException)
        {
            return false;
        }
    });

    public SmallDiskFactAttribute()
    {
        if (!CanMount.Value)
            Skip = "A file system of a chosen size cannot be mounted here: that takes root.";
    }
}

/// <summary>A disk in memory, of a size that is easily filled.</summary>
internal sealed class SmallDisk : IDisposable
{
    /// <param name="kilobytes">How much it holds.</param>
    /// <exception cref="IOException">It cannot be mounted.</exception>
    public SmallDisk(int kilobytes)
    {
        Folder = Directory.CreateTempSubdirectory("lthkit-disk-").FullName;
        if (Call("mount", "-t", "tmpfs", "-o", $"size={kilobytes}k", "tmpfs", Folder))
            return;
        Directory.Delete(Folder);
        throw new IOException($"no disk could be mounted at {Folder}");
    }

    /// <summary>Where it is.</summary>
    public string Folder { get; }

    /// <summary>Makes it smaller or larger, with what is on it.</summary>
    public void Resize(int kilobytes) => Call("mount", "-o", $"remount,size={kilobytes}k", Folder);

    /// <summary>Leaves no room for another byte.</summary>
    public void Fill()
    {
        using var file = new FileStream(Path.Combine(Folder, "ballast"), FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0);
        try
        {
            while (true)
                file.Write(new byte[4096]);
        }
        catch (IOException)
        {
            // Full.
        }
    }

    /// <summary>Everything on it: names and contents.</summary>
    public IReadOnlyDictionary<string, string> Files() => Directory.GetFiles(Folder, "*", SearchOption.AllDirectories)
        .ToDictionary(path => Path.GetRelativePath(Folder, path), path => Convert.ToHexString(File.ReadAllBytes(path)));

    public void Dispose()
    {
        Call("umount", Folder);
        Directory.Delete(Folder);
    }

    private static bool Call(string program, params string[] arguments)
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
            process.StandardError.ReadToEnd();
            process.WaitForExit();
            return process.ExitCode == 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false;       // there is no such program
        }
    }
}
