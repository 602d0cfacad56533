using System.Security.Cryptography;

namespace LTHKit.Tests.Experiments;

/// <summary>An experiment of a few seconds.</summary>
internal static class Tiny
{
    public static readonly Profile Profile = new()
    {
        Name = "tiny",
        Data = new DataSpec { TrainCount = 300, TestCount = 60, Classes = 5 },
        Model = new ModelSpec("resnet18", 4),
        Recipe = new Recipe { Epochs = 4, BatchSize = 32 },
        Rates = [0.5],
        Levels = [1, 2],
        Seeds = 1,
    };

    /// <summary>One of less than a second.</summary>
    public static readonly Profile Smallest = new()
    {
        Data = new DataSpec { TrainCount = 60, TestCount = 20, Classes = 3, Size = 8 },
        Model = new ModelSpec("vgg5", 2),
        Recipe = new Recipe { Epochs = 2, BatchSize = 30 },
        Rates = [0.5],
        Levels = [1],
    };

    public static RunSpec Spec => SpecOf(Profile);

    /// <summary>The dense run of a profile.</summary>
    public static RunSpec SpecOf(Profile profile) => new() { Data = profile.Data, Model = profile.Model, Recipe = profile.Recipe, Rates = profile.Rates };

    /// <summary>The tensors of a safetensors file, which two runs may share, without the header that names the run.</summary>
    public static byte[] Bits(string path) => File.ReadAllBytes(path) is var bytes ? bytes[(8 + (int)BitConverter.ToInt64(bytes))..] : [];

    /// <summary>What must be equal to the bit: weights, ticket, and metrics but for the time they took.</summary>
    public static string Outcome(RunStore store, RunSpec spec)
    {
        var folder = store.Folder(spec);
        var files = new[] { folder.Checkpoint, folder.Mask }.Where(File.Exists).Select(f => Convert.ToHexString(SHA256.HashData(Bits(f))));
        return string.Join('\n', store.ReadMetrics(spec).Select(m => $"{m with { Seconds = 0 }}").Concat(files));
    }

    /// <summary>Copies a folder with all that is in it.</summary>
    public static void Copy(string from, string to)
    {
        foreach (var file in Directory.GetFiles(from, "*", SearchOption.AllDirectories))
        {
            var target = Path.Combine(to, Path.GetRelativePath(from, file));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(file, target);
        }
    }

    public static Lab Lab(string store, int jobs = 2, Profile? profile = null)
        => LTHKit.Experiments.Lab.Open(profile ?? Profile, device: "cpu", jobs: jobs, store: new RunStore(store));

    /// <summary>What is said on standard error meanwhile; the console belongs to the process.</summary>
    public static string Said(Action act)
    {
        var before = Console.Error;
        using var said = new StringWriter();
        Console.SetError(said);
        using var back = new Ending(() => Console.SetError(before));
        act();
        return said.ToString();
    }
}

/// <summary>Tests of a laboratory whose runs are in their own folder, or in one within it.</summary>
public abstract class InLab : InFolder
{
    protected readonly Lab _lab;

    protected InLab(Profile? profile = null, string store = "") => _lab = Tiny.Lab(Folder.At(store), profile: profile);

    public override void Dispose()
    {
        _lab.Dispose();
        base.Dispose();
    }
}

/// <summary>A tweak that does what it is given.</summary>
internal sealed record Does(string Name, Func<Loss, TweakContext, Loss>? Wraps = null, Action<Network, TweakContext>? Rewrites = null,
    Action<Network, TweakContext>? Initialises = null) : Tweak
{
    public Tensor? Held = null;     // a field, which is no setting

    public override string Label => Name;

    public override void Rewrite(Network network, TweakContext context) => Rewrites?.Invoke(network, context);

    public override Loss Wrap(Loss loss, TweakContext context) => Wraps?.Invoke(loss, context) ?? loss;

    public override void Initialise(Network network, TweakContext context) => Initialises?.Invoke(network, context);
}

/// <summary>Sees a network as one number, and may do something when it is asked to look for a time of a given number, counted from 0.</summary>
internal sealed record Sum : Watch
{
    private List<double> _seen = [];
    private int _at = -1;
    private Action? _act;

    public override string Name => "sum";

    public static Sum At(int look, Action act) => new() { _at = look, _act = act };

    /// <summary>What it has seen so far.</summary>
    public IReadOnlyList<double> Seen() => _seen;

    public override IReadOnlyDictionary<string, double> Measure(Network network, Mask? mask, ImageSet data, ulong seed, CancellationToken cancel)
    {
        if (_seen.Count == _at)
            _act!();
        cancel.ThrowIfCancellationRequested();
        _seen.Add(Of(network));
        return new Dictionary<string, double> { ["sum"] = _seen[^1] };
    }

    public static double Of(Network network)
    {
        using var scope = NewDisposeScope();
        return network.parameters().Sum(p => p.detach().to(ScalarType.Float64).abs().sum().item<double>());
    }
}
