using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using LTHKit.Cli.Doctor;
using Xunit;

namespace LTHKit.Cli.Tests.Grid;

/// <summary>Runs where a cluster of one node can be started: as root, where Slurm and munge are installed.</summary>
public sealed class SlurmFactAttribute : FactAttribute
{
    public SlurmFactAttribute()
    {
        if (!File.Exists("/usr/sbin/slurmctld") || !File.Exists("/usr/sbin/slurmd") || !File.Exists("/usr/sbin/munged") || Environment.UserName != "root")
            Skip = "There is no Slurm that a test can start: that takes root and Debian's slurm-wlm and munge.";
    }
}

/// <summary>slurmctld, slurmd and munged with folders and ports of their own: a node whose processors exist on paper.</summary>
internal sealed class SlurmCluster : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("lthkit-slurm-").FullName;
    private readonly Dictionary<string, Process> _daemons = [];
    private readonly string? _before = Environment.GetEnvironmentVariable("SLURM_CONF");

    public SlurmCluster(int processors)
    {
        var (host, controller, node) = (Dns.GetHostName().Split('.')[0], FreePort(), FreePort());
        foreach (var name in new[] { "state", "spool", "munge" })
            Directory.CreateDirectory(At(name));
        File.WriteAllBytes(At("munge/key"), RandomNumberGenerator.GetBytes(1024));
        Output("chmod", "-R", "go=", At("munge"));
        // A job that is queued again waits until its credential has expired: five seconds at least.
        File.WriteAllText(At("slurm.conf"), $"""
            ClusterName=test
            SlurmctldHost={host}(127.0.0.1)
            SlurmUser=root
            SlurmdUser=root
            AuthInfo=socket={At("munge/socket")},cred_expire=5
            SlurmctldPort={controller}
            SlurmdPort={node}
            StateSaveLocation={At("state")}
            SlurmdSpoolDir={At("spool")}
            SlurmctldPidFile={At("slurmctld.pid")}
            SlurmdPidFile={At("slurmd.pid")}
            SlurmctldLogFile={At("slurmctld.log")}
            SlurmdLogFile={At("slurmd.log")}
            ProctrackType=proctrack/linuxproc
            TaskPlugin=task/none
            SelectType=select/cons_tres
            SelectTypeParameters=CR_Core
            SwitchType=switch/none
            MpiDefault=none
            ReturnToService=2
            KillWait=10
            MinJobAge=3600
            SchedulerParameters=sched_interval=1,sched_min_interval=100000
            PreemptType=preempt/partition_prio
            PreemptMode=REQUEUE
            SlurmdParameters=config_overrides
            NodeName={host} NodeAddr=127.0.0.1 CPUs={processors} State=UNKNOWN
            PartitionName=low Nodes=ALL Default=YES PriorityTier=1 GraceTime=0
            PartitionName=high Nodes=ALL PriorityTier=2 PreemptMode=OFF
            """);
        Environment.SetEnvironmentVariable("SLURM_CONF", At("slurm.conf"));
        try
        {
            Start("/usr/sbin/munged", "-F", "--force", $"--key-file={At("munge/key")}", $"--socket={At("munge/socket")}", $"--pid-file={At("munge/pid")}",
                $"--log-file={At("munge/log")}", $"--seed-file={At("munge/seed")}");
            Until("munged answers", () => File.Exists(At("munge/socket")));
            Start("/usr/sbin/slurmctld", "-D");
            Start("/usr/sbin/slurmd", "-D");
            Until("a node is idle", () => Output("sinfo", "-h", "-o", "%T").Contains("idle"));
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Ends the controller, which leaves the jobs running, and starts it again after a while. (Killed, it forgets what it launched last and drains the node.)</summary>
    public void RestartController(TimeSpan pause)
    {
        Output("kill", "-TERM", $"{_daemons["/usr/sbin/slurmctld"].Id}");
        _daemons["/usr/sbin/slurmctld"].WaitForExit();
        Thread.Sleep(pause);
        Start("/usr/sbin/slurmctld", "-D");
    }

    public static string Output(string program, params string[] arguments)
    {
        var (code, output, error) = Tool.Run(new ProcessStartInfo(program, arguments), Timeout.InfiniteTimeSpan);
        return code != -1 ? output + error : throw new FileNotFoundException(error);
    }

    public void Until(string what, Func<bool> condition, int seconds = 60)
    {
        for (var clock = Stopwatch.StartNew(); !condition(); Thread.Sleep(100))
            if (clock.Elapsed > TimeSpan.FromSeconds(seconds))
                throw new TimeoutException($"It never was so that {what}.\n{string.Join('\n', Directory.GetFiles(_folder, "*.log").SelectMany(File.ReadLines).TakeLast(40))}");
    }

    public void Dispose()
    {
        Output("scancel", "-u", "root");
        for (var clock = Stopwatch.StartNew(); Output("squeue", "-h").Length > 0 && clock.Elapsed < TimeSpan.FromSeconds(20);)
            Thread.Sleep(200);
        foreach (var daemon in _daemons.Values.Reverse())
        {
            daemon.Kill();
            daemon.WaitForExit();
        }
        Environment.SetEnvironmentVariable("SLURM_CONF", _before);
        Directory.Delete(_folder, recursive: true);
    }

    private string At(string name) => Path.Combine(_folder, name);

    private void Start(string program, params string[] arguments)
        => _daemons[program] = Process.Start(new ProcessStartInfo("/bin/sh", ["-c", "exec \"$@\" >/dev/null 2>&1", "sh", program, .. arguments]))!;

    private static int FreePort()
    {
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
