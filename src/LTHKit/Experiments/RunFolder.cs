namespace LTHKit.Experiments;

/// <summary>Where a run keeps what. The only place that names these files; each of them names the run that it belongs to.</summary>
internal sealed record RunFolder(string Path)
{
    /// <summary>The run's name and who made it, as its files have it.</summary>
    public string Run => System.IO.Path.GetFileName(Path);

    public string Spec => File("spec.json");

    public string Metrics => File("metrics.jsonl");

    /// <summary>Network after the last finished epoch, or the step at which it was stopped; with the optimiser's memory until the run is done.</summary>
    public string Checkpoint => File("checkpoint.safetensors");

    /// <summary>The ticket; a dense run has none.</summary>
    public string Mask => File("mask.safetensors");

    public bool HasMask => System.IO.File.Exists(Mask) && (System.IO.File.Exists(Done) || !System.IO.File.Exists(Importing));

    /// <summary>The result, written last: a run with this file is finished.</summary>
    public string Done => File("done.json");

    /// <summary>Who trained it so far, one a line: another machine, or other threads, may go on with a run.</summary>
    public string Makers => File("makers");

    /// <summary>There while the run is imported; what an import that was cut off has left is nobody's.</summary>
    public string Importing => File("importing");

    /// <summary>Held by the process that trains the run.</summary>
    public string Lock => File("lock");

    /// <summary>What a tweak worked out when it initialised the weights, for instance "scales".</summary>
    public string Kept(string name) => File($"kept-{Leaf(name)}.safetensors");

    public IEnumerable<string> AllKept => Directory.GetFiles(Path, "kept-*.safetensors");

    /// <summary>There while a machine trains the run, for other machines.</summary>
    public string Lease => File("lease");

    /// <summary>The network at a point of its training, kept for rewinding and for analyses of a training's course.</summary>
    public string Snapshot(Step at) => File($"weights-{at}.safetensors");

    /// <summary>What a <see cref="Training.Watch"/> of that name saw, one line an epoch.</summary>
    public string WatchLog(string name) => File($"watch-{Leaf(name)}.jsonl");

    public string Analysis(string name) => File(System.IO.Path.Combine("analysis", Leaf(name)));

    /// <summary>What watches and analyses have left of it so far.</summary>
    public IEnumerable<string> Measured
        => [.. Directory.GetFiles(Path, "watch-*.jsonl"), .. Directory.Exists(File("analysis")) ? Directory.GetFiles(File("analysis"), "*.json") : []];

    /// <summary>Its networks: the trained one, and those kept aside.</summary>
    public IEnumerable<string> Weights => Directory.GetFiles(Path, "weights-*.safetensors").Prepend(Checkpoint);

    /// <summary>Deletes what a training has left, but for what holds the folder, which the caller does; whether there was anything.</summary>
    public bool Clear()
    {
        var left = Directory.GetFiles(Path, "*", SearchOption.AllDirectories).Where(file => file != Lock && file != Lease)
            .OrderBy(file => file == Importing).ToArray();
        Array.ForEach(left, System.IO.File.Delete);
        return left.Length > 0;
    }

    /// <summary>What is read of the run once it is done; nothing where it is not, or where another process begins to train it anew meanwhile.</summary>
    public T? IfDone<T>(Func<T?> read) where T : class
    {
        try
        {
            return System.IO.File.Exists(Done) ? read() : null;
        }
        catch (Exception e) when ((e is FileNotFoundException or DirectoryNotFoundException) && !System.IO.File.Exists(Done))
        {
            return null;
        }
    }

    /// <summary>Says what is wrong with a file of this run, and the cure.</summary>
    public UserException Damaged(string path, string why, Exception? inner = null)
        => new($"{path} is damaged ({why}): delete the folder {Path} and the run is trained anew.", inner);

    /// <summary>What is read of a file of this run, which is damaged where that is no JSON or nothing.</summary>
    public T Read<T>(string path, Func<T?> read) where T : class
    {
        try
        {
            return read() ?? throw new JsonException("it is empty");
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw Damaged(path, e.Message, e);
        }
    }

    /// <summary>A file of this run that holds one JSON object.</summary>
    public JsonObject ReadJson(string path) => Read(path, () => JsonNode.Parse(System.IO.File.ReadAllText(path))?.AsObject());

    /// <summary>What stands in a file of lines that grow with the run, the first of them the run's name.</summary>
    public IReadOnlyList<T> Lines<T>(string path) where T : class
    {
        if (!System.IO.File.Exists(path))
            return [];
        var lines = System.IO.File.ReadAllLines(path);
        if (lines.Length == 0 || lines[0] != Line(new { Run }))
            throw Damaged(path, "it does not begin with this run's name");
        return [.. lines.Skip(1).Select(line => Read(path, () => JsonSerializer.Deserialize<T>(line, SpecJson.LineOptions)))];
    }

    public void WriteLines<T>(string path, IEnumerable<T> lines) => AtomicFile.WriteText(path, string.Join('\n', [Line(new { Run }), .. lines.Select(Line), ""]));

    private static string Line<T>(T value) => JsonSerializer.Serialize(value, SpecJson.LineOptions);

    private string File(string name) => System.IO.Path.Combine(Path, name);

    private static string Leaf(string name) => name.Contains('/')
        ? throw new UserException($"What is kept with a run cannot be called '{name}', for that is a file's name: leave the slash out.") : name;
}

/// <summary>What a <see cref="Training.Watch"/> saw after so many epochs: numbers by name.</summary>
internal sealed record Seen(int Epoch, IReadOnlyDictionary<string, double> Values);
