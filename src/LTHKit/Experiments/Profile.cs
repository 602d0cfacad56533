namespace LTHKit.Experiments;

/// <summary>
/// How large an experiment is: data, network, schedule, levels and seeds. Profiles are data, in profiles.json beside this file: smoke
/// (seconds a notebook, for tests), quick (on two CPU cores: minutes for the headline, hours for all notebooks), study (real images and a narrow network:
/// half an hour a sweep), short (the paper's networks and data on a reduced schedule, one GPU), paper (the paper's own).
/// </summary>
/// <param name="Name">Its name.</param>
/// <param name="Seeds">Number of seeds, 0, 1, ...</param>
/// <param name="RewindShare">The rewind point of weight rewinding, as a share of the epochs; the paper's epoch 33 of 180.</param>
/// <param name="ScaleIterations">
/// Iterations of <see cref="Tweaks.RescaledInit"/>: the published code's 180, which cost about as much as two epochs of its training. On short
/// schedules fewer, so that they stay a small part of the work.
/// </param>
public sealed record Profile(string Name = "", int Seeds = 1, double RewindShare = 33.0 / 180, int ScaleIterations = 180)
{
    private static readonly JsonObject All = JsonNode.Parse(typeof(Profile).Assembly.GetManifestResourceStream("LTHKit.profiles.json")!)!.AsObject();

    public DataSpec Data { get; init; } = new();
    public ModelSpec Model { get; init; } = new();
    public Recipe Recipe { get; init; } = new();

    /// <summary>The share of the surviving weights that each round of pruning cuts, the last one for all rounds after it.</summary>
    public IReadOnlyList<double> Rates { get; init; } = [0.2];

    /// <summary>The pruning levels, rounds of cutting, that figures show.</summary>
    public IReadOnlyList<int> Levels { get; init; } = [];

    /// <summary>The sparsities of these levels, in (0, 1).</summary>
    public IReadOnlyList<double> Sparsities => [.. Levels.Where(level => level != 0).Select(level => PruningRates.SparsityAt(Rates, level))];

    /// <summary>Every second of them, the sparsest included.</summary>
    public IReadOnlyList<double> EverySecond => [.. Sparsities.Reverse().Where((_, i) => i % 2 == 0).Reverse()];

    /// <summary>The networks that Figure 7 sets beside <see cref="Model"/>.</summary>
    public IReadOnlyList<ModelSpec> OtherModels { get; init; } = [];

    /// <summary>The images that Figure 6 sets beside <see cref="Data"/>.</summary>
    public IReadOnlyList<DataSpec> OtherData { get; init; } = [];

    public AnalysisSize Analysis { get; init; } = new();

    /// <summary>The epochs after which a network is looked at early in its training, in the paper 5 of 180.</summary>
    public int EarlyEpoch => Math.Max(1, Recipe.Epochs * 5 / 180);

    public int RewindEpoch => (int)Math.Round(RewindShare * Recipe.Epochs);
    public static IReadOnlyList<string> Names => [.. All.Select(p => p.Key)];

    /// <summary>For two CPU cores, on the synthetic set.</summary>
    public static Profile Quick => Get("quick");

    /// <summary>A profile by name, for a data set.</summary>
    /// <param name="name">One of <see cref="Names"/>.</param>
    /// <param name="dataset">One of <see cref="DataSets.Names"/>; null or empty for the profile's own.</param>
    /// <param name="seeds">Number of seeds; 0 for the profile's own.</param>
    /// <param name="model">One of <see cref="Networks.Names"/>, at the profile's width; null or empty for the profile's own.</param>
    /// <exception cref="UserException">There is no such profile, data set or network, or the number of seeds is negative.</exception>
    public static Profile Get(string name, string? dataset = null, int seeds = 0, string? model = null)
    {
        if (All[name] is not JsonObject entry)
            throw new UserException($"There is no profile '{name}'; choose one of {string.Join(", ", Names)}.");
        UserException.Require(seeds >= 0, "The number of seeds", seeds, "positive, or 0 for the profile's own");
        var settings = entry["settings"]!.DeepClone().AsObject();
        settings["name"] = name;
        if (!string.IsNullOrEmpty(dataset))
        {
            if (!DataSets.Names.Contains(dataset))
                throw new UserException($"There is no data set '{dataset}'; choose one of {string.Join(", ", DataSets.Names)}.");
            if (dataset != ((string?)settings["data"]?["name"] ?? new DataSpec().Name))
                settings["data"] = new JsonObject { ["name"] = dataset };
            if (entry["datasets"]?[dataset] is JsonObject changes)
                Merge(settings, changes);
        }
        if (seeds > 0)
            settings["seeds"] = seeds;
        var profile = settings.Deserialize<Profile>(SpecJson.Options)!;
        if (!string.IsNullOrEmpty(model))
            Networks.Validate((profile = profile with { Model = profile.Model with { Name = model } }).Model);
        return profile;
    }

    private static void Merge(JsonObject settings, JsonObject changes)
    {
        foreach (var (key, value) in changes)
            if (value is JsonObject inner && settings[key] is JsonObject target)
                Merge(target, inner);
            else
                settings[key] = value?.DeepClone();
    }
}

/// <summary>How large the analyses of a profile are; the defaults are the paper's, where it names them.</summary>
/// <param name="PlanePoints">Points a side of a plane.</param>
/// <param name="CurvatureImages">Training images that a Hessian or a gradient is a mean over; 0 for all.</param>
/// <param name="LandscapeImages">Images that a landscape is a mean over; 0 for all.</param>
/// <param name="CurvatureBatch">Training images of one batch where a Hessian is measured; one that holds them all saves half of the time.</param>
/// <param name="LanczosSteps">Lanczos steps of a spectral density.</param>
/// <param name="WatchEvery">A network is watched after every so many epochs, and after the first and the last.</param>
public sealed record AnalysisSize(int PlanePoints = 51, int CurvatureImages = 0, int LandscapeImages = 0, int CurvatureBatch = 500, int LanczosSteps = 80,
    int WatchEvery = 1)
{
    /// <summary>The training images that a Hessian or a gradient is a mean over.</summary>
    public Sample CurvatureSample => new() { Images = CurvatureImages, BatchSize = CurvatureBatch };

    /// <summary>The images that a landscape is a mean over.</summary>
    public Sample LandscapeSample(Part part) => new() { Part = part, Images = LandscapeImages };

    /// <summary>Watches the top eigenvalue over a training.</summary>
    public CurvatureWatch Curvature(Recipe recipe) => new() { Sample = CurvatureSample, Epochs = Watched(recipe) };

    /// <summary>Watches the gradient of every layer over a training.</summary>
    public GradientFlow Gradients(Recipe recipe) => new() { Sample = CurvatureSample, Epochs = Watched(recipe) };

    private IReadOnlyList<int> Watched(Recipe recipe) => WatchEvery < 1
        ? throw new UserException($"A network cannot be watched after every {WatchEvery} epochs; give a whole number from 1 on.")
        : [.. Enumerable.Range(1, recipe.Epochs).Where(epoch => epoch == 1 || epoch % WatchEvery == 0 || epoch == recipe.Epochs)];
}
