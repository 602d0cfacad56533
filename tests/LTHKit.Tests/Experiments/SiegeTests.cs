using System.Diagnostics;
using System.Text.RegularExpressions;
using LTHKit.Cli.Tests;
using LTHKit.Tests.Data;
using Xunit.Abstractions;

namespace LTHKit.Tests.Experiments;

/// <summary>A store of runs under load: many processes at once, killed at any moment, a disk that is full at every write.</summary>
public sealed class SiegeTests(ITestOutputHelper counted) : IDisposable
{
    private const int Processes = 8, Kills = 12;

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private static Dictionary<string, string> Bits(string store) => new[] { Tiny.Spec, Worker.Spec(1, false) }.Select(spec => new RunStore(store).Folder(spec))
        .SelectMany(folder => new[] { folder.Checkpoint, folder.Mask }.Where(File.Exists)).ToDictionary(f => Path.GetRelativePath(store, f), f => Convert.ToHexString(Tiny.Bits(f)));

    private static string Losses(string store) => string.Join('\n', new[] { Tiny.Spec, Worker.Spec(1, false) }
        .SelectMany(spec => new RunStore(store).ReadMetrics(spec).Select(m => $"{m with { Seconds = 0 }}")));

    [Fact]
    public void OfManyProcessesOnOneStoreSomeKilledEachRunIsTrainedOnceAndToTheSameBits()
    {
        var (alone, shared) = (_folder.At("alone"), _folder.At("shared"));
        using (var lab = Tiny.Lab(alone))
            lab.Run("alone", [Worker.Spec(1, false)]);

        // Nobody is killed: of eight that ask for two runs, each run is trained by one of them.
        var undisturbed = _folder.At("undisturbed");
        var all = Enumerable.Range(0, Processes).Select(_ => Worker.Start(undisturbed, 1)).ToList();
        var said = string.Concat(all.Select(p => p.StandardError.ReadToEnd()));
        all.ForEach(p => p.WaitForExit());
        Assert.All(all, p => Assert.True(p.ExitCode == 0, said));
        Assert.Equal(2, Regex.Matches(said, @"(\d+) runs? trained").Sum(match => int.Parse(match.Groups[1].Value)));
        Assert.Equal(Bits(alone), Bits(undisturbed));
        Assert.Equal(Losses(alone), Losses(undisturbed));

        // Any of three is killed at any moment, and another takes its place.
        var random = new Random(1);
        var (workers, kills) = (Enumerable.Range(0, 3).Select(_ => Worker.Start(shared, 1)).ToList(), 0);
        while (kills < Kills && workers.All(p => !p.HasExited))
        {
            Thread.Sleep(random.Next(400, 1600));
            var at = random.Next(workers.Count);
            if (workers[at].HasExited)
                break;
            workers[at].Kill();
            workers[at].WaitForExit();
            kills++;
            workers[at] = Worker.Start(shared, 1);
        }
        foreach (var worker in workers)
        {
            said = worker.StandardError.ReadToEnd();
            worker.WaitForExit();
            Assert.True(worker.ExitCode == 0, said);
        }
        Assert.Equal(Bits(alone), Bits(shared));
        Assert.Equal(Losses(alone), Losses(shared));
        Assert.Empty(Directory.GetFiles(shared, "*.tmp", SearchOption.AllDirectories));
        counted.WriteLine($"{kills} SIGKILLs");
        Assert.InRange(kills, 1, Kills);
    }

    // The disk grows by four kilobytes whenever it was full, so that every write meets a full one at some time.
    [SmallDiskFact]
    public void ADiskThatIsFullAtEveryWriteIsSaidAndTheRunGoesOnWhereItStopped()
    {
        var profile = Tiny.Profile with { Data = new() { TrainCount = 60, TestCount = 20, Classes = 3, Size = 8 }, Model = new ModelSpec("vgg5", 2), Recipe = new() { Epochs = 2, BatchSize = 30 } };
        var spec = new RunSpec
        {
            Data = profile.Data,
            Model = profile.Model,
            Recipe = profile.Recipe,
            Rates = profile.Rates,
            Level = 1,
            Tweaks = [new RescaledInit(Iterations: 2)],
        }.Normalised;
        var whole = Outcome(_folder.At("whole"));
        using var disk = new SmallDisk(4);
        var refusals = 0;
        for (var size = 4; ; size += 4)
        {
            disk.Resize(size);
            try
            {
                Assert.Equal(whole, Outcome(disk.Folder));
                break;
            }
            catch (UserException e)
            {
                refusals++;
                Assert.Matches(@"^[^\n]*No space left on device[^\n]*free some space[^\n]*[.]$", e.Message);
                Assert.Empty(Directory.GetFiles(disk.Folder, "*.tmp", SearchOption.AllDirectories));
                Assert.True(size < 4000, "it never ends");
            }
        }
        counted.WriteLine($"{refusals} full disks");
        Assert.InRange(refusals, 10, 400);

        string Outcome(string store)
        {
            using var lab = Lab.Open(profile, device: "cpu", jobs: 1, store: new RunStore(store));
            var run = lab.Run("run", [spec], [profile.Analysis.GradientFlow(profile.Recipe)], ["1ep"])[0];
            using var network = lab.NetworkOf(run, "1ep");
            var sum = lab.Measure(run, "sum", new { }, (n, _) => n.parameters().Sum(p => p.detach().abs().sum().ToDouble()));
            return string.Join('\n', [.. run.Epochs.Select(m => $"{m with { Seconds = 0 }}"), $"{sum} {network.parameters().Sum(p => p.detach().abs().sum().ToDouble())}",
                string.Join(' ', lab.Scales(run).Value), .. lab.Watched([run], profile.Analysis.GradientFlow(profile.Recipe))[0].Values.Select(v => $"{v.Key} {string.Join(' ', v.Value)}")]);
        }
    }
}
