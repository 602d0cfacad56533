using System.Diagnostics;
using System.Text.RegularExpressions;
using LTHKit.Cli.Tests;
using Xunit.Abstractions;

namespace LTHKit.Tests.Experiments;

/// <summary>A store of runs under load: many processes at once, killed at any moment, a disk that is full at every write.</summary>
public sealed class SiegeTests(ITestOutputHelper counted) : InFolder
{
    private const int Processes = 8, Kills = 12;

    private static string Outcome(string store)
        => string.Join('\n', new[] { Tiny.Spec, Worker.Spec(1, false) }.Select(spec => Tiny.Outcome(new RunStore(store), spec)));

    [Fact]
    public void OfManyProcessesOnOneStoreSomeKilledEachRunIsTrainedOnceAndToTheSameBits()
    {
        var (alone, shared) = (Folder.At("alone"), Folder.At("shared"));
        using (var lab = Tiny.Lab(alone))
            lab.Run("alone", [Worker.Spec(1, false)]);

        // Nobody is killed: of eight that ask for two runs, each run is trained by one of them.
        var undisturbed = Folder.At("undisturbed");
        var all = Enumerable.Range(0, Processes).Select(_ => Worker.Start(undisturbed, 1)).ToList();
        var said = string.Concat(all.Select(Worker.Finish));
        Assert.Equal(2, Regex.Matches(said, @"(\d+) runs? trained").Sum(match => int.Parse(match.Groups[1].Value)));
        Assert.Equal(Outcome(alone), Outcome(undisturbed));

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
        workers.ForEach(worker => Worker.Finish(worker));
        Assert.Equal(Outcome(alone), Outcome(shared));
        Assert.Empty(Directory.GetFiles(shared, "*.tmp", SearchOption.AllDirectories));
        counted.WriteLine($"{kills} SIGKILLs");
        Assert.InRange(kills, 1, Kills);
    }

    // The disk grows by four kilobytes whenever it was full, so that every write meets a full one at some time.
    [SmallDiskFact]
    public void ADiskThatIsFullAtEveryWriteIsSaidAndTheRunGoesOnWhereItStopped()
    {
        var spec = (Tiny.SpecOf(Tiny.Smallest) with { Level = 1, Tweaks = [new RescaledInit(Iterations: 2)] }).Normalised;
        var flow = Tiny.Smallest.Analysis.Gradients(Tiny.Smallest.Recipe);
        var whole = All(Folder.At("whole"));
        using var disk = new SmallDisk(4);
        var refusals = 0;
        for (var size = 4; ; size += 4)
        {
            disk.Resize(size);
            try
            {
                Assert.Equal(whole, All(disk.Folder));
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

        string All(string store)
        {
            using var lab = Tiny.Lab(store, jobs: 1, Tiny.Smallest);
            var run = lab.Run("run", [spec], [flow], ["1ep"])[0];
            using var network = lab.NetworkOf(run, "1ep");
            return string.Join('\n', [.. run.Epochs.Select(m => $"{m with { Seconds = 0 }}"), $"{lab.Measure(run, "sum", new { }, (n, _) => Sum.Of(n))} {Sum.Of(network)}",
                string.Join(' ', lab.Scales(run).Value), .. lab.Watched([run], flow)[0].Values.Select(v => $"{v.Key} {string.Join(' ', v.Value)}")]);
        }
    }
}
