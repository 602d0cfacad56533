using System.Collections.Concurrent;
using System.IO.Compression;
using System.Text.Json.Nodes;
using LTHKit.Analysis;

namespace LTHKit.Tests.Experiments;

/// <summary>Finished runs leave a store as text and packed masks, and another store goes on from them.</summary>
public sealed class RunArchiveTests() : InLab(store: "here")
{
    private static readonly CurvatureWatch Curvature = new() { Sample = new() { Images = 32 }, Epochs = [2, 4] };

    private string At(string name) => Folder.At(name);

    private RunStore There => new(At("there"));

    private RunStore Here => new(At("here"));

    private RunArchive Archive => new(At("results"));

    private string Lines => Path.Combine(At("results"), "runs.jsonl");

    /// <summary>Trains tickets of levels 1 and 2, as found and re-scaled, watched and measured, and exports them.</summary>
    private (Sweep Found, Sweep Rescaled) Trained(bool weights = false)
    {
        using var lab = Tiny.Lab(At("there"));
        var (found, rescaled) = Sweeps(lab);
        Archive.Export(There, weights);
        return (found, rescaled);
    }

    /// <summary>The same, with another store that has imported them.</summary>
    private (Sweep Found, Sweep Rescaled) Imported(bool weights = false)
    {
        var trained = Trained(weights);
        Archive.Import(Here);
        return trained;
    }

    private static (Sweep Found, Sweep Rescaled) Sweeps(Lab lab)
    {
        var (found, rescaled) = (lab.Sweep(watches: [Curvature]), lab.Sweep(tweaks: [new RescaledInit(5)], dense: false));
        lab.SilentActivations(found.Runs);
        return (found, rescaled);
    }

    private Dictionary<string, string> Files(string name) => Directory.GetFiles(At(name), "*", SearchOption.AllDirectories)
        .Where(file => Path.GetFileName(file) != "lock").ToDictionary(file => file, file => Convert.ToHexString(File.ReadAllBytes(file)));

    private void SameWeights(params IEnumerable<RunSpec> specs) => Assert.All(specs, spec
        => Assert.Equal(Tiny.Bits(There.Folder(spec).Checkpoint), Tiny.Bits(Here.Folder(spec).Checkpoint)));

    [Fact]
    public void WhatWasTrainedAndMeasuredThereIsHereWithoutTraining()
    {
        var (there, rescaledThere) = Trained();
        Assert.Equal((5, 5, 0), Archive.Import(Here));
        var before = Files("here");
        var (found, rescaled) = Sweeps(_lab);
        Assert.Equal(before, Files("here"));
        Assert.DoesNotContain(before.Keys, file => file.EndsWith("checkpoint.safetensors"));
        foreach (var (run, original) in found.All.Concat(rescaled.Runs).Zip(there.All.Concat(rescaledThere.Runs)))
        {
            Assert.Equal((true, false), (run.Imported, original.Imported));
            Assert.Equal((original.Id, original.Made, original.Finished, original.Sparsity), (run.Id, run.Made, run.Finished, run.Sparsity));
            Assert.Equal(original.Epochs, run.Epochs);
        }
        using var source = Tiny.Lab(At("there"));
        Assert.Equal(source.MaskOf(there.Sparsest), _lab.MaskOf(found.Sparsest));
        Assert.Equal(source.Scales(rescaledThere.Sparsest).Value, _lab.Scales(rescaled.Sparsest).Value);
        Assert.Equal(source.Watched(there.Runs, Curvature).Select(s => s.Values["top eigenvalue"]), _lab.Watched(found.Runs, Curvature).Select(s => s.Values["top eigenvalue"]));
        Assert.Equal(before, Files("here"));
    }

    // Versions before wrote the learned scales as they are; now they are compressed.
    [Fact]
    public void AnEarlierExportHasTheSameScales()
    {
        var (_, rescaled) = Trained();
        File.WriteAllLines(Lines, File.ReadAllLines(Lines).Select(text =>
        {
            var line = JsonNode.Parse(text)!.AsObject().Without("check");
            foreach (var (name, value) in line["files"]!.AsObject().Where(file => file.Key.StartsWith("kept-")).ToList())
            {
                using var zip = new GZipStream(new MemoryStream(Convert.FromBase64String((string)value!)), CompressionMode.Decompress);
                using var plain = new MemoryStream();
                zip.CopyTo(plain);
                line["files"]![name] = Convert.ToBase64String(plain.ToArray());
            }
            line["check"] = SpecJson.Hash(line);
            return line.ToJsonString();
        }).ToList());
        Archive.Import(Here);
        using var there = Tiny.Lab(At("there"));
        Assert.Equal(there.Scales(rescaled.Sparsest).Value, _lab.Scales(Sweeps(_lab).Rescaled.Sparsest).Value);
    }

    [Fact]
    public void AnotherTweakSpendsImportedTicketsWithoutTheWeightsTheyWereDrawnFrom()
    {
        var (found, _) = Imported();
        Sweep Spend(string store)
        {
            using var lab = Tiny.Lab(At(store));
            return lab.Sweep(tweaks: [new LabelSmoothing()], dense: false);
        }
        var tweaked = Spend("here");
        Assert.All(tweaked.Runs, run => Assert.False(run.Imported));
        Assert.All(found.All, run => Assert.False(File.Exists(Here.Folder(run.Spec).Checkpoint)));
        // Elsewhere nothing is imported, and the ticket is drawn from its parent's weights.
        Spend("alone");
        foreach (var run in tweaked.Runs)
            Assert.Equal(Tiny.Bits(new RunStore(At("alone")).Folder(run.Spec).Checkpoint), Tiny.Bits(Here.Folder(run.Spec).Checkpoint));
    }

    [Fact]
    public void ALaboratoryThatDoesNotTrainLeavesImportedRunsAsTheyAre()
    {
        var (found, _) = Imported();
        var before = Files("here");
        using var lab = Lab.Open(Tiny.Profile, device: "cpu", store: Here, train: false);
        Action[] asks = [() => lab.NetworkOf(found.Runs[0]), () => lab.NetworkOf(found.Runs[0], 1)];
        Assert.All(asks, ask => Assert.Contains("does not train", Assert.Throws<MissingException>(ask).Message));
        Assert.All(lab.StepTimes(found.Runs), time => Assert.True(time.Own > 0));        // whose steps need no trained weights
        Assert.Equal(before, Files("here"));
    }

    [Fact]
    public void RunsOfAnotherLibtorchAreLookedAtByNameAndNeverTrained()
    {
        Trained();
        foreach (var folder in Directory.GetDirectories(At("there")))
            Directory.Move(folder, folder.Replace($"libtorch-{Libtorch.Version}", "libtorch-1.2.3"));
        foreach (var file in Directory.GetFiles(At("there"), "*.json*", SearchOption.AllDirectories))
            File.WriteAllText(file, File.ReadAllText(file).Replace($"libtorch-{Libtorch.Version}", "libtorch-1.2.3").Replace($"libtorch {Libtorch.Version}", "libtorch 1.2.3"));
        Lab Open(string? libtorch, bool train = false) => Lab.Open(Tiny.Profile, device: "cpu", store: There, train: train, libtorch: libtorch);
        using (var lab = Open(null))
            Assert.Equal((0, 3), (lab.Sweep().Runs.Count, lab.Sweep().Holes.Count));
        using (var lab = Open("1.2.3"))
            Assert.All(lab.Sweep().Runs, run => Assert.Contains("libtorch 1.2.3", run.Made));
        Assert.Contains("libtorch 1.2, cpu", Assert.Throws<UserException>(() => Open("1.2")).Message);
        Assert.Contains("train: false", Assert.Throws<UserException>(() => Open("1.2.3", train: true)).Message);
    }

    [Fact]
    public void ALaboratoryThatDoesNotTrainShowsWhatIsThere()
    {
        var (found, _) = Trained();
        var before = Files("there");
        using var lab = Lab.Open(Tiny.Profile, device: "cpu", store: There, train: false);
        Assert.Equal(found.Runs.Select(run => run.Finished), lab.Sweep().Runs.Select(run => run.Finished));
        Assert.Equal(2, lab.SilentActivations(found.Runs).Count);
        var tweaked = lab.Sweep(tweaks: [new LabelSmoothing()], name: "smoothed");
        Assert.Equal((0, 3), (tweaked.Runs.Count, tweaked.Holes.Count));
        Assert.Contains("has not been trained", tweaked.Holes[0].Reason);
        Assert.Contains("has not been measured", Assert.Throws<MissingException>(() => lab.MultiplyAdds(found.Runs)).Message);
        Assert.Contains("has not been watched", Assert.Throws<MissingException>(() => lab.Watched(found.Dense, Curvature with { Epochs = [1] })).Message);
        var claims = Claims.SoftLabels(found, tweaked);
        Assert.All(claims, claim => Assert.Empty(claim.Numbers));
        Assert.Equal((3, "nothing to compare"), (claims[0].Holes, Judgement.Of(claims)[0].Numbers));
        Assert.Equal(before, Files("there"));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void TheNextRoundTrainsItsParentAgainUnlessTheWeightsCameToo(bool weights)
    {
        var (found, _) = Imported(weights);
        RunResult[] deeper = [.. new[] { "here", "there" }.Select(store =>
        {
            using var lab = Tiny.Lab(At(store));
            return lab.Sweep([0.875], dense: false).Sparsest;
        })];
        Assert.Equal(deeper[1].Epochs.Select(e => e.TrainLoss), deeper[0].Epochs.Select(e => e.TrainLoss));
        SameWeights(deeper[0].Spec, found[2].Spec);
        Assert.Equal(weights, Here.Find(found[2].Spec)!.Imported);
        Assert.Equal(weights, File.Exists(Here.Folder(found.Dense[0].Spec).Checkpoint));
        Assert.False(File.Exists(Here.Folder(found[1].Spec).Checkpoint));
        // What was measured of the weights that the new training took the place of has gone with them.
        Assert.Equal(weights, Here.Folder(found[2].Spec).Measured.Any());
    }

    // Killed before the result was written: nothing of it is taken for this machine's.
    [Fact]
    public void WhatAnImportThatWasKilledLeftIsNobodys()
    {
        var (found, rescaled) = Imported(weights: true);
        var folders = found.All.Concat(rescaled.Runs).Select(run => Here.Folder(run.Spec)).ToList();
        foreach (var folder in folders)
        {
            File.WriteAllText(folder.Importing, "");
            Assert.Equal(File.Exists(folder.Mask), folder.HasMask);      // killed after that
            File.Delete(folder.Done);
            Assert.False(folder.HasMask);
        }
        using (var mask = LTHKit.Pruning.Mask.Load(folders[2].Mask))
            mask.Save(folders[1].Mask, folders[1].Run);
        File.Copy(folders[0].Checkpoint, folders[2].Checkpoint, overwrite: true);
        var spent = _lab.Sweep([0.5], [new LabelSmoothing()], dense: false);
        Assert.Equal(Tiny.Bits(There.Folder(found[1].Spec).Mask), Tiny.Bits(Here.Folder(spent[1].Spec).Mask));
        var (again, _) = Sweeps(_lab);
        Assert.All(again.All, run => Assert.False(run.Imported || File.Exists(Here.Folder(run.Spec).Importing)));
        SameWeights(found.All.Concat(rescaled.Runs).Select(run => run.Spec));
    }

    [Fact]
    public void AnAnalysisThatWasNotExportedTrainsTheRunAgain()
    {
        var (found, _) = Imported();
        var run = _lab.Sweep([0.75], dense: false).Sparsest;
        using var source = Tiny.Lab(At("there"));
        Assert.Equal(source.MultiplyAdds([found[2]])[0].Value.Layers, _lab.MultiplyAdds([run])[0].Value.Layers);
        SameWeights(run.Spec);
        using var network = _lab.NetworkOf(found[1], 1);
        Assert.False(Here.Find(found[1].Spec)!.Imported);
        Assert.True(Here.Find(found.Dense[0].Spec)!.Imported);
    }

    [Fact]
    public void WhatARunBuildsOnIsTrainedAgainAsItsPreparationAndUnderItsCancellation()
    {
        var (found, _) = Trained();
        var spec = found[1].Spec with { Tweaks = [new Distillation()] };
        Assert.Equal(Enumerable.Range(1, 4).Select(epoch => $"{spec.Dense.Label} again, epoch {epoch}/4"), Prepared("here", default));
        Assert.ThrowsAny<OperationCanceledException>(() => Prepared("cut", new(canceled: true)));

        IReadOnlyList<string> Prepared(string store, CancellationToken cancel)
        {
            Archive.Import(new RunStore(At(store)));
            using var lab = Tiny.Lab(At(store));
            using var mask = lab.MaskOf(found[1]);
            var told = new List<string>();
            new Runner(lab.Store, data => lab.Data(data), CPU).Prepare(spec, mask, cancel, new(Preparing: told.Add)).Dispose();
            return told;
        }
    }

    [Fact]
    public void ARunWhoseFilesAreNoJsonIsNamed()
    {
        var (found, _) = Trained();
        var run = There.Folder(found[1].Spec);
        string[] read = [run.Spec, run.Done, run.Metrics];
        foreach (var path in read.Concat(run.Measured))
        {
            var whole = File.ReadAllText(path);
            File.WriteAllText(path, path == run.Metrics ? whole + "{" : "{");
            Assert.Contains($"{path} is damaged", Assert.Throws<UserException>(() => Archive.Export(There, weights: false)).Message);
            using var lab = Tiny.Lab(At("there"));
            if (read.Contains(path))
                Assert.Contains($"{path} is damaged", Assert.Throws<UserException>(() => lab.Planned([Tiny.Spec with { Seed = 9 }])).Message);
            File.WriteAllText(path, whole);
        }
        Assert.Equal(5, Archive.Export(There, weights: false).All);
    }

    [Fact]
    public void BothWaysAgainChangesNothing()
    {
        Trained(weights: true);
        var exported = Files("results");
        Assert.Equal((5, 0, 0), Archive.Export(There, weights: false));
        Assert.Equal(exported, Files("results"));
        Archive.Import(Here);
        var imported = Files("here");
        Assert.Equal((5, 0, 0), Archive.Import(Here));
        Assert.Equal((5, 0, 0), Archive.Import(There));
        Assert.Equal(imported, Files("here"));
        Assert.Equal((5, 0, 0), Archive.Export(Here, weights: true));
        Assert.Equal(exported, Files("results"));
    }

    [Fact]
    public void ARunOfAnotherTrainingStaysOnEitherSideAndOneInTrainingIsLeftToIt()
    {
        var (found, _) = Trained();
        var own = Here.Folder(found[1].Spec);
        _lab.Sweep([0.5]);
        var before = File.ReadAllText(own.Done);
        Assert.Equal((5, 3, 0), Archive.Import(Here));
        Assert.Equal(before, File.ReadAllText(own.Done));
        Assert.Equal((5, 0, 2), Archive.Export(Here, weights: false));
        var (third, busy) = (new RunStore(At("third")), new List<string>());
        using (third.Acquire(found[1].Spec, () => { }, default))
            Assert.Equal(4, Archive.Import(third, busy.Add).New);
        Assert.Equal([third.Folder(found[1].Spec).Run], busy);
        Assert.Equal(1, Archive.Import(third).New);
    }

    [Fact]
    public void WhatACutOffTrainingLeftGoesAndTheLeaseStaysUntilTheRunIsThere()
    {
        var (found, _) = Trained();
        var run = Here.Folder(found[1].Spec);
        Directory.CreateDirectory(run.Path);
        File.WriteAllText(run.Checkpoint, "half");
        using var seen = new BlockingCollection<string>();
        using var watcher = new FileSystemWatcher(run.Path);
        watcher.Deleted += (_, file) => seen.Add($"without {file.Name}");
        watcher.Created += (_, file) => seen.Add($"with {file.Name}");
        watcher.Renamed += (_, file) => seen.Add($"with {file.Name}");
        watcher.EnableRaisingEvents = true;
        Archive.Import(Here);
        using var late = new CancellationTokenSource(TimeSpan.FromMinutes(1));
        var before = seen.GetConsumingEnumerable(late.Token).TakeWhile(change => change != "without lease").ToList();
        Assert.Contains("without checkpoint.safetensors", before);
        Assert.Contains("with done.json", before);
    }

    [Fact]
    public void WhatIsDamagedIsRefusedInOneSentenceBeforeAnythingIsWritten()
    {
        Trained();
        var lines = File.ReadAllLines(Lines);
        Refused("line 3", () => File.WriteAllLines(Lines, [.. lines[..2], lines[2][..^200], .. lines[3..]]));
        Refused("line 2", () => File.WriteAllLines(Lines, [lines[0], lines[1].Replace("\"bestEpoch\"", "\"testAccuracy\"").Replace("0.", "0.1")]));
        Refused("line 1", () => File.WriteAllLines(Lines, ["{}", .. lines]));
        Refused("line 6", () => File.WriteAllLines(Lines, [.. lines, lines[0]]));
        Refused("line 1", () => File.WriteAllLines(Lines, [Forged(line => line["spec"]!["seed"] = 7), .. lines[1..]]));
        Refused("line 1", () => File.WriteAllLines(Lines, [Forged(line => line["files"]!["../../evil.json"] = new JsonObject()), .. lines[1..]]));
        Refused("line 1", () => File.WriteAllLines(Lines, [Forged(line => line["made"] = "kit 3/../../x"), .. lines[1..]]));
        File.WriteAllLines(Lines, lines);
        var mask = Directory.GetFiles(Path.Combine(At("results"), "masks"))[0];
        var whole = File.ReadAllBytes(mask);
        Refused(Path.GetFileName(mask), () => File.WriteAllBytes(mask, whole[..(whole.Length / 2)]));
        Refused(Path.GetFileName(mask), () => File.Delete(mask));
        Refused("no runs", () => File.Delete(Lines));

        // A line whose hash is right, and whose content is not.
        string Forged(Action<JsonObject> change)
        {
            var line = JsonNode.Parse(lines[0])!.AsObject().Without("check");
            change(line);
            line["check"] = SpecJson.Hash(line);
            return line.ToJsonString();
        }

        void Refused(string where, Action damage)
        {
            damage();
            var said = Assert.Throws<UserException>(() => Archive.Import(Here)).Message;
            Assert.Contains(where, said);
            Assert.DoesNotContain('\n', said);
            Assert.False(Directory.Exists(At("here")));
        }
    }
}
