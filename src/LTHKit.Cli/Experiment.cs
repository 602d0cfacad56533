namespace LTHKit.Cli;

/// <summary>The options that say how large an experiment is, and on which device.</summary>
internal class Extent
{
    private readonly Option<string> _profile = Settings.Choice("--profile", "How large the experiment is.", "quick", [.. Profile.Names]);
    private readonly Option<string> _dataset = Settings.Choice("--dataset", "The images (default: the profile's own).", "", [.. DataSets.Names]);
    private readonly Option<string> _model = Settings.Choice("--model", "The network (default: the profile's own).", "", [.. Networks.Names]);
    private readonly Option<int> _seeds = Settings.Number("--seeds", "Number of seeds (0: the profile's own).", 0);
    private readonly Option<string> _device;

    public Extent(Command command, string device, params string[] devices)
    {
        _device = Settings.Choice("--device", $"{device}{(devices[0] == "auto" ? " (auto: CUDA where there is a device)" : "")}.", devices[0], devices);
        foreach (var option in (Option[])[_profile, _dataset, _model, _seeds, _device])
            command.Options.Add(option);
    }

    public string Device(ParseResult parsed) => parsed.GetValue(_device)!;

    /// <summary>The profile; what is wrong with it is refused here.</summary>
    public Profile Size(ParseResult parsed) => Profile.Get(parsed.GetValue(_profile)!, parsed.GetValue(_dataset), parsed.GetValue(_seeds), parsed.GetValue(_model));
}

/// <summary>The options that say which figures are drawn, and of how large an experiment.</summary>
internal sealed class Experiment : Extent
{
    private readonly Argument<string[]> _figures = new("FIGURE")
    {
        Description = "Figures as the paper names them, such as 1b, or names of notebooks, or all (default: the headline figure).",
        Arity = ArgumentArity.ZeroOrMore,
    };

    private readonly Option<string> _data = Settings.Folder("--data", "The folder with the images of a real data set.", Path.Combine(Checkout.Root, "data"));

    public Experiment(Command command, params string[] devices) : base(command, "Where to train", devices)
    {
        command.Arguments.Add(_figures);
        command.Options.Add(_data);
    }

    public IReadOnlyList<FigureNotebook> Notebooks(ParseResult parsed) => ReproduceVerb.Choose(parsed.GetValue(_figures) ?? []);

    /// <summary>The profile and the rest as the parameters of a notebook.</summary>
    public Dictionary<string, string> Parameters(ParseResult parsed, int jobs) => Size(parsed) is var size ? new()
    {
        ["profile"] = size.Name,
        ["dataset"] = size.Data.Name,
        ["dataDir"] = parsed.GetValue(_data)!,
        ["model"] = size.Model.Name,
        ["seeds"] = $"{size.Seeds}",
        ["jobs"] = $"{jobs}",
        ["device"] = Device(parsed),
    } : [];
}
