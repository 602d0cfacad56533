using System.Text.RegularExpressions;
using CsCheck;

namespace LTHKit.Tests.Experiments;

/// <summary>
/// A run's folder in any state: whatever its files have become, finished or interrupted, the run goes on to the numbers that it has, or says which file
/// is damaged; and when that is deleted, in the same session, it goes on.
/// </summary>
public sealed class RunFolderTests : InLab
{
    private static readonly RunSpec Spec = (Tiny.SpecOf(Tiny.Smallest) with { Level = 1, Tweaks = [new RescaledInit(Iterations: 2)] }).Normalised;

    private static readonly string[] Files =
        ["spec.json", "metrics.jsonl", "checkpoint.safetensors", "mask.safetensors", "kept-scales.safetensors", "weights-1ep.safetensors", "done.json", "watch-sum", "analysis/sum"];

    private static readonly string[] Damages = ["removed", "emptied", "cut short", "null", "{}", "another run's"];

    private readonly string _finished, _interrupted, _other, _outcome;

    public RunFolderTests() : base(Tiny.Smallest, "runs")
    {
        // Interrupted after its first epoch, then finished; and another run, whose files are of the same kinds.
        Assert.Throws<OperationCanceledException>(() => _lab.Run("first", [Spec], [Sum.At(1, _lab.Interrupt)], ["1ep"]));
        var run = _lab.Store.Folder(Spec).Path;
        Tiny.Copy(run, _interrupted = Folder.At("interrupted"));
        _outcome = Outcome();
        Tiny.Copy(run, _finished = Folder.At("finished"));
        var other = Spec with { Seed = 1 };
        _ = Outcome(other);
        _other = _lab.Store.Folder(other).Path;
    }

    public static IEnumerable<object[]> EveryDamage => from damage in Damages from finished in new[] { true, false } select new object[] { damage, finished };

    [Theory]
    [MemberData(nameof(EveryDamage))]
    public void AnyFileInAnyState(string damage, bool finished)
    {
        foreach (var file in Files)
            Survives(finished, [(file, damage)]);
    }

    [Fact]
    public void AnyFilesInAnyStates()
        => Gen.Select(Gen.Bool, Gen.Select(Gen.Int[0, Files.Length - 1].Select(i => Files[i]), Gen.Int[0, Damages.Length - 1].Select(i => Damages[i])).Array[2, 5])
            .Sample((finished, damages) => Survives(finished, damages), iter: 15, threads: 1);

    private void Survives(bool finished, (string File, string Damage)[] damages)
    {
        var folder = _lab.Store.Folder(Spec).Path;
        Directory.Delete(folder, recursive: true);
        Tiny.Copy(finished ? _finished : _interrupted, folder);
        foreach (var (file, damage) in damages)
            if (Find(folder, file) is { } path)
                Damage(path, damage, Find(_other, file)!);
        for (var attempt = 0; ; attempt++)
            try
            {
                Assert.Equal(_outcome, Outcome());
                return;
            }
            catch (UserException e) when (attempt < 2 * Files.Length)
            {
                var cure = Regex.Match(e.Message, @"delete the folder (?<at>\S+) and|(?<at>/\S+) is (damaged|no ).*delete it");
                Assert.True(cure.Success, e.Message);
                var at = cure.Groups["at"].Value;
                if (Directory.Exists(at))
                    Directory.Delete(at, recursive: true);
                else
                    File.Delete(at);
            }
    }

    /// <summary>Everything that can be had of the run.</summary>
    private string Outcome(RunSpec? spec = null)
    {
        var run = _lab.Run("run", [spec ?? Spec], [new Sum()], ["1ep"])[0];
        using Network end = _lab.NetworkOf(run), middle = _lab.NetworkOf(run, "1ep");
        using var mask = _lab.MaskOf(run)!;
        return string.Join('\n', [
            .. run.Epochs.Select(m => $"{m with { Seconds = 0 }}"), $"{run.Sparsity} {run.EffectiveSparsity} {run.TestAccuracy} {run.BestEpoch} {run.DataFingerprint}",
            $"{Sum.Of(end)} {Sum.Of(middle)}", .. mask.Layers.Select(l => $"{l.Name} {l.Kept} {mask[l.Name].to_type(torch.ScalarType.Float32).flatten().cumsum(0).sum().item<float>()}"),
            string.Join(' ', _lab.Scales(run).Value), string.Join(' ', _lab.Watched([run], new Sum())[0].Values["sum"]), $"{_lab.Measure(run, "sum", new { }, (network, _) => Sum.Of(network))}",
        ]);
    }

    private static string? Find(string folder, string name)
        => Directory.GetFiles(folder, "*", SearchOption.AllDirectories).SingleOrDefault(f => Path.GetRelativePath(folder, f).StartsWith(name));

    private static void Damage(string path, string damage, string other)
    {
        switch (damage)
        {
            case "removed": File.Delete(path); break;
            case "cut short": File.WriteAllBytes(path, File.ReadAllBytes(path)[..(int)(new FileInfo(path).Length / 2)]); break;
            case "another run's": File.Copy(other, path, overwrite: true); break;
            default: File.WriteAllText(path, damage == "emptied" ? "" : damage); break;
        }
    }
}
