using LTHKit.Storage;

namespace LTHKit.Tests.Storage;

/// <summary>The lease by itself, without the locks that one machine's processes have.</summary>
public sealed class LeaseTests : InFolder
{
    private string Path => Folder.At("lease");

    [Fact]
    public void OfManyMachinesOneHasIt()
    {
        var (inside, together, taken) = (0, 0, 0);
        Parallel.For(0, 4, new ParallelOptions { MaxDegreeOfParallelism = 4 }, machine =>
        {
            for (var turn = 0; turn < 10;)
                if (Lease.Take(Path, $"node{machine}") is { } lease)
                {
                    if (Interlocked.Increment(ref inside) > 1)
                        Interlocked.Increment(ref together);
                    Thread.Yield();
                    Interlocked.Decrement(ref inside);
                    lease.Dispose();
                    Interlocked.Increment(ref taken);
                    turn++;
                }
                else
                    Thread.Sleep(1);
        });
        Assert.Equal((0, 40), (together, taken));
        Assert.Empty(Directory.GetFiles(Store));
    }

    // Somebody removes the folder under a training: it must not come back half.
    [Fact]
    public void OneWhoseFolderIsGoneIsHeldNoMore()
    {
        var folder = Directory.CreateDirectory(Folder.At("run")).FullName;
        using var lease = Lease.Take(System.IO.Path.Combine(folder, "lease"))!;
        Assert.True(lease.IsHeld);
        Directory.Delete(folder, recursive: true);
        Assert.False(lease.IsHeld);
    }

    [Fact]
    public void AnotherMachinesIsWaitedForAnOldOneAndOnesOwnAreTaken()
    {
        using (Lease.Take(Path, "a"))
        {
            Assert.Null(Lease.Take(Path, "b"));
            // The machine went away three minutes ago, or this one's process did.
            File.SetLastWriteTimeUtc(Path, DateTime.UtcNow.AddMinutes(-3));
            using (Lease.Take(Path, "b")!)
                Assert.StartsWith("b ", File.ReadAllText(Path));
            // Of one's own machine it is taken as soon as its process is gone; no process has this number.
            File.WriteAllText(Path, "c 4194304 1");
            using (Lease.Take(Path, "c")!)
            {
                Assert.Null(Lease.Take(Path, "a"));
                Assert.Null(Lease.Take(Path, "c"));
            }
        }
        Assert.Empty(Directory.GetFiles(Store));
        // Whose lease was taken leaves the other's alone.
        var first = Lease.Take(Path, "a")!;
        File.WriteAllText(Path, "b 1");
        first.Dispose();
        Assert.Equal("b 1", File.ReadAllText(Path));
    }

    /// <summary>Two containers of one machine may have one name, and each its own numbers of processes.</summary>
    [Fact]
    public void ProcessesOfAnotherContainerAreNotLookedFor()
    {
        string text;
        using (Lease.Take(Path))
            text = File.ReadAllText(Path);
        string[] parts = text.Split(' ');
        Assert.Equal(3, parts.Length);
        Assert.StartsWith(Environment.MachineName + "/", parts[0]);
        Assert.Equal($"{Environment.ProcessId}", parts[1]);
        // No process has this number, here.
        File.WriteAllText(Path, $"{parts[0]}0 4194304 {parts[2]}");
        Assert.Null(Lease.Take(Path));
        File.WriteAllText(Path, $"{parts[0]} 4194304 {parts[2]}");
        using var taken = Lease.Take(Path);
        Assert.NotNull(taken);
    }

    [Fact]
    public void WhatCannotBeReadAtTheEndIsLeft()
    {
        var lease = Lease.Take(Path, "a")!;
        File.Delete(Path);
        Directory.CreateDirectory(Path);
        lease.Dispose();
        Assert.True(Directory.Exists(Path));
    }
}
