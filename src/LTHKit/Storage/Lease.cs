using System.Diagnostics;

namespace LTHKit.Storage;

/// <summary>
/// Tells other machines that share a disk that something is in use there, also where the disk's locks do not reach them (NFS without its lock service, Lustre
/// without flock): a file that is made only where there is none, is renewed while its holder lives, and is old two minutes after that, or on its holder's
/// machine (in its container) as soon as the process is gone.
/// </summary>
internal sealed class Lease : IDisposable
{
    private const int Exists = 17;      // EEXIST

    private const string BootId = "/proc/sys/kernel/random/boot_id";

    private static readonly TimeSpan Renewal = TimeSpan.FromSeconds(20), Life = TimeSpan.FromMinutes(2);

    // Where the number of a process means something: this machine since its start, and in it this container.
    private static readonly string Here = string.Join('/', Environment.MachineName,
        File.Exists(BootId) ? File.ReadAllText(BootId).Trim() : "", new FileInfo("/proc/self/ns/pid").LinkTarget);

    private readonly string _path, _text;
    private readonly Timer _renewal;

    private Lease(string path, string text)
    {
        (_path, _text) = (path, text);
        // In place: a disk that is full for a moment must not leave an empty file.
        _renewal = new(_ => IfHeld(() =>
        {
            using var file = new FileStream(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite, 0);
            file.Write(Encoding.UTF8.GetBytes(text));
        }), null, Renewal, Renewal);
    }

    /// <summary>Takes the lease; null while another process has it.</summary>
    /// <param name="path">Its file, in a folder that is there.</param>
    /// <param name="machine">Where this process runs; null for where it does.</param>
    public static Lease? Take(string path, string? machine = null)
    {
        machine ??= Here;
        var text = $"{machine} {Environment.ProcessId} {Guid.NewGuid():N}";
        var made = false;
        try
        {
            if (File.Exists(path))
            {
                var holder = File.ReadAllText(path);
                var written = File.GetLastWriteTimeUtc(path);       // 1601 where it has just gone
                var left = holder.Split(' ') is [var on, var process, ..] && on == machine && !Lives(process);
                if (!left && (written.Year < 1970 || Now(path) - written < Life))
                    return null;
                // Of those who find it old one moves it away; who moves another's new one away puts it back.
                var old = $"{path}.{Guid.NewGuid():N}.tmp";
                File.Move(path, old);
                if (File.ReadAllText(old) != holder)
                {
                    File.Move(old, path, overwrite: true);
                    return null;
                }
                File.Delete(old);
            }
            using var file = new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.ReadWrite, 0);
            made = true;
            file.Write(Encoding.UTF8.GetBytes(text));
            return new(path, text);
        }
        catch (IOException e) when (!made && (e is FileNotFoundException or { HResult: Exists }))
        {
            return null;        // another was faster
        }
        catch when (made)
        {
            File.Delete(path);
            throw;
        }
    }

    /// <summary>Whether it is there and nobody has taken it over, as others may where the holder stood still for longer than it lives.</summary>
    public bool IsHeld => IfHeld(() => { });

    public void Dispose()
    {
        _renewal.Dispose();
        IfHeld(() => File.Delete(_path));
    }

    private static bool Lives(string process)
    {
        try
        {
            using var there = int.TryParse(process, out var id) ? Process.GetProcessById(id) : null;
            return there is not null;
        }
        catch (ArgumentException)
        {
            return false;
        }
    }

    // The disk's own clock, whatever the machines' say.
    private static DateTime Now(string path)
    {
        var probe = $"{path}.{Guid.NewGuid():N}.tmp";
        File.WriteAllText(probe, "");
        var now = File.GetLastWriteTimeUtc(probe);
        File.Delete(probe);
        return now;
    }

    /// <summary>Does something where the lease is held; whether it is, as far as can be told.</summary>
    private bool IfHeld(Action act)
    {
        lock (_renewal)
            try
            {
                if (File.ReadAllText(_path) != _text)
                    return false;
                act();
                return true;
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // The disk may be away for a moment, or full: what is written next will tell, or it grows old.
                return e is not (FileNotFoundException or DirectoryNotFoundException);
            }
    }
}
