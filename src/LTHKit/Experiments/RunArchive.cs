using System.IO.Compression;

namespace LTHKit.Experiments;

/// <summary>
/// Finished runs as text: a line of runs.jsonl each, with specification, result, curves, how and when it was made, and what watches and analyses measured;
/// tickets beside it in masks/, packed, one file for all runs that share a ticket; and weights where they are asked for. Every line and file carries its hash.
/// </summary>
internal sealed partial class RunArchive(string folder)
{
    private const int HashDigits = 16;

    private string Runs => Path.Combine(folder, "runs.jsonl");

    /// <summary>
    /// Adds the finished runs of a store, and what was measured of them since; on demand with the weights that another machine needs to go on: those of
    /// dense networks and of the last round of each drawing. A line that is there from another training of its run stays.
    /// </summary>
    /// <returns>The lines in all, how many of them are new, and how many of the store's were not taken.</returns>
    public (int All, int New, int Left) Export(RunStore store, bool weights, CancellationToken cancel = default)
    {
        var lines = File.Exists(Runs) ? Read().ToDictionary(Name) : [];
        var (before, left) = (lines.Count, 0);
        var finished = store.Finished().Select(run => (Folder: run, Line: Unchanged(run, () => Line(run, cancel)))).ToList();
        var last = weights ? Last(finished.Select(run => run.Line)) : [];
        foreach (var (run, line) in finished)
        {
            foreach (var path in last.Contains(run.Run) ? run.Weights.Where(File.Exists) : [])
                line["weights"]![Path.GetFileName(path)] = Unchanged(run, () => Put("weights", File.ReadAllBytes(path)), line);
            if (lines.GetValueOrDefault(run.Run) is { } there)
            {
                if (!JsonNode.DeepEquals(there["result"], line["result"]))
                {
                    left++;
                    continue;
                }
                foreach (var kind in new[] { "files", "weights" })
                    foreach (var (name, value) in there[kind]!.AsObject())
                        line[kind]!.AsObject().TryAdd(name, value?.DeepClone());
            }
            line["check"] = SpecJson.Hash(line);
            lines[run.Run] = line;
        }
        var ordered = lines.Values.OrderBy(line => (string?)line["result"]!["finished"], StringComparer.Ordinal).ThenBy(Name, StringComparer.Ordinal);
        AtomicFile.WriteText(Runs, string.Concat(ordered.Select(line => line.ToJsonString() + "\n")));
        return (lines.Count, lines.Count - before, left);
    }

    /// <summary>
    /// Puts the runs into a store, beside whatever works there; those that it has stay, and one that another process trains just then is left to it and
    /// <paramref name="busy"/> is told, on any thread. All is checked before anything is written.
    /// </summary>
    /// <returns>The lines in all, how many of them were new to the store, and how many this version of the kit never takes for its own.</returns>
    public (int All, int New, int Foreign) Import(RunStore store, Action<string>? busy = null, CancellationToken cancel = default)
    {
        var lines = Read();
        foreach (var (kind, hash) in lines.SelectMany(Blobs).Distinct())
            Get(kind, hash);
        var added = 0;
        // Side by side, since it is the disk that is waited for.
        Parallel.ForAsync(0, lines.Count, new ParallelOptions { MaxDegreeOfParallelism = 8, CancellationToken = cancel }, (i, _) =>
        {
            var run = store.Folder(Name(lines[i]));
            using var held = RunStore.TryAcquire(run);
            if (held is null)
                busy?.Invoke(run.Run);
            else if (Write(lines[i], run))
                Interlocked.Increment(ref added);
            return ValueTask.CompletedTask;
        }).GetAwaiter().GetResult();
        return (lines.Count, added, lines.Count(IsForeign));
    }

    /// <summary>Who made the runs that this version of the kit never takes for its own.</summary>
    public IReadOnlyList<string> OtherMakers() => [.. Read().Where(IsForeign).Select(Made).Distinct().Order(StringComparer.Ordinal)];

    /// <summary>What is read of a run that nobody trains anew meanwhile: who does takes the result away before new weights are written.</summary>
    private static T Unchanged<T>(RunFolder run, Func<T> read, JsonObject? line = null)
    {
        try
        {
            var value = read();
            if (line is null || JsonNode.DeepEquals(Result(run), line["result"]))
                return value;
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
        }
        throw new UserException($"{run.Path} is being trained anew: export again when that has ended.");
    }

    /// <summary>A finished run as a line.</summary>
    private JsonObject Line(RunFolder run, CancellationToken cancel)
    {
        cancel.ThrowIfCancellationRequested();
        var (spec, done) = (run.ReadJson(run.Spec), Result(run));
        var curves = run.Lines<JsonObject>(run.Metrics);
        var best = run.Lines<EpochMetrics>(run.Metrics).MaxBy(epoch => epoch.ValidationAccuracy) ?? throw run.Damaged(run.Metrics, "epochs are missing");
        var files = run.Measured.Concat(run.AllKept).Order(StringComparer.Ordinal);
        return new()
        {
            ["run"] = run.Run,
            ["spec"] = spec["run"]!.DeepClone(),
            ["made"] = (string)spec["made"]!,
            ["images"] = (string)spec["images"]!,
            ["testAccuracy"] = best.TestAccuracy,
            ["result"] = done,
            ["curves"] = new JsonObject(curves[0].Select(column
                => KeyValuePair.Create(column.Key, (JsonNode?)new JsonArray([.. curves.Select(epoch => epoch[column.Key]!.DeepClone())])))),
            ["mask"] = File.Exists(run.Mask) ? Put("masks", Anonymous(run)) : null,
            ["files"] = new JsonObject(files.Select(path => KeyValuePair.Create(Path.GetRelativePath(run.Path, path), (JsonNode?)Content(path)))),
            ["weights"] = new JsonObject(),
        };

        JsonNode Content(string path) => Path.GetExtension(path) switch
        {
            ".safetensors" => Convert.ToBase64String(Zipped(File.ReadAllBytes(path))),
            ".json" => run.ReadJson(path),
            _ => run.Read(path, () => new JsonArray([.. File.ReadLines(path).Select(line => JsonNode.Parse(line))])),
        };
    }

    private static JsonObject Result(RunFolder run) => run.ReadJson(run.Done).Without("run", "imported");

    /// <summary>Writes a run's folder, the result last, or adds to it what it lacks; whether the run is new.</summary>
    private bool Write(JsonObject line, RunFolder run)
    {
        var isNew = !File.Exists(run.Done);
        if (isNew)
        {
            AtomicFile.WriteText(run.Importing, "");
            run.Clear();        // of a training that was cut off, to other bits perhaps; the mark goes last
            AtomicFile.WriteText(run.Importing, "");
        }
        else if (!JsonNode.DeepEquals(Result(run), line["result"]))
            return false;
        foreach (var (name, hash) in line["weights"]!.AsObject())
            Add(name, () => Get("weights", (string)hash!));
        foreach (var (name, content) in line["files"]!.AsObject())
            Add(name, () => content switch
            {
                JsonArray lines => Encoding.UTF8.GetBytes(string.Concat(lines.Select(entry => entry!.ToJsonString() + "\n"))),
                JsonObject => Encoding.UTF8.GetBytes(content.ToJsonString() + "\n"),
                _ => Unzipped(Convert.FromBase64String((string)content!)),
            });
        if (!isNew)
            return false;
        if ((string?)line["mask"] is { } ticket)
        {
            AtomicFile.Write(run.Mask, stream => stream.Write(Get("masks", ticket)));
            using var mask = Mask.Load(run.Mask);
            mask.Save(run.Mask, run.Run);
        }
        var spec = new JsonObject { ["made"] = (string)line["made"]!, ["images"] = (string)line["images"]!, ["run"] = line["spec"]!.DeepClone() };
        AtomicFile.WriteText(run.Spec, spec.ToJsonString(SpecJson.Options) + "\n");
        var curves = line["curves"]!.AsObject();
        run.WriteLines(run.Metrics, Enumerable.Range(0, curves[0]!.AsArray().Count)
            .Select(epoch => new JsonObject(curves.Select(column => KeyValuePair.Create(column.Key, column.Value![epoch]?.DeepClone())))));
        var result = line["result"]!.DeepClone().AsObject();
        result.Insert(0, "run", run.Run);
        result["imported"] = DateTime.UtcNow;
        AtomicFile.WriteText(run.Done, result.ToJsonString() + "\n");
        File.Delete(run.Importing);
        return true;

        void Add(string name, Func<byte[]> content)
        {
            var path = Path.Combine(run.Path, name);
            if (!File.Exists(path))
                AtomicFile.Write(path, stream => stream.Write(content()));
        }
    }

    /// <summary>The lines, each of which is what was written and names what it says.</summary>
    private IReadOnlyList<JsonObject> Read()
    {
        if (!File.Exists(Runs))
            throw new UserException($"There are no runs in {folder}: it has no runs.jsonl; name a folder that `./lthkit results export` has written.");
        var (lines, names) = (new List<JsonObject>(), new HashSet<string>());
        foreach (var (i, text) in File.ReadLines(Runs).Index())
        {
            try
            {
                var line = JsonNode.Parse(text, documentOptions: new() { AllowDuplicateProperties = false })!.AsObject();
                if ((string?)line["check"] != SpecJson.Hash(line.Without("check")))
                    throw new InvalidDataException("it is not what was written");
                if (Name(line) != RunStore.Name(SpecJson.Hash(line["spec"]!.AsObject()), (string)line["made"]!)
                    || !RunName().IsMatch(Name(line)) || !names.Add(Name(line)))
                    throw new InvalidDataException("its name is not that of its specification, or stands there twice");
                if (Blobs(line).Any(blob => blob.Hash.Length != HashDigits || !blob.Hash.All(char.IsAsciiHexDigitLower))
                    || Files(line).Any(name => !FileName().IsMatch(name)))
                    throw new InvalidDataException("it names a file that no run has");
                if (line["result"]!["effective"] is null)
                    throw new InvalidDataException("an earlier version of the kit wrote it");
                lines.Add(line);
            }
            catch (Exception e) when (e is JsonException or InvalidDataException or InvalidOperationException or NullReferenceException)
            {
                throw new UserException($"{Runs} is damaged in line {i + 1} ({e.Message.TrimEnd('.')}): fetch it again, or export it anew.", e);
            }
        }
        return lines;
    }

    /// <summary>Of each drawing the run of its last round, and all dense networks.</summary>
    private static HashSet<string> Last(IEnumerable<JsonObject> lines)
        => [.. from line in lines
               let spec = line["spec"]!.AsObject()
               where spec["tweaks"] is not JsonArray { Count: > 0 }
               let level = (int?)spec["level"] ?? 0
               group (Name(line), level) by (spec.Without("level").ToJsonString(), Made(line)) into rounds
               from round in rounds
               where round.level == 0 || round.level == rounds.Max(other => other.level)
               select round.Item1];

    private static IEnumerable<(string Kind, string Hash)> Blobs(JsonObject line)
        => line["weights"]!.AsObject().Select(file => ("weights", (string)file.Value!)).Concat((string?)line["mask"] is { } mask ? [("masks", mask)] : []);

    private static IEnumerable<string> Files(JsonObject line) => line["files"]!.AsObject().Concat(line["weights"]!.AsObject()).Select(file => file.Key);

    private static bool IsForeign(JsonObject line) => !Made(line).StartsWith(RunStore.Kit + ",", StringComparison.Ordinal);

    private static string Made(JsonObject line) => (string)line["made"]!;

    private static string Name(JsonObject line) => (string)line["run"]!;

    /// <summary>A run's ticket without the run's name, so that runs with one ticket share it.</summary>
    private static byte[] Anonymous(RunFolder run)
    {
        var path = Path.Combine(Path.GetTempPath(), $"lthkit-{Guid.NewGuid():N}");
        using var gone = new Ending(() => File.Delete(path));
        using var mask = Mask.Load(run.Mask, run.Run);
        mask.Save(path);
        return File.ReadAllBytes(path);
    }

    /// <summary>Keeps bytes, compressed, under their hash.</summary>
    private string Put(string kind, byte[] bytes)
    {
        var hash = Convert.ToHexStringLower(SHA256.HashData(bytes))[..HashDigits];
        if (!File.Exists(Blob(kind, hash)))
            AtomicFile.Write(Blob(kind, hash), stream => stream.Write(Zipped(bytes)));
        return hash;
    }

    private byte[] Get(string kind, string hash)
    {
        var path = Blob(kind, hash);
        try
        {
            var bytes = Unzipped(File.ReadAllBytes(path));
            return Convert.ToHexStringLower(SHA256.HashData(bytes))[..HashDigits] == hash ? bytes : throw new InvalidDataException("it is not what was written");
        }
        catch (Exception e) when (e is InvalidDataException or FileNotFoundException or DirectoryNotFoundException)
        {
            throw new UserException($"{path} is missing or damaged ({e.Message.TrimEnd('.')}): fetch it again, or export it anew.", e);
        }
    }

    private static byte[] Zipped(byte[] bytes)
    {
        using var zipped = new MemoryStream();
        using (var zip = new GZipStream(zipped, CompressionLevel.SmallestSize))
            zip.Write(bytes);
        return zipped.ToArray();
    }

    /// <summary>Bytes as they were before <see cref="Zipped"/>; others are what they are, as earlier exports have small files.</summary>
    private static byte[] Unzipped(byte[] bytes)
    {
        if (bytes is not [0x1f, 0x8b, ..])
            return bytes;
        using var zip = new GZipStream(new MemoryStream(bytes), CompressionMode.Decompress);
        using var unzipped = new MemoryStream();
        zip.CopyTo(unzipped);
        return unzipped.ToArray();
    }

    private string Blob(string kind, string hash) => Path.Combine(folder, kind, hash + ".safetensors.gz");

    [GeneratedRegex(@"^[0-9a-f]{12}-[A-Za-z0-9.+-]+$")]
    private static partial Regex RunName();

    [GeneratedRegex(@"^((watch-[^/]+\.jsonl)|(analysis/[^/]+\.json)|((kept-[^/]+|checkpoint|weights-[^/]+)\.safetensors))$")]
    private static partial Regex FileName();
}
