using System.Text.RegularExpressions;
using CsCheck;
using LTHKit.Tests.Data;

namespace LTHKit.Tests.Experiments;

/// <summary>
/// A run's folder in any state: whatever its files have become, finished or interrupted, the run goes on to the numbers that it has, or says which file
/// is damaged; and when that is deleted, in the same session, it goes on.
/// </summary>
public sealed class RunFolderTests : IDisposable
{
    private static readonly Profile Profile = new()
    {
        Data = new DataSpec { TrainCount = 60, TestCount = 20, Classes = 3, Size = 8 },
        Model = new ModelSpec("vgg5", 2),
        Recipe = new Recipe { Epochs = 2, BatchSize = 30 },
        Rates = [0.5],
        Levels = [1],
    };

    private static readonly RunSpec Spec = new RunSpec
    {
        Data = Profile.Data,
        Model = Profile.Model,
        Recipe = Profile.Recipe,
        Rates = Profile.Rates,
        Level = 1,
        Tweaks = [new RescaledInit(Iterations: 2)],
    }.Normalised;

    private static readonly string[] Files =
        ["spec.json", "metrics.jsonl", "checkpoint.safetensors", "mask.safetensors", "kept-scales.safetensors", "weights-1ep.safetensors", "done.json", "watch-sum", "analysis/sum"];

    private static readonly string[] Damages = ["removed", "emptied", "cut short", "null", "{}", "another run's"];

    private readonly TemporaryFolder _folder = new();
    private readonly Lab _lab;
    private readonly string _finished, _interrupted, _other, _outcome;

    public RunFolderTests()
    {
        _lab = Lab.Open(Profile, device: "cpu", jobs: 2, store: new RunStore(_folder.At("runs")));
        // Interrupted after its first epoch, then finished; and another run, whose files are of the same kinds.
        Assert.Throws<OperationCanceledException>(() => _lab.Run("first", [Spec], [new Sum { Stop = _lab.Interrupt }], ["1ep"]));
        _interrupted = Copy(_lab.Store.Folder(Spec).Path, "interrupted");
        _outcome = Outcome();
        _finished = Copy(_lab.Store.Folder(Spec).Path, "finished");
        var other = Spec with { Seed = 1 };
        _ = Outcome(other);
        _other = _lab.Store.Folder(other).Path;
    }

    public void Dispose()
    {
        _lab.Dispose();
        _folder.Dispose();
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
        Copy(finished ? _finished : _interrupted, folder);
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

    private string Copy(string from, string to)
    {
        to = Path.IsPathRooted(to) ? to : _folder.At(to);
        foreach (var file in Directory.GetFiles(from, "*", SearchOption.AllDirectories))
        {
            var target = Path.Combine(to, Path.GetRelativePath(from, file));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(file, target);
        }
        return to;
    }

    /// <summary>A network in one number.</summary>
    private sealed record Sum : Watch
    {
        private int _looks;
        private Action? _stop;

        public override string Name => "sum";

        public Action? Stop { init => _stop = value; }

        public override IReadOnlyDictionary<string, double> Measure(Network network, Mask? mask, ImageSet data, ulong seed, CancellationToken cancel)
        {
            if (_looks++ == 1)
                _stop?.Invoke();
            cancel.ThrowIfCancellationRequested();
            return new Dictionary<string, double> { ["sum"] = Of(network) };
        }

        public static double Of(Network network)
        {
            using var scope = torch.NewDisposeScope();
            return network.parameters().Sum(p => p.detach().to(torch.ScalarType.Float64).abs().sum().item<double>());
        }
    }
}
