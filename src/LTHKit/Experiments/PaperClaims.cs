using LTHKit.Pruning;
using LTHKit.Tweaks;

namespace LTHKit.Experiments;

/// <summary>All claims of the paper, with the sweeps that they are about.</summary>
public static partial class Claims
{
    /// <summary>
    /// The claims C1 to C16 at a laboratory's size, for one table: what the store lacks is trained and measured. In a laboratory that does not train, claims
    /// without runs or measurements are there without numbers.
    /// </summary>
    /// <param name="lab">The laboratory.</param>
    /// <param name="missing">Told what has not been measured; null to throw instead.</param>
    /// <exception cref="UserException">A setting is out of range, or something has not been measured.</exception>
    public static IReadOnlyList<Claim> Of(Lab lab, Action<string>? missing = null)
    {
        var (profile, rescaling) = (lab.Profile, new RescaledInit(lab.Profile.ScaleIterations));
        Tweak[] at = [new SkipInjection(), new SmoothActivation("swish")], trt = [new LabelSmoothing(0.1), rescaling], all = [.. at, .. trt];
        Tweak[] simple = [new SmoothActivation("swish"), new LabelSmoothing(0.1)];
        double[] some = [.. profile.Sparsities.Reverse().Where((_, i) => i % 2 == 0)];
        // Figures 2, 5 and 10 are of the ticket nearest to the paper's 91 %, early after its epoch 5 of 180.
        var (watch, early) = (profile.Analysis.Curvature(profile.Recipe), Math.Max(1, profile.Recipe.Epochs * 5 / 180));

        var (vanilla, skip, swish) = (lab.Sweep(), lab.Sweep(tweaks: [new SkipInjection()]), lab.Sweep(tweaks: [new SmoothActivation("swish")]));
        var (architecture, recipe, both) = (lab.Sweep(tweaks: at, name: "AT"), lab.Sweep(tweaks: trt, name: "TRT"), lab.Sweep(tweaks: all, name: "AT + TRT"));
        var (rewound, found) = (Rewound("weight rewinding"), Watched());
        var eigenvectors = Measured(() => lab.AlongTopEigenvector(found.Runs));
        Sweep[] watched = [.. new Tweak[][] { [new SkipInjection()], [new SmoothActivation("swish")], [new LabelSmoothing()], [rescaling], all }.Select(Watched)];
        return
        [
            .. Skip(vanilla, skip), .. Smooth(vanilla, swish), .. Smooth(vanilla, lab.Sweep(tweaks: [new SmoothActivation("mish")])),
            .. Architecture(vanilla, architecture), .. LabelSmoothing(vanilla, lab.Sweep(tweaks: [new LabelSmoothing(0.1)])),
            .. RescaledInit(vanilla, lab.Sweep(tweaks: [rescaling])), .. Recipe(vanilla, recipe), .. Combined(vanilla, architecture, recipe, both),
            .. Everywhere([(vanilla, both),
                .. profile.OtherModels.Select(network => (lab.Sweep(model: network), lab.Sweep(model: network, tweaks: all, name: "AT + TRT"))),
                .. profile.OtherData.Select(data => (lab.Sweep(data: data), lab.Sweep(data: data, tweaks: all, name: "AT + TRT")))]),
            .. InsteadOfRewinding(rewound, both),
            .. OnTopOfRewinding(rewound, Rewound("rewinding + AT", at), Rewound("rewinding + TRT", trt), Rewound("rewinding + AT + TRT", all)),
            .. Distillation(both, lab.Sweep(tweaks: [.. at, rescaling, new Distillation(Temperature: 4, Weight: 0.9)], name: "AT + TRT, distilled")),
            .. watched.SelectMany(tweaked => Curvature(Measured(() => lab.Watched(found.Runs, watch)), Measured(() => lab.Watched(tweaked.Runs, watch)), watch.Epochs)
                .Select(claim => claim with { Id = $"C12 {tweaked.Name}" })),
            .. Contours(watched[0], 0), .. Contours(watched[2], 1), .. Contours(watched[3], -1),
            .. watched.Select(tweaked => Flatness(eigenvectors, Measured(() => lab.AlongTopEigenvector(tweaked.Runs))) with { Id = $"C14 {tweaked.Name}" }),
            .. SilentRelu(Measured(() => lab.SilentActivations(vanilla.Runs))), .. SilentSmooth(Measured(() => lab.SilentActivations(swish.Runs))),
            .. Pruner.All.SelectMany(pruner => OtherMask(
                lab.Sweep(some, name: pruner.Name, pruning: pruner), lab.Sweep(some, simple, $"{pruner.Name}, tweaked", pruning: pruner))),
        ];

        Sweep Rewound(string name, params Tweak[] tweaks) => lab.Sweep(rewind: profile.RewindEpoch, tweaks: tweaks, name: name);

        Sweep Watched(params Tweak[] tweaks) => lab.Sweep([0.914], tweaks, watches: [watch], keep: [early], dense: false);

        IReadOnlyList<Claim> Contours(Sweep tweaked, int expected)
            => Claims.Contours(tweaked.Name, (Planes(found, early), Planes(tweaked, early)), (Planes(found), Planes(tweaked)), expected);

        IReadOnlyList<Analysis.Plane> Planes(Sweep sweep, int? epochs = null) => Measured(() => lab.WeightPlanes(sweep.Runs, epochs));

        IReadOnlyList<T> Measured<T>(Func<IReadOnlyList<T>> measure)
        {
            try
            {
                return measure();
            }
            catch (MissingException e) when (missing is not null)
            {
                missing(e.Message);
                return [];
            }
        }
    }
}
